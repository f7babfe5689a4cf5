"""Watch over the pace of a live source: fewer key frames while the machine falls behind, and more again later.

In:  how long each frame waited, how many were dropped before it, how long the network took.
Out: another pace, and a sentence for the log.

A file needs none of this: its frames wait, and its pace must be the same on every machine.

Must not know: how frames are read, what is made of them.
"""

from __future__ import annotations

import math
from dataclasses import replace
from statistics import median

from smalta.planning.words import duration
from smalta.video.pacing import Pace

LOOK_S = 5.0  # seconds of the stream between two looks
LEAST_FRAMES = 5  # of a look
MOST_BEHIND_S = 1.0  # median seconds from the arrival of a frame until it is done
MOST_DROPPED = 0.6  # share of the frames; the network alone costs a fast camera one or two frames per key frame
SLOWER = 1.5  # times as long between two key frames, at least
SLOWEST_S = 5.0  # seconds between two key frames, at most
MOST_BUSY = 0.5  # share of the time for the network, after the pace was slowed
CALM_LOOKS = 12  # in a row, until the pace is raised again
CALM = 0.5  # of what counts as behind


class PaceFollower:
    """Follows one live source.

    Args:
        pace: as planned.

    Attributes:
        pace: that holds now.
    """

    def __init__(self, pace: Pace) -> None:
        self.pace, self._planned = pace, pace
        self._since: float | None = None  # begin of this look, seconds of the stream
        self._waits: list[float] = []
        self._keys: list[float] = []
        self._dropped, self._calm = 0, 0

    def add(self, time_s: float, *, behind_s: float, dropped: int, key_s: float | None = None) -> str | None:
        """Note a frame that is done; returns a sentence if the pace changes with it.

        Args:
            time_s: of the frame, seconds of the stream.
            behind_s: seconds from its arrival until now.
            dropped: frames that arrived since the frame before and were not looked at.
            key_s: seconds that the network and its objects took, if it was a key frame.
        """
        if self._since is None or time_s < self._since:
            self._since = time_s
        self._waits.append(behind_s)
        self._dropped += dropped
        if key_s is not None:
            self._keys.append(key_s)
        if time_s - self._since < LOOK_S or len(self._waits) < LEAST_FRAMES:
            return None
        share, behind = self._dropped / (self._dropped + len(self._waits)), median(self._waits)
        key = median(self._keys) if self._keys else 0.0
        self._since, self._waits, self._keys, self._dropped = time_s, [], [], 0
        return self._look(share, behind, key)

    def _look(self, share: float, behind: float, key: float) -> str | None:
        now = self.pace.key_every_s
        if share > MOST_DROPPED or behind > MOST_BEHIND_S:
            self._calm = 0
            slower = self._in_frames(max(SLOWER * now, key / MOST_BUSY))
            if min(slower, SLOWEST_S) <= now:
                return None
            return self._go_on_with(
                min(slower, SLOWEST_S), f"{_facts(share, behind)}, a key frame takes {duration(key)}"
            )
        is_calm = share <= CALM * MOST_DROPPED and behind <= CALM * MOST_BEHIND_S
        self._calm = self._calm + 1 if is_calm else 0
        if now <= self._planned.key_every_s or self._calm < CALM_LOOKS:
            return None
        faster = max(self._planned.key_every_s, self._in_frames(now / SLOWER))
        if key > MOST_BUSY * faster:
            return None
        self._calm = 0
        return self._go_on_with(faster, f"there is time again: {_facts(share, behind)}")

    def _in_frames(self, seconds: float) -> float:
        """The time of as many whole frames, at least as long."""
        return math.ceil(seconds * self.pace.fps - 1e-6) / self.pace.fps

    def _go_on_with(self, every_s: float, why: str) -> str:
        before, self.pace = self.pace.key_every_s, replace(self.pace, key_every_s=every_s)
        return f"{why}; the network now sees one frame in {duration(every_s)} instead of one in {duration(before)}"


def _facts(share: float, behind: float) -> str:
    return f"{100 * share:.0f} % of the frames were dropped and the others waited {duration(behind)}"
