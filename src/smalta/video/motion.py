"""Whether anything moves in a region of the picture.

In:  frames, one after the other.
Out: True or False for each.

The region is reduced to a small grey picture of at most `MOST_CELLS` cells a side and compared with an earlier one:

1. The earlier one is brought to the light of the frame: each cell is multiplied by the median ratio of the two.
2. A cell has changed if it is darker or brighter than all nine cells around its place in the earlier one, by more than
   the noise. So a camera that shakes by less than a cell moves nothing.
3. Something moves if at least `LEAST_CELLS` cells have changed.

The earlier picture is replaced when something moves, and otherwise every `REFRESH_S`. So something slow adds up to a
change, and daylight does not.

numpy and OpenCV. Must not know: networks, tracks, what is done while nothing moves.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from typing import Any

import cv2
import numpy as np

MOST_CELLS = 96  # a side
LEAST_CELLS = 2
LEAST_CHANGE, MOST_CHANGE = 8.0, 24.0  # grey levels, beyond which a cell has changed; between them as the noise demands
NOISE = 6.0  # standard deviations
DARK = 8  # grey levels; ratios of darker cells say nothing about the light
REFRESH_S = 2.0  # seconds after which the earlier picture is replaced though nothing moves
QUIET_S = 1.0  # seconds without a change until nothing moves


class Motion:
    """Looks for motion.

    Args:
        region_xyxy: of the frames, pixels: left, top, and the first column and row outside.

    Example:
        >>> dark = np.zeros((90, 160, 3), np.uint8)
        >>> motion = Motion((0, 0, 160, 90))
        >>> [motion.step(0.2 * k, dark) for k in range(7)]
        [True, True, True, True, True, False, False]
    """

    def __init__(self, region_xyxy: tuple[int, int, int, int]) -> None:
        self._region = region_xyxy
        self._before: np.ndarray | None = None  # (h, w) uint8
        self._before_s = self._moved_s = 0.0  # seconds: of that picture, and of the last change

    def step(self, time_s: float, picture: np.ndarray) -> bool:
        """Whether something moves now, or moved within the last second; always so in the first second.

        Args:
            time_s: of the frame, seconds.
            picture: (H, W, 3) uint8.
        """
        now = self._small(picture)
        moves = self._before is None or n_changed(now, self._before) >= LEAST_CELLS
        if moves:
            self._moved_s = time_s
        if moves or time_s - self._before_s >= REFRESH_S:
            self._before, self._before_s = now, time_s
        return time_s - self._moved_s < QUIET_S

    def _small(self, picture: np.ndarray) -> np.ndarray:
        """(h, w) uint8 of the region."""
        left, top, right, bottom = self._region
        part = picture[top:bottom, left:right]
        side = max(1, math.ceil(max(part.shape[:2]) / MOST_CELLS))
        height, width = (max(1, length // side) for length in part.shape[:2])
        whole = part[: height * side, : width * side]  # whole cells are summed many times faster
        return cv2.cvtColor(cv2.resize(whole, (width, height), interpolation=cv2.INTER_AREA), cv2.COLOR_RGB2GRAY)

    @property
    def compared_s(self) -> float:
        """Seconds of the earlier frame with which the next one is compared."""
        return self._before_s

    def state(self) -> dict[str, Any]:
        """Plain JSON values from which `restored` goes on; the earlier picture is not among them."""
        return {"compared_s": self._before_s, "moved_s": self._moved_s}

    @classmethod
    def restored(cls, region_xyxy: tuple[int, int, int, int], state: Mapping[str, Any], picture: np.ndarray) -> Motion:
        """Go on from a state.

        Args:
            region_xyxy: as for a new one.
            state: of the one that is gone on with.
            picture: (H, W, 3) uint8, the frame of its `compared_s`.
        """
        motion = cls(region_xyxy)
        motion._before, motion._before_s = motion._small(picture), state["compared_s"]
        motion._moved_s = state["moved_s"]
        return motion


def n_changed(now: np.ndarray, before: np.ndarray) -> int:
    """How many cells of a small grey picture have changed.

    Args:
        now, before: (h, w) uint8.
    """
    bright = before >= DARK
    light = float(np.median(now[bright] / before[bright].astype(np.float32))) if bright.any() else 1.0
    expected = before * np.float32(light)
    around = np.ones((3, 3), np.uint8)
    change = np.maximum(now - cv2.dilate(expected, around), cv2.erode(expected, around) - now)
    noise = 1.4826 * float(np.median(np.abs(now - expected)))  # the standard deviation, if noise is normal
    return int(np.count_nonzero(change > min(max(LEAST_CHANGE, NOISE * noise), MOST_CHANGE)))
