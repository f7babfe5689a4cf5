"""How a watch is doing, for the line that a person sees.

In:  frames that are done.
Out: `Status`: progress, speed, what is inside and who crossed.

Must not know: how anything is shown or made. Nothing here decides about events.
"""

from __future__ import annotations

import time
from collections import deque
from collections.abc import Mapping
from dataclasses import dataclass

WINDOW_S = 10.0  # by the clock, over which speeds are measured


@dataclass(frozen=True, slots=True, kw_only=True)
class Status:
    """One moment of a watch.

    Attributes:
        live: whether the source is live.
        time_s: seconds of the stream.
        share: of the file that is done, in 0..1; None if it is not known.
        seconds_left: by the clock, for a file; None if it is not known.
        frames_per_s: frames that were handled in a second of the clock.
        keys_per_s: frames that the network saw in a second of the clock.
        behind_s: from the arrival of the last frame until it was done; None for a file.
        dropped: frames that were not handled, so far.
        occupancy: of zones, by name.
        crossed: inwards and outwards, by name of the line.
    """

    live: bool
    time_s: float
    share: float | None
    seconds_left: float | None
    frames_per_s: float
    keys_per_s: float
    behind_s: float | None
    dropped: int
    occupancy: Mapping[str, int]
    crossed: Mapping[str, tuple[int, int]]


class Speed:
    """Frames and key frames in a second of the clock, over the last `WINDOW_S`."""

    def __init__(self) -> None:
        self._done: deque[tuple[float, bool]] = deque()
        self._keys = 0

    def add(self, *, key: bool) -> None:
        """A frame is done."""
        now = time.monotonic()
        self._done.append((now, key))
        self._keys += key
        while now - self._done[0][0] > WINDOW_S:
            self._keys -= self._done.popleft()[1]

    @property
    def seconds(self) -> float:
        """That were measured, above 0."""
        return max(self._done[-1][0] - self._done[0][0], 1e-6) if self._done else 1e-6

    @property
    def frames_per_s(self) -> float:
        """Frames in a second."""
        return max(len(self._done) - 1, 0) / self.seconds

    @property
    def keys_per_s(self) -> float:
        """Key frames in a second."""
        return max(self._keys - 1, 0) / self.seconds
