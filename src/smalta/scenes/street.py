"""A street with one lane in each direction, seen from a car or from a low mast; traffic drives on the right.

In:  a seeded generator, a light, a picture size, a class tree.
Out: a `Stage` with all objects in their places, and the row of the horizon.

Numpy. Must not know: how objects look, how pictures are made.
"""

from __future__ import annotations

from itertools import pairwise

import numpy as np

from smalta.classes import ClassTree
from smalta.scenes import roadside as objects
from smalta.scenes import vehicles
from smalta.scenes.canvas import Camera, Canvas, Ground
from smalta.scenes.light import Light
from smalta.scenes.stage import Stage

FAR = 150.0
OWN, ONCOMING, MARKING = "road/own_lane", "road/oncoming_lane", "road/marking"
PAVEMENT, BAY, GRASS = "road/pavement", "road/bay", "nature/grass"


class _Street:
    """Measures of one street; the x of its middle line depends on z."""

    def __init__(self, rng: np.random.Generator) -> None:
        self.bend = float(rng.normal(0.0, 0.0013))
        self.lane = float(rng.uniform(2.9, 3.6))
        self.bays = {side: 2.1 if rng.random() < 0.45 else 0.0 for side in (-1, 1)}  # parking along the kerb
        self.walk = {side: float(rng.uniform(1.6, 3.2)) for side in (-1, 1)}
        self.style = ("town", "suburb", "park")[rng.choice(3, p=(0.45, 0.35, 0.2))]
        self.autumn = bool(rng.random() < 0.3)
        self.crossing = float(rng.uniform(7, 22)) if rng.random() < 0.4 else None

    def middle(self, z: float) -> float:
        return self.bend * z * z

    def heading(self, z: float) -> float:
        return float(np.arctan(2 * self.bend * z))

    def kerb(self, side: int) -> float:
        return self.lane + self.bays[side]

    def edge(self, side: int) -> float:
        return self.kerb(side) + self.walk[side]

    def strip(self, x: tuple[float, float], z: tuple[float, float]) -> np.ndarray:
        """(4, 2) corners of a patch between two distances `x` from the middle line and two distances `z` ahead."""
        near, far = self.middle(z[0]), self.middle(z[1])
        return np.array([(near + x[0], z[0]), (near + x[1], z[0]), (far + x[1], z[1]), (far + x[0], z[1])])


def build_street(
    rng: np.random.Generator, light: Light, size_hw: tuple[int, int], tree: ClassTree
) -> tuple[Stage, float]:
    """A random street; the second value is the horizon's row in pixels."""
    street = _Street(rng)
    on_mast = rng.random() < 0.22
    height = rng.uniform(3.0, 5.0) if on_mast else rng.uniform(1.35, 2.3)
    pitch = rng.uniform(0.12, 0.24) if on_mast else rng.normal(0.055, 0.02)
    x = rng.uniform(-2.0, street.edge(1)) if on_mast else street.lane / 2 + rng.normal(0, 0.3)
    yaw = rng.normal(-0.02 * x if on_mast else 0.0, 0.05)
    focal = size_hw[1] * rng.uniform(0.72, 1.05)
    camera = Camera.look(
        (x, height, 0.0), yaw=yaw, pitch=pitch, roll=rng.normal(0, 0.015), focal=focal, size_hw=size_hw
    )
    stage = Stage(Canvas(camera, light, tree))
    stage.canvas.lay(_ground(rng, street))
    _backdrop(rng, street, stage)
    for side in (-1, 1):
        _line_street(rng, street, stage, side)
    _traffic(rng, street, stage)
    _people(rng, street, stage)
    if not on_mast:
        stage.lamps.append((street.lane / 2, 9.0, 4.5))  # the headlights of the camera's own car
    return stage, size_hw[0] / 2 - focal * float(np.tan(pitch))


