"""A car park seen from a mast: cars take and leave places on both sides of an aisle, and people walk.

In:  a seed, a length, a picture size.
Out: a `World`.

Numpy. Must not know: how people and vehicles move and look, how pictures are made.

The aisle is one-way, to the right along x, with a row of places on each side. A place is taken while the middle of a
vehicle is in it. "On the aisle" means in the truth: the point on the ground below a person lies on the aisle and in the
picture.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Any

import numpy as np

from smalta.classes import ClassTree
from smalta.scenes.canvas import Camera
from smalta.scenes.motion.driving import Crowd, Leg, Route, arc, drive, parked, touches
from smalta.scenes.motion.parking_ground import Lot, build_stage
from smalta.scenes.motion.paths import WARM, WARM_S, Motion
from smalta.scenes.motion.street import daylight, draw_vehicle
from smalta.scenes.motion.truth import at_frames, doubtful, in_picture, lasting, polygon
from smalta.scenes.motion.values import ClipTruth, TrueContact
from smalta.scenes.motion.walking import Go, Wait, Walker, walk
from smalta.scenes.motion.world import Actor, Vehicle, World, actors_of, aim
from smalta.scenes.solids import Model

TRIES = 30
OVERLAP = 0.5  # `point: overlap` of the places: the best of 0.4 to 0.65 with true masks
AISLE_S = 2.0  # `for` of the rule about people
SEEN_X = 19.0  # metres to each side of the middle beyond which the camera sees nothing of the aisle
PLACE_HIGH = (0.6, 1.2)  # metres above the ground between which the polygon of a place surrounds a car


def parking_tree() -> ClassTree:
    """Aisle and bays, surroundings, and people and vehicles as things."""
    return ClassTree(
        {
            "construction": {
                "color": "#a1887f",
                "children": {"building": {"color": "#8d6e63"}, "pole": {"color": "#546e7a"}},
            },
            "nature": {
                "color": "#689f38",
                "children": {"tree": {"color": "#2e7d32"}, "grass": {"color": "#9e9d24"}},
            },
            "road": {"color": "#9575cd", "children": {"aisle": {"color": "#6a6a8c"}, "bay": {"color": "#9ccc9c"}}},
            "pavement": {"color": "#f4a7c0"},
            "sign": {"color": "#ff9800"},
            "person": {"kind": "thing", "color": "#ff4fd8"},
            "vehicle": {
                "kind": "thing",
                "color": "#3949ab",
                "children": {"car": {"color": "#f4511e"}, "lorry": {"color": "#fdd835"}},
            },
        }
    )


def build_parking(seed: int, seconds: float, times_s: np.ndarray, size_hw: tuple[int, int]) -> World:
    """The world of one clip."""
    rng = np.random.default_rng((seed, 1))
    lot = Lot.draw(rng)
    camera = _camera(rng, lot, size_hw)
    light = daylight(rng)
    zones = _zones(lot, camera)
    for k in range(TRIES):
        moving = np.random.default_rng((seed, 2, k))
        people = walk(_plans(moving, lot, seconds), seconds=seconds)
        cars = _cars(moving, lot, [lot.places[i] for i in zones], people, seconds)
        actors = actors_of(people, cars, np.random.default_rng((seed, 5)))
        truth, clear = _truth(actors, lot, list(zones), camera, seconds, times_s)
        if clear and _apart(cars, people):
            break
    tree = parking_tree()
    return World(
        camera=camera,
        light=light,
        actors=actors,
        truth=truth,
        rules=_rules(size_hw, zones),
        stage=lambda wide: build_stage(np.random.default_rng((seed, 6)), lot, wide, light, tree),
        flicker=0.6,
    )


def _camera(rng: np.random.Generator, lot: Lot, size_hw: tuple[int, int]) -> Camera:
    """Above the near side of the car park; it sees no sky."""
    across = max(size_hw[1], size_hw[0] * 16 / 9)
    eye = np.array([rng.uniform(-4.0, 4.0), rng.uniform(8.4, 10.0), -lot.long - rng.uniform(6.0, 7.5)])
    target = np.array([0.4 * eye[0] + rng.uniform(-1.0, 1.0), 0.0, rng.uniform(0.4, 1.5)])
    yaw, pitch = aim(eye, target)
    return Camera.look(
        eye.tolist(),
        yaw=yaw,
        pitch=pitch,
        roll=float(rng.normal(0, 0.012)),
        focal=float(rng.uniform(0.62, 0.7) * across),
        size_hw=size_hw,
    )


def _zones(lot: Lot, camera: Camera) -> dict[int, list[list[float]]]:
    """Polygons of the places that lie wholly in the picture, by the place's number in the lot."""
    zones = {}
    for k, place in enumerate(lot.places):
        corners = lot.corners(place)
        outline = polygon(camera, corners, PLACE_HIGH)
        if outline is not None and in_picture(camera, np.array(corners), 2.0).all():
            zones[k] = outline
    return zones


