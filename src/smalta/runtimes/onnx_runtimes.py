"""Start an exported model, one ONNX file, without PyTorch: with the runtime of a plan, or the first that is installed.

In:  a file's content that `smalta.runtimes.onnx_file` accepted.
Out: a runtime.

Must not know: PyTorch, decoding, how models are exported, what sets one runtime apart from another.
"""

from __future__ import annotations

from typing import Any

from smalta.description.model_info import ModelInfo
from smalta.errors import ModelError
from smalta.runtimes.protocol import OnnxRuntime
from smalta.runtimes.registry import runtimes_for


def start(content: bytes, info: ModelInfo, *, name: str | None = None, **settings: Any) -> OnnxRuntime:
    """A model that `examine` accepted, ready to run.

    Args:
        content, info, settings: as for `OpenVino`.
        name: of the runtime, one of those that run exported files; None for the first that is installed.

    Raises:
        ModelError: if none is installed, or it cannot use the model.
    """
    for kind in runtimes_for(exported=True):
        if kind.opens is None or name not in (None, kind.name):
            continue
        try:
            return kind.opens()(content, info, **settings)
        except ImportError:
            continue
    if name is not None:
        raise ModelError(f"{name} is not installed; install it, or let smalta choose")
    raise ModelError(
        "neither OpenVINO nor ONNX Runtime is installed; run `pip install openvino` "
        "or `pip install 'smalta[onnxruntime]'`"
    )