def _ground(rng: np.random.Generator, street: _Street) -> list[Ground]:
    grey = rng.uniform(0.30, 0.50)
    asphalt = np.clip(grey + rng.normal(0, 0.015, 3), 0, 1)
    other = asphalt * rng.uniform(0.9, 1.1)
    slabs = np.clip(rng.uniform(0.42, 0.64) + rng.normal(0, 0.03, 3), 0, 1)
    grass = np.array((0.33, 0.42, 0.18)) * rng.uniform(0.75, 1.2) + rng.uniform(0, 0.12) * np.array((1.3, 0.9, 0.4))
    bay = slabs * 0.85 if rng.random() < 0.5 else asphalt * rng.uniform(0.85, 1.1)
    beside, beside_node = (slabs * 0.95, PAVEMENT) if street.style == "town" else (grass, GRASS)
    layers = [((-90.0, 90.0), beside, beside_node, 0.16)]  # each layer lies on those before it
    for side in (-1, 1):
        kerb, edge = street.kerb(side), street.edge(side)
        layers.append(((side * kerb, side * edge), slabs, PAVEMENT, 0.09))
        layers.append(((side * kerb, side * (kerb + 0.18)), np.minimum(slabs * 1.2, 1), PAVEMENT, 0.05))
        if street.bays[side]:
            layers.append(((side * street.lane, side * kerb), bay, BAY, 0.12))
    layers += [((0.0, street.lane), asphalt, OWN, 0.12), ((-street.lane, 0.0), other, ONCOMING, 0.12)]
    edges = np.geomspace(1.0, FAR, 20)
    ground = [
        Ground(street.strip(x, z), color * rng.normal(1.0, 0.018), node, grain)
        for x, color, node, grain in layers
        for z in pairwise(edges)
    ]
    for _ in range(rng.integers(0, 7)):  # repaired patches and manhole covers in the road
        own = rng.random() < 0.5
        x0, z0 = rng.uniform(0.2, street.lane - 1.2), rng.uniform(3, 30)
        x0 = x0 if own else x0 - street.lane
        shape = street.strip((x0, x0 + rng.uniform(0.5, 1.0)), (z0, z0 + rng.uniform(0.6, 4.0)))
        ground.append(Ground(shape, asphalt * rng.uniform(0.65, 1.2), OWN if own else ONCOMING, 0.12))
    return ground + _markings(rng, street)


def _markings(rng: np.random.Generator, street: _Street) -> list[Ground]:
    white = np.array((0.86, 0.86, 0.83)) * rng.uniform(0.8, 1.05)
    shapes = []
    double, dash, gap = rng.random() < 0.25, rng.uniform(2.0, 4.0), rng.uniform(2.0, 5.0)
    if double:
        edges = np.geomspace(1.0, FAR, 16)
        shapes += [street.strip((x, x + 0.14), z) for z in pairwise(edges) for x in (-0.2, 0.06)]
    else:
        starts = np.arange(1.0 + rng.uniform(0, dash), 90, dash + gap)
        shapes += [street.strip((-0.08, 0.08), (z, z + dash)) for z in starts]
    for side in (-1, 1):
        if street.bays[side] or rng.random() < 0.6:
            edges = np.geomspace(1.0, FAR, 12)
            line = side * (street.lane - 0.15), side * street.lane
            shapes += [street.strip(line, z) for z in pairwise(edges)]
        if street.bays[side]:
            between = side * street.lane, side * street.kerb(side)
            shapes += [street.strip(between, (z, z + 0.14)) for z in np.arange(1.5, 60, 5.6)]
    if street.crossing is not None:
        z, n = street.crossing, int(2 * street.lane)
        for x in np.linspace(-street.lane + 0.25, street.lane - 0.75, n):
            shapes.append(street.strip((x, x + 0.5), (z, z + 3.0)))
        shapes.append(street.strip((0.1, street.lane - 0.1), (z - 1.6, z - 1.2)))
        shapes.append(street.strip((-street.lane + 0.1, -0.1), (z + 4.2, z + 4.6)))
    elif rng.random() < 0.35:
        z, x = rng.uniform(6, 16), street.lane / 2
        shapes.append(street.strip((x - 0.09, x + 0.09), (z, z + 2.2)))
        head = street.strip((x - 0.4, x + 0.4), (z + 2.2, z + 3.4))
        shapes.append(np.array([head[0], head[1], (head[2] + head[3]) / 2]))
    return [Ground(shape, white * rng.uniform(0.9, 1.05), MARKING, 0.12) for shape in shapes]


def _backdrop(rng: np.random.Generator, street: _Street, stage: Stage) -> None:
    """Place a far line of houses or trees at the end of the street."""
    x = street.middle(FAR) - 140.0
    while x < street.middle(FAR) + 140.0:
        if not stage.sees(x, FAR, 20.0):
            width = 10.0
        elif rng.random() < (0.7 if street.style == "town" else 0.25):
            width = rng.uniform(12, 26)
            model = objects.building(rng, width=width, depth=8.0, high=(6, 24))
            stage.place(model, x + width / 2, FAR - rng.uniform(0, 10), np.pi, casts_first=True)
        else:
            width = rng.uniform(5, 9)
            stage.place_flat(
                objects.tree(rng, autumn=street.autumn, tall=(7, 16), far=True), x + width / 2, FAR - rng.uniform(0, 30)
            )
        x += width


