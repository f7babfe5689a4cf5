"""The connected regions of a class map: the area of every node, and the largest region of each.

In:  a class map, whole or in bands of rows from top to bottom.
Out: pixels by node, and for each node its largest region: area, box, length and width.

numpy and OpenCV. Must not know: probabilities, networks, files, what a region means.

A region is a set of pixels of a node, or of nodes below it, that touch at their sides or corners. Where two bands meet,
regions are joined, so bands give the same numbers as the whole map. What is kept of a region adds up over bands: its
area, its box, the steps of its edge, and the points of its convex hull.

Length and width are made for cracks and scratches:

- A region that fills at least half of its convex hull is not bent. Its length is its longest straight extent (the
  maximum Feret diameter), from the outer side of one pixel to the outer side of the other.
- Another region is a bent or branched ribbon. Its length is that of the rectangle with its area A and its perimeter P,
  L = (P + sqrt(P^2 - 16 A)) / 4: the ribbon length, or fibre length (Russ, "The Image Processing Handbook"). Branches
  add up. It is never below the straight extent.
- The width is area / length, a mean over the length.

The perimeter runs through the middles of the pixels at the edge, with 0.948 for a step along an axis and 1.340 for a
diagonal one (Kulpa 1977, "Area and perimeter measurement of blobs in discrete binary pictures"). Half a pixel on each
side is added for the rectangle.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import cv2
import numpy as np

from smalta.classes import ClassTree

AXIAL, DIAGONAL = 0.948, 1.340  # pixels: mean length of a step along the edge
FILLED = 0.5  # of the convex hull; from here on a region is not bent
BAND = 2**19  # pixels of a whole map that are worked on at a time

# steps of the edge in a window of 2 x 2 pixels, by 1 * upper left + 2 * upper right + 4 * lower left + 8 * lower right:
# two pixels side by side have one axial step, two at corners a diagonal step on either side, three one diagonal step
_AXIAL_STEPS = np.array([0, 0, 0, 1, 0, 1, 0, 0, 0, 0, 1, 0, 1, 0, 0, 0])
_DIAGONAL_STEPS = np.array([0, 0, 0, 0, 0, 0, 2, 1, 0, 2, 0, 1, 0, 1, 1, 0])


@dataclass(frozen=True, slots=True, kw_only=True)
class Region:
    """A connected region.

    Attributes:
        area: pixels.
        box_xyxy: pixels: left, top, and the first column and row outside.
        length: pixels; the module's docstring defines it.
        width: pixels, area / length.
    """

    area: int
    box_xyxy: tuple[int, int, int, int]
    length: float
    width: float


@dataclass(slots=True, kw_only=True)
class _Piece:
    """What is known of a region so far; all parts add up.

    Attributes:
        area: pixels.
        box: left, top, first column and row outside.
        steps: (2,) axial and diagonal steps of the edge.
        hull: (P, 2) points x, y whose convex hull is that of the region.
    """

    area: int
    box: tuple[int, int, int, int]
    steps: np.ndarray
    hull: np.ndarray

    def __add__(self, other: _Piece) -> _Piece:
        a, b = self.box, other.box
        points = np.concatenate([self.hull, other.hull])
        return _Piece(
            area=self.area + other.area,
            box=(min(a[0], b[0]), min(a[1], b[1]), max(a[2], b[2]), max(a[3], b[3])),
            steps=self.steps + other.steps,
            hull=cv2.convexHull(points)[:, 0],
        )

    @property
    def rank(self) -> tuple[int, int, int]:
        """Larger regions first, of equal ones the upper, then the left one."""
        return self.area, -self.box[1], -self.box[0]

    def region(self) -> Region:
        """What is measured of the whole region."""
        hull = cv2.convexHull(self.hull)[:, 0].astype(np.float64)
        straight = _longest_extent(hull)
        length = straight
        if self.area < FILLED * _filled_hull(hull):
            half = float(self.steps @ (AXIAL, DIAGONAL)) / 2 + 2  # length + width of the rectangle
            length = max(straight, (half + math.sqrt(max(half * half - 4 * self.area, 0.0))) / 2)
        return Region(area=self.area, box_xyxy=self.box, length=length, width=self.area / length)


class Regions:
    """Measures the regions of a class map that arrives in bands of rows: first `add` all bands, then read the rest.

    Args:
        tree: the classes.
        size_hw: of the map.

    Attributes:
        areas: (N + 1,) int64 pixels by node id of the rows that were added; a parent's includes its children's.
    """

    def __init__(self, tree: ClassTree, size_hw: tuple[int, int]) -> None:
        self._tree, self._size_hw = tree, size_hw
        self.areas = np.zeros(len(tree) + 1, dtype=np.int64)
        self._of_node: dict[int, _RegionsOfNode] = {}
        self._rows = 0

    @classmethod
    def of(cls, tree: ClassTree, classes: np.ndarray) -> Regions:
        """The regions of a whole map (H, W) of node ids."""
        height, width = classes.shape
        regions, rows = cls(tree, (height, width)), max(BAND // max(width, 1), 1)
        for top in range(0, height, rows):
            regions.add(classes[top : top + rows])
        return regions

    def add(self, band: np.ndarray) -> None:
        """Take the next rows (h, W) of node ids."""
        own = np.bincount(band.ravel(), minlength=len(self._tree) + 1)
        total = self._tree.roll_up(own)
        self.areas += total
        last = self._rows + len(band) >= self._size_hw[0]
        for node in (*np.flatnonzero(total[1:] > 0) + 1, *self._open_without(total)):
            inside = np.zeros(len(self._tree) + 1, dtype=np.uint8)
            inside[[node, *self._tree.descendants(int(node))]] = 1
            regions = self._of_node.setdefault(int(node), _RegionsOfNode(self._size_hw[1]))
            regions.add(inside[band], self._rows, last=last)
        self._rows += len(band)

    def _open_without(self, total: np.ndarray) -> list[int]:
        """Nodes that end with the last band."""
        return [node for node, regions in self._of_node.items() if regions.open and total[node] == 0]

    def largest(self) -> Mapping[int, Region]:
        """The region of the largest area by node id; of equal ones the upper one. Nodes without pixels are missing."""
        return {node: regions.largest.region() for node, regions in self._of_node.items() if regions.largest}


class _RegionsOfNode:
    """The regions of one node.

    Attributes:
        open: those that touch the last row of the rows so far.
        largest: of those that do not.
    """

    def __init__(self, width: int) -> None:
        self._row = np.zeros(width, dtype=np.int32)  # 1..: of the open regions in the last row, 0 = none
        self.open: list[_Piece] = []
        self.largest: _Piece | None = None

    def add(self, mask: np.ndarray, top: int, *, last: bool) -> None:
        """Take the next rows (h, W) uint8, 0 or 1, which begin at row `top`; `last` says that none follow."""
        count, labels, stats, _ = cv2.connectedComponentsWithStats(mask, connectivity=8, ltype=cv2.CV_32S)
        bottom = set() if last else set(np.unique(labels[-1]).tolist()) - {0}
        open_now: list[_Piece] = []
        row = np.zeros_like(self._row)
        grouped: set[int] = set()
        for before, labels_of in _joined(self._row, labels[0], len(self.open)):
            piece = self._piece(before, labels_of, labels, stats, top)
            grouped.update(labels_of)
            if bottom.intersection(labels_of):
                open_now.append(piece)
                row[np.isin(labels[-1], labels_of)] = len(open_now)
            else:
                self._close(piece)
        for label in sorted(bottom - grouped):
            open_now.append(self._piece((), (label,), labels, stats, top))
            row[labels[-1] == label] = len(open_now)
        closed = np.setdiff1d(np.arange(1, count), [*grouped, *bottom])
        if len(closed):
            areas = stats[closed, cv2.CC_STAT_AREA]
            if self.largest is None or areas.max() >= self.largest.area:
                equal = closed[areas == areas.max()]
                corners = stats[equal][:, [cv2.CC_STAT_LEFT, cv2.CC_STAT_TOP]]
                first = int(equal[np.lexsort(corners.T)[0]])
                self._close(self._piece((), (first,), labels, stats, top))
        self._row, self.open = row, open_now

    def _close(self, piece: _Piece) -> None:
        if self.largest is None or piece.rank > self.largest.rank:
            self.largest = piece

    def _piece(
        self, before: Sequence[int], labels_of: Sequence[int], labels: np.ndarray, stats: np.ndarray, top: int
    ) -> _Piece:
        """One region: open regions `before` joined with labels of this band."""
        pieces = [self.open[number - 1] for number in before]
        above = np.isin(self._row, before) if before else np.zeros(self._row.shape, dtype=bool)
        left = min([p.box[0] for p in pieces] + [int(stats[k, cv2.CC_STAT_LEFT]) for k in labels_of])
        right = max(
            [p.box[2] for p in pieces]
            + [int(stats[k, cv2.CC_STAT_LEFT] + stats[k, cv2.CC_STAT_WIDTH]) for k in labels_of]
        )
        low = min([int(stats[k, cv2.CC_STAT_TOP]) for k in labels_of], default=0)
        high = max([int(stats[k, cv2.CC_STAT_TOP] + stats[k, cv2.CC_STAT_HEIGHT]) for k in labels_of], default=0)
        first = 0 if before else low
        rows = labels[first:high, left:right]
        inside = rows == labels_of[0] if len(labels_of) == 1 else np.isin(rows, labels_of)
        edge = above[None, left:right] if before else np.zeros((1, right - left), dtype=bool)
        framed = np.concatenate([edge, inside])  # with the row above
        # below the last row of an open region the next band goes on
        framed = framed if high == len(labels) and labels_of else np.pad(framed, ((0, 1), (0, 0)))
        steps = _steps(np.pad(framed, ((0, 0), (1, 1))))
        new = _Piece(
            area=int(np.count_nonzero(inside)),
            box=(left, top + low, right, top + high) if labels_of else pieces[0].box,
            steps=steps,
            hull=_hull(inside, left, top + first) if labels_of else pieces[0].hull,
        )
        for piece in pieces:
            new = piece + new
        return new


def _joined(row: np.ndarray, first: np.ndarray, n_open: int) -> list[tuple[list[int], list[int]]]:
    """Groups of open regions of a row and labels of the next row that belong together, one for each open region."""
    width = len(row)
    pairs: set[tuple[int, int]] = set()
    for shift in (-1, 0, 1):
        above = row[max(-shift, 0) : width - max(shift, 0)]
        below = first[max(shift, 0) : width - max(-shift, 0)]
        both = (above > 0) & (below > 0)
        pairs.update(zip(above[both].tolist(), below[both].tolist(), strict=True))
    parent: dict[tuple[str, int], tuple[str, int]] = {("open", k): ("open", k) for k in range(1, n_open + 1)}

    def root(key: tuple[str, int]) -> tuple[str, int]:
        while parent.setdefault(key, key) != key:
            parent[key] = parent[parent[key]]
            key = parent[key]
        return key

    for number, label in sorted(pairs):
        parent[root(("new", label))] = root(("open", number))
    groups: dict[tuple[str, int], tuple[list[int], list[int]]] = {}
    for key in parent:
        group = groups.setdefault(root(key), ([], []))
        group[0 if key[0] == "open" else 1].append(key[1])
    return list(groups.values())


def _steps(mask: np.ndarray) -> np.ndarray:
    """(2,) axial and diagonal steps of the edge in all windows of 2 x 2 pixels."""
    m = mask.astype(np.uint8)
    windows = m[:-1, :-1] + 2 * m[:-1, 1:] + 4 * m[1:, :-1] + 8 * m[1:, 1:]
    kinds = np.bincount(windows.ravel(), minlength=16)
    return np.array([kinds @ _AXIAL_STEPS, kinds @ _DIAGONAL_STEPS])


def _hull(mask: np.ndarray, left: int, top: int) -> np.ndarray:
    """(P, 2) int32 points x, y of the convex hull of the true pixels' middles."""
    some = mask.any(axis=1)
    first = mask.argmax(axis=1)[some]
    last = mask.shape[1] - 1 - mask[:, ::-1].argmax(axis=1)[some]
    rows = np.flatnonzero(some)
    points = np.stack([np.concatenate([first, last]), np.concatenate([rows, rows])], axis=1).astype(np.int32)
    hull: np.ndarray = cv2.convexHull(points)[:, 0] + np.array([left, top], np.int32)
    return hull


def _longest_extent(hull: np.ndarray) -> float:
    """Pixels from the outer side of one pixel to that of the farthest one."""
    squared = ((hull[:, None] - hull[None]) ** 2).sum(axis=2)
    return math.sqrt(float(squared.max())) + 1


def _filled_hull(hull: np.ndarray) -> float:
    """Pixels in the hull of the middles, with half a pixel around it."""
    outline = np.roll(hull, -1, axis=0) - hull
    x, y = hull.T
    area = abs(float(x @ np.roll(y, -1) - y @ np.roll(x, -1))) / 2
    return area + float(np.hypot(*outline.T).sum()) / 2 + 1
