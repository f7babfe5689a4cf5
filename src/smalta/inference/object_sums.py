"""Measure objects from sums over their cells, gathered part by part.

In:  cells of parts, and the object of each cell.
Out: `Objects` without an instance map.

The pixels of a cell that belong to an object form one of 2 ** (stride * stride) patterns. The contribution of each
pattern (number of pixels, sums of their rows and columns, first and last row and column) is tabulated once.

Must not know: how cells are assigned to objects, files.
"""

from __future__ import annotations

import numpy as np

from smalta.answers.decoding import Decoding
from smalta.answers.objects import Objects
from smalta.classes import ClassTree
from smalta.inference.object_cells import ObjectCells, bits_of


class ObjectSums:
    """Sums over the pixels of N objects; entry 0 is for pixels outside objects.

    Args:
        n: objects.
        tree: the classes.
        stride: pixels a side of a cell.

    Attributes:
        areas: (N + 1,) int64 pixels.
        sums: (N + 1, 1 + T + V) float64 sums of the columns of `ObjectCells.sums`.
    """

    def __init__(self, n: int, tree: ClassTree, stride: int) -> None:
        self._tree, self._stride = tree, stride
        self._n_things = int(np.count_nonzero(tree.is_thing[list(tree.leaves)]))
        n_values = sum(len(attribute.values) for attribute in tree.attributes)
        self._patterns = _Patterns(stride)
        self.areas = np.zeros(n + 1, dtype=np.int64)
        self.sums = np.zeros((n + 1, 1 + self._n_things + n_values))
        self._places = np.zeros((n + 1, 2))  # sums of the pixels' rows and columns
        self._low = np.full((n + 1, 2), np.iinfo(np.int64).max)
        self._high = np.zeros((n + 1, 2), dtype=np.int64)

    def add(self, cells: ObjectCells, owner: np.ndarray) -> None:
        """Add the cells of a part; (M,) int32 `owner` is the object of each, 0 for no object."""
        size = len(self.areas)
        of, pixels = self._patterns, cells.pixels
        count = of.count[pixels]
        self.areas += np.bincount(owner, count, size).astype(np.int64)
        for k, values in enumerate(cells.sums.T):
            self.sums[:, k] += np.bincount(owner, values, size)
        for axis in (0, 1):
            begin = cells.places[:, axis] * self._stride
            self._places[:, axis] += np.bincount(owner, begin * count + of.total[axis][pixels], size)
            np.minimum.at(self._low[:, axis], owner, begin + of.first[axis][pixels])
            np.maximum.at(self._high[:, axis], owner, begin + of.last[axis][pixels] + 1)

    def objects(self, kept: np.ndarray, scores: np.ndarray, decoding: Decoding) -> Objects:
        """The objects with the numbers `kept` (K,), in this order.

        Args:
            kept: (K,) numbers in 1..N.
            scores: (K,) of the objects.
            decoding: as for `Objects.from_means`.
        """
        areas = self.areas[kept]
        means = self.sums[kept] / areas[:, None]
        values = means[:, 1 + self._n_things :].astype(np.float32)
        boxes = [self._low[kept, 1], self._low[kept, 0], self._high[kept, 1], self._high[kept, 0]]
        return Objects.from_means(
            self._tree,
            means[:, 1 : 1 + self._n_things],
            scores,
            instances=np.zeros((0, 0), dtype=np.int32),
            areas=areas,
            boxes_xyxy=np.stack(boxes, axis=1),
            centroids_yx=self._places[kept] / areas[:, None],
            attributes={a.name: values[:, a.start : a.stop] for a in self._tree.attributes},
            decoding=decoding,
        )


class _Patterns:
    """The contribution of each pattern of pixels, (2 ** (stride * stride),) tables; pairs are for rows and columns.

    Attributes:
        count: pixels.
        total: pair: sum of their rows, of their columns, within the cell.
        first, last: pairs: the first and the last row, and column, that has a pixel.
    """

    def __init__(self, stride: int) -> None:
        bits = bits_of(np.arange(2 ** (stride * stride), dtype=np.uint32), stride) == 1
        yx = np.divmod(np.arange(stride * stride), stride)
        self.count = bits.sum(axis=1)
        self.total = [bits @ axis for axis in yx]
        self.first = [np.where(bits, axis, stride).min(axis=1) for axis in yx]
        self.last = [np.where(bits, axis, -1).max(axis=1) for axis in yx]
