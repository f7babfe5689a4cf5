"""Somebody who walks past a line, for tests of crossings."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from dataclasses import replace
from itertools import pairwise

from smalta.video.crossing import Crossing, LineCounter, Moving
from smalta.video.rules import Line

FPS = 25
DOOR = Line(name="door", start_xy=(100.0, 100.0), end_xy=(300.0, 100.0), in_side="right", of=0)  # right is below
HEIGHT = 100.0  # of the person: the band reaches 15 px to both sides

Places = Sequence[tuple[float, float] | None]  # y, x in each frame; None where the person is unseen


def person(y: float, x: float, **changes: object) -> Moving:
    standing = Moving(
        number=1, foot_yx=(y, x), velocity_yx=(0.0, 0.0), height=HEIGHT, width=40.0, sure=True, seen=True, cut=False
    )
    return replace(standing, **changes)  # type: ignore[arg-type]


def walk(*stations: tuple[float, float], speed: float = 100.0, fps: float = FPS) -> list[tuple[float, float]]:
    """Places in each frame of somebody who walks from station to station, (y, x)."""
    places: list[tuple[float, float]] = []
    for (y0, x0), (y1, x1) in pairwise(stations):
        steps = max(1, round(math.hypot(y1 - y0, x1 - x0) / speed * fps))
        places += [(y0 + (y1 - y0) * k / steps, x0 + (x1 - x0) * k / steps) for k in range(steps)]
    return [*places, stations[-1]]


def cross(
    places: Places, line: Line = DOOR, *, fps: float = FPS, each: Callable[[int, Moving], Moving] = lambda _, one: one
) -> list[Crossing]:
    """What one track of these places crosses; where it is unseen, it is shown as it was."""
    counter, found, last = LineCounter(line), [], None
    for k, place in enumerate(places):
        if place is not None:
            last = each(k, person(*place))
            found += counter.step(k / fps, [last], [])
        elif last is not None:
            found += counter.step(k / fps, [replace(last, seen=False)], [])
    return found + counter.step(len(places) / fps, [], [1])


def ways(found: Sequence[Crossing]) -> list[tuple[str, bool]]:
    return [(one.way, one.sure) for one in found]
