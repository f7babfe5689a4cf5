"""A street seen from a mast: people on pavement, crossing and road, vehicles on their own and on the oncoming lane.

In:  a seed, a length, a picture size.
Out: a `World`.

Numpy. Must not know: how people and vehicles move and look, how pictures are made.

Traffic drives on the right, away from the camera. No traffic comes towards it, so a vehicle on the oncoming lane
overtakes, unloads or is wrong.

"On" means in the truth: the point on the ground below a person, or the middle of the edge of a vehicle nearest to the
camera, lies on that ground and in the picture. The rules decide by the lowest part of a mask. The two agree
unless something hides the foot.
"""

from __future__ import annotations

from typing import Any

import numpy as np

from smalta.classes import ClassTree
from smalta.scenes import vehicles
from smalta.scenes.canvas import Camera
from smalta.scenes.light import Light
from smalta.scenes.motion.driving import Crowd, Leg, Route, drive, touches
from smalta.scenes.motion.paths import WARM_S, Motion
from smalta.scenes.motion.street_ground import Street, build_stage
from smalta.scenes.motion.truth import at_frames, doubtful, in_picture, lasting
from smalta.scenes.motion.values import ClipTruth, TrueContact
from smalta.scenes.motion.walking import Go, Wait, Walker, walk
from smalta.scenes.motion.world import Actor, Vehicle, World, actors_of, aim, near_edge
from smalta.scenes.solids import Model

TRIES = 30
JAYWALK_S, WRONG_S = 1.0, 2.0  # `for` of the two event rules
NEAR_Z, FAR_Z = 0.0, 46.0  # metres ahead of the camera; both are out of the picture


def street_tree() -> ClassTree:
    """The road by lanes and crossing, pavement, surroundings, and people and vehicles as things."""
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
            "road": {
                "color": "#9575cd",
                "children": {
                    "own_lane": {"color": "#7d5fb2", "mirror": "oncoming_lane"},
                    "oncoming_lane": {"color": "#b39ddb"},
                    "crossing": {"color": "#ffffff"},
                },
            },
            "pavement": {"color": "#f4a7c0"},
            "sign": {"color": "#ff9800"},
            "person": {"kind": "thing", "color": "#ff4fd8"},
            "vehicle": {
                "kind": "thing",
                "color": "#3949ab",
                "children": {
                    "car": {"color": "#f4511e"},
                    "lorry": {"color": "#fdd835"},
                    "bus": {"color": "#00897b"},
                },
            },
        }
    )


def build_street(seed: int, seconds: float, times_s: np.ndarray, size_hw: tuple[int, int]) -> World:
    """The world of one clip."""
    rng = np.random.default_rng((seed, 1))
    street = Street.draw(rng)
    camera = _camera(rng, street, size_hw)
    light = daylight(rng)
    for k in range(TRIES):
        moving = np.random.default_rng((seed, 2, k))
        people = walk(_plans(moving, street, seconds), seconds=seconds)
        drivers = _drivers(moving, street, people, seconds)
        actors = actors_of(people, drivers, np.random.default_rng((seed, 5)))
        truth, clear = _truth(actors, street, camera, seconds, times_s)
        if clear and _apart(people, drivers):
            break
    tree = street_tree()
    return World(
        camera=camera,
        light=light,
        actors=actors,
        truth=truth,
        rules=_rules(size_hw),
        stage=lambda wide: build_stage(np.random.default_rng((seed, 6)), street, wide, light, tree),
        flicker=0.6,
    )


def daylight(rng: np.random.Generator) -> Light:
    """A random time of day without fog, dusk and night."""
    light = Light.draw(rng)
    while light.lamps > 0 or light.haze > 0.012:
        light = Light.draw(rng)
    return light


