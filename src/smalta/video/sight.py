"""From one frame to the next: what moves, which frames the network sees, tracks, events.

    picture -> Motion: moves? -> Pace: key frame? -> Flow
            -> key frame: Sees -> Detections, Ground -> Tracker.detected -+
            -> otherwise:                               Tracker.carried --+-> Step -> EventEngine -> events

In:  frames, rules, a pace, what sees key frames.
Out: `Observed`.

All of it depends on the frames alone: no clock, no random numbers. So a sight that goes on from a state gives what one
without a break gives.

Must not know: how frames are read, files, what is written.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from itertools import pairwise
from typing import Any, Protocol, Self

import numpy as np

from smalta.video.counts import Counts
from smalta.video.events import EventEngine
from smalta.video.flow import Flow
from smalta.video.logbook.event_lines import Event
from smalta.video.motion import Motion
from smalta.video.pacing import Pace
from smalta.video.rules import WatchRules
from smalta.video.tracks import Step, Tracker
from smalta.video.values import Detections, Ground, Track

NOTHING = Step(tracks=(), ended=())


class Sees(Protocol):
    """What finds objects and ground in a frame, such as `smalta.video.seeing.Seer`.

    Attributes:
        cell: side of a cell, pixels of the frame.
        has_objects: whether it finds objects.
    """

    cell: int
    has_objects: bool

    def __call__(self, picture: np.ndarray, /) -> tuple[Detections | None, Ground]:
        """Objects and ground of a frame (H, W, 3) uint8 RGB; no objects (None) if it finds none."""


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Observed:
    """What is known after a frame.

    Attributes:
        tracks: all that live.
        ground: the class map of the last key frame.
        events: that became known by this frame.
        key: whether the network saw it.
    """

    tracks: Sequence[Track]
    ground: Ground | None
    events: list[Event]
    key: bool


class Sight:
    """Watches the frames of one video.

    Args:
        rules: fitted to the frames.
        size_hw: of the frames, pixels.
        seer: sees key frames.
        pace: which frames these are.

    Attributes:
        pace: as given; another one may be set between two frames.
        ground: the class map of the last key frame; None before the first one.
    """

    def __init__(self, rules: WatchRules, *, size_hw: tuple[int, int], seer: Sees, pace: Pace) -> None:
        self.pace = pace
        self._rules, self._size_hw, self._seer = rules, size_hw, seer
        self._flow = Flow(size_hw, cell=seer.cell)
        self.ground: Ground | None = None
        self._last_key_s: float | None = None
        self._compared = 0  # number of the frame with which motion is looked for
        self._motion = Motion(pace.region_xyxy)
        self._tracker = Tracker(rules.tree, **self._places)
        self._engine = EventEngine(rules.tree, rules, **self._places)

    @property
    def _places(self) -> dict[str, Any]:
        return {"size_hw": self._size_hw, "cell": self._seer.cell}

    @classmethod
    def restored(
        cls,
        rules: WatchRules,
        state: Mapping[str, Any],
        *,
        size_hw: tuple[int, int],
        seer: Sees,
        pace: Pace,
        compared: np.ndarray,
        last: np.ndarray,
    ) -> Self:
        """Go on from a state.

        Args:
            rules, size_hw, seer, pace: as they were.
            state: of the sight that is gone on with.
            compared: (H, W, 3) uint8 RGB, the frame with the number `state["compared"]`.
            last: the frame after which the state was saved.
        """
        sight = cls(rules, size_hw=size_hw, seer=seer, pace=pace)
        sight._compared, sight._last_key_s = state["compared"], state["last_key_s"]
        sight._motion = Motion.restored(pace.region_xyxy, state["motion"], compared)
        sight._tracker = Tracker.restored(rules.tree, state["tracker"], **sight._places)
        sight._engine = EventEngine.restored(rules.tree, rules, state["engine"], **sight._places)
        if state["ground"] is not None:
            sight.ground = Ground(classes=_of_runs(state["ground"]), cell=seer.cell)
        if seer.has_objects:
            sight._flow.step(last)
        return sight

    def step(self, number: int, time_s: float, picture: np.ndarray, utc: str | None) -> Observed:
        """Take a frame.

        Args:
            number: of the frame.
            time_s: seconds of the stream, later than that of the frame before.
            picture: (H, W, 3) uint8 RGB.
            utc: when it arrived, ISO 8601; None for files.
        """
        moves = self._motion.step(time_s, picture)
        if self._motion.compared_s == time_s:
            self._compared = number
        flow = self._flow.step(picture) if self._seer.has_objects else None
        key = self.pace.is_key(time_s, self._last_key_s, moves=moves)
        if key:
            self._last_key_s = time_s
            found, self.ground = self._seer(picture)
            step = NOTHING if found is None else self._tracker.detected(time_s, found, flow)
        else:
            step = self._tracker.carried(time_s, flow) if self._seer.has_objects else NOTHING
        events = self._engine.step(number, time_s, step, self.ground, utc)
        return Observed(tracks=step.tracks, ground=self.ground, events=events, key=key)

    def gap(self, number: int, from_s: float, to_s: float, utc: str | None) -> list[Event]:
        """Nothing was seen for a time; the next frame is a key frame, and has no motion since the one before.

        Args:
            number: of the first frame after the gap.
            from_s, to_s: of the gap, seconds of the stream.
            utc: of its end.
        """
        self._flow = Flow(self._size_hw, cell=self._seer.cell)
        self._last_key_s = None
        return self._engine.gap(number, from_s, to_s, utc)

    def restart(self, counts: Counts, *, first_track: int, number: int, time_s: float, utc: str | None) -> list[Event]:
        """Go on with the counts of a live source that was watched before; returns events that close what was open.

        Args:
            counts: after all events of the log.
            first_track: number of the first new track.
            number: of the first frame.
            time_s: of that frame, seconds of the stream of the log.
            utc: of that frame.
        """
        fresh: dict[str, Any] = {"time_s": None, "next": first_track, "tracks": []}
        self._tracker = Tracker.restored(self._rules.tree, fresh, **self._places)
        self._engine, events = EventEngine.after_restart(
            self._rules.tree, self._rules, counts=counts, frame=number, time_s=time_s, utc=utc, **self._places
        )
        return events

    def state(self) -> dict[str, Any]:
        """Plain data, with which another sight goes on."""
        return {
            "compared": self._compared,
            "motion": self._motion.state(),
            "tracker": self._tracker.state(),
            "engine": self._engine.state(),
            "last_key_s": self._last_key_s,
            "ground": None if self.ground is None else _to_runs(self.ground.classes),
        }


def _to_runs(classes: np.ndarray) -> dict[str, Any]:
    """A map of node ids as runs of equal values, row by row."""
    flat = classes.ravel()
    begins = [0, *(np.flatnonzero(flat[1:] != flat[:-1]) + 1).tolist(), len(flat)]
    return {
        "size_hw": list(classes.shape),
        "lengths": [end - begin for begin, end in pairwise(begins)],
        "values": flat[begins[:-1]].tolist(),
    }


def _of_runs(runs: Mapping[str, Any]) -> np.ndarray:
    values = np.array(runs["values"], dtype=np.uint16)
    return np.repeat(values, runs["lengths"]).reshape(runs["size_hw"])
