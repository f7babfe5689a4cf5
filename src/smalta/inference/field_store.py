"""Keep on the disk what objects of a large picture are made of, and make them: the same as of the whole picture.

In:  fields of parts of a picture that lie beside each other, in any order.
Out: `Objects` without an instance map; the instance map in bands of rows.

Kept are the centre map, and of the cells (stride x stride pixels) that may belong to an object which of their pixels
may, their offset, and sums of probabilities: `smalta.answers.grouping.group` gives all such pixels of a cell to one
object, so sums per object follow from sums per cell. What `group` looks up in the whole map is looked up in a window
here that grows until nothing outside it could change the answer: a flat top must end inside it, and the nearest peak
must be nearer than its edge.

Must not know: networks, formats of files.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import cv2
import numpy as np

from smalta.answers.fields import CENTER, OFFSETS, SEMANTIC, attribute_field
from smalta.answers.grouping import (
    GroupingRule,
    Lines,
    distances_to_peaks,
    find_peaks,
    find_tops,
    follow,
    judge,
    lowest_on,
    numbered,
    smooth,
    sum_per_cell,
)
from smalta.answers.objects import Objects
from smalta.classes import ClassTree

BAND = 256  # cells: rows that are worked on at a time, and the side of a window
MARGIN = 32  # cells around them to begin with


@dataclass(frozen=True, slots=True, kw_only=True)
class _Part:
    """Cells of one part that may belong to an object.

    Attributes:
        cells: (N, 2) rows and columns on the whole map.
        pixels: (N,) uint16: bit `stride * y + x` says whether the cell's pixel (y, x) may.
        steps: (2, N) float32 offsets in cells.
        sums: (N, 1 + T + V) float32 over those pixels: P(thing), of each thing, of the values of all attributes.
    """

    cells: np.ndarray
    pixels: np.ndarray
    steps: np.ndarray
    sums: np.ndarray


class FieldStore:
    """Fields of one picture on the disk.

    Args:
        folder: an empty one; whoever made it removes it.
        tree: the classes.
        rule: when pixels are an object.
        size_hw: of the picture, pixels.
        stride: of the centre map.
    """

    def __init__(
        self, folder: Path, tree: ClassTree, rule: GroupingRule, size_hw: tuple[int, int], stride: int
    ) -> None:
        self._folder, self._tree, self._rule, self._size_hw, self._stride = folder, tree, rule, size_hw, stride
        height, width = size_hw
        self._cells_hw = (-(-height // stride), -(-width // stride))
        self._center = RowFile(folder / "center", self._cells_hw, np.float32)
        self._used = RowFile(folder / "used", self._cells_hw, np.uint8)
        self._rows: list[tuple[int, int]] = []  # of each part, in cells
        self._numbers = np.zeros(1, np.int32)  # final number by number of the joined peak
        self._is_thing = tree.is_thing[list(tree.leaves)]

    def add(self, fields: Mapping[str, np.ndarray], y: int, x: int) -> None:
        """Keep the fields of a part.

        Args:
            fields: as `smalta.answers.fields` lists them, without a first axis for pictures.
            y, x: where the part begins, pixels; multiples of the stride.
        """
        stride = self._stride
        things = fields[SEMANTIC][self._is_thing]
        thing = things.sum(axis=0)
        cells_hw = fields[CENTER].shape[1:]
        mask = thing >= self._rule.min_thing
        masked = np.zeros((cells_hw[0] * stride, cells_hw[1] * stride), dtype=bool)
        masked[: thing.shape[0], : thing.shape[1]] = mask
        by_cell = _cells_of(masked, stride)
        found = np.argwhere(by_cell.any(axis=2))
        places = (found[:, 0], found[:, 1])
        planes = [thing, *things, *(v for a in self._tree.attributes for v in fields[attribute_field(a.name)])]
        sums = np.empty((len(found), len(planes)), dtype=np.float32)
        for k, plane in enumerate(planes):
            sums[:, k] = sum_per_cell(plane * mask, stride, cells_hw)[places]
        top, left = y // stride, x // stride
        part = _Part(
            cells=found + np.array([top, left]),
            pixels=(by_cell[places] << np.arange(stride * stride)).sum(axis=1).astype(np.uint16),
            steps=fields[OFFSETS][:, places[0], places[1]] / stride,
            sums=sums,
        )
        np.savez(self._path(len(self._rows)), **{name: getattr(part, name) for name in _Part.__slots__})
        self._rows.append((top, top + cells_hw[0]))
        self._center.write(top, left, fields[CENTER][0])
        self._used.write(top, left, np.asarray(by_cell.any(axis=2)))

    def objects(self, **decoding: Any) -> Objects:
        """Make the objects, once all parts are there; the arguments are those of `Objects.from_means`."""
        peaks, heights = self._peaks()
        nearest = _Nearest(peaks, self._cells_hw)
        number = np.zeros(0, np.int64)
        if len(peaks):
            steps = self._steps_at(peaks)
            to = nearest(*follow(peaks, steps, self._cells_hw))
            number = numbered(peaks, heights, to, lambda ways: self._lowest(peaks, ways), self._rule)
        n = int(number.max(initial=0))
        measured = _Measured(n, self._part(0).sums.shape[1] if self._rows else 1, self._stride)
        for k in range(len(self._rows)):
            part = self._part(k)
            owner = np.zeros(len(part.cells), np.int32)
            if n:
                owner = number[nearest(*follow(part.cells, part.steps, self._cells_hw))].astype(np.int32)
            np.save(self._folder / f"owner{k}.npy", owner)
            measured.add(part, owner)
        self._numbers, scores = judge(measured.areas, measured.sums[:, 0], heights, number, self._rule)
        kept = np.flatnonzero(self._numbers)
        return measured.objects(kept, self._tree, scores, **decoding)

    def instances(self) -> Iterator[np.ndarray]:
        """The instance map, (some rows, W) int32 at a time, from top to bottom; after `objects`."""
        height, width = self._size_hw
        stride = self._stride
        for top in range(0, self._cells_hw[0], BAND // stride):
            bottom = min(top + BAND // stride, self._cells_hw[0])
            band = np.zeros((bottom - top, self._cells_hw[1], stride * stride), dtype=np.int32)
            for k, (first, last) in enumerate(self._rows):
                if first >= bottom or last <= top:
                    continue
                part, owner = self._part(k), np.load(self._folder / f"owner{k}.npy")
                inside = (part.cells[:, 0] >= top) & (part.cells[:, 0] < bottom)
                cells = part.cells[inside]
                bits = (part.pixels[inside, None] >> np.arange(stride * stride)) & 1
                band[cells[:, 0] - top, cells[:, 1]] = bits * self._numbers[owner[inside], None]
            by_pixel = band.reshape(*band.shape[:2], stride, stride).swapaxes(1, 2)
            pixels = by_pixel.reshape((bottom - top) * stride, self._cells_hw[1] * stride)
            yield pixels[: min(height - top * stride, len(pixels)), :width]

    def _path(self, k: int) -> Path:
        return self._folder / f"part{k}.npz"

    def _part(self, k: int) -> _Part:
        with np.load(self._path(k)) as arrays:
            return _Part(**{name: arrays[name] for name in _Part.__slots__})

    def _peaks(self) -> tuple[np.ndarray, np.ndarray]:
        """(N, 2) peaks in reading order, and (N,) how high they are."""
        found = [
            self._peaks_between(top, min(top + BAND, self._cells_hw[0])) for top in range(0, self._cells_hw[0], BAND)
        ]
        peaks, heights = zip(*found, strict=True)
        return np.concatenate(peaks), np.concatenate(heights)

    def _peaks_between(self, top: int, bottom: int) -> tuple[np.ndarray, np.ndarray]:
        height = self._cells_hw[0]
        margin = MARGIN
        while True:
            first, last = max(top - margin, 0), min(bottom + margin, height)
            center = self._smooth(first, last)
            if _tops_end_inside(center, self._rule, top - first, bottom - first, (first > 0, last < height)):
                peaks = find_peaks(center, self._rule.min_center, self._rule.peak_radius)
                peaks = peaks[(peaks[:, 0] >= top - first) & (peaks[:, 0] < bottom - first)]
                return peaks + np.array([first, 0]), center[peaks[:, 0], peaks[:, 1]]
            margin *= 2

    def _smooth(self, first: int, last: int) -> np.ndarray:
        """Rows of the smoothed centre map, 0 where no pixel may belong to an object."""
        reach = self._rule.blur_reach
        above, below = max(first - reach, 0), min(last + reach, self._cells_hw[0])
        quiet = smooth(self._center.read(above, below), self._rule.smoothing)[first - above : last - above]
        return np.where(self._used.read(first, last) > 0, quiet, 0)

    def _lowest(self, peaks: np.ndarray, ways: Lines) -> np.ndarray:
        """(L,) least value of the smoothed centre map on each line."""
        lowest = np.zeros(len(ways.begin), dtype=np.float32)
        begin, end = peaks[ways.begin, 0], peaks[ways.end, 0]
        for band in np.unique(begin // BAND):  # a line is short, so a band of rows and what lies around it hold it
            here = np.flatnonzero(begin // BAND == band)
            first = int(min(begin[here].min(), end[here].min()))
            last = int(max(begin[here].max(), end[here].max()))
            lowest[here] = lowest_on(self._smooth(first, last + 1), peaks - np.array([first, 0]), ways[here])
        return lowest

    def _steps_at(self, peaks: np.ndarray) -> np.ndarray:
        """(2, N) offsets of the cells that are peaks, in cells."""
        width = self._cells_hw[1]
        wanted = peaks[:, 0] * width + peaks[:, 1]
        steps = np.zeros((2, len(peaks)), dtype=np.float32)
        for k in range(len(self._rows)):
            part = self._part(k)
            place = part.cells[:, 0] * width + part.cells[:, 1]
            at = np.searchsorted(wanted, place).clip(0, len(wanted) - 1)
            is_peak = wanted[at] == place
            steps[:, at[is_peak]] = part.steps[:, is_peak]
        return steps


class RowFile:
    """A map on the disk, written in parts and read in rows.

    Args:
        path: of the file.
        size_hw: of the map.
        dtype: of its values.
    """

    def __init__(self, path: Path, size_hw: tuple[int, int], dtype: Any) -> None:
        self._path, self._width, self._dtype = path, size_hw[1], np.dtype(dtype)
        with path.open("wb") as file:
            file.truncate(size_hw[0] * size_hw[1] * self._dtype.itemsize)

    def write(self, y: int, x: int, values: np.ndarray) -> None:
        """Put an array (h, w) at a place."""
        with self._path.open("r+b") as file:
            for k, row in enumerate(np.ascontiguousarray(values, self._dtype)):
                file.seek(((y + k) * self._width + x) * self._dtype.itemsize)
                file.write(row.tobytes())

    def read(self, y0: int, y1: int) -> np.ndarray:
        """(y1 - y0, W) rows."""
        offset = y0 * self._width * self._dtype.itemsize
        values = np.fromfile(self._path, self._dtype, (y1 - y0) * self._width, offset=offset)
        return values.reshape(y1 - y0, self._width)


def _cells_of(plane: np.ndarray, stride: int) -> np.ndarray:
    """(h * stride, w * stride) -> (h, w, stride * stride)."""
    height, width = plane.shape[0] // stride, plane.shape[1] // stride
    cells = plane.reshape(height, stride, width, stride).swapaxes(1, 2)
    return cells.reshape(height, width, stride * stride)


def _tops_end_inside(center: np.ndarray, rule: GroupingRule, top: int, bottom: int, goes_on: tuple[bool, bool]) -> bool:
    """Whether no flat top that matters for rows top..bottom reaches rows that the window has not seen whole."""
    radius = rule.peak_radius
    tops = find_tops(center, rule.min_center, radius).astype(np.uint8)
    rows = np.arange(len(tops))
    unseen = (goes_on[0] & (rows < radius)) | (goes_on[1] & (rows >= len(tops) - radius))
    if not tops[unseen].any():
        return True
    _, labels = cv2.connectedComponents(tops, connectivity=8)
    matters = labels[max(top - radius, 0) : bottom + radius]
    return not np.intersect1d(labels[unseen][labels[unseen] > 0], matters).size


class _Nearest:
    """Which peak is nearest to a cell, as `smalta.answers.grouping.nearest_peak` says it for the whole map.

    Args:
        peaks: (N, 2) in reading order.
        cells_hw: of the whole map.
    """

    def __init__(self, peaks: np.ndarray, cells_hw: tuple[int, int]) -> None:
        self._peaks, self._cells_hw = peaks, cells_hw

    def __call__(self, rows: np.ndarray, columns: np.ndarray) -> np.ndarray:
        """(M,) places in `peaks` for (M,) rows and columns of cells."""
        found = np.zeros(len(rows), dtype=np.int64)
        windows = (rows // BAND) * (-(-self._cells_hw[1] // BAND)) + columns // BAND
        order = np.argsort(windows, kind="stable")
        for chosen in np.split(order, np.flatnonzero(np.diff(windows[order])) + 1):
            if len(chosen):
                found[chosen] = self._in_window(rows[chosen], columns[chosen])
        return found

    def _in_window(self, rows: np.ndarray, columns: np.ndarray) -> np.ndarray:
        height, width = self._cells_hw
        margin = MARGIN
        while True:
            top, bottom = max(int(rows.min()) - margin, 0), min(int(rows.max()) + margin + 1, height)
            left, right = max(int(columns.min()) - margin, 0), min(int(columns.max()) + margin + 1, width)
            first, last = np.searchsorted(self._peaks[:, 0], [top, bottom])
            inside = (self._peaks[first:last, 1] >= left) & (self._peaks[first:last, 1] < right)
            places = first + np.flatnonzero(inside)
            margin *= 2
            if len(places) == 0:
                continue
            away, nearest = distances_to_peaks((bottom - top, right - left), self._peaks[places] - [top, left])
            to_edge = np.minimum.reduce(
                [
                    np.where(top > 0, rows - top + 1, np.inf),
                    np.where(bottom < height, bottom - rows, np.inf),
                    np.where(left > 0, columns - left + 1, np.inf),
                    np.where(right < width, right - columns, np.inf),
                ]
            )
            if (away[rows - top, columns - left] < to_edge).all():
                return places[nearest[rows - top, columns - left]]


class _Measured:
    """Sums over the pixels of N objects, gathered part by part; entry 0 is of no object."""

    def __init__(self, n: int, n_sums: int, stride: int) -> None:
        self._stride = stride
        patterns = np.arange(2 ** (stride * stride), dtype=np.uint32)
        bits = (patterns[:, None] >> np.arange(stride * stride)) & 1 == 1
        y, x = np.divmod(np.arange(stride * stride), stride)
        self._count, self._y, self._x = bits.sum(axis=1), bits @ y, bits @ x
        # first and last row and column with a pixel, by pattern
        self._first = [np.where(bits, axis, stride).min(axis=1) for axis in (y, x)]
        self._last = [np.where(bits, axis, -1).max(axis=1) for axis in (y, x)]
        self.areas = np.zeros(n + 1, dtype=np.int64)
        self.sums = np.zeros((n + 1, n_sums))
        self._places = np.zeros((n + 1, 2))
        self._low = np.full((n + 1, 2), np.iinfo(np.int64).max)
        self._high = np.zeros((n + 1, 2), dtype=np.int64)

    def add(self, part: _Part, owner: np.ndarray) -> None:
        """Add a part whose cells belong to these objects."""
        size = len(self.areas)
        count = self._count[part.pixels]
        self.areas += np.bincount(owner, count, size).astype(np.int64)
        for k, values in enumerate(part.sums.T):
            self.sums[:, k] += np.bincount(owner, values, size)
        for k, inner in enumerate((self._y, self._x)):
            begin = part.cells[:, k] * self._stride
            self._places[:, k] += np.bincount(owner, begin * count + inner[part.pixels], size)
            np.minimum.at(self._low[:, k], owner, begin + self._first[k][part.pixels])
            np.maximum.at(self._high[:, k], owner, begin + self._last[k][part.pixels] + 1)

    def objects(self, kept: np.ndarray, tree: ClassTree, scores: np.ndarray, **decoding: Any) -> Objects:
        """The objects with these numbers."""
        areas = self.areas[kept]
        means = self.sums[kept] / areas[:, None]
        n_things = int(np.count_nonzero(tree.is_thing[list(tree.leaves)]))
        values = means[:, 1 + n_things :].astype(np.float32)
        boxes = [self._low[kept, 1], self._low[kept, 0], self._high[kept, 1], self._high[kept, 0]]
        return Objects.from_means(
            tree,
            means[:, 1 : 1 + n_things],
            scores,
            instances=np.zeros((0, 0), dtype=np.int32),
            areas=areas,
            boxes_xyxy=np.stack(boxes, axis=1),
            centroids_yx=self._places[kept] / areas[:, None],
            attributes={a.name: values[:, a.start : a.stop] for a in tree.attributes},
            **decoding,
        )
