"""A shop's door, seen from inside: people come in, go out, wait, turn back, meet and hide each other.

In:  a seed, a length, a picture size.
Out: a `World`.

Numpy. Must not know: how people move and look, how pictures are made.

The wall with the door is at z = 0. The shop lies at z < 0, towards the camera, which hangs in it: at an angle, or high
and steep. All of the shop in which people walk is in the picture, so whoever is inside is seen or hidden by others.
"""

from __future__ import annotations

from typing import Any

import numpy as np

from smalta.classes import ClassTree
from smalta.scenes.canvas import Camera
from smalta.scenes.light import Light
from smalta.scenes.motion.bodies import draw_body
from smalta.scenes.motion.entrance_room import Room, build_room
from smalta.scenes.motion.paths import WARM_S, Motion
from smalta.scenes.motion.truth import at_frames, below, crossings, in_picture, lasting, on_ground, pixels
from smalta.scenes.motion.values import ClipTruth, TrueContact
from smalta.scenes.motion.walking import Go, Wait, Walker, walk
from smalta.scenes.motion.world import Actor, World, aim

TRIES = 40
END_CLEAR = 0.7  # metres around the line that are free when a clip begins and ends
BUSY_S = 2.0  # `for` of the rule about a count


def entrance_tree() -> ClassTree:
    """Floor inside, ground outside, wall, door, shelf, and people as things."""
    return ClassTree(
        {
            "floor": {"color": "#90a4ae"},
            "outside": {"color": "#c5b358"},
            "wall": {"color": "#bcaaa4"},
            "door": {"color": "#37474f"},
            "shelf": {"color": "#8d6e63"},
            "person": {"kind": "thing", "color": "#ff4fd8"},
        }
    )


def build_entrance(seed: int, seconds: float, times_s: np.ndarray, size_hw: tuple[int, int]) -> World:
    """The world of one clip."""
    rng = np.random.default_rng((seed, 1))
    room = Room.draw(rng)
    camera = _camera(rng, size_hw)
    light = _light(rng)
    inside = _inside(camera, room)
    for k in range(TRIES):
        people = _people(np.random.default_rng((seed, 2, k)), room, inside, seconds)
        if _clear(people, room):
            break
    looks = np.random.default_rng((seed, 5))
    actors = tuple(
        Actor(number=number, node="person", look=draw_body(looks), motion=motion)
        for number, motion in enumerate(people, start=1)
    )
    truth, busy = _truth(actors, room, seconds, times_s)
    tree = entrance_tree()
    return World(
        camera=camera,
        light=light,
        actors=actors,
        truth=truth,
        rules=_rules(camera, room, busy),
        stage=lambda wide: build_room(np.random.default_rng((seed, 6)), room, wide, light, tree),
        flicker=1.0,
    )


def _camera(rng: np.random.Generator, size_hw: tuple[int, int]) -> Camera:
    """At an angle, or high and steep; both see the door and the floor before it."""
    if rng.random() < 0.6:
        eye = np.array([rng.uniform(-2.6, 2.6), rng.uniform(2.9, 3.6), rng.uniform(-7.2, -5.8)])
        target, focal = np.array([rng.uniform(-0.4, 0.4), 0.75, -1.5]), rng.uniform(0.62, 0.76)
    else:
        eye = np.array([rng.uniform(-0.8, 0.8), rng.uniform(3.9, 4.5), rng.uniform(-3.5, -2.9)])
        target, focal = np.array([eye[0] + rng.uniform(-0.3, 0.3), 0.5, rng.uniform(-1.25, -0.95)]), 0.52
    yaw, pitch = aim(eye, target)
    across = max(size_hw[1], size_hw[0] * 16 / 9)
    return Camera.look(
        eye.tolist(),
        yaw=yaw,
        pitch=pitch,
        roll=float(rng.normal(0, 0.012)),
        focal=float(focal * across),
        size_hw=size_hw,
    )