def _line_street(rng: np.random.Generator, street: _Street, stage: Stage, side: int) -> None:
    """Place houses, trees, lamps and signs along one side."""
    built, high, setback = {
        "town": (0.85, (6, 17), (0.0, 0.6)),
        "suburb": (0.55, (3, 8), (2.5, 7.0)),
        "park": (0.12, (4, 9), (4.0, 9.0)),
    }[street.style]
    z = rng.uniform(-6, 3)
    while z < 115:
        width = rng.uniform(7, 15)
        middle = z + width / 2
        x = street.middle(middle) + side * (street.edge(side) + rng.uniform(*setback))
        if rng.random() < built and stage.sees(x, middle, width + 9.0):
            model = objects.building(rng, width=width - rng.uniform(0, 1.5), depth=9.0, high=high)
            stage.place(model, x, middle, street.heading(middle) - side * np.pi / 2, casts_first=True)
        if street.style != "town":
            for _ in range(rng.integers(1, 4)):
                away, ahead = rng.uniform(0.5, 12.0), z + rng.uniform(0, width)
                tree_x = street.middle(ahead) + side * (street.edge(side) + away)
                if ahead > 6 and stage.sees(tree_x, ahead, 4.0):
                    plant = objects.tree(rng, autumn=street.autumn, tall=(2.5, 9), far=ahead > 40)
                    stage.place_flat(plant, tree_x, ahead, casts_first=True)
        z += width
    inner = street.kerb(side) + 0.45
    if side == 1 or rng.random() < 0.5:
        for z in np.arange(rng.uniform(6, 18), 80, rng.uniform(16, 26)):
            x = street.middle(z) + side * inner
            stage.place_flat(objects.lamp(rng, -side), x, z)
            stage.lamps.append((x - side, z, 3.5))
    if street.style == "town" and rng.random() < 0.45:  # trees along the kerb
        for z in np.arange(rng.uniform(9, 14), 80, rng.uniform(8, 13)):
            plant = objects.tree(rng, autumn=street.autumn, tall=(4, 7))
            stage.place_flat(plant, street.middle(z) + side * (inner + 0.3), z + 3.0, casts_first=True)
    for z in np.cumsum(rng.uniform(7, 26, 4)):
        yaw = np.pi if side == 1 or rng.random() < 0.4 else 0.0
        stage.place(objects.sign(rng), street.middle(z) + side * (inner + 0.1), z, yaw + rng.normal(0, 0.12))


def _traffic(rng: np.random.Generator, street: _Street, stage: Stage) -> None:
    def vehicle(x: float, z: float, yaw: float, *, small: bool = False) -> float:
        """Place a vehicle x metres from the middle line, with its near end at z; returns its length."""
        if not small and rng.random() < 0.14:
            model, attribute = vehicles.bus(rng), 0
        else:
            body = int(not small and rng.random() < 0.28)
            make = vehicles.MAKES[rng.integers(len(vehicles.MAKES))]
            model, attribute = vehicles.car(rng, make, vehicles.BODIES[body], lights=not small), body + 1
        length = model.ends[1] - model.ends[0]
        middle = z + length / 2
        stage.place(
            model, street.middle(middle) + x, middle, street.heading(middle) + yaw, countable=True, attribute=attribute
        )
        return length

    z = rng.uniform(4.5, 16)
    while z < 95 and rng.random() < 0.85:
        z += vehicle(street.lane / 2 + rng.normal(0, 0.15), z, rng.normal(0, 0.03)) + rng.uniform(4, 26)
    z = rng.uniform(3.5, 14)
    while z < 95 and rng.random() < 0.88:
        z += vehicle(-street.lane / 2 + rng.normal(0, 0.15), z, np.pi + rng.normal(0, 0.03)) + rng.uniform(3, 22)
    for side in (-1, 1):
        if street.bays[side]:
            for z in np.arange(1.5 + 5.6 * (side == 1), 60, 5.6):
                if rng.random() < 0.55:
                    turned = np.pi * (rng.random() < (0.8 if side < 0 else 0.1))
                    vehicle(side * (street.lane + 1.05), z + 0.4, turned + rng.normal(0, 0.03), small=True)


def _people(rng: np.random.Generator, street: _Street, stage: Stage) -> None:
    def somebody(x: float, z: float) -> None:
        stage.place_flat(objects.person(rng), street.middle(z) + x, z, countable=True)

    for _ in range(rng.poisson(4.0)):
        side, z = rng.choice((-1, 1)), float(rng.uniform(4.0, 34.0))
        x, group = side * rng.uniform(street.kerb(side) + 0.3, street.edge(side)), 1 + (rng.random() < 0.3)
        for k in range(group):
            somebody(x + 0.55 * k, z + 0.2 * k)
    if street.crossing is not None:
        for _ in range(rng.integers(0, 4)):
            somebody(rng.uniform(-street.lane, street.lane), street.crossing + rng.uniform(0.3, 2.7))
    elif rng.random() < 0.2:
        somebody(rng.uniform(-street.lane, street.lane), float(rng.uniform(8.0, 25.0)))