def _camera(rng: np.random.Generator, street: Street, size_hw: tuple[int, int]) -> Camera:
    """On a mast beside the road; it sees no sky."""
    side = rng.choice((-1, 1))
    eye = np.array([side * rng.uniform(0.6, 0.95) * street.edge, rng.uniform(5.6, 7.6), 0.0])
    target = np.array([side * rng.uniform(-0.6, 1.2), 0.0, rng.uniform(12.0, 14.5)])
    yaw, pitch = aim(eye, target)
    across = max(size_hw[1], size_hw[0] * 16 / 9)
    focal = float(rng.uniform(0.82, 0.98) * across)
    return Camera.look(
        eye.tolist(),
        yaw=yaw,
        pitch=float(max(pitch, np.arctan(0.5 * size_hw[0] / focal) + 0.17)),
        roll=float(rng.normal(0, 0.012)),
        focal=focal,
        size_hw=size_hw,
    )


def _plans(rng: np.random.Generator, street: Street, seconds: float) -> list[Walker]:
    share = seconds / 20
    plans: list[Walker] = []
    for role, least, most in ((_stroll, 2.0, 5.0), (_cross, 1.0, 3.0), (_jaywalk, 1.4, 3.2), (_stand, 0.2, 1.2)):
        for _ in range(int(rng.uniform(least, most) * share + rng.random())):
            plans += [role(rng, street, seconds)]
    return plans


def _on_pavement(rng: np.random.Generator, street: Street, side: int) -> float:
    return float(side * rng.uniform(street.lane + 0.75, street.edge - 0.4))


def _speed(rng: np.random.Generator) -> float:
    return float(rng.uniform(0.9, 1.6))


def _first(rng: np.random.Generator, least_s: float, most_s: float) -> Wait:
    """A person has been here since before the clip, and sets out between two times of it."""
    return Wait(WARM_S + float(rng.uniform(least_s, max(most_s, least_s + 1.0))))


def _stroll(rng: np.random.Generator, street: Street, seconds: float) -> Walker:
    """A person walks along the pavement and may stop."""
    x, way = _on_pavement(rng, street, int(rng.choice((-1, 1)))), int(rng.choice((-1, 1)))
    start, end = (NEAR_Z, FAR_Z) if way > 0 else (FAR_Z, NEAR_Z)
    begin = -WARM_S
    if rng.random() < 0.4:  # comes into the picture during the clip
        begin = float(rng.uniform(-WARM_S, max(seconds - 5.0, -WARM_S + 1)))
    else:
        start = float(rng.uniform(2.0, 30.0))
    middle = float(rng.uniform(min(start, end), max(start, end)))
    script = (Go(x, middle), Wait(float(rng.choice((0.0, 0.0, rng.uniform(1, 4))))), Go(x, end))
    return Walker(start_xz=(x, start), begin_s=begin, speed=_speed(rng), script=script)


def _cross(rng: np.random.Generator, street: Street, seconds: float) -> Walker:
    """A person crosses where one should."""
    side = int(rng.choice((-1, 1)))
    x, z = _on_pavement(rng, street, side), rng.uniform(street.crossing[0] + 0.7, street.crossing[1] - 0.7)
    end, start = rng.choice((NEAR_Z, FAR_Z)), z + rng.choice((-1, 1)) * rng.uniform(1.5, 6.0)
    other = _on_pavement(rng, street, -side)
    kerb = street.lane + 0.55
    script = (
        _first(rng, -4.0, seconds - 9.0),
        Go(side * kerb, z),
        Wait(float(rng.choice((0.0, rng.uniform(0.5, 2.0))))),
        Go(-side * kerb, z),
        Go(other, z),
        Go(other, float(end)),
    )
    return Walker(start_xz=(x, float(start)), begin_s=-WARM_S, speed=_speed(rng), script=script)


def _road_place(rng: np.random.Generator, street: Street) -> float:
    """Metres ahead, away from the crossing."""
    z0, z1 = street.crossing
    before, behind = z0 - 2.0 - 7.5, 25.0 - (z1 + 2.0)
    if rng.random() * (max(before, 0) + behind) < before:
        return float(rng.uniform(7.5, z0 - 2.0))
    return float(rng.uniform(z1 + 2.0, 25.0))


