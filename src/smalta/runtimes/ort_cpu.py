"""Run an exported model, one ONNX file, with ONNX Runtime on the processor.

In:  a file's content that `smalta.runtimes.onnx_file` accepted; (B, H, W, 3) uint8 pictures of any size.
Out: the same maps as those of `smalta.runtimes.open_vino.OpenVino`.

Must not know: PyTorch, decoding, how models are exported.
"""

from __future__ import annotations

import threading
from collections.abc import Collection

import numpy as np
from onnx import ModelProto

from smalta.description.model_info import ModelInfo, Precision
from smalta.errors import ModelError
from smalta.runtimes.onnx_errors import failed, one_line
from smalta.runtimes.onnx_file import INPUT
from smalta.system.cores import usable_cores


class OrtCpu:
    """Runs a model with ONNX Runtime on the processor, in float32; the arguments are those of `OpenVino`."""

    def __init__(
        self,
        content: bytes,
        info: ModelInfo,
        *,
        streams: int = 1,
        threads: int | None = None,
        precision: Precision | None = None,  # the file sets it
        outputs: Collection[str] = (),
    ) -> None:
        import onnxruntime

        self.name = f"ONNX Runtime {onnxruntime.__version__}"
        self.stride, self.streams = info.network.stride, streams
        self._names = list(outputs or info.maps)
        options = onnxruntime.SessionOptions()
        # by default, it pins threads to cores that the process may not use
        options.intra_op_num_threads = threads or max(1, usable_cores() // streams)
        model = ModelProto.FromString(content)
        wanted = [entry for entry in model.graph.output if entry.name in self._names]
        del model.graph.output[:]
        model.graph.output.extend(wanted)  # outputs that are not wanted are not computed
        try:
            self._session = onnxruntime.InferenceSession(
                model.SerializeToString(), options, providers=["CPUExecutionProvider"]
            )
        except Exception as error:  # its errors have only this base class in common
            raise ModelError(f"{self.name} cannot use the model: {one_line(error)}") from error
        self._free = threading.Semaphore(streams)

    def maps(self, pictures: np.ndarray) -> dict[str, np.ndarray]:
        """Compute the maps of a batch, as `OpenVino` does."""
        try:
            with self._free:
                found = self._session.run(self._names, {INPUT: pictures})
        except Exception as error:
            raise failed(self.name, pictures, error) from error
        return dict(zip(self._names, found, strict=True))