def _plans(rng: np.random.Generator, lot: Lot, seconds: float) -> list[Walker]:
    """People along the aisle, and on the pavements before and behind the car park."""
    share, plans = seconds / 20, list[Walker]()
    rows = ((0.0, 1.0, SEEN_X), (lot.aisle + lot.long + 1.2, 0.4, 1.45 * SEEN_X), (-lot.long - 1.0, 0.4, 0.8 * SEEN_X))
    for _ in range(int(rng.uniform(2.0, 5.0) * share + rng.random())):
        way, (z, spread, reach) = int(rng.choice((-1, 1))), rows[rng.choice(3, p=(0.5, 0.3, 0.2))]
        z = float(z + rng.uniform(-spread, spread))
        other = z
        if reach == SEEN_X:  # along one edge of the aisle, and perhaps across it
            edges = float(rng.uniform(0.6, 1.4)), lot.aisle - float(rng.uniform(0.6, 1.4))
            z, other = edges if rng.random() < 0.5 else edges[::-1]
            other = other if rng.random() < 0.4 else z
        start, begin = -way * reach, float(rng.uniform(-WARM_S, max(seconds - 6.0, -WARM_S + 1)))
        if rng.random() < 0.6:  # in the picture from the beginning
            start, begin = float(-way * rng.uniform(-4.0, 0.8 * reach)), -WARM_S
        middle = start + way * float(rng.uniform(2.0, 10.0))
        rest = float(rng.choice((0.0, rng.uniform(1.0, 4.0))))
        script = (Go(middle, z), Wait(rest), Go(middle + 2.5 * way, other), Go(way * reach, other))
        speed = float(rng.uniform(0.9, 1.5))
        plans.append(Walker(start_xz=(start, z), begin_s=begin, speed=speed, script=script))
    return plans


def _cars(
    rng: np.random.Generator,
    lot: Lot,
    seen: list[tuple[float, int]],
    people: list[Motion],
    seconds: float,
) -> list[Vehicle]:
    """Cars in places, some of which leave, and cars that come for free places or drive through."""
    share = rng.uniform(0.3, 0.85)
    taken = {place: bool(rng.random() < share) for place in lot.places}
    free = [place for place in seen if not taken[place]]
    full = [place for place in seen if taken[place]]
    jobs: list[tuple[str, tuple[float, int] | None]] = []
    for _ in range(max(1, round(rng.uniform(2.0, 4.4) * seconds / 20))):
        kind = rng.random()
        if kind < 0.5 and free:
            jobs.append(("come", free.pop(int(rng.integers(len(free))))))
        elif kind < 0.88 and full:
            jobs.append(("go", full.pop(int(rng.integers(len(full))))))
        else:
            jobs.append(("through", None))
    leaving = {goal for job, goal in jobs if job == "go"}
    cars = []
    for place, is_taken in taken.items():
        if is_taken and place not in leaving:
            node, model = _vehicle(rng, place)
            x, z = lot.middle(place)
            yaw = lot.yaw(place, backwards=bool(rng.random() < 0.3)) + rng.normal(0, 0.03)
            motion = parked(x + rng.normal(0, 0.1), z + rng.normal(0, 0.12), yaw, seconds)
            cars.append(Vehicle(node=node, model=model, motion=motion))
    crowds = [Crowd.of_people(people)] if people else []
    begin = rng.uniform(-6.0, -1.0)
    for job, goal in jobs:
        node, model = _vehicle(rng, goal)
        length = model.ends[1] - model.ends[0]
        motion = drive(
            _route(rng, lot, job, goal, begin),
            begin_s=-WARM_S if job == "go" else begin,
            seconds=seconds,
            half_width=model.half_width,
            length=length,
            crowds=crowds,
            stays=job == "come",
        )
        crowds.append(Crowd.of_vehicle(motion, length, seconds=6.0))
        cars.append(Vehicle(node=node, model=model, motion=motion))
        begin += rng.uniform(3.0, 6.5)
    return cars


def _vehicle(rng: np.random.Generator, place: tuple[float, int] | None) -> tuple[str, Model]:
    """A car; a lorry, which fits in no place, only drives through."""
    node, model = draw_vehicle(rng, buses=False)
    while place is not None and node != "vehicle/car":
        node, model = draw_vehicle(rng, buses=False)
    return node, model


