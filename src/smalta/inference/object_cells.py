"""Keep the cells that may belong to an object, for one part of a picture.

In:  the fields of a part.
Out: its `ObjectCells`, as a file.

A cell is a square of stride x stride pixels, as large as one value of the network's maps. With stride 4:

    fields of a part                 one cell, its pixels            kept of it
    +--+--+--+--+--+
    |  |  |##|  |  |                 0  1  2  3     . . # #          places  row and column on the whole map
    +--+--+--+--+--+                 4  5  6  7     . # # #          pixels  bits 2, 3, 5, 6, 7, ... are set
    |  |##|##|##|  |    # may        8  9 10 11     . # # #          steps   its offset, in cells
    +--+--+--+--+--+    belong to   12 13 14 15     # # # #          sums    of probabilities over the pixels #
    |  |  |##|##|  |    an object
    +--+--+--+--+--+

1. A pixel may belong to an object if its P(thing), summed over all things, reaches the rule's `min_thing`.
2. A cell is kept if one of its pixels may. Other cells are not part of an object.
3. `smalta.answers.grouping.group` gives all such pixels of a cell to one object. So the sums of an object are sums of
   the `sums` of its cells, and `pixels` holds which pixels of the cell have the object's number.

Must not know: which object a cell belongs to.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Self

import numpy as np

from smalta.answers.fields import CENTER, OFFSETS, SEMANTIC, attribute_field
from smalta.answers.grouping import sum_per_cell
from smalta.classes import ClassTree


@dataclass(frozen=True, slots=True, kw_only=True)
class ObjectCells:
    """The N cells of one part that may belong to an object, in reading order of the part.

    Attributes:
        places: (N, 2) int64 rows and columns on the whole map.
        pixels: (N,) uint16: bit `stride * y + x` is set if the cell's pixel (y, x) may belong to an object.
        steps: (2, N) float32 offsets in cells.
        sums: (N, 1 + T + V) float32 over those pixels: P(thing), P of each thing, P of each value of all attributes.
    """

    places: np.ndarray
    pixels: np.ndarray
    steps: np.ndarray
    sums: np.ndarray

    @classmethod
    def of_fields(
        cls,
        fields: Mapping[str, np.ndarray],
        tree: ClassTree,
        *,
        min_thing: float,
        stride: int,
        corner_yx: tuple[int, int],
    ) -> Self:
        """The cells of a part.

        Args:
            fields: as `smalta.answers.fields` lists them, without a first axis for pictures.
            tree: the classes.
            min_thing: least P(thing) of a pixel that may belong to an object.
            stride: of the centre map, 1, 2 or 4.
            corner_yx: where the part begins on the whole map, cells.
        """
        things = fields[SEMANTIC][tree.is_thing[list(tree.leaves)]]
        thing = things.sum(axis=0)
        cells_hw = fields[CENTER].shape[1:]
        may = thing >= min_thing
        by_cell = _pixels_by_cell(may, stride, cells_hw)
        found = np.argwhere(by_cell.any(axis=2))
        rows, columns = found[:, 0], found[:, 1]
        values = (plane for attribute in tree.attributes for plane in fields[attribute_field(attribute.name)])
        planes = [thing, *things, *values]
        sums = np.empty((len(found), len(planes)), dtype=np.float32)
        for k, plane in enumerate(planes):
            sums[:, k] = sum_per_cell(plane * may, stride, cells_hw)[rows, columns]
        return cls(
            places=found + np.array(corner_yx),
            pixels=(by_cell[rows, columns] << np.arange(stride * stride)).sum(axis=1).astype(np.uint16),
            steps=fields[OFFSETS][:, rows, columns] / stride,
            sums=sums,
        )

    def save(self, path: Path) -> None:
        """Write the cells to a file `*.npz`."""
        np.savez(path, **{name: getattr(self, name) for name in self.__slots__})

    @classmethod
    def load(cls, path: Path) -> Self:
        """Read what `save` wrote."""
        with np.load(path) as arrays:
            return cls(**{name: arrays[name] for name in cls.__slots__})


def bits_of(pixels: np.ndarray, stride: int) -> np.ndarray:
    """(N, stride * stride) 0 or 1 in reading order of a cell's pixels, from (N,) bit patterns."""
    return (pixels[:, None] >> np.arange(stride * stride)) & 1


def _pixels_by_cell(mask: np.ndarray, stride: int, cells_hw: tuple[int, ...]) -> np.ndarray:
    """(h, w, stride * stride) bool of a mask (H, W); pixels beyond it are False."""
    height, width = cells_hw
    padded = np.zeros((height * stride, width * stride), dtype=bool)
    padded[: mask.shape[0], : mask.shape[1]] = mask
    return padded.reshape(height, stride, width, stride).swapaxes(1, 2).reshape(height, width, stride * stride)
