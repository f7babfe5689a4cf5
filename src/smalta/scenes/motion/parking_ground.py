"""The car park of a clip: an aisle between two rows of places, and what stands around.

In:  a seeded generator, a camera.
Out: `Lot`, its measures; a `Stage` with all that stands still.

Numpy. Must not know: people, vehicles, time.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from smalta.classes import ClassTree
from smalta.scenes import roadside as objects
from smalta.scenes.canvas import Camera, Canvas, Ground
from smalta.scenes.light import Light
from smalta.scenes.stage import Stage

AISLE, BAY = "road/aisle", "road/bay"


@dataclass(frozen=True, slots=True, kw_only=True)
class Lot:
    """Measures in metres; the aisle lies between z = 0 and z = `aisle`, the near row of places before it.

    Attributes:
        bay: width of a place.
        long: length of a place.
        aisle: width of the aisle.
        n_bays: places of a row.
        shift: x of the middle of the rows.
    """

    bay: float
    long: float
    aisle: float
    n_bays: int
    shift: float

    @classmethod
    def draw(cls, rng: np.random.Generator) -> Lot:
        """A random car park."""
        return cls(
            bay=float(rng.uniform(2.55, 2.9)),
            long=float(rng.uniform(5.0, 5.4)),
            aisle=float(rng.uniform(6.0, 6.8)),
            n_bays=int(rng.integers(10, 14)),
            shift=float(rng.uniform(-1.3, 1.3)),
        )

    @property
    def width(self) -> float:
        """Metres of a row."""
        return self.n_bays * self.bay

    @property
    def places(self) -> list[tuple[float, int]]:
        """x of the middle of each place, and its side of the aisle: -1 near, 1 far."""
        left = self.shift - self.width / 2 + self.bay / 2
        return [(left + k * self.bay, side) for side in (-1, 1) for k in range(self.n_bays)]

    def middle(self, place: tuple[float, int]) -> tuple[float, float]:
        """x and z."""
        x, side = place
        return x, (-self.long / 2 if side < 0 else self.aisle + self.long / 2)

    def corners(self, place: tuple[float, int]) -> list[tuple[float, float]]:
        """The place on the ground, without its lines."""
        x, z = self.middle(place)
        half, deep = self.bay / 2 - 0.06, self.long / 2
        return [(x - half, z - deep), (x + half, z - deep), (x + half, z + deep), (x - half, z + deep)]

    def yaw(self, place: tuple[float, int], *, backwards: bool) -> float:
        """Where a vehicle in a place faces: away from the aisle, or towards it."""
        return 0.0 if (place[1] > 0) != backwards else np.pi


def build_stage(rng: np.random.Generator, lot: Lot, camera: Camera, light: Light, tree: ClassTree) -> Stage:
    """All that stands still."""
    stage = Stage(Canvas(camera, light, tree))
    stage.canvas.lay(_ground(rng, lot))
    back = lot.aisle + lot.long
    town, autumn = rng.random() < 0.5, bool(rng.random() < 0.3)
    x = -40.0
    while x < 40.0:
        width = rng.uniform(8, 15)
        if town:
            model = objects.building(rng, width=width - rng.uniform(0, 1.5), depth=9.0, high=(4, 12))
            stage.place(model, x + width / 2, back + rng.uniform(4.5, 6.0), np.pi, countable=True, casts_first=True)
        else:
            for _ in range(3):
                spot = x + rng.uniform(0, width), back + rng.uniform(3.2, 9.0)
                tree_model = objects.tree(rng, autumn=autumn, tall=(2.5, 6.0))
                stage.place_flat(tree_model, *spot, countable=True, casts_first=True)
        x += width
    for x in np.arange(rng.uniform(-16, -8), 18, rng.uniform(8, 13)):  # behind the far row
        if rng.random() < 0.6:
            stage.place_flat(objects.lamp(rng, int(rng.choice((-1, 1)))), x, back + 0.35, countable=True)
        else:
            model = objects.sign(rng, ("parking", "blue", "warning"))
            stage.place(model, x, back + 0.3, np.pi + rng.normal(0, 0.2), countable=True)
    return stage


def _area(x0: float, x1: float, z0: float, z1: float) -> np.ndarray:
    return np.array([(x0, z0), (x1, z0), (x1, z1), (x0, z1)])


def _ground(rng: np.random.Generator, lot: Lot) -> list[Ground]:
    asphalt = np.clip(rng.uniform(0.30, 0.50) + rng.normal(0, 0.02, 3), 0, 1)
    stone = np.clip(rng.uniform(0.42, 0.6) + rng.normal(0, 0.03, 3), 0, 1) if rng.random() < 0.5 else asphalt * 0.93
    slabs = np.clip(rng.uniform(0.5, 0.64) + rng.normal(0, 0.03, 3), 0, 1)
    grass = np.array((0.33, 0.42, 0.18)) * rng.uniform(0.75, 1.2)
    white = np.array((0.88, 0.88, 0.84) if rng.random() < 0.8 else (0.85, 0.70, 0.20)) * rng.uniform(0.85, 1.05)
    back, half = lot.aisle + lot.long, lot.width / 2
    ground = [
        Ground(_area(-90, 90, -60, 90), grass, "nature/grass", 0.2),
        Ground(_area(-90, 90, back, back + 2.4), slabs, "pavement", 0.1),
        Ground(_area(-90, 90, -lot.long - 2.0, -lot.long), slabs * 0.97, "pavement", 0.1),
        Ground(_area(-90, 90, -lot.long, back), asphalt, AISLE, 0.12),
    ]
    line = 0.06
    lines = []
    for place in lot.places:
        (x0, z0), (x1, z1) = np.min(lot.corners(place), 0), np.max(lot.corners(place), 0)
        color = stone * rng.normal(1.0, 0.02)
        ground.append(Ground(_area(x0 - line, x1 + line, z0, z1), color, BAY, 0.12))
        if rng.random() < 0.2:  # an oil stain
            z = rng.uniform(z0 + 0.8, z1 - 1.8)
            stain = _area(x0 + 0.7, x1 - 0.7, z, z + rng.uniform(0.5, 1.0))
            ground.append(Ground(stain, color * rng.uniform(0.65, 0.85), BAY, 0.12))
    for side, (z0, z1) in ((-1, (-lot.long, 0.0)), (1, (lot.aisle, back))):
        for k in range(lot.n_bays + 1):
            x = lot.shift - half + k * lot.bay
            lines.append((_area(x - line, x + line, z0, z1), BAY))
        edge = -lot.long if side < 0 else back
        lines.append((_area(lot.shift - half, lot.shift + half, edge - line, edge + line), BAY))
    middle = lot.aisle / 2
    for x in np.arange(-half + 2, half, rng.uniform(7, 11)):  # arrows along the aisle
        lines.append((_area(x, x + 1.6, middle - 0.09, middle + 0.09), AISLE))
        lines.append((np.array([(x + 1.6, middle - 0.4), (x + 1.6, middle + 0.4), (x + 2.7, middle)]), AISLE))
    return ground + [Ground(shape, white * rng.normal(1.0, 0.03), node, 0.14) for shape, node in lines]
