"""Start an exported model, one ONNX file, with the runtime of a plan or the first installed one.

In:  a file's content that `smalta.runtimes.onnx_file` accepted.
Out: a runtime.

Must not know: PyTorch, decoding, how models are exported, differences between runtimes.
"""

from __future__ import annotations

from typing import Any

from smalta.description.model_info import ModelInfo
from smalta.errors import ModelError
from smalta.runtimes.protocol import OnnxRuntime
from smalta.runtimes.registry import runtimes_for


def start(content: bytes, info: ModelInfo, *, name: str | None = None, **settings: Any) -> OnnxRuntime:
    """Start a model that `examine` accepted.

    Args:
        content, info, settings: as for `OpenVino`.
        name: of a runtime of exported files; None for the first installed one.

    Raises:
        ModelError: if the runtime is not installed, or cannot use the model.
    """
    for kind in runtimes_for(exported=True):
        if kind.opens is None or name not in (None, kind.name):
            continue
        try:
            return kind.opens()(content, info, **settings)
        except ImportError:
            continue
    if name is not None:
        raise ModelError(f"the runtime {name} is not installed; install it, or plan again")
    raise ModelError(
        "neither OpenVINO nor ONNX Runtime is installed; run `pip install openvino` "
        "or `pip install 'smalta[onnxruntime]'`"
    )
