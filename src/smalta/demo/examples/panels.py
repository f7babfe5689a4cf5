"""Rows of pictures with titles, for all examples.

In:  pictures and maps.
Out: one picture.

Must not know: models, data sets, any one example.
"""

from __future__ import annotations

from collections.abc import Sequence

import cv2
import numpy as np

from smalta.pictures.overlay import caption

GAP = 8  # pixels between panels
TITLE = 17  # pixels per letter
_PAPER = 24


def enlarged(array: np.ndarray, width: int) -> np.ndarray:
    """A picture (H, W, 3), a field (H, W) or a map of integers (H, W) with this width; maps stay whole numbers."""
    size_wh = (width, round(array.shape[0] * width / array.shape[1]))
    if array.ndim == 3 or array.dtype.kind == "f":
        return cv2.resize(array, size_wh, interpolation=cv2.INTER_CUBIC)
    plain = array.astype(np.int32) if array.dtype.kind in "bu" else array
    return cv2.resize(plain, size_wh, interpolation=cv2.INTER_NEAREST_EXACT).astype(array.dtype)


def row(panels: Sequence[tuple[str, np.ndarray]]) -> np.ndarray:
    """Pictures (H, W, 3) uint8 of one height beside each other, each below its title."""
    drawn: list[np.ndarray] = []
    for title, picture in panels:
        if drawn:
            drawn.append(np.full((drawn[0].shape[0], GAP, 3), _PAPER, dtype=np.uint8))
        drawn.append(np.vstack([caption(title, picture.shape[1], size=TITLE), picture]))
    return np.hstack(drawn)
