"""Motion between two frames, and maps and masks moved by it.

In:  pictures of one video, one after the other.
Out: how far the content of each cell has come since the frame before; moved label maps and masks.

numpy and OpenCV. Must not know: networks, class trees, tracks, files.

Motion is that of DIS (Kroeger et al. 2016, "Fast optical flow using dense inverse search"), computed from this frame
back to the one before, at half the picture's size or less. So each cell of this frame has a source, and a moved map has
no holes. The answer depends on the two pictures only, not on the number of threads.
"""

from __future__ import annotations

from dataclasses import replace

import cv2
import numpy as np

from smalta.errors import ShapeError
from smalta.video.values import Mask

MOST_PIXELS = 320 * 180  # of the pictures whose motion is computed
LARGEST_SCALE = 0.5
PATCH_STRIDE = 7  # pixels; the patches have 8
LEAST_SIDE = 32  # pixels; DIS cannot match its patches in a smaller picture


class Flow:
    """The motion between the pictures of a video.

    Args:
        size_hw: of the pictures, pixels.
        cell: side of a cell, pixels.

    Example:
        >>> random = np.random.default_rng(0)
        >>> first = cv2.GaussianBlur(random.integers(0, 256, (96, 128, 3), np.uint8), (0, 0), 2)
        >>> flow = Flow((96, 128), cell=4)
        >>> flow.step(first) is None
        True
        >>> np.median(flow.step(np.roll(first, 3, axis=1)), axis=(0, 1)).round().tolist()
        [0.0, 3.0]
    """

    def __init__(self, size_hw: tuple[int, int], *, cell: int) -> None:
        height, width = size_hw
        self._size_hw = size_hw
        self._small_wh = flow_size(size_hw)[::-1]
        self._to_pixels = np.array([-height / self._small_wh[1], -width / self._small_wh[0]], dtype=np.float32)
        middles = [
            ((np.arange(-(-side // cell)) + 0.5) * cell * small / side - 0.5).astype(np.float32)
            for side, small in zip(size_hw, self._small_wh[::-1], strict=True)
        ]
        self._rows, self._columns = np.meshgrid(*middles, indexing="ij")
        self._motion = cv2.DISOpticalFlow.create(cv2.DISOPTICAL_FLOW_PRESET_ULTRAFAST)
        self._motion.setFinestScale(0)  # people are small: at coarser scales they move with what is behind them
        self._motion.setPatchStride(PATCH_STRIDE)
        self._before: np.ndarray | None = None

    def step(self, picture: np.ndarray) -> np.ndarray | None:
        """The motion from the picture before to this one.

        Args:
            picture: (H, W, 3) uint8 RGB.

        Returns:
            (h, w, 2) float32 of this frame's cells: the pixels (dy, dx) by which the content at the middle of a cell
            has moved since the picture before. None for the first picture.

        Raises:
            ShapeError: if the picture has another size.
        """
        if picture.shape[:2] != self._size_hw:
            raise ShapeError(f"pictures must have {self._size_hw} rows and columns, got {picture.shape[:2]}")
        small = cv2.resize(cv2.cvtColor(picture, cv2.COLOR_RGB2GRAY), self._small_wh, interpolation=cv2.INTER_AREA)
        before, self._before = self._before, small
        if before is None:
            return None
        back = self._motion.calc(small, before, np.zeros((*small.shape, 2), dtype=np.float32))
        cells = cv2.remap(back, self._columns, self._rows, cv2.INTER_LINEAR, borderMode=cv2.BORDER_REPLICATE)
        return np.ascontiguousarray(cells[..., ::-1] * self._to_pixels)


def flow_size(size_hw: tuple[int, int]) -> tuple[int, int]:
    """Height and width of the pictures whose motion is computed, for pictures of (H, W), pixels."""
    scale = min(LARGEST_SCALE, (MOST_PIXELS / (size_hw[0] * size_hw[1])) ** 0.5)
    return max(round(size_hw[0] * scale), LEAST_SIDE), max(round(size_hw[1] * scale), LEAST_SIDE)


def moved(labels: np.ndarray, flow: np.ndarray, *, cell: int) -> np.ndarray:
    """A map of the frame before, carried to this one: each cell takes the value from where its content came.

    Args:
        labels: (h, w) of cells, any type.
        flow: (h, w, 2) float32 pixels (dy, dx) of this frame's cells, from `Flow.step`.
        cell: side of a cell, pixels.

    Returns:
        (h, w) in the type of `labels`. Content that came from outside takes the nearest cell of the edge.

    Example:
        >>> moved(np.array([[1, 2, 3]]), np.full((1, 3, 2), [0, 4], np.float32), cell=4).tolist()
        [[1, 1, 2]]
    """
    height, width = labels.shape
    steps = np.rint(flow * np.float32(1 / cell)).astype(np.intp)
    rows = np.clip(np.arange(height)[:, None] - steps[..., 0], 0, height - 1)
    columns = np.clip(np.arange(width)[None, :] - steps[..., 1], 0, width - 1)
    return labels[rows, columns]


def moved_mask(mask: Mask, by_yx: tuple[float, float]) -> Mask:
    """The mask moved by pixels, rounded to whole cells; it may lie outside the picture."""
    top, left = mask.top_left
    return replace(mask, top_left=(top + round(by_yx[0] / mask.cell), left + round(by_yx[1] / mask.cell)))


def motion_of(mask: Mask, flow: np.ndarray, guess_yx: tuple[float, float]) -> tuple[float, float] | None:
    """How far an object has moved since the frame before: the median of the motion where it is now.

    Where it is now is not known before its motion is. So the motion is looked up where the guess places the mask, and
    once more where this first answer places it.

    Args:
        mask: in the frame before.
        flow: (h, w, 2) float32 pixels (dy, dx) of this frame's cells, from `Flow.step`.
        guess_yx: pixels.

    Returns:
        Pixels (dy, dx); None if the mask is moved out of the picture.
    """
    rows, columns = np.nonzero(mask.cells)
    found: tuple[float, float] | None = guess_yx
    for _ in range(2):
        if found is None:
            return None
        top, left = moved_mask(mask, found).top_left
        found = _median(flow, rows + top, columns + left)
    return found


def _median(flow: np.ndarray, rows: np.ndarray, columns: np.ndarray) -> tuple[float, float] | None:
    inside = (rows >= 0) & (rows < flow.shape[0]) & (columns >= 0) & (columns < flow.shape[1])
    values = flow[rows[inside], columns[inside]]
    if not len(values):
        return None
    middle = len(values) // 2
    dy, dx = np.partition(values, middle, axis=0)[middle].tolist()
    return dy, dx