def _jaywalk(rng: np.random.Generator, street: Street, seconds: float) -> Walker:
    """A person crosses the road away from the crossing."""
    side, z = int(rng.choice((-1, 1))), _road_place(rng, street)
    x, other = _on_pavement(rng, street, side), _on_pavement(rng, street, -side)
    kerb = street.lane + 0.7
    slope = rng.uniform(-0.8, 0.8)
    end = float(rng.choice((NEAR_Z, FAR_Z)))
    script = (
        _first(rng, -4.0, seconds - 7.0),
        Go(side * kerb, z),
        Go(-side * kerb, z + slope, 0.4),
        Go(other, z + slope),
        Go(other, end),
    )
    return Walker(start_xz=(x, z + rng.uniform(-4, 4)), begin_s=-WARM_S, speed=_speed(rng), script=script)


def _stand(rng: np.random.Generator, street: Street, seconds: float) -> Walker:
    """A person steps on the road, waits there, and steps back."""
    side, z = int(rng.choice((-1, 1))), _road_place(rng, street)
    x, kerb = _on_pavement(rng, street, side), street.lane + 0.7
    script = (
        _first(rng, -4.0, seconds - 9.0),
        Go(side * kerb, z),
        Go(side * (street.lane - rng.uniform(0.7, 1.2)), z, 0.15),
        Wait(rng.uniform(1.5, 4.0)),
        Go(side * kerb, z),
        Go(x, float(rng.choice((NEAR_Z, FAR_Z)))),
    )
    return Walker(start_xz=(x, z + rng.uniform(-4, 4)), begin_s=-WARM_S, speed=_speed(rng), script=script)


def _drivers(rng: np.random.Generator, street: Street, people: list[Motion], seconds: float) -> list[Vehicle]:
    """Vehicles one after the other; each brakes for people and for those who came before."""
    crowds = [Crowd.of_people(people)] if people else []
    found: list[Vehicle] = []
    begin = -WARM_S + rng.uniform(0.0, 3.0)
    while begin < seconds - 2.0:
        node, model = draw_vehicle(rng, buses=True)
        length = model.ends[1] - model.ends[0]
        motion = drive(
            _route(rng, street, length),
            begin_s=begin,
            seconds=seconds,
            half_width=model.half_width,
            length=length,
            crowds=crowds,
        )
        driver = Vehicle(node=node, model=model, motion=motion)
        crowds.append(Crowd.of_vehicle(motion, length))
        found.append(driver)
        begin += rng.uniform(2.6, 6.5)
    return found


def draw_vehicle(rng: np.random.Generator, *, buses: bool) -> tuple[str, Model]:
    """A class and a model."""
    kind = rng.random()
    if buses and kind < 0.1:
        return "vehicle/bus", vehicles.bus(rng)
    body = vehicles.BODIES[int(kind < 0.22)]
    make = vehicles.MAKES[rng.integers(len(vehicles.MAKES))]
    return ("vehicle/lorry" if body == "lorry" else "vehicle/car"), vehicles.car(rng, make, body, lights=False)