def _light(rng: np.random.Generator) -> Light:
    """Lamps at the ceiling."""
    sun = np.array([rng.uniform(-0.25, 0.25), 1.0, rng.uniform(-0.45, -0.1)])
    warm = np.array([1.0, 1.0 - rng.uniform(0, 0.06), 1.0 - rng.uniform(-0.04, 0.14)])
    level = rng.uniform(0.8, 1.12)
    return Light(
        sun=sun / np.linalg.norm(sun),
        sun_color=0.42 * level * warm,
        ambient=0.62 * level * warm,
        sky_low=np.array([0.8, 0.82, 0.84]),
        sky_top=np.array([0.8, 0.82, 0.84]),
        clouds=0.0,
        haze=0.0,
        lamps=0.0,
        cast=rng.normal(1.0, 0.025, 3),
        noise=float(rng.uniform(0.006, 0.018)),
        blur=0.0,
    )


def _inside(camera: Camera, room: Room) -> np.ndarray:
    """(N, 2) metres: places inside where a person is wholly in the picture; they fill a convex area."""
    x, z = np.meshgrid(np.arange(-5.0, 5.01, 0.1), np.arange(-7.0, -0.99, 0.1))
    places = np.stack([x.ravel(), z.ravel()], axis=1)
    margin = 0.012 * camera.size_hw[1]
    seen = in_picture(camera, places, margin) & in_picture(camera, places, margin, high=1.4)
    seen &= in_picture(camera, places - (0.0, 0.3))  # a foot reaches nearer than the place itself
    foot, head = pixels(camera, on_ground(places)), pixels(camera, on_ground(places, 1.7))
    upright = foot[:, 1] > head[:, 1]  # whoever stands right below the camera is seen from above alone
    free = (places[:, 0] > room.side[0]) & (places[:, 0] < room.side[1])
    return places[seen & upright & free]


def _people(rng: np.random.Generator, room: Room, inside: np.ndarray, seconds: float) -> list[Motion]:
    """Motions from the beginning of the clip, of all who are there at any time of it."""
    share = seconds / 20
    plans: list[Walker] = []
    for role, least, most in (
        (_enter, 1.4, 3.2), (_leave, 1.4, 3.2), (_visit, 0.3, 1.5), (_return, 0.0, 1.2), (_hesitate, 0.3, 1.6),
        (_peek, 0.0, 1.0), (_stroll, 0.4, 1.8), (_pass, 0.6, 2.4),
    ):  # fmt: skip
        for _ in range(int(rng.uniform(least, most) * share + rng.random())):
            plans += role(rng, room, inside, seconds)
    motions = walk(plans, seconds=seconds, keep=room.keep)
    return [motion.cut() for motion in motions if motion.cut().here.sum() > 2]


def _place(rng: np.random.Generator, inside: np.ndarray) -> tuple[float, float]:
    x, z = inside[rng.integers(len(inside))]
    return float(x), float(z)


def _speed(rng: np.random.Generator) -> float:
    return float(rng.uniform(0.85, 1.5))


def _hidden(rng: np.random.Generator) -> tuple[float, float]:
    """A place outside that the wall hides."""
    return float(rng.choice((-1, 1)) * rng.uniform(4.8, 6.5)), float(rng.uniform(0.9, 2.6))


def _way_in(rng: np.random.Generator, room: Room) -> list[Go | Wait]:
    x = rng.uniform(-1, 1) * (room.half - 0.42)
    steps: list[Go | Wait] = [Go(x, 0.75, 0.4)]
    if rng.random() < 0.15:  # a person who stops on the line
        steps += [Go(x, room.line + rng.uniform(-0.05, 0.05), 0.15), Wait(rng.uniform(0.6, 1.8))]
    return [*steps, Go(x * rng.uniform(0.7, 1.0), -0.95, 0.4)]


def _way_out(rng: np.random.Generator, room: Room) -> list[Go | Wait]:
    x = rng.uniform(-1, 1) * (room.half - 0.42)
    return [Go(x, -0.95, 0.4), Go(x, 0.8, 0.4), Go(*_hidden(rng))]


def _looks_around(rng: np.random.Generator, inside: np.ndarray, times: int) -> list[Go | Wait]:
    steps: list[Go | Wait] = []
    for _ in range(times):
        steps += [Go(*_place(rng, inside)), Wait(rng.uniform(0.6, 5.0))]
    return steps


