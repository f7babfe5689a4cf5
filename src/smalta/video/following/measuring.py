"""Where the objects of an instance map lie, and which sides of them something else hides.

In:  an instance map on cells.
Out: `Measured`: boxes, areas, and which sides of a box are the object's own.

numpy and SciPy. Must not know: tracks, classes, time, how objects were found.

Of two objects that touch, the one whose lower edge is lower in the picture stands nearer to the camera. So it hides a
part of the other, and the side where they touch is no border of the other. The same holds at the picture's edge.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from scipy import ndimage

TOP, LEFT, BOTTOM, RIGHT = range(4)
REACH = 2  # cells within which two objects touch; their borders are not exact
BAND = 0.25  # of the object's height or width: the part of its border that is one side of it
MOST_HIDDEN = 0.35  # of a side that may touch something nearer if the side is to be the object's own

_STEPS = ((-1, 0), (0, -1), (1, 0), (0, 1))  # TOP, LEFT, BOTTOM, RIGHT


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Measured:
    """N objects; numbers of the instance map without a cell have no area.

    Attributes:
        areas: (N,) int64 cells.
        boxes: (N, 4) float64 pixels: top, left, bottom, right, the last two being outside.
        middles_x: (N,) float64 pixels: mean column of the cells.
        own: (N, 4) bool: whether the side is a border of the object itself, in the order of `boxes`.
        edge: (N,) bool: whether it touches the picture's edge.
    """

    areas: np.ndarray
    boxes: np.ndarray
    middles_x: np.ndarray
    own: np.ndarray
    edge: np.ndarray

    def of(self, rows: Sequence[int]) -> Measured:
        """Some of the objects, in that order; an object may occur twice."""
        chosen = np.array(rows, dtype=np.intp)
        return Measured(
            areas=self.areas[chosen],
            boxes=self.boxes[chosen],
            middles_x=self.middles_x[chosen],
            own=self.own[chosen],
            edge=self.edge[chosen],
        )

    @property
    def heights(self) -> np.ndarray:
        """(N,) pixels, of the visible part."""
        return self.boxes[:, BOTTOM] - self.boxes[:, TOP]

    @property
    def widths(self) -> np.ndarray:
        """(N,) pixels, of the visible part."""
        return self.boxes[:, RIGHT] - self.boxes[:, LEFT]


def measure(instances: np.ndarray, n: int, cell: int) -> Measured:
    """Measure the objects 1..n of an instance map.

    Args:
        instances: (h, w) int32 of cells, 0 = no object.
        n: number of objects.
        cell: side of a cell, pixels.

    Example:
        >>> found = measure(np.array([[0, 1, 1], [0, 2, 2], [0, 2, 2], [0, 0, 0]], np.int32), 2, cell=4)
        >>> found.boxes.tolist()
        [[0.0, 4.0, 4.0, 12.0], [4.0, 4.0, 12.0, 12.0]]
        >>> found.own[:, [TOP, BOTTOM]].tolist()  # the first ends at the picture's edge and behind the second
        [[False, False], [True, True]]
    """
    rows, columns = np.nonzero(instances)
    of = instances[rows, columns].astype(np.intp) - 1
    areas = np.bincount(of, minlength=n)
    cells = np.zeros((n, 4), dtype=np.intp)  # top, left, bottom, right
    for number, found in enumerate(ndimage.find_objects(instances, n)):
        if found is not None:
            cells[number] = found[0].start, found[1].start, found[0].stop, found[1].stop
    middles = (np.bincount(of, weights=columns, minlength=n) / np.maximum(areas, 1) + 0.5) * cell
    own = _own_sides(instances, rows, columns, of, cells)
    height, width = instances.shape
    edge = (cells[:, TOP] <= 0) | (cells[:, LEFT] <= 0) | (cells[:, BOTTOM] >= height) | (cells[:, RIGHT] >= width)
    return Measured(
        areas=areas, boxes=cells.astype(np.float64) * cell, middles_x=middles, own=own, edge=edge & (areas > 0)
    )


def _own_sides(
    instances: np.ndarray, rows: np.ndarray, columns: np.ndarray, of: np.ndarray, cells: np.ndarray
) -> np.ndarray:
    """(N, 4) bool: whether less than `MOST_HIDDEN` of a side's cells touch the edge or something nearer."""
    n = len(cells)
    around = np.pad(instances, REACH, constant_values=-1)
    bottoms = np.append(cells[:, BOTTOM], np.iinfo(np.intp).max)  # the last stands for what is outside the picture
    bands = np.maximum(1, np.rint(BAND * (cells[:, BOTTOM:] - cells[:, :BOTTOM])).astype(np.intp))  # (N, 2)
    own = np.zeros((n, 4), dtype=bool)
    for side, (dy, dx) in enumerate(_STEPS):
        position, axis = (rows, 0) if side in (TOP, BOTTOM) else (columns, 1)
        away = position - cells[of, side] if side in (TOP, LEFT) else cells[of, side] - 1 - position
        chosen = np.flatnonzero(away < bands[of, axis])
        y, x, mine = rows[chosen] + REACH, columns[chosen] + REACH, of[chosen]
        next_to = around[y + dy, x + dx]
        border = next_to != mine + 1
        y, x, mine, next_to = y[border], x[border], mine[border], next_to[border]
        beyond = around[y + REACH * dy, x + REACH * dx]
        other = np.where((next_to == 0) & (beyond != mine + 1), np.maximum(beyond, 0), next_to)
        nearer = (other != 0) & (bottoms[np.where(other > 0, other - 1, n)] >= bottoms[mine])
        hidden = np.bincount(mine[nearer], minlength=n)
        own[:, side] = hidden < MOST_HIDDEN * np.maximum(np.bincount(mine, minlength=n), 1)
    return own
