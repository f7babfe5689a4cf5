"""What is seen at one moment of a video: objects, the ground below them, and tracks.

In:  the answer for a frame.
Out: `Detections`, `Ground`, `Mask`, `Track`.

All masks are on cells of `cell` x `cell` pixels, usually as large as a value of the network's maps. The cell (0, 0)
covers the pixels (0, 0) to (cell - 1, cell - 1). Places and lengths are in pixels of the picture, order (y, x), and the
upper left corner of the picture is (0, 0).

numpy only. Must not know: networks, files, frames, how objects were found or followed.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

import numpy as np

FOOT_SHARE = 0.15  # of the visible height of an object: its foot


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Mask:
    """The visible part of one object.

    Attributes:
        cells: (h, w) bool of the smallest rectangle of cells that holds all of it.
        top_left: row and column of that rectangle, cells.
        cell: side of a cell, pixels.
    """

    cells: np.ndarray
    top_left: tuple[int, int]
    cell: int

    @classmethod
    def of(cls, whole: np.ndarray, cell: int) -> Mask:
        """The mask of a (h, w) bool map of the whole picture; an empty map gives a mask of no cells at (0, 0)."""
        rows, columns = np.flatnonzero(whole.any(axis=1)), np.flatnonzero(whole.any(axis=0))
        if not len(rows):
            return cls(cells=np.zeros((0, 0), dtype=bool), top_left=(0, 0), cell=cell)
        top, left = int(rows[0]), int(columns[0])
        return cls(cells=whole[top : rows[-1] + 1, left : columns[-1] + 1].copy(), top_left=(top, left), cell=cell)

    def to_dict(self) -> dict[str, Any]:
        """Plain data, from which `from_dict` makes an equal mask.

        "runs" are the lengths of equal values along the rows, the first of them of cells outside the mask.
        """
        flat = self.cells.ravel()
        ends = np.flatnonzero(flat[1:] != flat[:-1]) + 1
        runs = np.diff(np.concatenate([[0], ends, [len(flat)]])).tolist()
        if len(flat) and flat[0]:
            runs = [0, *runs]
        top, left = self.top_left
        return {"top_left": [top, left], "cell": self.cell, "rows": int(self.cells.shape[0]), "runs": runs}

    @classmethod
    def from_dict(cls, values: Mapping[str, Any]) -> Mask:
        """The mask that `to_dict` wrote."""
        rows, runs = values["rows"], values["runs"]
        flat = np.repeat(np.arange(len(runs)) % 2 == 1, runs)
        top, left = values["top_left"]
        cells = flat.reshape(rows, -1) if rows else np.zeros((0, 0), dtype=bool)
        return cls(cells=cells, top_left=(top, left), cell=values["cell"])

    @property
    def area(self) -> int:
        """Pixels."""
        return int(self.cells.sum()) * self.cell**2

    @property
    def box_xyxy(self) -> tuple[int, int, int, int]:
        """Pixels: left, top, and the first column and row outside."""
        (top, left), (height, width), cell = self.top_left, self.cells.shape, self.cell
        return left * cell, top * cell, (left + width) * cell, (top + height) * cell

    @property
    def height(self) -> int:
        """Pixels."""
        return int(self.cells.shape[0]) * self.cell

    @property
    def width(self) -> int:
        """Pixels."""
        return int(self.cells.shape[1]) * self.cell

    @property
    def foot_yx(self) -> tuple[float, float]:
        """Where the object stands: the lower edge of the mask, and the middle of its lowest `FOOT_SHARE`, pixels."""
        height = self.cells.shape[0]
        low = self.foot()
        columns = np.nonzero(low)[1]
        middle = float(columns.mean()) + 0.5 if len(columns) else 0.0
        return (self.top_left[0] + height) * float(self.cell), (self.top_left[1] + middle) * self.cell

    def foot(self) -> np.ndarray:
        """(k, w) bool: the lowest `FOOT_SHARE` of the mask's rows, at least one row."""
        height = self.cells.shape[0]
        return self.cells[height - max(1, round(FOOT_SHARE * height)) :]

    def on(self, size_hw: tuple[int, int]) -> np.ndarray:
        """(h, w) bool of the whole picture's cells; what lies outside is cut off."""
        whole = np.zeros(size_hw, dtype=bool)
        (top, left), (height, width) = self.top_left, self.cells.shape
        rows = slice(max(top, 0), max(min(top + height, size_hw[0]), top, 0))
        columns = slice(max(left, 0), max(min(left + width, size_hw[1]), left, 0))
        whole[rows, columns] = self.cells[
            rows.start - top : rows.stop - top, columns.start - left : columns.stop - left
        ]
        return whole


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Detections:
    """N objects of one frame; row i is object i + 1 of the instance map.

    Attributes:
        instances: (h, w) int32 of cells, 0 = no object, 1..N; each object has at least one cell.
        cell: side of a cell, pixels.
        size_hw: of the picture, pixels; (h, w) covers it, the last row and column of cells perhaps in part.
        probabilities: (N, L) float32 of the tree's leaves, sums to 1 over L.
        scores: (N,) float32 in 0..1, confidence that the object exists.
        attributes: by attribute name, (N, V) float32 that sums to 1 over its values.
    """

    instances: np.ndarray
    cell: int
    size_hw: tuple[int, int]
    probabilities: np.ndarray
    scores: np.ndarray
    attributes: Mapping[str, np.ndarray] = field(default_factory=dict)

    def __len__(self) -> int:
        """N."""
        return len(self.scores)


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Ground:
    """The class map of one frame.

    Attributes:
        classes: (h, w) uint16 node ids of cells. From a model with objects it is stuff everywhere: where an object
            hides the ground, the likeliest stuff. 0 where nothing was seen.
        cell: side of a cell, pixels.
    """

    classes: np.ndarray
    cell: int


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Track:
    """One object, as it is known at one moment.

    Attributes:
        number: from 1; a number is never given to a second object.
        node: node id, the vote of the track's whole life, top-down in the class tree.
        attributes: by attribute name, 1.. = the value that the whole life votes for; only those of `node`.
        mask: the visible part now, carried along by flow where the object was not detected in this frame.
        foot_yx: where it stands, pixels.
        velocity_yx: of the foot, pixels a second.
        first_s: seconds of the stream when the object was first detected.
        last_s: seconds of the stream when it was last detected.
        sure: whether it was detected often enough to count.
        seen: whether it was detected or followed by flow in this frame; False while it is hidden.
        cut: whether the picture's edge cuts it.
        score: mean confidence of its detections, 0..1.
    """

    number: int
    node: int
    attributes: Mapping[str, int]
    mask: Mask
    foot_yx: tuple[float, float]
    velocity_yx: tuple[float, float]
    first_s: float
    last_s: float
    sure: bool
    seen: bool
    cut: bool
    score: float
