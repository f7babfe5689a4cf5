"""Generated walks past a line, with exact truth, for `bench.video_lines` and its rivals.

In:  a kind and a seed.
Out: `Walk`: the foot of one person in each frame as a tracker would report it, and the true crossings.

A walk is made in places (across, along) of the line, pixels, and turned into the picture at a random angle. Persons are
60 to 160 px high and walk 0.5 to 1.6 of their heights a second. Their foot sways by 3 % of their height and trembles by
1.5 px (standard deviation, each axis, each frame). Walks across begin and end at least 0.7 of a height from the line.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass, field

import numpy as np

FPS = 25.0
TREMBLE_PX = 1.5
STRONG_TREMBLE_PX = 5.0
STAND_S = 20.0
UNSEEN_FRAMES = 12
GIVEN_UP_S = 2.0  # after which a tracker gives up a track that is unseen
CONFIRMED_FRAMES = 3  # after which a tracker calls a track sure
BAND_PX, BAND_SHARE = 6.0, 0.15  # where "at the line" is
WIDTH = 0.4  # of a height

Path = list[tuple[float, float, float]]  # time, across, along: corners of a way that is walked evenly between them


@dataclass(kw_only=True)
class Walk:
    """One person and one line.

    Attributes:
        start_xy, end_xy: of the line, pixels.
        in_side: "left" or "right", seen from start to end.
        times: (n,) seconds of the frames.
        feet_yx: (n, 2) reported feet, pixels.
        heights: (n,) reported heights, pixels.
        ids: (n,) number of the track; 0 where the person is unseen.
        velocities_yx: (n, 2) reported, pixels a second.
        truth: "in" or "out" for each crossing, in order.
    """

    start_xy: tuple[float, float]
    end_xy: tuple[float, float]
    in_side: str
    times: np.ndarray
    feet_yx: np.ndarray
    heights: np.ndarray
    ids: np.ndarray
    velocities_yx: np.ndarray
    truth: list[str]


@dataclass
class _Draft:
    """A walk before it is turned into the picture; from left (negative) to right unless it is mirrored."""

    path: Path
    sides: list[int]  # the sides that the crossings lead to, 1 = right
    height: float
    length: float
    fps: float = FPS
    tremble: float = TREMBLE_PX
    unseen: tuple[int, int] | None = None  # first frame, and the first after it
    new_id: int | None = None  # the first frame of the second number
    where: np.ndarray = field(default_factory=lambda: np.zeros((0, 2)))  # (n, 2) true places, once sampled


def _basis(random: np.random.Generator) -> tuple[float, float, float]:
    """Height of a person, speed in pixels a second, length of the line."""
    height = float(random.uniform(60, 160))
    return height, height * float(random.uniform(0.5, 1.6)), float(random.uniform(120, 260))


def _walk_to(path: Path, across: float, along: float, speed: float) -> None:
    """Add a corner that is reached at this speed."""
    time, a, b = path[-1]
    path.append((time + math.hypot(across - a, along - b) / speed, across, along))


def _far(random: np.random.Generator, height: float) -> float:
    return height * float(random.uniform(0.7, 1.6))


def _straight(random: np.random.Generator, *, fps: float = FPS, longer: float = 0.0) -> _Draft:
    """Once across the line, at up to 50 degrees from straight; it ends `longer` heights farther away."""
    height, speed, length = _basis(random)
    lean = math.tan(math.radians(float(random.uniform(-50, 50))))
    at, before = length * float(random.uniform(0.15, 0.85)), _far(random, height)
    after = _far(random, height) + longer * height
    path: Path = [(0.0, -before, at - before * lean)]
    _walk_to(path, after, at + after * lean, speed)
    return _Draft(path=path, sides=[1], height=height, length=length, fps=fps)


def clean(random: np.random.Generator) -> _Draft:
    """Once across."""
    return _straight(random)


def five_frames(random: np.random.Generator) -> _Draft:
    """Once across, seen five times a second."""
    return _straight(random, fps=5.0)


def trembling(random: np.random.Generator) -> _Draft:
    """To the line, 20 s on it with a foot that trembles by 5 px, then on or back."""
    height, speed, length = _basis(random)
    at, on = length * float(random.uniform(0.15, 0.85)), float(random.uniform(-2, 2))
    path: Path = [(0.0, -_far(random, height), at)]
    _walk_to(path, on, at, speed)
    path.append((path[-1][0] + STAND_S, on, at))
    goes_on = bool(random.random() < 0.5)
    _walk_to(path, _far(random, height) * (1 if goes_on else -1), at, speed)
    return _Draft(path=path, sides=[1] if goes_on else [], height=height, length=length, tremble=STRONG_TREMBLE_PX)


def unseen(random: np.random.Generator) -> _Draft:
    """Once across, unseen for 12 frames during which the foot passes the line; the number stays."""
    draft = _sampled(_straight(random, longer=1.5))
    passes = int(np.argmax(draft.where[:, 0] > 0))
    first = max(1, passes - int(random.integers(0, UNSEEN_FRAMES)))
    draft.unseen = (first, first + UNSEEN_FRAMES)
    return draft


def new_id(random: np.random.Generator) -> _Draft:
    """Once across; the number changes within the band, at once or after up to 12 unseen frames."""
    draft = _sampled(_straight(random, longer=1.5))
    within = np.flatnonzero(np.abs(draft.where[:, 0]) <= max(BAND_PX, BAND_SHARE * draft.height))
    lost = int(random.choice(within))  # the last frame of the first number
    gap = int(random.integers(0, UNSEEN_FRAMES + 1))
    draft.new_id = lost + 1 + gap
    draft.unseen = (lost + 1, draft.new_id)
    return draft


def there_and_back(random: np.random.Generator) -> _Draft:
    """Across, perhaps a pause, and back through another place of the line."""
    height, speed, length = _basis(random)
    there, back = (length * float(random.uniform(0.15, 0.85)) for _ in range(2))
    depth = height * float(random.uniform(0.5, 1.5))
    path: Path = [(0.0, -_far(random, height), there)]
    _walk_to(path, depth, there, speed)
    path.append((path[-1][0] + float(random.uniform(0, 1)), depth, there))
    _walk_to(path, depth, back, speed)
    _walk_to(path, -_far(random, height), back, speed)
    return _Draft(path=path, sides=[1, -1], height=height, length=length)


def beside_the_end(random: np.random.Generator) -> _Draft:
    """Past the end of the line, around the end, or along the line and back on the same side."""
    height, speed, length = _basis(random)
    gap = max(8.0, height * float(random.uniform(0.1, 1.0)))  # from the end
    near, inner = height * float(random.uniform(0.25, 0.8)), length * float(random.uniform(0.2, 0.8))
    way = int(random.integers(0, 3))
    if way == 0:  # past it
        path: Path = [(0.0, -_far(random, height), length + gap)]
        _walk_to(path, _far(random, height), length + gap, speed)
    elif way == 1:  # along one side, around the end, and along the other side
        path = [(0.0, -near, inner)]
        _walk_to(path, -near, length + gap, speed)
        _walk_to(path, near, length + gap, speed)
        _walk_to(path, near, inner, speed)
    else:  # along one side and past the end
        path = [(0.0, -near, -gap)]
        _walk_to(path, -near, length + gap, speed)
        _walk_to(path, -near, inner, speed)
    return _Draft(path=path, sides=[], height=height, length=length)


KINDS: dict[str, Callable[[np.random.Generator], _Draft]] = {
    "clean": clean,
    "trembling 20 s on the line": trembling,
    "12 frames unseen at the line": unseen,
    "new id at the line": new_id,
    "5 frames a second": five_frames,
    "there and back": there_and_back,
    "along beside the end": beside_the_end,
}


def make_walk(kind: str, seed: int) -> Walk:
    """The walk of a kind and a seed; always the same."""
    random = np.random.default_rng([list(KINDS).index(kind), seed])
    return _turned(_sampled(KINDS[kind](random)), random)


def _sampled(draft: _Draft) -> _Draft:
    """The draft with its true place in each frame."""
    if not len(draft.where):
        corners = np.array(draft.path)
        times = np.arange(0, corners[-1, 0] + 1 / draft.fps, 1 / draft.fps)
        draft.where = np.stack([np.interp(times, corners[:, 0], corners[:, k]) for k in (1, 2)], axis=1)
    return draft


def _turned(draft: _Draft, random: np.random.Generator) -> Walk:
    """The walk in the picture, as a tracker reports it."""
    where, n = draft.where, len(draft.where)
    times = np.arange(n) / draft.fps
    sway = 0.03 * draft.height * np.sin(2 * np.pi * 2.0 * times + random.uniform(0, 2 * np.pi))
    moving = np.linalg.norm(np.gradient(where, axis=0), axis=1) > 1e-9
    feet = where + random.normal(0, draft.tremble, (n, 2)) + (sway * moving)[:, None] * [0.0, 1.0]
    side, end = random.choice([-1, 1]), random.choice([-1, 1])  # mirrored across and along
    feet = feet * [side, end] + [0.0, draft.length if end < 0 else 0.0]
    angle = float(random.uniform(0, 2 * np.pi))
    unit = np.array([math.cos(angle), math.sin(angle)])  # x, y along the line
    right = np.array([-unit[1], unit[0]])
    start = np.array([320.0, 180.0]) - unit * draft.length / 2
    xy = start + feet[:, :1] * right + feet[:, 1:] * unit
    ids = np.ones(n, dtype=int)
    if draft.new_id is not None:
        ids[draft.new_id :] = 2
    if draft.unseen is not None:
        ids[slice(*draft.unseen)] = 0
    in_side = "right" if random.random() < 0.5 else "left"
    truth = ["in" if (side * crossed > 0) == (in_side == "right") else "out" for crossed in draft.sides]
    stop = start + unit * draft.length
    feet_yx = xy[:, ::-1]
    return Walk(
        start_xy=(float(start[0]), float(start[1])),
        end_xy=(float(stop[0]), float(stop[1])),
        in_side=in_side,
        times=times,
        feet_yx=feet_yx,
        heights=draft.height * random.normal(1, 0.02, n),
        ids=ids,
        velocities_yx=_velocities(times, feet_yx, ids),
        truth=truth,
    )


def _velocities(times: np.ndarray, feet: np.ndarray, ids: np.ndarray) -> np.ndarray:
    """(n, 2) slope of the feet of the last half second, by least squares, of the same number."""
    found = np.zeros_like(feet)
    for k in range(len(times)):
        part = np.flatnonzero((times > times[k] - 0.5) & (times <= times[k]) & (ids == ids[k]))
        if ids[k] and len(part) > 1:
            since = times[part] - times[part].mean()
            found[k] = since @ feet[part] / (since @ since)
    return found
