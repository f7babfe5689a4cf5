"""Look up peaks in a centre map on disk, with the same results as for the whole map in memory.

In:  a centre map in parts, and a mask of the cells that may belong to an object.
Out: its peaks, the lowest value on lines between them, and the peak nearest to a cell.

`smalta.answers.grouping` computes the same for a whole map. Here each result is computed in a window, which grows until
nothing outside it can change the result.

Peaks are found band by band:

         whole map, W cells wide
        +------------------------+
        |                        |
        |                        |  first - blur_reach   read too, to smooth the rows below as on the whole map
        |- - - - - - - - - - - - |  first = top - margin ----+
        |  unseen: peak_radius   |                           |
        |. . . . . . . . . . . . |                           |
        |========================|  top                      |
        |  band of BAND rows     |                           |  window
        |========================|  bottom                   |
        |. . . . . . . . . . . . |                           |
        |  unseen: peak_radius   |                           |
        |- - - - - - - - - - - - |  last = bottom + margin --+
        |                        |  last + blur_reach
        +------------------------+

1. A value of the smoothed map depends on rows within `blur_reach`. They are read too, so a window's values are exact.
2. A top is a cell without a higher cell within `peak_radius`. In the outermost `peak_radius` rows of a window that
   does not end with the map, some neighbours are unseen, so a cell may look like a top there without being one.
3. A flat top is one peak, in its middle. So the window must contain all of it.
4. Among equal tops within `peak_radius`, the first one counts. So tops that close to the band must be exact too.
5. The window is large enough if no top of the band, or within `peak_radius` of it, is joined to an unseen row.
   Otherwise the margin doubles, at most up to the whole map, which has no unseen rows.

The nearest peak is looked up window by window, for the cells of BAND x BAND squares and a margin on all four sides:

6. The distance of `grouping` is at least the distance along either axis.
7. So a peak inside the window that is nearer than the first row or column outside it is the nearest of all. If that
   does not hold for every requested cell, the margin doubles. The whole map has nothing outside it.

Must not know: networks, class trees, pixels.
"""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import cv2
import numpy as np

from smalta.answers.grouping import GroupingRule, Lines, distances_to_peaks, find_peaks, find_tops, lowest_on, smooth
from smalta.inference.row_file import RowFile

BAND = 256  # cells: rows of a band, and the side of a square
MARGIN = 32  # cells around them at first


