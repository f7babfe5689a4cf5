"""How thin the regions of a label map are: their width along their middle line.

In:  a map of region keys.
Out: for every point of the regions' ridges, the width in pixels and the pixel it lies in.

Must not know: classes, files. `fingerprint` chooses a stride from these widths.

The lines between pixels separate regions. The map is enlarged twofold, so that these lines are pixels of their own.
At the middle of a bar of w pixels the distance to the nearest line is then w, for odd and even w alike.
"""

from __future__ import annotations

import cv2
import numpy as np

# Beside the middle line the distance grows by 1 or more towards some neighbour; along a middle line it changes slowly.
_RIDGE_RISE = 0.5


def ridge_widths(regions: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Widths of all regions along their ridges.

    The picture's border is no boundary: a structure that it cuts keeps its width, and a strip along it counts double.

    Args:
        regions: (H, W) integers; pixels of one region share a value.

    Returns:
        widths: (K,) float32 pixels, one per ridge point; a bar of length l gives about 2 l points.
        flat: (K,) int64 index of the pixel of `regions.ravel()` that each point lies in.

    Example:
        >>> bar = np.zeros((9, 40), dtype=np.uint8)
        >>> bar[3:6] = 1
        >>> widths, flat = ridge_widths(bar)
        >>> widths[bar.ravel()[flat] == 1].tolist() == [3.0] * 79
        True
    """
    inside = _lines_as_pixels(regions)
    if inside.all():
        return np.zeros(0, dtype=np.float32), np.zeros(0, dtype=np.int64)
    distance = cv2.distanceTransform(inside, cv2.DIST_L2, 5)
    highest = cv2.dilate(distance, np.ones((3, 3), dtype=np.uint8))
    y, x = np.nonzero((inside > 0) & (highest - distance < _RIDGE_RISE))
    return distance[y, x], (y // 2) * regions.shape[1] + x // 2


def _lines_as_pixels(regions: np.ndarray) -> np.ndarray:
    """(2H - 1, 2W - 1) uint8: pixels at even indices; between them 0 where two regions meet, 1 elsewhere."""
    height, width = regions.shape
    inside = np.ones((2 * height - 1, 2 * width - 1), dtype=np.uint8)
    below = regions[1:] != regions[:-1]
    right = regions[:, 1:] != regions[:, :-1]
    inside[1::2, ::2] = ~below
    inside[::2, 1::2] = ~right
    inside[1::2, 1::2] = ~(below[:, 1:] | below[:, :-1] | right[1:] | right[:-1])
    return inside