def _enter(rng: np.random.Generator, room: Room, inside: np.ndarray, seconds: float) -> list[Walker]:
    """One person, or two who belong together, comes in and stays."""
    begin, start, speed = rng.uniform(-4.0, max(seconds - 7.0, -3.0)), _hidden(rng), _speed(rng)
    script: list[Go | Wait] = [*_way_in(rng, room), *_looks_around(rng, inside, 4)]
    plans = [Walker(start_xz=start, begin_s=begin, speed=speed, script=tuple(script), stays=True)]
    if rng.random() < 0.3:
        x, z = start
        beside = [*_way_in(rng, room), *_looks_around(rng, inside, 4)]
        plans.append(Walker(start_xz=(x, z + 0.7), begin_s=begin + 0.3, speed=speed, script=tuple(beside), stays=True))
    return plans


def _leave(rng: np.random.Generator, room: Room, inside: np.ndarray, seconds: float) -> list[Walker]:
    script: list[Go | Wait] = [
        *_looks_around(rng, inside, int(rng.integers(1, 3))),
        Wait(rng.uniform(0, 0.55 * seconds + 4.0)),
    ]
    script += _way_out(rng, room)
    return [Walker(start_xz=_place(rng, inside), begin_s=-WARM_S, speed=_speed(rng), script=tuple(script))]


def _visit(rng: np.random.Generator, room: Room, inside: np.ndarray, seconds: float) -> list[Walker]:
    """A person comes in, looks around once, and goes."""
    script: list[Go | Wait] = [
        *_way_in(rng, room),
        Go(*_place(rng, inside)),
        Wait(rng.uniform(0.5, 3.0)),
        *_way_out(rng, room),
    ]
    begin = rng.uniform(-4.0, max(seconds - 13.0, -3.0))
    return [Walker(start_xz=_hidden(rng), begin_s=begin, speed=_speed(rng), script=tuple(script))]


def _return(rng: np.random.Generator, room: Room, inside: np.ndarray, seconds: float) -> list[Walker]:
    """A person goes out, turns round before the door, and comes back."""
    x = rng.uniform(-0.5, 0.5)
    script: list[Go | Wait] = [
        Wait(rng.uniform(7.0, 11.0)),
        Go(x, -0.95, 0.4),
        Go(x, rng.uniform(1.1, 1.8)),
        Wait(rng.uniform(0.4, 2.0)),
        *_way_in(rng, room),
        *_looks_around(rng, inside, 3),
    ]
    return [Walker(start_xz=_place(rng, inside), begin_s=-WARM_S, speed=_speed(rng), script=tuple(script), stays=True)]


def _hesitate(rng: np.random.Generator, room: Room, inside: np.ndarray, seconds: float) -> list[Walker]:
    """A person comes to the door, from outside or from inside, and turns back before it."""
    x = rng.uniform(-0.6, 0.6)
    if rng.random() < 0.5:
        before = (Go(x, rng.uniform(1.2, 1.6)), Wait(rng.uniform(0.4, 2.0)), Go(*_hidden(rng)))
        begin = rng.uniform(-4.0, max(seconds - 6.0, -3.0))
        return [Walker(start_xz=_hidden(rng), begin_s=begin, speed=_speed(rng), script=before)]
    turn: list[Go | Wait] = [
        Wait(rng.uniform(6.0, 6.0 + 0.5 * seconds)),
        Go(x, rng.uniform(-1.4, -1.15), 0.2),
        Wait(rng.uniform(0.3, 1.5)),
    ]
    script: list[Go | Wait] = [*turn, *_looks_around(rng, inside, 3)]
    return [Walker(start_xz=_place(rng, inside), begin_s=-WARM_S, speed=_speed(rng), script=tuple(script), stays=True)]


def _peek(rng: np.random.Generator, room: Room, inside: np.ndarray, seconds: float) -> list[Walker]:
    """A person takes a few steps into the shop and goes at once."""
    x = rng.uniform(-1, 1) * (room.half - 0.45)
    script: list[Go | Wait] = [
        Go(x, 0.75, 0.4),
        Go(x, rng.uniform(-1.8, -1.4), 0.2),
        Wait(rng.uniform(0.2, 1.2)),
        Go(x, 0.8, 0.4),
        Go(*_hidden(rng)),
    ]
    begin = rng.uniform(-4.0, max(seconds - 10.0, -3.0))
    return [Walker(start_xz=_hidden(rng), begin_s=begin, speed=_speed(rng), script=tuple(script))]


