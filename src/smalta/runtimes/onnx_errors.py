"""Word the errors of a runtime of exported models.

In:  an error of OpenVINO or of ONNX Runtime.
Out: one line, or a `ModelError`.

Must not know: runtimes, except their names.
"""

from __future__ import annotations

import numpy as np

from smalta.errors import ModelError


def one_line(error: Exception) -> str:
    """The text of an error in one line of at most 300 characters."""
    return " ".join(str(error).split())[:300]


def failed(runtime: str, pictures: np.ndarray, error: Exception) -> ModelError:
    """The error to raise when a pass over (B, H, W, 3) pictures fails."""
    size = " x ".join(map(str, pictures.shape[1:3]))
    return ModelError(f"{runtime} failed on a picture of {size}, possibly for lack of memory: {one_line(error)}")
