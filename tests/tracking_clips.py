"""Random clips of tracks, made from a seed: the same on every machine.

`bench/rivals/trackeval_scores.py` and the tests of `smalta.metrics.tracking` make the same clips of it. numpy only, and
of its generator only `random`, so that no rounding of logarithms or exponentials enters.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np

BOX_SEEDS = range(200)
MASK_SEEDS = range(1000, 1040)
SIZE_HW = (48, 64)
FRAMES = 18
FIRST_FALSE_ID = 700_000


@dataclass(frozen=True, slots=True, kw_only=True)
class ClipFrame:
    """Ids and boxes (N, 4) of left, top, right, bottom in pixels; where boxes overlap, the last lies in front."""

    true_ids: np.ndarray
    true_boxes: np.ndarray
    predicted_ids: np.ndarray
    predicted_boxes: np.ndarray

    def maps(self) -> tuple[np.ndarray, np.ndarray]:
        """The objects as masks: two (H, W) int64 of true and predicted ids; what is hidden or outside has no pixels."""
        return _painted(self.true_ids, self.true_boxes), _painted(self.predicted_ids, self.predicted_boxes)


def clip(seed: int) -> Iterator[ClipFrame]:
    """Objects walk, appear, leave and hide; the tracker misses some, trembles, swaps ids, and sees what is not there.

    Ids are not contiguous. Some frames lack true objects, predicted objects, or both.
    """
    random = np.random.default_rng(seed)
    n = 2 + int(random.random() * 7)
    ids = np.cumsum(1 + np.floor(random.random(n) * 50)).astype(np.int64)
    places = random.random((n, 2)) * SIZE_HW[::-1]
    speeds = (random.random((n, 2)) - 0.5) * 5
    sizes = 6 + random.random((n, 2)) * 12
    first = np.floor(random.random(n) * FRAMES / 2)
    last = FRAMES - np.floor(random.random(n) * FRAMES / 2)
    missed = random.random(n) ** 3
    tremble, swap, false = random.random(3) * (7, 0.15, 0.6)
    believed = 10 * np.arange(1, n + 1)
    for number in range(FRAMES):
        speeds += random.random((n, 2)) - 0.5
        places = np.clip(places + speeds, 0, SIZE_HW[::-1])
        boxes = np.concatenate([places - sizes / 2, places + sizes / 2], axis=1)
        there = (first <= number) & (number < last) & (random.random() > 0.06)
        if random.random() < swap:
            i, j = np.floor(random.random(2) * n).astype(int)
            believed[[i, j]] = believed[[j, i]]
        if random.random() < swap:
            believed[int(random.random() * n)] = 1000 + number
        seen = there & (random.random(n) > missed) & (random.random() > 0.06)
        shown = boxes + (random.random((n, 4)) - 0.5) * tremble
        if random.random() < 0.1:  # a frame in which boxes are right to the pixel, as after rounding
            shown = boxes.copy()
        extra = int(random.random() < false)
        corner = random.random(2) * SIZE_HW[::-1]
        ghost = np.concatenate([corner, corner + 8])[None]
        yield ClipFrame(
            true_ids=ids[there],
            true_boxes=boxes[there],
            predicted_ids=np.concatenate([believed[seen], [FIRST_FALSE_ID + number // 3][:extra]]).astype(np.int64),
            predicted_boxes=np.concatenate([shown[seen], ghost[:extra]]),
        )


def _painted(ids: np.ndarray, boxes: np.ndarray) -> np.ndarray:
    painted = np.zeros(SIZE_HW, dtype=np.int64)
    for number, (left, top, right, bottom) in zip(ids.tolist(), np.floor(boxes).astype(int).tolist(), strict=True):
        painted[max(top, 0) : max(bottom, 0), max(left, 0) : max(right, 0)] = number
    return painted
