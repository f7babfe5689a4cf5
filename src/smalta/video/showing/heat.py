"""Where things stood, and for how long: a map that grows with a watch.

In:  tracks, seconds.
Out: seconds for each square of the picture.

Must not know: files, drawing.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

from smalta.video.values import Track

CELL = 8  # pixels
LONGEST_S = 1.0  # between two frames; what lies between is a gap, in which nobody looked


class HeatMap:
    """Seconds that sure and visible tracks stood in each square.

    Args:
        size_hw: of the picture, pixels.
        state: of an earlier map, to go on with; None to begin.

    Attributes:
        cell: side of a square, pixels.
        seconds: (h, w) float64.
    """

    def __init__(self, size_hw: tuple[int, int], state: Mapping[str, Any] | None = None) -> None:
        self.cell = max(CELL, round(size_hw[1] / 160))
        self.seconds = np.zeros((-(-size_hw[0] // self.cell), -(-size_hw[1] // self.cell)))
        self._before_s: float | None = None
        if state is not None:
            self._before_s = state["before_s"]
            self.seconds.flat[state["squares"]] = state["seconds"]

    def add(self, time_s: float, tracks: Sequence[Track]) -> None:
        """Add the tracks of a frame, which count for the time since the frame before.

        Args:
            time_s: of the frame.
            tracks: only sure and visible ones count.
        """
        before, self._before_s = self._before_s, time_s
        if before is None or not 0 < time_s - before <= LONGEST_S:
            return
        for track in tracks:
            if track.sure and track.seen:
                row, column = (int(place // self.cell) for place in track.foot_yx)
                row, column = min(row, self.seconds.shape[0] - 1), min(column, self.seconds.shape[1] - 1)
                self.seconds[max(row, 0), max(column, 0)] += time_s - before

    def state(self) -> dict[str, Any]:
        """Plain data, with which another map goes on."""
        squares = np.flatnonzero(self.seconds)
        return {
            "before_s": self._before_s,
            "squares": squares.tolist(),
            "seconds": self.seconds.flat[squares].tolist(),
        }
