"""The street of a clip: lanes, crossing, pavements, and what stands beside them.

In:  a seeded generator, a camera.
Out: `Street`, its measures; a `Stage` with all that stands still.

Numpy. Must not know: people, vehicles, time.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from smalta.classes import ClassTree
from smalta.scenes import roadside as objects
from smalta.scenes.canvas import Camera, Canvas, Ground
from smalta.scenes.light import Light
from smalta.scenes.solids import Model
from smalta.scenes.stage import Stage

FAR = 70.0  # metres ahead where the ground ends; the camera does not see as far
OWN, ONCOMING, CROSSING = "road/own_lane", "road/oncoming_lane", "road/crossing"


@dataclass(frozen=True, slots=True, kw_only=True)
class Street:
    """Measures in metres; the middle line is x = 0, and the own lane lies at its right.

    Attributes:
        lane: width of a lane.
        edge: from the middle line to the far edge of a pavement.
        crossing: z of its near and of its far side.
        built: share of houses beside the pavement; the rest is green.
    """

    lane: float
    edge: float
    crossing: tuple[float, float]
    built: float

    @classmethod
    def draw(cls, rng: np.random.Generator) -> Street:
        """A random street."""
        lane, near = rng.uniform(3.0, 3.5), rng.uniform(8.5, 12.5)
        return cls(
            lane=float(lane),
            edge=float(lane + rng.uniform(2.2, 3.4)),
            crossing=(float(near), float(near + rng.uniform(4.2, 5.0))),
            built=float(rng.choice((0.1, 0.5, 0.9))),
        )

    def on_road(self, places: np.ndarray) -> np.ndarray:
        """(N,) bool for places (N, 2)."""
        return np.asarray(np.abs(places[:, 0]) < self.lane)

    def on_crossing(self, places: np.ndarray) -> np.ndarray:
        """(N,) bool for places (N, 2)."""
        z = places[:, 1]
        return np.asarray(self.on_road(places) & (z > self.crossing[0]) & (z < self.crossing[1]))

    def on_oncoming(self, places: np.ndarray) -> np.ndarray:
        """(N,) bool for places (N, 2); the crossing is no part of the lane."""
        x = places[:, 0]
        return np.asarray((x > -self.lane) & (x < 0) & ~self.on_crossing(places))


def build_stage(rng: np.random.Generator, street: Street, camera: Camera, light: Light, tree: ClassTree) -> Stage:
    """All that stands still."""
    stage = Stage(Canvas(camera, light, tree))
    stage.canvas.lay(_ground(rng, street))
    for side in (-1, 1):
        _line(rng, street, stage, side)
    return stage


def _area(x0: float, x1: float, z0: float, z1: float) -> np.ndarray:
    return np.array([(x0, z0), (x1, z0), (x1, z1), (x0, z1)])


def _ground(rng: np.random.Generator, street: Street) -> list[Ground]:
    asphalt = np.clip(rng.uniform(0.30, 0.48) + rng.normal(0, 0.015, 3), 0, 1)
    other = asphalt * rng.uniform(0.92, 1.08)
    slabs = np.clip(rng.uniform(0.5, 0.66) + rng.normal(0, 0.03, 3), 0, 1)
    grass = np.array((0.33, 0.42, 0.18)) * rng.uniform(0.75, 1.2)
    white = np.array((0.86, 0.86, 0.83)) * rng.uniform(0.85, 1.05)
    lane, edge, (z0, z1) = street.lane, street.edge, street.crossing
    beside, node = (slabs * 0.92, "pavement") if street.built > 0.8 else (grass, "nature/grass")
    ground = [Ground(_area(-80, 80, -20, FAR), beside, node, 0.14)]
    for side in (-1, 1):
        for z in np.arange(-4.0, FAR, 2.0):
            strip = _area(side * lane, side * edge, z, z + 1.96)
            ground.append(Ground(strip, slabs * rng.normal(1.0, 0.02), "pavement", 0.09))
        ground.append(Ground(_area(side * lane, side * (lane + 0.18), -20, FAR), slabs * 1.2, "pavement", 0.05))
    for (near, far), color, lane_node in (((0.0, lane), asphalt, OWN), ((-lane, 0.0), other, ONCOMING)):
        for z in np.arange(-20.0, FAR, 6.0):
            shade = color * rng.normal(1.0, 0.015)
            ground.append(Ground(_area(near, far, z, z + 6.0), shade, lane_node, 0.12))
        for _ in range(rng.integers(0, 4)):  # repaired patches
            x, z = rng.uniform(near + 0.2, far - 1.3), rng.uniform(6, 28)
            patch = _area(x, x + rng.uniform(0.5, 1.1), z, z + rng.uniform(0.6, 4.0))
            ground.append(Ground(patch, color * rng.uniform(0.7, 1.2), lane_node, 0.12))
    dash, gap = rng.uniform(2.0, 4.0), rng.uniform(2.0, 4.0)
    for z in np.arange(-2.0 + rng.uniform(0, dash), FAR, dash + gap):
        ground.append(Ground(_area(0.0, 0.08, z, z + dash), white, OWN, 0.12))
        ground.append(Ground(_area(-0.08, 0.0, z, z + dash), white, ONCOMING, 0.12))
    for side, lane_node in ((1, OWN), (-1, ONCOMING)):
        line = _area(side * (lane - 0.15), side * (lane - 0.03), -20, FAR)
        ground.append(Ground(line, white * 0.97, lane_node, 0.12))
    ground.append(Ground(_area(-lane, lane, z0, z1), asphalt * 0.97, CROSSING, 0.12))
    for x in np.arange(-lane + 0.25, lane - 0.4, 1.0):
        stripe = _area(x, x + 0.5, z0 + 0.15, z1 - 0.15)
        ground.append(Ground(stripe, white * rng.uniform(0.93, 1.03), CROSSING, 0.12))
    ground.append(Ground(_area(0.1, lane - 0.1, z0 - 1.5, z0 - 1.1), white, OWN, 0.12))
    x = lane / 2
    for at in (z1 + 3.0, z1 + 12.0):  # arrows on the own lane
        ground.append(Ground(_area(x - 0.09, x + 0.09, at, at + 2.0), white, OWN, 0.12))
        tip = np.array([(x - 0.4, at + 2.0), (x + 0.4, at + 2.0), (x, at + 3.3)])
        ground.append(Ground(tip, white, OWN, 0.12))
    return ground


def _line(rng: np.random.Generator, street: Street, stage: Stage, side: int) -> None:
    """Houses, trees, lamps and signs along one side."""
    autumn = bool(rng.random() < 0.3)
    z = rng.uniform(2.0, 6.0)
    while z < 60:
        width = rng.uniform(7, 14)
        x = side * (street.edge + rng.uniform(0.0, 0.4))
        if rng.random() < street.built:
            model = objects.building(rng, width=width - rng.uniform(0, 1.0), depth=9.0, high=(4, 14))
            stage.place(model, x, z + width / 2, -side * np.pi / 2, countable=True, casts_first=True)
        else:
            for _ in range(rng.integers(1, 4)):
                spot = x + side * rng.uniform(0.8, 7.0), z + rng.uniform(0, width)
                _flat(stage, objects.tree(rng, autumn=autumn, tall=(2.5, 7)), *spot, casts_first=True)
        z += width
    inner = side * (street.lane + 0.42)
    for z in np.arange(rng.uniform(12, 18), 45, rng.uniform(13, 20)):  # nothing stands right before the camera
        if abs(z - np.mean(street.crossing)) > 3.5:
            _flat(stage, objects.lamp(rng, -side), inner, float(z))
    if rng.random() < 0.35:
        for z in np.arange(rng.uniform(19, 24), 45, rng.uniform(9, 14)):
            if abs(z - np.mean(street.crossing)) > 4.0:
                _flat(stage, objects.tree(rng, autumn=autumn, tall=(3.2, 4.6)), inner, float(z), casts_first=True)
    for z in (street.crossing[0] - 0.5, rng.uniform(20, 30)):
        model = objects.sign(rng, ("blue", "warning", "limit"))
        stage.place(model, inner, float(z), np.pi + rng.normal(0, 0.12), countable=True)


def _flat(stage: Stage, model: Model, x: float, z: float, *, casts_first: bool = False) -> None:
    stage.place_flat(model, x, z, countable=True, casts_first=casts_first)