def _route(rng: np.random.Generator, street: Street, length: float) -> Route:
    """Along the own lane, or partly or wholly on the oncoming lane."""
    own, wrong = street.lane / 2 + rng.normal(0, 0.12), -street.lane / 2 + rng.normal(0, 0.12)
    start, end, limit = -10.0 - length, FAR_Z + 4.0 + length, float(rng.uniform(4.0, 7.5))
    kind = rng.random()
    if kind < 0.52:
        return Route.of([Leg(np.array([(own, start), (own, end)]), limit)])
    if kind < 0.68:
        return Route.of([Leg(np.array([(wrong, start), (wrong, end)]), min(limit, 5.2))])
    limit, out, back = min(limit, 4.6), street.crossing[1] - rng.uniform(2.0, 4.5), rng.uniform(26.0, 31.0)
    ahead = np.concatenate([[start], np.linspace(out, out + 8.0, 17), np.linspace(back, back + 8.0, 17), [end]])
    share = np.interp(ahead, [out, out + 8.0, back, back + 8.0], [0.0, 1.0, 1.0, 0.0])
    way = np.stack([own + (wrong - own) * (3 * share**2 - 2 * share**3), ahead], axis=1)
    if kind < 0.84:
        return Route.of([Leg(way, limit)])
    there = np.array([(wrong, rng.uniform(out + 8.5, 25.0))])
    before, behind = way[way[:, 1] < there[0, 1] - 0.3], way[way[:, 1] > there[0, 1] + 0.3]
    return Route.of([
        Leg(np.concatenate([before, there]), limit, wait_s=float(rng.uniform(2.0, 5.0))),
        Leg(np.concatenate([there, behind]), limit),
    ])  # fmt: skip


def _apart(people: list[Motion], drivers: list[Vehicle]) -> bool:
    """Whether no vehicle touches anybody."""
    crowds = [Crowd.of_people(people)] if people else []
    for k, driver in enumerate(drivers):
        if any(touches(driver.motion, driver.length, crowd, 1.0) for crowd in crowds):
            return False
        others = [Crowd.of_vehicle(other.motion, other.length) for other in drivers[:k]]
        if any(touches(driver.motion, driver.length, other, 1.7) for other in others):
            return False
    return True


def _truth(
    actors: tuple[Actor, ...], street: Street, camera: Camera, seconds: float, times_s: np.ndarray
) -> tuple[ClipTruth, bool]:
    """The truth, and whether no contact is about as long as its rule asks for."""
    contacts: list[TrueContact] = []
    n_steps = len(actors[0].motion.here) if actors else 2
    counts, clear = np.zeros((n_steps, 2), dtype=np.int64), True
    for actor in actors:
        motion, is_person = actor.motion, actor.node == "person"
        foot = motion.place_xz if is_person else _foot(actor, camera)
        seen = motion.here & in_picture(camera, foot)
        on_road = seen & street.on_road(foot)
        if is_person:
            holds, event, least = on_road & ~street.on_crossing(foot), "jaywalk", JAYWALK_S
            counts[:, 0] += on_road
        else:
            holds, event, least = seen & street.on_oncoming(foot), "wrong_way", WRONG_S
            counts[:, 1] += holds
        holds = holds & (motion.times <= seconds)
        clear &= not doubtful(holds, least)
        contacts += [TrueContact(start, end, actor.number, event) for start, end in lasting(holds, least)]
    truth = ClipTruth(
        crossings=(),
        contacts=tuple(sorted(contacts)),
        zones=("road", "oncoming"),
        occupancy=at_frames(counts, times_s),
        places=(),
        taken=np.zeros((len(times_s), 0), dtype=bool),
    )
    return truth, clear


def _foot(actor: Actor, camera: Camera) -> np.ndarray:
    """(T, 2) metres: where a vehicle is nearest to the camera; its middle while that is out of the picture."""
    edge = near_edge(actor.motion, actor.half_width, actor.ends, camera.position[[0, 2]])
    return np.where(in_picture(camera, edge)[:, None], edge, actor.motion.place_xz)


def _rules(size_hw: tuple[int, int]) -> dict[str, Any]:
    return {
        "picture": [size_hw[1], size_hw[0]],
        "zones": {
            "road": {"stuff": "road", "of": "person"},
            "oncoming": {"stuff": "road/oncoming_lane", "of": "vehicle"},
        },
        "events": [
            {
                "name": "jaywalk",
                "when": "person on road",
                "for": f"{JAYWALK_S:g} s",
                "unless": "person on road/crossing",
            },
            {"name": "wrong_way", "when": "vehicle on road/oncoming_lane", "for": f"{WRONG_S:g} s"},
        ],
    }