def _route(rng: np.random.Generator, lot: Lot, job: str, place: tuple[float, int] | None, begin_s: float) -> Route:
    """Along the aisle, into a place, or out of one."""
    middle, limit = lot.aisle / 2 + rng.normal(0, 0.1), float(rng.uniform(3.2, 4.8))
    start, end = (-SEEN_X - 6.0, middle), (SEEN_X + 8.0, middle)
    if place is None:
        return Route.of([Leg(np.array([start, end]), limit)])
    (x, z), side = lot.middle(place), place[1]
    radius = min(3.7, abs(z - middle) - 0.4)
    centre = (x - radius, middle + side * radius)
    turn = arc(centre, radius, -side * math.pi / 2, 0.0)  # from the aisle into the place
    if job == "come":
        into = np.concatenate([turn, [(x, z)]])
        return Route.of([Leg(np.array([start, turn[0]]), limit), Leg(into, 2.0)])
    slow = float(rng.uniform(1.5, 2.0))
    wait = begin_s + WARM_S
    if rng.random() < 0.35:  # it stands with its nose to the aisle
        away = np.concatenate([[(x, z)], arc((x + radius, centre[1]), radius, math.pi, math.pi + side * math.pi / 2)])
        hold = Leg(np.array([(x, z), away[0] + np.sign(away[1] - away[0]) * 0.3]), 0.5, wait_s=wait)
        away[0] = hold.points_xz[-1]
        return Route.of([hold, Leg(away, slow), Leg(np.array([away[-1], end]), limit)])
    back = np.concatenate([[(x, z)], turn[::-1]])
    hold = Leg(np.array([(x, z), (x, z - side * 0.3)]), 0.5, backwards=True, wait_s=wait)
    back[0] = hold.points_xz[-1]
    return Route.of([
        hold,
        Leg(back, slow, backwards=True, wait_s=float(rng.uniform(0.4, 1.0))),
        Leg(np.array([back[-1], end]), limit),
    ])  # fmt: skip


def _apart(cars: list[Vehicle], people: list[Motion]) -> bool:
    """Whether no vehicle that moves touches anybody."""
    moving = [car for car in cars if np.ptp(car.motion.stride[WARM:]) > 0.1]
    crowd = Crowd.of_people(people) if people else None
    for car in moving:
        if crowd is not None and touches(car.motion, car.length, crowd, 0.95):
            return False
        others = [Crowd.of_vehicle(other.motion, other.length) for other in cars if other is not car]
        if any(touches(car.motion, car.length, other, 1.6) for other in others):
            return False
    return True


def _truth(
    actors: Sequence[Actor], lot: Lot, shown: list[int], camera: Camera, seconds: float, times_s: np.ndarray
) -> tuple[ClipTruth, bool]:
    """The truth, and whether no contact is about as long as its rule asks for."""
    n_steps = len(actors[0].motion.here) if actors else 2
    taken = np.zeros((n_steps, len(shown)), dtype=bool)
    contacts: list[TrueContact] = []
    clear = True
    for actor in actors:
        motion = actor.motion
        x, z = motion.place_xz.T
        if actor.node == "person":
            on_aisle = motion.here & in_picture(camera, motion.place_xz) & (z > 0) & (z < lot.aisle)
            holds = on_aisle & (motion.times <= seconds)
            clear &= not doubtful(holds, AISLE_S)
            contacts += [TrueContact(start, end, actor.number, "on_aisle") for start, end in lasting(holds, AISLE_S)]
        else:
            for column, k in enumerate(shown):
                (x0, z0), (x1, z1) = np.min(lot.corners(lot.places[k]), 0), np.max(lot.corners(lot.places[k]), 0)
                taken[:, column] |= motion.here & (x > x0) & (x < x1) & (z > z0) & (z < z1)
    frames = at_frames(taken, times_s)
    names = tuple(f"place_{k + 1}" for k in range(len(shown)))
    truth = ClipTruth(
        crossings=(),
        contacts=tuple(sorted(contacts)),
        zones=names,
        occupancy=frames.astype(np.int64),
        places=names,
        taken=frames,
    )
    return truth, clear


def _rules(size_hw: tuple[int, int], zones: dict[int, list[list[float]]]) -> dict[str, Any]:
    return {
        "picture": [size_hw[1], size_hw[0]],
        "zones": {
            f"place_{k}": {"polygon": outline, "point": f"overlap {OVERLAP:g}", "of": "vehicle"}
            for k, outline in enumerate(zones.values(), start=1)
        },
        "events": [{"name": "on_aisle", "when": "person on road/aisle", "for": f"{AISLE_S:g} s"}],
    }