def _stroll(rng: np.random.Generator, room: Room, inside: np.ndarray, seconds: float) -> list[Walker]:
    """A person who is inside all the time."""
    script = tuple(_looks_around(rng, inside, 3 + int(seconds / 3)))
    return [Walker(start_xz=_place(rng, inside), begin_s=-WARM_S, speed=_speed(rng), script=script, stays=True)]


def _pass(rng: np.random.Generator, room: Room, inside: np.ndarray, seconds: float) -> list[Walker]:
    """A person walks past outside."""
    side, z = rng.choice((-1, 1)), rng.uniform(1.3, 3.2)
    begin = rng.uniform(-4.0, max(seconds - 4.0, -3.0))
    script = (Go(float(-side * 6.5), z),)
    return [Walker(start_xz=(float(side * 6.5), z), begin_s=begin, speed=_speed(rng), script=script)]


def _clear(people: list[Motion], room: Room) -> bool:
    """Whether nobody is at the line when the clip begins or ends, so that no crossing is cut in two."""
    for motion in people:
        inward = room.line - motion.place_xz[:, 1]
        for steps in (slice(0, 16), slice(-16, None)):
            if (motion.here[steps] & (np.abs(inward[steps]) < END_CLEAR)).any():
                return False
    return True


def _truth(actors: tuple[Actor, ...], room: Room, seconds: float, times_s: np.ndarray) -> tuple[ClipTruth, int]:
    """The truth, and the count of the rule "busy"; 0 = no such rule."""
    found, first = [], 0
    for actor in actors:
        inward = room.line - actor.motion.place_xz[:, 1]
        found += crossings(inward, actor.motion.here, actor.number, "door")
        first += bool(actor.motion.here[0] and inward[0] > 0)
    found.sort()
    steps = actors[0].motion.times if actors else np.array([0.0, 1.0])
    when = np.array([crossing.time_s for crossing in found])
    change = np.array([1 if crossing.way == "in" else -1 for crossing in found], dtype=np.int64)
    count = first + (change * (when <= steps[:, None] + 1e-9)).sum(axis=1).astype(np.int64)
    busy, contacts = _busy(count[steps <= seconds])
    return (
        ClipTruth(
            crossings=tuple(crossing for crossing in found if crossing.time_s <= seconds),
            contacts=tuple(TrueContact(start, end, 0, "busy") for start, end in contacts),
            zones=("shop",),
            occupancy=at_frames(count, times_s)[:, None],
            places=(),
            taken=np.zeros((len(times_s), 0), dtype=bool),
        ),
        busy,
    )


def _busy(count: np.ndarray) -> tuple[int, list[tuple[float, float]]]:
    """The largest count that holds long enough to be told, and never about as long as the rule asks for."""
    for least in range(int(count.max()), max(int(count.min()), 1), -1):
        lengths = [end - start for start, end in lasting(count >= least, 0.0)]
        if max(lengths) > 1.5 * BUSY_S and not any(0.6 * BUSY_S < length < 1.5 * BUSY_S for length in lengths):
            return least, lasting(count >= least, BUSY_S)
    return 0, []


def _rules(camera: Camera, room: Room, busy: int) -> dict[str, Any]:
    z = room.line
    ends = pixels(camera, on_ground(np.array([(-room.half, z), (room.half, z)])))
    shop = below(camera, *ends)
    start, end = ([round(float(value), 1) for value in point] for point in ends)
    rules: dict[str, Any] = {
        "picture": [camera.size_hw[1], camera.size_hw[0]],
        "zones": {"shop": {"polygon": shop, "point": "foot", "of": "person"}},
        "lines": {"door": {"from": start, "to": end, "in": "right", "of": "person"}},
    }
    if busy:
        rules["events"] = [{"name": "busy", "when": f"count in shop of person >= {busy}", "for": f"{BUSY_S:g} s"}]
    return rules