class CenterMap:
    """The centre map of one picture, on disk.

    Args:
        folder: for its two files.
        rule: defines the smoothing and the peaks.
        cells_hw: of the map.
    """

    def __init__(self, folder: Path, rule: GroupingRule, cells_hw: tuple[int, int]) -> None:
        self._rule, self._height = rule, cells_hw[0]
        self._center = RowFile(folder / "center", cells_hw, np.float32)
        self._used = RowFile(folder / "used", cells_hw, np.uint8)

    def write(self, top: int, left: int, center: np.ndarray, used: np.ndarray) -> None:
        """Keep a part.

        Args:
            top, left: where it begins, cells.
            center: (h, w) float32.
            used: (h, w) bool: which cells may belong to an object.
        """
        self._center.write(top, left, center)
        self._used.write(top, left, used)

    def peaks(self) -> tuple[np.ndarray, np.ndarray]:
        """(N, 2) int64 rows and columns of all peaks in reading order, and (N,) float32 their heights."""
        bands = [self._peaks_of(top, min(top + BAND, self._height)) for top in range(0, self._height, BAND)]
        peaks, heights = zip(*bands, strict=True)
        return np.concatenate(peaks), np.concatenate(heights)

    def lowest_on(self, peaks: np.ndarray, ways: Lines) -> np.ndarray:
        """(L,) least value of the smoothed map on each line between peaks (N, 2)."""
        lowest = np.zeros(len(ways.begin), dtype=np.float32)
        begin, end = peaks[ways.begin, 0], peaks[ways.end, 0]
        for band in np.unique(begin // BAND):  # lines are short: a band and a few rows around it hold them
            here = np.flatnonzero(begin // BAND == band)
            first = int(min(begin[here].min(), end[here].min()))
            last = int(max(begin[here].max(), end[here].max()))
            lowest[here] = lowest_on(self._smooth(first, last + 1), peaks - np.array([first, 0]), ways[here])
        return lowest

    def _peaks_of(self, top: int, bottom: int) -> tuple[np.ndarray, np.ndarray]:
        """Peaks of the band of rows top..bottom, and their heights."""
        for first, last in _growing(top, bottom, self._height):
            center = self._smooth(first, last)
            band = slice(top - first, bottom - first)
            if _tops_are_whole(center, self._rule, band, above=first > 0, below=last < self._height):
                break
        peaks = find_peaks(center, self._rule.min_center, self._rule.peak_radius)
        peaks = peaks[(peaks[:, 0] >= band.start) & (peaks[:, 0] < band.stop)]
        return peaks + np.array([first, 0]), center[peaks[:, 0], peaks[:, 1]]

    def _smooth(self, first: int, last: int) -> np.ndarray:
        """Rows of the smoothed map, 0 where no pixel may belong to an object."""
        reach = self._rule.blur_reach
        above, below = max(first - reach, 0), min(last + reach, self._height)
        quiet = smooth(self._center.read(above, below), self._rule.smoothing)[first - above : last - above]
        return np.where(self._used.read(first, last) > 0, quiet, 0)


class NearestPeaks:
    """Finds the peak nearest to a cell, as `smalta.answers.grouping.nearest_peak` does for the whole map.

    Args:
        peaks: (N, 2) in reading order, at least one.
        cells_hw: of the whole map.
    """

    def __init__(self, peaks: np.ndarray, cells_hw: tuple[int, int]) -> None:
        self._peaks, self._cells_hw = peaks, cells_hw

    def __call__(self, rows: np.ndarray, columns: np.ndarray) -> np.ndarray:
        """(M,) indices into `peaks` for (M,) rows and columns of cells."""
        found = np.zeros(len(rows), dtype=np.int64)
        squares = (rows // BAND) * (-(-self._cells_hw[1] // BAND)) + columns // BAND
        order = np.argsort(squares, kind="stable")
        for chosen in np.split(order, np.flatnonzero(np.diff(squares[order])) + 1):
            if len(chosen):
                found[chosen] = self._of_square(rows[chosen], columns[chosen])
        return found

    def _of_square(self, rows: np.ndarray, columns: np.ndarray) -> np.ndarray:
        """The same for cells close to each other."""
        height, width = self._cells_hw
        tall = _growing(int(rows.min()), int(rows.max()) + 1, height)
        wide = _growing(int(columns.min()), int(columns.max()) + 1, width)
        for (top, bottom), (left, right) in zip(tall, wide, strict=False):  # both are endless
            places = self._inside(top, bottom, left, right)
            if len(places) == 0:
                continue
            away, nearest = distances_to_peaks((bottom - top, right - left), self._peaks[places] - [top, left])
            to_outside = np.minimum(_to_outside(rows, top, bottom, height), _to_outside(columns, left, right, width))
            if (away[rows - top, columns - left] < to_outside).all():
                break
        return places[nearest[rows - top, columns - left]]

    def _inside(self, top: int, bottom: int, left: int, right: int) -> np.ndarray:
        """Rising indices of the peaks in a window."""
        first, last = np.searchsorted(self._peaks[:, 0], [top, bottom])
        columns = self._peaks[first:last, 1]
        return first + np.flatnonzero((columns >= left) & (columns < right))


def _growing(begin: int, end: int, length: int) -> Iterator[tuple[int, int]]:
    """begin..end with an ever larger margin, within 0..length."""
    margin = MARGIN
    while True:
        yield max(begin - margin, 0), min(end + margin, length)
        margin *= 2


def _tops_are_whole(center: np.ndarray, rule: GroupingRule, band: slice, *, above: bool, below: bool) -> bool:
    """Whether no top that matters for a band of a window's rows is joined to an unseen row (sentences 2 to 5 above).

    Args:
        center: (h, W) the window, smoothed.
        rule: defines a top.
        band: its rows in the window.
        above, below: whether the map continues beyond the window's first and last row.
    """
    radius = rule.peak_radius
    tops = find_tops(center, rule.min_center, radius).astype(np.uint8)
    rows = np.arange(len(tops))
    unseen = (above & (rows < radius)) | (below & (rows >= len(tops) - radius))
    if not tops[unseen].any():
        return True
    _, labels = cv2.connectedComponents(tops, connectivity=8)
    matters = labels[max(band.start - radius, 0) : band.stop + radius]
    return not np.intersect1d(labels[unseen][labels[unseen] > 0], matters).size


def _to_outside(places: np.ndarray, begin: int, end: int, length: int) -> np.ndarray:
    """(M,) cells to the first one outside begin..end along an axis; infinite if that is all of 0..length."""
    before = np.where(begin > 0, places - begin + 1, np.inf)
    after = np.where(end < length, end - places, np.inf)
    return np.minimum(before, after)
