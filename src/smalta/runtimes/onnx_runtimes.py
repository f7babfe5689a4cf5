"""Run an exported model, one ONNX file, without PyTorch: with OpenVINO, else with ONNX Runtime.

In:  a file that `smalta.runtimes.onnx_file` accepted; (B, H, W, 3) uint8 pictures of any size.
Out: maps, as `smalta.model.torch_runtime.TorchRuntime` gives them; what the model means.

Must not know: PyTorch, decoding, how models are exported.
"""

from __future__ import annotations

import math
import threading
from collections.abc import Collection, Mapping
from pathlib import Path
from queue import SimpleQueue
from typing import Any, Protocol

import numpy as np
from onnx import ModelProto

from smalta.description.model_info import ModelInfo, Precision
from smalta.errors import ModelError, SmaltaError
from smalta.runtimes.onnx_file import INPUT, read_onnx
from smalta.runtimes.protocol import Runtime
from smalta.system.cores import usable_cores
from smalta.system.signal_stack import kept_signal_stack

LARGEST_TENSOR = 2**26  # elements inside the network, for a picture of 64 x 64


class OnnxRuntime(Runtime, Protocol):
    """Something that runs the content of an ONNX file.

    Attributes:
        name: of the program that runs it.
    """

    name: str


class OpenVino:
    """Runs a model with OpenVINO on the processor, on the cores that the process may use.

    Args:
        content: of a file that `examine` accepted.
        info: what the model means.
        streams: passes that run side by side.
        threads: of each of them; None shares the cores out.
        precision: of the multiplications; None for that of the model, where the processor has it.
        outputs: names of the outputs that are given; the maps if none is named.

    Raises:
        ImportError: if OpenVINO is not installed.
        ModelError: if OpenVINO cannot use the model.
    """

    def __init__(
        self,
        content: bytes,
        info: ModelInfo,
        *,
        streams: int = 1,
        threads: int | None = None,
        precision: Precision | None = None,
        outputs: Collection[str] = (),
    ) -> None:
        import openvino

        # The first conversion of a type fills a table of the binding. Two threads that fill it at once wait for each
        # other for ever (2026.4.1), so it is filled here, before any worker asks.
        openvino.Type.u8.to_dtype()
        self.name = f"OpenVINO {openvino.__version__.split('-')[0]}"
        self.stride, self.streams = info.network.stride, streams
        wanted = set(outputs or info.maps)
        options: dict[str, Any] = {
            "NUM_STREAMS": streams,
            "INFERENCE_NUM_THREADS": streams * (threads or _share(streams)),
        }
        try:
            core = openvino.Core()
            # left alone, OpenVINO takes bf16 where the processor has it: faster, but pixels change by some tenths
            bf16 = (precision or info.precision) == "bf16" and multiplies_bf16()
            options["INFERENCE_PRECISION_HINT"] = "bf16" if bf16 else "f32"
            model = core.read_model(content)
            _refuse_large_tensors(model.clone())
            for result in model.get_results():  # what is not asked for is not computed
                if not result.output(0).get_names() & wanted:
                    model.remove_result(result)
            with kept_signal_stack():
                compiled = core.compile_model(model, "CPU", options)
            self._ports = {name: compiled.output(name) for name in wanted}
            self._free: SimpleQueue[Any] = SimpleQueue()  # a request holds its own inputs and outputs
            for _ in range(streams):
                self._free.put(compiled.create_infer_request())
        except ModelError:
            raise
        except Exception as error:  # its errors share no other base
            raise ModelError(f"{self.name} cannot use it: {_one_line(error)}") from error

    def maps(self, pictures: np.ndarray) -> dict[str, np.ndarray]:
        """Maps of a batch.

        Args:
            pictures: (B, H, W, 3) uint8 RGB.

        Returns:
            The maps that `smalta.answers.fields` lists, float32.

        Raises:
            ModelError: if the memory does not suffice.
        """
        request = self._free.get()
        try:
            found = request.infer({INPUT: pictures}, share_inputs=True)
        except RuntimeError as error:
            raise _failed(self.name, pictures, error) from error
        finally:
            self._free.put(request)
        return {name: found[port] for name, port in self._ports.items()}


