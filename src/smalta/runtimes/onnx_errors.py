"""Sentences for what a runtime of exported models raises.

In:  an error of OpenVINO or of ONNX Runtime.
Out: one line, or a `ModelError`.

Must not know: which runtime it was, beyond its name.
"""

from __future__ import annotations

import numpy as np

from smalta.errors import ModelError


def one_line(error: Exception) -> str:
    """The text of an error in one line of at most 300 characters."""
    return " ".join(str(error).split())[:300]


def failed(runtime: str, pictures: np.ndarray, error: Exception) -> ModelError:
    """What to raise for a pass over (B, H, W, 3) pictures that raised an error."""
    size = " x ".join(map(str, pictures.shape[1:3]))
    return ModelError(f"{runtime} failed on a picture of {size}; is there enough memory for it? {one_line(error)}")
