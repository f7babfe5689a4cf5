"""Run an exported model, one ONNX file, with OpenVINO on the processor.

In:  a file's content that `smalta.runtimes.onnx_file` accepted; (B, H, W, 3) uint8 pictures of any size.
Out: the same maps as those of `smalta.model.torch_runtime.TorchRuntime`.

Must not know: PyTorch, decoding, how models are exported.
"""

from __future__ import annotations

import math
from collections.abc import Collection
from queue import SimpleQueue
from typing import Any

import numpy as np

from smalta.description.model_info import ModelInfo, Precision
from smalta.errors import ModelError
from smalta.runtimes.onnx_errors import failed, one_line
from smalta.runtimes.onnx_file import INPUT
from smalta.system.cores import usable_cores
from smalta.system.first_use import import_openvino
from smalta.system.signal_stack import kept_signal_stack

LARGEST_TENSOR = 2**26  # elements inside the network, for a picture of 64 x 64


class OpenVino:
    """Runs a model with OpenVINO on the usable cores of the processor.

    Args:
        content: of a file that `examine` accepted.
        info: the description of the model.
        streams: passes that run side by side.
        threads: per stream; None divides the cores among the streams.
        precision: of the multiplications; None for that of the model, where the processor supports it.
        outputs: names of the outputs to compute; the maps if empty.

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
        openvino = import_openvino()
        self.name = f"OpenVINO {openvino.__version__.split('-')[0]}"
        self.stride, self.streams = info.network.stride, streams
        wanted = set(outputs or info.maps)
        options: dict[str, Any] = {
            "NUM_STREAMS": streams,
            "INFERENCE_NUM_THREADS": streams * (threads or max(1, usable_cores() // streams)),
        }
        try:
            core = openvino.Core()
            # by default, OpenVINO uses bf16 where the processor has it: faster, and values change by some tenths
            bf16 = (precision or info.precision) == "bf16" and multiplies_bf16()
            options["INFERENCE_PRECISION_HINT"] = "bf16" if bf16 else "f32"
            model = core.read_model(content)
            _refuse_large_tensors(model.clone())
            for result in model.get_results():  # outputs that are not wanted are not computed
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
        except Exception as error:  # its errors have only this base class in common
            raise ModelError(f"{self.name} cannot use the model: {one_line(error)}") from error

    def maps(self, pictures: np.ndarray) -> dict[str, np.ndarray]:
        """Compute the maps of a batch.

        Args:
            pictures: (B, H, W, 3) uint8 RGB.

        Returns:
            The maps that `smalta.answers.fields` lists, float32.

        Raises:
            ModelError: if the pass fails, for example for lack of memory.
        """
        request = self._free.get()
        try:
            found = request.infer({INPUT: pictures}, share_inputs=True)
        except RuntimeError as error:
            raise failed(self.name, pictures, error) from error
        finally:
            self._free.put(request)
        return {name: found[port] for name, port in self._ports.items()}


def multiplies_bf16() -> bool:
    """Whether OpenVINO is installed and multiplies in bf16 on this processor."""
    try:
        openvino = import_openvino()
    except ImportError:
        return False
    with kept_signal_stack():
        return "BF16" in openvino.Core().get_property("CPU", "OPTIMIZATION_CAPABILITIES")


def _refuse_large_tensors(model: Any) -> None:
    """Refuse an OpenVINO model with implausibly large arrays for a small picture; nothing is allocated."""
    model.reshape([1, 64, 64, 3])
    for operator in model.get_ops():
        for output in operator.outputs():
            shape = output.get_partial_shape()
            if shape.is_static and math.prod(shape.to_shape()) > LARGEST_TENSOR:
                raise ModelError(
                    f"its operator {operator.get_type_name()} makes an array of {shape} for a picture of 64 x 64, "
                    "which is too large; export it again"
                )
