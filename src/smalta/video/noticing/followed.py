"""What the rules remember of one track.

In:  the track, frame by frame.
Out: `Followed`: its class, where it stands, since when it stands there, what was seen of it.

Pure Python. Must not know: zones, rules, events.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Self

from smalta.video.noticing.evidence import Shown
from smalta.video.noticing.settled import Settled
from smalta.video.values import Track

SMOOTHED_S = 0.5  # over which the foot is averaged
STILL_PX = 12.0  # that a foot may move and the object be still, at least
STILL_SHARE = 0.25  # the same, of the object's height
RENAMED_S = 1.0  # for which another class must be voted for


@dataclass(slots=True, kw_only=True)
class Membership:
    """Whether a track is inside of a zone, and what the log has of it.

    Attributes:
        inside: by place alone.
        present: whether it was never seen outside.
        node: id of the class with which the log has it inside; None if the log does not.
        told_s: time of the last event about it, seconds of the stream.
        withdrawn: whether the log took it out because of its class, and not because it left.
    """

    inside: Settled = field(default_factory=Settled)
    present: bool = True
    node: int | None = None
    told_s: float = 0.0
    withdrawn: bool = False

    def state(self) -> list[Any]:
        """Plain data."""
        return [self.inside.state(), self.present, self.node, self.told_s, self.withdrawn]

    @classmethod
    def restored(cls, state: list[Any]) -> Self:
        """From its state."""
        inside, present, node, told_s, withdrawn = state
        return cls(inside=Settled.restored(inside), present=present, node=node, told_s=told_s, withdrawn=withdrawn)


@dataclass(slots=True, kw_only=True)
class Holding:
    """Whether a rule holds, for a track or for all.

    Attributes:
        since_s: when its condition began to hold; None while it does not.
        begun_s: time of the event "begin"; None before it.
        ended_s: time of the last event "end".
    """

    since_s: float | None = None
    begun_s: float | None = None
    ended_s: float = 0.0

    def state(self) -> list[Any]:
        """Plain data."""
        return [self.since_s, self.begun_s, self.ended_s]

    @classmethod
    def restored(cls, state: Sequence[Any]) -> Self:
        """From its state."""
        since_s, begun_s, ended_s = state
        return cls(since_s=since_s, begun_s=begun_s, ended_s=ended_s)


@dataclass(slots=True, kw_only=True)
class Followed:
    """One track.

    Attributes:
        number: of the track.
        born_s: seconds of the stream when it was first seen.
        node: id of its class, after another one was voted for long enough; 0 without a class.
        other: another class that is voted for; `node` if none is.
        other_s: since when.
        ignored: whether it does not count, because of an attribute.
        sure: whether it counts.
        last_s: when it was last seen.
        place_yx: where it stood when it was last seen, pixels.
        foot_yx: the same, smoothed.
        still_yx: where it stood when it was last known to move.
        still_s: since when it stands there.
        shown: its last frames.
        zones: memberships by name of the zone.
        settled: what has lasted of conditions, by their text.
        rules: by name.
    """

    number: int
    born_s: float
    node: int
    other: int
    other_s: float
    ignored: bool = False
    sure: bool = False
    last_s: float
    place_yx: tuple[float, float]
    foot_yx: tuple[float, float]
    still_yx: tuple[float, float]
    still_s: float
    shown: Shown = field(default_factory=Shown)
    zones: dict[str, Membership] = field(default_factory=dict)
    settled: dict[str, Settled] = field(default_factory=dict)
    rules: dict[str, Holding] = field(default_factory=dict)

    @classmethod
    def begun(cls, time_s: float, track: Track) -> Self:
        """A track that is seen for the first time."""
        y, x = (float(place) for place in track.foot_yx)
        foot = (y, x)
        return cls(
            number=track.number,
            born_s=time_s,
            node=track.node,
            other=track.node,
            other_s=time_s,
            last_s=time_s,
            place_yx=foot,
            foot_yx=foot,
            still_yx=foot,
            still_s=time_s,
        )

    @property
    def counts(self) -> bool:
        """Whether it is sure and not ignored."""
        return self.sure and not self.ignored

    def see(self, frame: int, time_s: float, track: Track) -> None:
        """Take what is known of it in a frame in which it is seen."""
        self.sure = track.sure
        self._vote(time_s, track.node)
        self.place_yx = (float(track.foot_yx[0]), float(track.foot_yx[1]))
        share = 1.0 if time_s <= self.last_s else 1 - math.exp((self.last_s - time_s) / SMOOTHED_S)
        y, x = (old + share * (new - old) for old, new in zip(self.foot_yx, self.place_yx, strict=True))
        self.foot_yx, self.last_s = (y, x), time_s
        if math.dist(self.foot_yx, self.still_yx) > max(STILL_PX, STILL_SHARE * track.mask.height):
            self.still_yx, self.still_s = self.foot_yx, time_s
        self.shown.see(frame, track.mask)

    def _vote(self, time_s: float, node: int) -> None:
        """Another class counts after `RENAMED_S`, and at once while the log has nothing of the track."""
        if node != self.other:
            self.other, self.other_s = node, time_s
        known = any(one.node is not None for one in self.zones.values())
        if not known or time_s - self.other_s >= RENAMED_S:
            self.node = node

    def state(self) -> dict[str, Any]:
        """Plain data."""
        return {name: getattr(self, name) for name in _PLAIN} | {
            "place_yx": list(self.place_yx),
            "foot_yx": list(self.foot_yx),
            "still_yx": list(self.still_yx),
            "shown": self.shown.state(),
            "zones": {name: one.state() for name, one in self.zones.items()},
            "settled": {text: one.state() for text, one in self.settled.items()},
            "rules": {name: one.state() for name, one in self.rules.items()},
        }

    @classmethod
    def restored(cls, state: Mapping[str, Any]) -> Self:
        """From its state."""
        return cls(
            **{name: state[name] for name in _PLAIN},
            place_yx=tuple(state["place_yx"]),
            foot_yx=tuple(state["foot_yx"]),
            still_yx=tuple(state["still_yx"]),
            shown=Shown.restored(state["shown"]),
            zones={name: Membership.restored(one) for name, one in state["zones"].items()},
            settled={text: Settled.restored(one) for text, one in state["settled"].items()},
            rules={name: Holding.restored(one) for name, one in state["rules"].items()},
        )


_PLAIN = ("number", "born_s", "node", "other", "other_s", "ignored", "sure", "last_s", "still_s")
