"""Who crosses a line, which way, and how sure that is.

In:  the tracks of each frame.
Out: `Crossing`s.

A line keeps for each track the side on which it was sure. The foot is smoothed over 0.25 s. A track is sure of a side
beyond a band around the line, which is 6 px or 15 % of the object's height wide, whichever is more. When its sure side
changes, it has crossed, if it last passed between the ends of the line; around an end the side changes without a
crossing.

A track that is lost within the band leaves its side for 1 s to one that begins within an object's width of it. So does
one that is lost on its way there, if it would have reached the band by now. The width is measured to the place where it
was lost, and to the way from there at its velocity. If the lost one is seen again before the other has counted, it
takes its side back.

Time is seconds of the stream. Inside this module a place is (across, along): pixels to the right of the line, seen from
its start, and pixels from its start towards its end.

Must not know: pictures, classes, files, how tracks are made.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, field
from typing import Any, Literal, Self

from smalta.video.rulebook.rule_parts import Line
from smalta.video.values import Track

SMOOTHED_S = 0.25  # over which a foot is smoothed
BAND_PX = 6.0  # on each side of a line, at least
BAND_SHARE = 0.15  # of an object's height
LEFT_S = 1.0  # for which a lost track leaves its side
Way = Literal["in", "out"]


def band(height: float) -> float:
    """Half the width of the band around a line, in which an object of that height is on neither side, pixels."""
    return max(BAND_PX, BAND_SHARE * height)


@dataclass(frozen=True, slots=True, kw_only=True)
class Moving:
    """What a line must know of a track in one frame.

    Attributes:
        number: of the track.
        foot_yx: where it stands, pixels.
        velocity_yx: of the foot, pixels a second.
        height: of the visible object, pixels.
        width: of the visible object, pixels.
        sure: whether the track counts.
        seen: whether it was detected or followed in this frame.
        cut: whether the picture's edge cuts it.
    """

    number: int
    foot_yx: tuple[float, float]
    velocity_yx: tuple[float, float]
    height: float
    width: float
    sure: bool
    seen: bool
    cut: bool

    @classmethod
    def of(cls, track: Track) -> Self:
        """What a line must know of a track."""
        return cls(
            number=track.number,
            foot_yx=track.foot_yx,
            velocity_yx=track.velocity_yx,
            height=float(track.mask.height),
            width=float(track.mask.width),
            sure=track.sure,
            seen=track.seen,
            cut=track.cut,
        )


@dataclass(frozen=True, slots=True, kw_only=True)
class Crossing:
    """A track has crossed a line.

    Attributes:
        time_s: when its smoothed foot passed the line: the time of the first frame beyond it, seconds.
        track: number.
        line: name.
        way: "in" if it came to the line's `in_side`.
        sure: False if its side was inherited, if the picture's edge cut it at the line, or if it was lost there.
    """

    time_s: float
    track: int
    line: str
    way: Way
    sure: bool


@dataclass(slots=True, kw_only=True)
class _Walk:
    """What is remembered of a track. `side` is -1 left, 1 right, 0 not known."""

    number: int
    side: int = 0
    samples: list[tuple[float, float, float]] = field(default_factory=list)  # time, across, along: the last 0.25 s
    place: tuple[float, float] | None = None  # smoothed, when it was last seen
    passed: tuple[float, float] | None = None  # time and along where it last passed the line
    doubtful: bool = False  # since it was last sure of its side
    missed: bool = False  # in the frames since it was last seen
    seen_s: float = 0.0
    velocity: tuple[float, float] = (0.0, 0.0)
    height: float = 0.0
    width: float = 0.0
    sure: bool = False
    origin: int | None = None  # the track from which it has its side, until it has counted or is sure by itself
    heir: int | None = None  # the track that has its side
    ended: bool = False
    waiting: list[Crossing] = field(default_factory=list)  # until the track is sure

    def is_at_line(self, time_s: float) -> bool:
        """Whether it was last seen within the band or beyond the line, or would have come there since then."""
        if not self.side or self.place is None or not self.samples:
            return False
        across = self.samples[-1][1]
        now = across + self.velocity[0] * (time_s - self.seen_s)
        return min(self.side * self.place[0], self.side * across, self.side * now) <= band(self.height)


class LineCounter:
    """Follows tracks past one line.

    Args:
        line: in pixels of the video.
    """

    def __init__(self, line: Line) -> None:
        self.line = line
        (x0, y0), (x1, y1) = line.start_xy, line.end_xy
        self._length = math.hypot(x1 - x0, y1 - y0)
        self._unit = ((x1 - x0) / self._length, (y1 - y0) / self._length)
        self._walks: dict[int, _Walk] = {}

    def step(self, time_s: float, moving: Sequence[Moving], ended: Sequence[int]) -> list[Crossing]:
        """What crossed in one frame.

        Args:
            time_s: of the frame, seconds.
            moving: the tracks that count at this line, sure and not yet sure.
            ended: numbers of the tracks that were given up.

        Returns:
            Crossings of sure tracks. A track that becomes sure brings those that it made before.
        """
        seen = {one.number for one in moving if one.seen}
        for walk in self._walks.values():
            walk.missed |= walk.number not in seen
        made = []
        for one in moving:
            if one.seen:
                self._see(time_s, one, seen)
            if (known := self._walks.get(one.number)) is not None:
                known.sure |= one.sure
                made += self._due(known)
        for number in ended:
            made += self._end(number)
        gone = [walk.number for walk in self._walks.values() if walk.ended and time_s - walk.seen_s > LEFT_S]
        for number in gone:
            del self._walks[number]
        return made

    def state(self) -> dict[str, Any]:
        """What is remembered, as plain data."""
        return {"walks": [asdict(walk) for walk in self._walks.values()]}

    @classmethod
    def restored(cls, line: Line, state: Mapping[str, Any]) -> Self:
        """A counter that goes on where `state` was taken."""
        counter = cls(line)
        for values in state["walks"]:
            walk = _Walk(**values)
            walk.samples = [(time_s, across, along) for time_s, across, along in walk.samples]
            walk.place = None if walk.place is None else (walk.place[0], walk.place[1])
            walk.passed = None if walk.passed is None else (walk.passed[0], walk.passed[1])
            walk.velocity = (walk.velocity[0], walk.velocity[1])
            walk.waiting = [Crossing(**crossing) for crossing in values["waiting"]]
            counter._walks[walk.number] = walk
        return counter

    # -- one track ------------------------------------------------------------------------------------

    def _see(self, time_s: float, one: Moving, seen: set[int]) -> None:
        """Take in where a track is."""
        walk = self._walks.setdefault(one.number, _Walk(number=one.number))
        (x0, y0), (y, x) = self.line.start_xy, one.foot_yx
        here = self._turned(x - x0, y - y0)
        self._take_back(walk)
        if not walk.side:
            self._inherit(time_s, here, one.width, walk, seen)
        hidden = walk.missed and bool(walk.samples) and time_s - walk.seen_s > SMOOTHED_S
        walk.doubtful |= hidden or one.cut
        walk.samples = [sample for sample in walk.samples if sample[0] > time_s - SMOOTHED_S] + [(time_s, *here)]
        walk.missed, walk.seen_s = False, time_s
        walk.velocity = self._turned(one.velocity_yx[1], one.velocity_yx[0])
        walk.height, walk.width = one.height, one.width
        count = len(walk.samples)
        across, along = (math.fsum(sample[k] for sample in walk.samples) / count for k in (1, 2))
        self._move(walk, across, along)

    def _turned(self, x: float, y: float) -> tuple[float, float]:
        """A step to the right and down as a step across and along the line."""
        ux, uy = self._unit
        return y * ux - x * uy, x * ux + y * uy

    def _move(self, walk: _Walk, across: float, along: float) -> None:
        """Take in the smoothed place: which side it is on, and whether it has crossed."""
        if walk.place is not None and (walk.place[0] > 0) != (across > 0):
            share = walk.place[0] / (walk.place[0] - across)
            walk.passed = (walk.seen_s, walk.place[1] + share * (along - walk.place[1]))
        walk.place = (across, along)
        if abs(across) <= band(walk.height):
            return
        side = 1 if across > 0 else -1
        if walk.side == -side and walk.passed is not None and 0 <= walk.passed[1] <= self._length:
            way: Way = "in" if (side > 0) == (self.line.in_side == "right") else "out"
            crossing = Crossing(
                time_s=walk.passed[0], track=walk.number, line=self.line.name, way=way, sure=not walk.doubtful
            )
            walk.waiting.append(crossing)
        if not walk.waiting:  # sure of its side by itself
            walk.origin = None
        walk.side, walk.passed, walk.doubtful = side, None, False

    def _due(self, walk: _Walk) -> list[Crossing]:
        """The crossings of a track, once it is sure; the track from which it has its side then has none."""
        if not walk.sure or not walk.waiting:
            return []
        if (origin := self._walks.get(walk.origin or 0)) is not None:
            origin.side = 0
        made, walk.waiting, walk.origin = walk.waiting, [], None
        return made

    def _end(self, number: int) -> list[Crossing]:
        """The last crossing of a track that is given up: its foot is beyond the band, its smoothed foot not yet."""
        walk = self._walks.get(number)
        if walk is None:
            return []
        walk.ended = True
        if not walk.sure:
            walk.waiting = []
            if (origin := self._walks.get(walk.origin or 0)) is not None:
                origin.heir, walk.side = None, 0
            return []
        _, across, along = walk.samples[-1]
        if walk.heir is None and walk.side * across < -band(walk.height):
            walk.doubtful = True
            self._move(walk, across, along)
        return self._due(walk)

    # -- sides that lost tracks leave -----------------------------------------------------------------

    def _inherit(self, time_s: float, here: tuple[float, float], width: float, walk: _Walk, seen: set[int]) -> None:
        """Give a track without a side that of the nearest one lost within the band."""
        near: list[tuple[float, int]] = []
        for lost in self._walks.values():
            is_free = lost.number not in seen and lost.heir is None and time_s - lost.seen_s <= LEFT_S
            if is_free and lost.is_at_line(time_s):
                far = _distance(lost, time_s - lost.seen_s, here)
                if far <= max(lost.width, width):
                    near.append((far, lost.number))
        if not near:
            return
        lost = self._walks[min(near)[1]]
        walk.side, walk.place, walk.passed, walk.doubtful = lost.side, lost.place, lost.passed, True
        origin = self._walks.get(lost.origin or 0)
        if origin is not None:  # it had its side from another one, and passes it on
            lost.side, lost.origin = 0, None
        else:
            origin = lost
        walk.origin, origin.heir = origin.number, walk.number

    def _take_back(self, walk: _Walk) -> None:
        """A lost track is seen again: it has its side back, unless the other one has counted or has its own."""
        heir = self._walks.get(walk.heir or 0)
        walk.heir = None
        if heir is None or heir.origin != walk.number:
            return
        heir.origin = None
        if heir.waiting:
            del heir.waiting[0]
        else:
            heir.side, heir.passed = 0, None


def _distance(lost: _Walk, seconds: float, here: tuple[float, float]) -> float:
    """Pixels from a place to where a lost track was, or would be by now, or to the way between."""
    _, across, along = lost.samples[-1]
    step = (lost.velocity[0] * seconds, lost.velocity[1] * seconds)
    length2 = step[0] ** 2 + step[1] ** 2
    offset = (here[0] - across, here[1] - along)
    share = (offset[0] * step[0] + offset[1] * step[1]) / length2 if length2 else 0.0
    share = min(max(share, 0.0), 1.0)
    return math.hypot(offset[0] - share * step[0], offset[1] - share * step[1])
