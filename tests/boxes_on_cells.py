"""Detections made of boxes, for tests of following."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np

from smalta.classes import ClassTree
from smalta.video.values import Detections

CELL = 4
SIZE_HW = (120, 240)  # 30 x 60 cells
PEOPLE = ClassTree({"floor": {}, "person": {"kind": "thing"}})

Box = tuple[int, int, int, int]  # top, left, bottom, right, cells


def found(
    *boxes: Box,
    leaves: Sequence[Sequence[float]] | None = None,
    scores: Sequence[float] | None = None,
    attributes: Mapping[str, np.ndarray] | None = None,
) -> Detections:
    """Detections of boxes; later ones hide earlier ones, and a box without a visible cell is left out.

    Args:
        boxes: in cells.
        leaves: probabilities by box; without them all are people.
        scores: by box, 0.9 if there are none.
        attributes: by name, probabilities by box.
    """
    instances = np.zeros((SIZE_HW[0] // CELL, SIZE_HW[1] // CELL), np.int32)
    for number, (top, left, bottom, right) in enumerate(boxes, start=1):
        instances[max(top, 0) : max(bottom, 0), max(left, 0) : max(right, 0)] = number
    chosen = [row for row in range(len(boxes)) if (instances == row + 1).any()]
    table = np.zeros(len(boxes) + 1, np.int32)
    table[[row + 1 for row in chosen]] = np.arange(1, len(chosen) + 1)
    sure = leaves if leaves is not None else [(0.0, 1.0)] * len(boxes)
    confidence = scores if scores is not None else [0.9] * len(boxes)
    n_leaves = len(sure[0]) if len(sure) else 2
    return Detections(
        instances=table[instances],
        cell=CELL,
        size_hw=SIZE_HW,
        probabilities=np.array([sure[row] for row in chosen], np.float32).reshape(len(chosen), n_leaves),
        scores=np.array([confidence[row] for row in chosen], np.float32),
        attributes={name: np.asarray(values, np.float32)[chosen] for name, values in (attributes or {}).items()},
    )
