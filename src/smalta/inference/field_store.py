"""Make the objects of a large picture from fields that arrive in parts; they equal those of the whole picture.

In:  fields of parts of a picture that lie beside each other, in any order.
Out: `Objects` without an instance map; the instance map in bands of rows.

    parts, as they arrive        kept on disk                         made from it at the end
    +------+------+              per part, of each cell that          peaks of the whole centre map
    |  0   |  1   |   add        may belong to an object: its    ->   -> the object that each peak stands for
    |      |      |   ------>    pixels, offset and sums              -> the object that each cell belongs to
    +------+------+                                                   -> sums over the cells of an object
    |  2   |  3   |              of the whole picture: the            -> objects that reach the rule
    |      |      |              centre map, row by row               -> bands of the instance map
    +------+------+

1. Each part begins at a multiple of the stride, and each cell (stride x stride pixels) lies in exactly one part.
2. All pixels of a cell that may belong to an object belong to the same one, so cells can be counted instead of pixels
   (`smalta.inference.object_cells` describes what is kept of a cell, `object_sums` how objects are measured).
3. Peaks, and the peak nearest to a cell, are those of the whole map, wherever parts and bands begin
   (`smalta.inference.peaks_in_windows`).
4. The steps between them are functions of `smalta.answers.grouping`, which also makes the objects of whole pictures.

Memory holds one part, one band and the peaks, never the whole map.

Must not know: networks, formats of files.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from pathlib import Path

import numpy as np

from smalta.answers.decoding import USUAL, Decoding
from smalta.answers.fields import CENTER
from smalta.answers.grouping import GroupingRule, follow, judge, numbered
from smalta.answers.objects import Objects
from smalta.classes import ClassTree
from smalta.inference.object_cells import ObjectCells, bits_of
from smalta.inference.object_sums import ObjectSums
from smalta.inference.peaks_in_windows import CenterMap, NearestPeaks

ROWS = 256  # pixels: height of a band of the instance map


class FieldStore:
    """Fields of one picture on disk: first `add` all parts, then take the `objects`, then the `instances`.

    Args:
        folder: empty; the caller removes it.
        tree: the classes.
        rule: decides when pixels are an object.
        size_hw: of the picture, pixels.
        stride: of the centre map.
    """

    def __init__(
        self, folder: Path, tree: ClassTree, rule: GroupingRule, size_hw: tuple[int, int], stride: int
    ) -> None:
        self._folder, self._tree, self._rule, self._size_hw, self._stride = folder, tree, rule, size_hw, stride
        self._cells_hw = (-(-size_hw[0] // stride), -(-size_hw[1] // stride))
        self._center = CenterMap(folder, rule, self._cells_hw)
        self._rows_of_parts: list[tuple[int, int]] = []  # first row and end, in cells
        self._final_number = np.zeros(
            1, np.int32
        )  # by the owner of a cell; 0 for an object that does not meet the rule

    def add(self, fields: Mapping[str, np.ndarray], y: int, x: int) -> None:
        """Keep the fields of a part.

        Args:
            fields: as `smalta.answers.fields` lists them, without a first axis for pictures.
            y, x: where the part begins, pixels; multiples of the stride.
        """
        center = fields[CENTER][0]
        top, left = y // self._stride, x // self._stride
        cells = ObjectCells.of_fields(
            fields, self._tree, min_thing=self._rule.min_thing, stride=self._stride, corner_yx=(top, left)
        )
        cells.save(self._cells_path(len(self._rows_of_parts)))
        self._rows_of_parts.append((top, top + len(center)))
        used = np.zeros(center.shape, dtype=bool)
        used[cells.places[:, 0] - top, cells.places[:, 1] - left] = True
        self._center.write(top, left, center, used)

    def objects(self, decoding: Decoding = USUAL) -> Objects:
        """Make the objects after all parts are added; `Objects.from_means` chooses their classes."""
        peaks, heights = self._center.peaks()
        nearest = NearestPeaks(peaks, self._cells_hw)
        number = self._numbers_of(peaks, heights, nearest)
        sums = self._give_cells_to_objects(number, nearest)
        self._final_number, scores = judge(sums.areas, sums.sums[:, 0], heights, number, self._rule)
        return sums.objects(np.flatnonzero(self._final_number), scores, decoding)

    def instances(self) -> Iterator[np.ndarray]:
        """The instance map in bands (some rows, W) int32, from top to bottom; call it after `objects`."""
        height, width = self._size_hw
        stride, rows = self._stride, ROWS // self._stride
        for top in range(0, self._cells_hw[0], rows):
            band = self._instance_cells(top, min(top + rows, self._cells_hw[0]))
            by_pixel = band.reshape(*band.shape[:2], stride, stride).swapaxes(1, 2)
            pixels = by_pixel.reshape(len(band) * stride, self._cells_hw[1] * stride)
            yield pixels[: min(height - top * stride, len(pixels)), :width]

    def _cells_path(self, part: int) -> Path:
        return self._folder / f"cells{part}.npz"

    def _owner_path(self, part: int) -> Path:
        return self._folder / f"owner{part}.npy"

    def _parts(self) -> Iterator[ObjectCells]:
        """The cells of each part, in the order of `add`."""
        for part in range(len(self._rows_of_parts)):
            yield ObjectCells.load(self._cells_path(part))

    def _numbers_of(self, peaks: np.ndarray, heights: np.ndarray, nearest: NearestPeaks) -> np.ndarray:
        """(N,) 1..: number of the object that each peak stands for."""
        if len(peaks) == 0:
            return np.zeros(0, np.int64)
        to = nearest(*follow(peaks, self._steps_at(peaks), self._cells_hw))
        return numbered(peaks, heights, to, lambda ways: self._center.lowest_on(peaks, ways), self._rule)

    def _steps_at(self, peaks: np.ndarray) -> np.ndarray:
        """(2, N) offsets of the cells that are peaks, in cells."""
        width = self._cells_hw[1]
        wanted = peaks[:, 0] * width + peaks[:, 1]
        steps = np.zeros((2, len(peaks)), dtype=np.float32)
        for cells in self._parts():
            place = cells.places[:, 0] * width + cells.places[:, 1]
            at = np.searchsorted(wanted, place).clip(0, len(wanted) - 1)
            is_peak = wanted[at] == place
            steps[:, at[is_peak]] = cells.steps[:, is_peak]
        return steps

    def _give_cells_to_objects(self, number: np.ndarray, nearest: NearestPeaks) -> ObjectSums:
        """Write the object of each cell to disk, and add up the cells of each object.

        Args:
            number: (N,) 1..: of the peaks' objects.
            nearest: finds the peak nearest to where a cell points.
        """
        sums = ObjectSums(int(number.max(initial=0)), self._tree, self._stride)
        for part, cells in enumerate(self._parts()):
            owner = np.zeros(len(cells.places), np.int32)
            if len(number):
                owner = number[nearest(*follow(cells.places, cells.steps, self._cells_hw))].astype(np.int32)
            np.save(self._owner_path(part), owner)
            sums.add(cells, owner)
        return sums

    def _instance_cells(self, top: int, bottom: int) -> np.ndarray:
        """(bottom - top, w, stride * stride) int32: the numbers of objects in the pixels of some rows of cells."""
        band = np.zeros((bottom - top, self._cells_hw[1], self._stride * self._stride), dtype=np.int32)
        for part, (first, end) in enumerate(self._rows_of_parts):
            if first >= bottom or end <= top:
                continue
            cells, owner = ObjectCells.load(self._cells_path(part)), np.load(self._owner_path(part))
            inside = (cells.places[:, 0] >= top) & (cells.places[:, 0] < bottom)
            rows, columns = cells.places[inside].T
            band[rows - top, columns] = (
                bits_of(cells.pixels[inside], self._stride) * self._final_number[owner[inside], None]
            )
        return band
