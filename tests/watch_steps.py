"""Tracks, steps and rules for tests of events, without a network or a tracker."""

from __future__ import annotations

import random
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from seen_tracks import seen_track
from smalta.classes import ClassTree
from smalta.video.events import Event, EventEngine
from smalta.video.logbook.log_header import LogHeader
from smalta.video.rules import WatchRules
from smalta.video.tracks import Step
from smalta.video.values import Ground, Mask, Track

SIZE_HW, CELL = (120, 200), 4
TREE = ClassTree(
    {
        "floor": {},
        "road": {"children": {"lane": {}, "crossing": {}}},
        "person": {
            "kind": "thing",
            "children": {"adult": {}, "child": {}},
            "attributes": {"clothing": ["staff", "guest"]},
        },
        "bag": {"kind": "thing"},
    }
)
ADULT, CHILD, PERSON, BAG = (TREE[name].id for name in ("adult", "child", "person", "bag"))
FLOOR, LANE, CROSSING = (TREE[name].id for name in ("floor", "lane", "crossing"))
STAFF, GUEST = 1, 2
RULES: dict[str, Any] = {
    "picture": [SIZE_HW[1], SIZE_HW[0]],
    "zones": {"shop": {"polygon": [[100, 0], [200, 0], [200, 120], [100, 120]], "of": "person"}},
    "lines": {"door": {"from": [100, 120], "to": [100, 0], "in": "right", "of": "person"}},
    "events": [
        {"name": "queue", "when": "count in shop of person >= 2", "for": "2 s"},
        {"name": "jaywalk", "when": "person on road", "unless": "person on road/crossing", "for": "1 s"},
        {"name": "loiter", "when": "person stays in shop > 5 s"},
        {"name": "left", "when": "bag still > 4 s and no person within 30 px"},
    ],
    "ignore": {"person": {"attribute": "clothing", "values": ["staff"]}},
}


def watch_rules(content: Mapping[str, Any] = RULES) -> WatchRules:
    """Rules for `TREE`, fitted to `SIZE_HW`."""
    return WatchRules.parse(content, TREE).fitted(SIZE_HW)


def engine(content: Mapping[str, Any] = RULES) -> EventEngine:
    return EventEngine(TREE, watch_rules(content), size_hw=SIZE_HW, cell=CELL)


def header(**changes: Any) -> LogHeader:
    """Of a log of `RULES`."""
    values: dict[str, Any] = {
        "model": "m" * 8,
        "rules": "r" * 8,
        "source": "door.mp4",
        "size_hw": SIZE_HW,
        "lines": {"door": "person"},
        "zones": {"shop": "person"},
        "events": ("queue", "jaywalk", "loiter", "left"),
    }
    return LogHeader(**values | changes)


def track(number: int, foot_xy: tuple[float, float], **changes: Any) -> Track:
    """An adult of 16 x 32 px that stands at a place and is seen and sure, unless the changes say otherwise."""
    x, y = foot_xy
    top_left = (round(y / CELL) - 8, round(x / CELL) - 2)
    mask = Mask(cells=np.ones((8, 4), dtype=bool), top_left=top_left, cell=CELL)
    return seen_track(number, ADULT, mask, **{"foot_yx": (float(y), float(x))} | changes)


def step(*tracks: Track, ended: Sequence[Track] = ()) -> Step:
    return Step(tracks=tuple(tracks), ended=tuple(ended))


def ground(columns: Sequence[tuple[int, int, int]] = ()) -> Ground:
    """Floor, and stripes of other nodes from one pixel column to another."""
    classes = np.full((SIZE_HW[0] // CELL, SIZE_HW[1] // CELL), FLOOR, dtype=np.uint16)
    for node, start, stop in columns:
        classes[:, start // CELL : stop // CELL] = node
    return Ground(classes=classes, cell=CELL)


@dataclass(frozen=True, kw_only=True)
class Moved:
    """A step and its moment."""

    frame: int
    time_s: float
    step: Step
    ground: Ground | None


def random_steps(seed: int, frames: int, *, fps: float = 5.0, most: int = 5) -> list[Moved]:
    """Tracks that come, walk about, hide, change their class and go; with a road between x = 40 and x = 80."""
    draw = random.Random(seed)
    lane = ground([(LANE, 40, 64), (CROSSING, 64, 80)])
    living: dict[int, dict[str, Any]] = {}
    made, next_number = [], 1
    for frame in range(frames):
        time_s = frame / fps
        if len(living) < most and draw.random() < 0.3:
            living[next_number] = {"x": draw.uniform(0, 200), "y": draw.uniform(40, 118), "age": 0, "dx": 0.0}
            living[next_number]["node"] = draw.choice([ADULT, CHILD, PERSON, BAG, 0])
            next_number += 1
        tracks, ended = [], []
        for number, one in list(living.items()):
            if draw.random() < 0.1:
                one["dx"] = draw.choice([-12.0, -4.0, 0.0, 4.0, 12.0])
            if draw.random() < 0.01:
                one["node"] = draw.choice([ADULT, CHILD, BAG])
            one["x"] += one["dx"] / fps * 5 + draw.gauss(0, 2)
            one["age"] += 1
            cut = not 0 < one["x"] < 200
            made_track = track(
                number,
                (one["x"], one["y"]),
                node=one["node"],
                attributes={"clothing": STAFF if number % 7 == 0 else GUEST},
                sure=one["age"] > 2 and number % 5 != 0,
                seen=draw.random() < 0.9,
                cut=cut,
                velocity_yx=(0.0, one["dx"] * 5),
            )
            if draw.random() < (0.3 if cut else 0.01):
                ended.append(made_track)
                del living[number]
            else:
                tracks.append(made_track)
        known = lane if draw.random() < 0.8 else None
        made.append(Moved(frame=frame, time_s=time_s, step=step(*tracks, ended=ended), ground=known))
    return made


def events_of(made: EventEngine, steps: Sequence[Moved]) -> Iterator[Event]:
    for one in steps:
        yield from made.step(one.frame, one.time_s, one.step, one.ground, None)
