"""From dense fields to objects: peaks of the centre map are objects, and every pixel joins the peak that it points to.

In:  foreground probability P(thing) per pixel, a centre map and offsets at the network's stride.
Out: an instance map and a score per object.

numpy and OpenCV, no loop over pixels or objects. Must not know: networks, class trees, files.

The method is bottom-up panoptic segmentation (Cheng et al. 2020, Panoptic-DeepLab) with three additions:

- A peak whose own offset points to a higher peak belongs to the same object and is merged into it.
- Peaks that a ridge of the centre map connects are merged too: between two objects the centre map falls.
- A distance transform with labels gives the nearest centre of every cell at once. So the time does not grow with the
  number of objects.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping
from dataclasses import asdict, dataclass
from typing import Any, Self

import cv2
import numpy as np
from scipy.spatial import cKDTree

from smalta.errors import ConfigError, ShapeError
from smalta.system.records import read_record

SMOOTHING = 0.7  # cells
MOST_SMOOTHING = 16.0  # cells
RIDGE = 0.8  # of a peak's height
NO_RIDGE = 1.0  # of a peak's height: peaks are not merged along ridges
NEIGHBOURS = 8  # nearest peaks to which a ridge may lead
FURTHEST = 128  # cells; a ridge leads to no peak further away
STEPS = 33  # sampled cells of a line: all of a short one, every fourth of the longest
LINES_AT_ONCE = 2**15  # bounds the memory to 17 MB of rows and columns


@dataclass(frozen=True, slots=True, kw_only=True)
class GroupingRule:
    """When pixels are an object, and how much a class of stuff must cover; chosen on validation pictures.

    Attributes:
        min_thing: least foreground probability P(thing), summed over all things, of a pixel of an object.
        min_center: least peak of the smoothed centre map for an object.
        min_score: least score of an object.
        min_area: least pixels of an object.
        smoothing: standard deviation of the Gaussian that smooths the centre map, in its cells. If objects are large,
            or training had few of them, the map has several peaks per object and needs a larger value.
        ridge: a peak is merged into a higher one if the smoothed centre map on the straight line between them never
            falls below this share of the lower peak's height; 1 for never.
        min_stuff: by class id, least share of a picture that a class of stuff covers in a panoptic answer; empty for
            no limits.
    """

    min_thing: float = 0.5
    min_center: float = 0.1
    min_score: float = 0.0
    min_area: int = 1
    smoothing: float = SMOOTHING
    ridge: float = RIDGE
    min_stuff: tuple[float, ...] = ()

    def __post_init__(self) -> None:
        for name in ("min_thing", "min_center", "min_score", "ridge"):
            if not 0 <= getattr(self, name) <= 1:
                raise ConfigError(f"{name} must be in [0, 1], got {getattr(self, name)}")
        if self.min_area < 1:
            raise ConfigError(f"min_area must be at least 1 pixel, got {self.min_area}")
        if not 0 < self.smoothing <= MOST_SMOOTHING:
            raise ConfigError(f"smoothing must be above 0 and at most {MOST_SMOOTHING:g} cells, got {self.smoothing}")
        if not all(0 <= share <= 1 for share in self.min_stuff):
            raise ConfigError(f"min_stuff must be shares in [0, 1], got {self.min_stuff}")

    @property
    def peak_radius(self) -> int:
        """Cells of the centre map within which one peak suppresses lower ones."""
        return max(2, round(2 * self.smoothing))

    @property
    def blur_reach(self) -> int:
        """Reach of the smoothing, in cells."""
        return math.ceil(4 * self.smoothing) + 1

    @classmethod
    def from_dict(cls, values: Mapping[str, Any]) -> Self:
        """Build from parsed JSON.

        Raises:
            ConfigError: if a key is unknown, or a value is not allowed.
        """
        return read_record(cls, values, what="the grouping rule", fix="train or export the model again")

    def to_dict(self) -> dict[str, Any]:
        """The rule as plain data."""
        return asdict(self)


def group(
    thing: np.ndarray, center: np.ndarray, offsets: np.ndarray, rule: GroupingRule
) -> tuple[np.ndarray, np.ndarray]:
    """Group pixels into objects.

    Args:
        thing: (H, W) float foreground probability P(thing).
        center: (h, w) float32 in 0..1, high near the middle of objects; h = ceil(H / stride), stride 1, 2 or 4.
        offsets: (2, h, w) float32 (dy, dx) in pixels of the picture, from a cell to its object's centre.
        rule: thresholds.

    Returns:
        (H, W) int32 instance map, 0 = no object, 1..N in reading order of the centres, and (N,) float32 scores: the
        peak of the smoothed centre map times the mean P(thing) of the object's pixels.

    Raises:
        ShapeError: if the fields do not fit each other.
    """
    stride = _stride(thing.shape, center.shape)
    if offsets.shape != (2, *center.shape):
        raise ShapeError(f"offsets must be {(2, *center.shape)} like the centre map, got {offsets.shape}")
    mask = thing >= rule.min_thing
    pixels, totals = (sum_per_cell(plane, stride, center.shape) for plane in (mask, thing * mask))
    coarse, scores = group_cells(pixels, totals, center, offsets, stride, rule)
    full = cv2.resize(coarse, (stride * coarse.shape[1], stride * len(coarse)), interpolation=cv2.INTER_NEAREST)
    return full[: thing.shape[0], : thing.shape[1]] * mask, scores


def group_cells(
    pixels: np.ndarray, totals: np.ndarray, center: np.ndarray, offsets: np.ndarray, stride: int, rule: GroupingRule
) -> tuple[np.ndarray, np.ndarray]:
    """The objects of `group` on cells: (h, w) int32 numbers, and scores.

    Args:
        pixels: (h, w) float32: how many pixels of each cell may belong to an object.
        totals: (h, w) float32: sums of P(thing) over these pixels.
        center, offsets, rule: as for `group`.
        stride: side of a cell, pixels.
    """
    cells = pixels > 0
    center = np.where(cells, smooth(center, rule.smoothing), 0)
    peaks = find_peaks(center, rule.min_center, rule.peak_radius)
    if len(peaks) == 0:
        return np.zeros(center.shape, dtype=np.int32), np.zeros(0, dtype=np.float32)
    nearest = nearest_peak(center.shape, peaks)
    heights = center[peaks[:, 0], peaks[:, 1]]
    to = nearest[follow(peaks, offsets[:, peaks[:, 0], peaks[:, 1]] / stride, center.shape)]
    number = numbered(peaks, heights, to, lambda ways: lowest_on(center, peaks, ways), rule)
    used = np.flatnonzero(cells)
    steps = offsets.reshape(2, -1).take(used, axis=1) / stride
    target = follow(np.stack(np.unravel_index(used, cells.shape), axis=1), steps, center.shape)
    owner = number[nearest[target]]
    areas = np.bincount(owner, pixels.take(used), number.max() + 1).astype(np.int64)
    sums = np.bincount(owner, totals.take(used), number.max() + 1)
    renumbered, scores = judge(areas, sums, heights, number, rule)
    coarse = np.zeros(center.shape, dtype=np.int32)
    coarse[cells] = renumbered[owner]
    return coarse, scores


def smooth(center: np.ndarray, deviation: float) -> np.ndarray:
    """A smoothed centre map (h, w), rounded to steps of 1/1024, so that a flat top stays flat."""
    quiet = cv2.GaussianBlur(center.astype(np.float32, copy=False), (0, 0), deviation)
    return np.rint(quiet * 1024) / np.float32(1024)


def _stride(size_hw: tuple[int, ...], cells_hw: tuple[int, ...]) -> int:
    for stride in (1, 2, 4):
        if tuple(-(-side // stride) for side in size_hw) == tuple(cells_hw):
            return stride
    raise ShapeError(f"the centre map of a picture of {size_hw} must have stride 1, 2 or 4, got the shape {cells_hw}")


def sum_per_cell(plane: np.ndarray, stride: int, cells_hw: tuple[int, ...]) -> np.ndarray:
    """(h, w) float32: sums over the stride x stride pixels of each cell of a plane (H, W)."""
    padded = np.zeros((cells_hw[0] * stride, cells_hw[1] * stride), dtype=np.float32)
    padded[: plane.shape[0], : plane.shape[1]] = plane
    if stride == 1:
        return padded
    return cv2.resize(padded, cells_hw[::-1], interpolation=cv2.INTER_AREA) * np.float32(stride * stride)


def find_peaks(center: np.ndarray, least: float, radius: int) -> np.ndarray:
    """(N, 2) int64 row and column of local maxima, in reading order; a flat top is one peak.

    Args:
        center: (h, w) float32.
        least: least value of a peak; 0 is never a peak.
        radius: cells; within it only the highest peak counts, of equal ones the first in reading order.
    """
    tops = find_tops(center, least, radius)
    rows, columns = np.nonzero(tops)
    if len(rows) == 0:
        return np.zeros((0, 2), dtype=np.int64)
    # the peak of a flat top is the cell nearest to its middle
    count, labels = cv2.connectedComponents(tops.astype(np.uint8), connectivity=8)
    if count - 1 < len(rows):
        of = labels[rows, columns] - 1
        # relative to the top's first cell, so that rounding breaks ties alike wherever the map begins
        begin = np.unique(of, return_index=True)[1][of]
        away = _from_mean(rows - rows[begin], of) ** 2 + _from_mean(columns - columns[begin], of) ** 2
        order = np.lexsort((away, of))
        chosen = np.sort(order[np.unique(of[order], return_index=True)[1]])
        rows, columns = rows[chosen], columns[chosen]
    # of equal tops that are near and not connected, the first counts
    first = np.zeros(center.shape, dtype=np.float64)
    first[rows, columns] = center.size - (rows * center.shape[1] + columns)
    alone = first[rows, columns] == cv2.dilate(first, _window(radius))[rows, columns]
    return np.stack([rows[alone], columns[alone]], axis=1)


def _from_mean(values: np.ndarray, of: np.ndarray) -> np.ndarray:
    return values - (np.bincount(of, values) / np.bincount(of))[of]


def find_tops(center: np.ndarray, least: float, radius: int) -> np.ndarray:
    """(h, w) bool: cells without a higher one within the radius; the arguments are those of `find_peaks`."""
    return (center == cv2.dilate(center, _window(radius))) & (center >= least) & (center > 0)


def _window(radius: int) -> np.ndarray:
    return np.ones((2 * radius + 1, 2 * radius + 1), np.uint8)


def nearest_peak(cells_hw: tuple[int, ...], peaks: np.ndarray) -> np.ndarray:
    """(h, w) int64: place in `peaks` of the peak nearest to each cell; see `distances_to_peaks`."""
    return distances_to_peaks(cells_hw, peaks)[1]


def distances_to_peaks(cells_hw: tuple[int, ...], peaks: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """The distance of each cell to its nearest peak, and which peak that is.

    Distances are sums of steps of 1, 1.4 and 2.1969, to cells beside, across and a knight's move away (Borgefors 1986).
    They are at least as long as the distance along either axis.

    Args:
        cells_hw: h and w.
        peaks: (N, 2) row and column, at least one.

    Returns:
        (h, w) float32 distances in cells, and (h, w) int64 places in `peaks`.
    """
    source = np.ones(cells_hw, dtype=np.uint8)
    source[peaks[:, 0], peaks[:, 1]] = 0
    away, labels = cv2.distanceTransformWithLabels(source, cv2.DIST_L2, 5, labelType=cv2.DIST_LABEL_PIXEL)
    place = np.zeros(labels.max() + 1, dtype=np.int64)
    place[labels[peaks[:, 0], peaks[:, 1]]] = np.arange(len(peaks))
    return away, place[labels]


def follow(cells: np.ndarray, steps: np.ndarray, cells_hw: tuple[int, ...]) -> tuple[np.ndarray, np.ndarray]:
    """The cells to which cells point, clipped to the map: (N,) rows and (N,) columns.

    Args:
        cells: (N, 2) rows and columns.
        steps: (2, N) cells.
        cells_hw: of the map.
    """
    targets = [
        np.rint(places + step).astype(np.int64).clip(0, side - 1)
        for places, step, side in zip(cells.T, steps, cells_hw, strict=True)
    ]
    return targets[0], targets[1]


@dataclass(frozen=True, slots=True)
class Lines:
    """Straight lines from peaks to higher ones.

    Attributes:
        begin: (L,) places of the lower peaks.
        end: (L,) places of the higher peaks; of equal peaks the first in reading order counts as the higher one.
        length: (L,) cells.
    """

    begin: np.ndarray
    end: np.ndarray
    length: np.ndarray

    def __getitem__(self, chosen: np.ndarray | slice) -> Lines:
        return Lines(self.begin[chosen], self.end[chosen], self.length[chosen])


def lines_to_higher(peaks: np.ndarray, heights: np.ndarray) -> Lines:
    """Lines from each peak to the higher ones among its `NEIGHBOURS` nearest peaks within `FURTHEST` cells."""
    count = min(NEIGHBOURS + 1, len(peaks))
    length, end = cKDTree(peaks).query(peaks, k=[*range(1, count + 1)], distance_upper_bound=FURTHEST)
    begin = np.arange(len(peaks)).repeat(count)
    length, end = length.ravel(), end.ravel()
    near = np.isfinite(length)
    begin, end, length = begin[near], end[near], length[near]
    rank = _ranks(heights)
    up = rank[end] > rank[begin]
    return Lines(begin[up], end[up], length[up])


def cells_on(peaks: np.ndarray, ways: Lines) -> tuple[np.ndarray, np.ndarray]:
    """(L, STEPS) rows and columns of cells on the lines, both ends included; rounded alike wherever the map begins."""
    share = np.linspace(0, 1, STEPS)
    begin, end = peaks[ways.begin], peaks[ways.end]
    rows, columns = (
        a[:, None] + np.rint((b - a)[:, None] * share).astype(np.int64) for a, b in zip(begin.T, end.T, strict=True)
    )
    return rows, columns


def lowest_on(center: np.ndarray, peaks: np.ndarray, ways: Lines) -> np.ndarray:
    """(L,) least value of a map (h, w) on each line; peaks (N, 2) are places of the map."""
    lowest = np.zeros(len(ways.begin), dtype=center.dtype)
    for start in range(0, len(lowest), LINES_AT_ONCE):
        part = slice(start, start + LINES_AT_ONCE)
        lowest[part] = center[cells_on(peaks, ways[part])].min(axis=1)
    return lowest


def numbered(
    peaks: np.ndarray,
    heights: np.ndarray,
    to: np.ndarray,
    lowest: Callable[[Lines], np.ndarray],
    rule: GroupingRule,
) -> np.ndarray:
    """(N,) 1..: number of the object to which each peak belongs.

    Args:
        peaks: (N, 2) in reading order, at least one.
        heights: (N,) of the peaks.
        to: (N,) place of the peak nearest to where each points.
        lowest: gives (L,) least values of the smoothed centre map on lines, 0 for lines that leave the foreground.
        rule: thresholds.
    """
    if rule.ridge < NO_RIDGE:
        ways = lines_to_higher(peaks, heights)
        to = along_ridges(to, heights, ways, lowest(ways), rule.ridge)
    return join(heights, to)


def along_ridges(to: np.ndarray, heights: np.ndarray, ways: Lines, lowest: np.ndarray, ridge: float) -> np.ndarray:
    """(N,) places of peaks: the nearest higher peak to which a ridge leads, otherwise `to`.

    Args:
        to: (N,) place of the peak to which each leads without a ridge.
        heights: (N,) of the peaks.
        ways: lines between them.
        lowest: (L,) least value of the smoothed centre map on each line, 0 for a line that leaves the foreground.
        ridge: as in `GroupingRule`.
    """
    found = np.flatnonzero(lowest >= ridge * heights[ways.begin])
    found = found[np.argsort(-ways.length[found], kind="stable")]
    to = to.copy()
    to[ways.begin[found]] = ways.end[found]  # the last one written counts: the nearest
    return to


def _ranks(heights: np.ndarray) -> np.ndarray:
    """(N,) int64 0..N - 1, rising with height; of equal peaks the first ranks highest."""
    ranks = np.empty(len(heights), dtype=np.int64)
    ranks[np.lexsort((-np.arange(len(heights)), heights))] = np.arange(len(heights))
    return ranks


def join(heights: np.ndarray, to: np.ndarray) -> np.ndarray:
    """(N,) 1..: number of the object to which each peak belongs; a peak that leads to a higher one is merged into it.

    Args:
        heights: (N,) of the peaks.
        to: (N,) place of the peak that each leads to.
    """
    own, rank = np.arange(len(heights)), _ranks(heights)
    to = np.where(rank[to] > rank, to, own)
    while True:  # ranks rise along the path, so it ends; each round halves the rest of the path
        further = to[to]
        if np.array_equal(further, to):
            break
        to = further
    return np.cumsum(to == own)[to]


def judge(
    areas: np.ndarray, totals: np.ndarray, heights: np.ndarray, number: np.ndarray, rule: GroupingRule
) -> tuple[np.ndarray, np.ndarray]:
    """Which objects satisfy the rule.

    Args:
        areas: (N + 1,) pixels; entry 0 is for pixels in no object.
        totals: (N + 1,) sums of P(thing).
        heights: of the peaks.
        number: of the peaks, 1..N.
        rule: thresholds.

    Returns:
        (N + 1,) int32 new numbers, 0 for no object, and (K,) float32 scores of the objects that are kept.
    """
    peak = np.zeros(len(areas))
    np.maximum.at(peak, number, heights)
    scores = np.clip(peak * totals / np.maximum(areas, 1), 0, 1)
    kept = (areas >= rule.min_area) & (scores >= rule.min_score)
    kept[0] = False
    return np.where(kept, np.cumsum(kept), 0).astype(np.int32), scores[kept].astype(np.float32)