class OrtCpu:
    """Runs a model with ONNX Runtime on the processor, in float32; the arguments are those of `OpenVino`."""

    def __init__(
        self,
        content: bytes,
        info: ModelInfo,
        *,
        streams: int = 1,
        threads: int | None = None,
        precision: Precision | None = None,  # it has but that of the file
        outputs: Collection[str] = (),
    ) -> None:
        import onnxruntime

        self.name = f"ONNX Runtime {onnxruntime.__version__}"
        self.stride, self.streams = info.network.stride, streams
        self._names = list(outputs or info.maps)
        options = onnxruntime.SessionOptions()
        # left alone, it pins threads to cores that it may not use
        options.intra_op_num_threads = threads or _share(streams)
        model = ModelProto.FromString(content)
        wanted = [entry for entry in model.graph.output if entry.name in self._names]
        del model.graph.output[:]
        model.graph.output.extend(wanted)  # what is not asked for is not computed
        try:
            self._session = onnxruntime.InferenceSession(
                model.SerializeToString(), options, providers=["CPUExecutionProvider"]
            )
        except Exception as error:  # its errors share no other base
            raise ModelError(f"{self.name} cannot use it: {_one_line(error)}") from error
        self._free = threading.Semaphore(streams)

    def maps(self, pictures: np.ndarray) -> dict[str, np.ndarray]:
        """Maps of a batch, as `OpenVino` gives them."""
        try:
            with self._free:
                found = self._session.run(self._names, {INPUT: pictures})
        except Exception as error:
            raise _failed(self.name, pictures, error) from error
        return dict(zip(self._names, found, strict=True))


RUNTIMES: Mapping[str, type[OpenVino] | type[OrtCpu]] = {"openvino": OpenVino, "onnxruntime": OrtCpu}


def multiplies_bf16() -> bool:
    """Whether OpenVINO is there, and multiplies in bf16 on this processor."""
    try:
        import openvino
    except ImportError:
        return False
    with kept_signal_stack():
        return "BF16" in openvino.Core().get_property("CPU", "OPTIMIZATION_CAPABILITIES")


def _share(streams: int) -> int:
    return max(1, usable_cores() // streams)


def load_onnx(path: Path, **settings: Any) -> tuple[OnnxRuntime, ModelInfo]:
    """A model that `smalta export` wrote, ready to run, and what it means.

    Args:
        path: the file.
        settings: as for `start`.

    Raises:
        ModelError: as `read_onnx` does, or if neither OpenVINO nor ONNX Runtime is installed.
    """
    content, info = read_onnx(path)
    try:
        return start(content, info, **settings), info
    except SmaltaError as error:
        raise ModelError(f"{path} cannot be used: {error}") from error


def start(content: bytes, info: ModelInfo, *, name: str | None = None, **settings: Any) -> OnnxRuntime:
    """A model that `examine` accepted, ready to run.

    Args:
        content, info, settings: as for `OpenVino`.
        name: of the runtime, one of `RUNTIMES`; None for the first that is installed.

    Raises:
        ModelError: if none is installed, or it cannot use the model.
    """
    for runtime in RUNTIMES.values() if name is None else [RUNTIMES[name]]:
        try:
            return runtime(content, info, **settings)
        except ImportError:
            continue
    if name is not None:
        raise ModelError(f"{name} is not installed; install it, or let smalta choose")
    raise ModelError(
        "neither OpenVINO nor ONNX Runtime is installed; run `pip install openvino` "
        "or `pip install 'smalta[onnxruntime]'`"
    )


def _refuse_large_tensors(model: Any) -> None:
    """Refuse an OpenVINO model whose arrays for a small picture are larger than any network's; nothing is allocated."""
    model.reshape([1, 64, 64, 3])
    for operator in model.get_ops():
        for output in operator.outputs():
            shape = output.get_partial_shape()
            if shape.is_static and math.prod(shape.to_shape()) > LARGEST_TENSOR:
                raise ModelError(
                    f"its operator {operator.get_type_name()} makes an array of {shape} for a picture of 64 x 64; "
                    "export it again"
                )


def _one_line(error: Exception) -> str:
    return " ".join(str(error).split())[:300]


def _failed(runtime: str, pictures: np.ndarray, error: Exception) -> ModelError:
    size = " x ".join(map(str, pictures.shape[1:3]))
    return ModelError(f"{runtime} failed on a picture of {size}; is there enough memory for it? {_one_line(error)}")
