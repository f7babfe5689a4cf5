"""A car park with marked bays, seen from a mast or a window above it.

In:  a seeded generator, a light, a picture size, a class tree.
Out: a `Stage` with all objects in their places, and the row of the horizon.

Numpy. Must not know: how objects look, how pictures are made.
"""

from __future__ import annotations

import numpy as np

from smalta.classes import ClassTree
from smalta.scenes import roadside as objects
from smalta.scenes import vehicles
from smalta.scenes.canvas import Camera, Canvas, Ground
from smalta.scenes.light import Light
from smalta.scenes.stage import Stage

AISLE, BAY, MARKING, PAVEMENT, GRASS = "road/aisle", "road/bay", "road/marking", "road/pavement", "nature/grass"


def build_parking(
    rng: np.random.Generator, light: Light, size_hw: tuple[int, int], tree: ClassTree
) -> tuple[Stage, float]:
    """A random car park; the second value is the horizon's row in pixels."""
    lot = _Lot(rng)
    height, reach = rng.uniform(4.5, 9.5), rng.uniform(9.0, 16.0)
    yaw = rng.uniform(-0.7, 0.7) + (np.pi if rng.random() < 0.5 else 0.0)
    target = np.array([rng.uniform(-0.3, 0.3) * lot.width, rng.uniform(-0.3, 0.3) * lot.depth])
    eye = target - reach * np.array([np.sin(yaw), np.cos(yaw)])
    pitch = np.arctan2(height, reach) + rng.normal(-0.05, 0.04)
    focal = size_hw[1] * rng.uniform(0.72, 1.05)
    camera = Camera.look(
        (eye[0], height, eye[1]), yaw=yaw, pitch=pitch, roll=rng.normal(0, 0.025), focal=focal, size_hw=size_hw
    )
    stage = Stage(Canvas(camera, light, tree))
    stage.canvas.lay(lot.ground(rng))
    _fill(rng, lot, stage)
    _surround(rng, lot, stage)
    return stage, size_hw[0] / 2 - focal * float(np.tan(pitch))


class _Lot:
    """Measures of one car park: rows of bays along x, with an aisle between each two rows."""

    def __init__(self, rng: np.random.Generator) -> None:
        self.bay = float(rng.uniform(2.45, 2.9))
        self.long = float(rng.uniform(4.9, 5.6))
        self.aisle = float(rng.uniform(5.5, 7.0))
        self.n_bays = int(rng.integers(9, 15))
        self.width = self.n_bays * self.bay
        n_aisles = int(rng.integers(2, 4))
        self.depth = n_aisles * (self.aisle + 2 * self.long)
        self.aisles = [
            -self.depth / 2 + self.long + i * (self.aisle + 2 * self.long) for i in range(n_aisles)
        ]  # z of the near edge of each
        self.islands = {  # (row, bay) of planted islands
            (row, bay) for row in range(2 * n_aisles) for bay in range(self.n_bays) if rng.random() < 0.05
        }

    def rows(self) -> list[tuple[float, int]]:
        """z of the edge between each row's bays and its aisle, and the side of the edge on which the bays lie."""
        return [edge for z in self.aisles for edge in ((z, -1), (z + self.aisle, 1))]

    def bay_x(self, bay: int) -> float:
        return -self.width / 2 + bay * self.bay

    def ground(self, rng: np.random.Generator) -> list[Ground]:
        grey = rng.uniform(0.30, 0.52)
        asphalt = np.clip(grey + rng.normal(0, 0.02, 3), 0, 1)
        stone = np.clip(rng.uniform(0.40, 0.6) + rng.normal(0, 0.03, 3), 0, 1) if rng.random() < 0.4 else asphalt
        slabs = np.clip(rng.uniform(0.45, 0.62) + rng.normal(0, 0.03, 3), 0, 1)
        grass = np.array((0.33, 0.42, 0.18)) * rng.uniform(0.75, 1.2) + rng.uniform(0, 0.1) * np.array((1.3, 0.9, 0.4))
        white = np.array((0.88, 0.88, 0.84) if rng.random() < 0.8 else (0.85, 0.70, 0.20)) * rng.uniform(0.8, 1.05)
        x0, x1, z0, z1 = -self.width / 2, self.width / 2, -self.depth / 2, self.depth / 2
        drive = 5.5  # width of the drive around the lot
        outer = (x0 - drive, x1 + drive, z0 - 0.3, z1 + 0.3)
        ground = [Ground(_area(-120, 120, -120, 120), grass, GRASS, 0.2)]
        ground.append(
            Ground(_area(outer[0] - 2.2, outer[1] + 2.2, outer[2] - 2.2, outer[3] + 2.2), slabs, PAVEMENT, 0.1)
        )
        ground.append(Ground(_area(*outer), asphalt, AISLE, 0.12))
        line = 0.075
        lines = []
        for row, (edge, side) in enumerate(self.rows()):
            back = edge + side * self.long
            for bay in range(self.n_bays):
                x = self.bay_x(bay)
                color = stone * rng.normal(1.0, 0.02)
                ground.append(Ground(_area(x, x + self.bay, edge, back), color, BAY, 0.12))
                if (row, bay) in self.islands:
                    ground.append(Ground(_area(x + 0.1, x + self.bay - 0.1, edge, back), slabs * 1.15, PAVEMENT, 0.05))
                    inner = _area(x + 0.35, x + self.bay - 0.35, edge + side * 0.25, back - side * 0.25)
                    ground.append(Ground(inner, grass, GRASS, 0.25))
                if rng.random() < 0.2:  # an oil stain
                    stain = _area(x + 0.8, x + self.bay - 0.8, edge + side * 1.0, edge + side * rng.uniform(1.6, 3.0))
                    ground.append(Ground(stain, color * rng.uniform(0.6, 0.85), BAY, 0.12)) if (
                        row,
                        bay,
                    ) not in self.islands else None
            for bay in range(self.n_bays + 1):
                x = self.bay_x(bay)
                lines.append(_area(x - line, x + line, edge, back))
            lines.append(_area(x0, x1, back - line, back + line))
        for z in self.aisles:
            for x in np.arange(x0 + 4, x1 - 4, rng.uniform(8, 13)):
                middle, ahead = z + self.aisle / 2, rng.choice((-1, 1))
                lines.append(_area(x, x + ahead * 1.6, middle - 0.09, middle + 0.09))
                tip = x + ahead * 2.7
                lines.append(
                    np.array([(x + ahead * 1.6, middle - 0.4), (x + ahead * 1.6, middle + 0.4), (tip, middle)])
                )
        return ground + [Ground(shape, white * rng.normal(1.0, 0.03), MARKING, 0.14) for shape in lines]


def _area(x0: float, x1: float, z0: float, z1: float) -> np.ndarray:
    return np.array([(x0, z0), (x1, z0), (x1, z1), (x0, z1)])


def _fill(rng: np.random.Generator, lot: _Lot, stage: Stage) -> None:
    """Place cars in bays and aisles, and people beside them."""
    taken = rng.uniform(0.35, 0.9)
    eye = stage.canvas.camera.position

    def vehicle(x: float, z: float, yaw: float, *, lorry: bool, lights: bool) -> None:
        if np.hypot(x - eye[0], z - eye[2]) > 4.5 and stage.sees(x, z, 4.0):
            make = vehicles.MAKES[rng.integers(len(vehicles.MAKES))]
            model = vehicles.car(rng, make, vehicles.BODIES[lorry], lights=lights)
            stage.place(model, x, z, yaw, countable=True, attribute=1 + lorry)

    for row, (edge, side) in enumerate(lot.rows()):
        for bay in range(lot.n_bays):
            x, z = lot.bay_x(bay) + lot.bay / 2, edge + side * lot.long / 2
            if (row, bay) in lot.islands:
                if rng.random() < 0.7:
                    stage.place_flat(
                        objects.tree(rng, autumn=rng.random() < 0.3, tall=(2.2, 4.5)), x, z, casts_first=True
                    )
                else:
                    stage.place_flat(objects.lamp(rng, int(rng.choice((-1, 1)))), x, z)
                    stage.lamps.append((x, z, 5.0))
            elif rng.random() < taken:
                nose = (0.0 if side > 0 else np.pi) + np.pi * (rng.random() < 0.3)
                lorry = bool(rng.random() < 0.14)
                shift = -side * 0.8 if lorry else 0.0
                vehicle(
                    x + rng.normal(0, 0.1),
                    z + shift + rng.normal(0, 0.15),
                    nose + rng.normal(0, 0.035),
                    lorry=lorry,
                    lights=bool(rng.random() < 0.1),
                )
            elif rng.random() < 0.12:
                somebody = objects.person(rng)
                stage.place_flat(somebody, x, z + rng.uniform(-1.5, 1.5), countable=True)
    for z in lot.aisles:
        for x in np.arange(-lot.width / 2 + rng.uniform(0, 8), lot.width / 2 - 3, 9.0):
            if rng.random() < 0.3:
                forth = rng.choice((-1, 1))
                yaw = forth * np.pi / 2 + rng.normal(0, 0.1)
                vehicle(x, z + lot.aisle / 2 - forth * 1.2, yaw, lorry=bool(rng.random() < 0.3), lights=True)
            for _ in range(rng.poisson(0.5)):
                place = x + rng.uniform(3.8, 5.2), z + rng.uniform(0.8, lot.aisle - 0.8)
                stage.place_flat(objects.person(rng), *place, countable=True)


def _surround(rng: np.random.Generator, lot: _Lot, stage: Stage) -> None:
    """Place houses, trees, lamps and signs around the lot, except between the lot and the camera."""
    camera = stage.canvas.camera
    eye, ahead = camera.position[[0, 2]], camera.axes[2][[0, 2]]

    def beyond(x: float, z: float) -> bool:
        return bool((np.array([x, z]) - eye) @ ahead > 16.0)

    x1, z1 = lot.width / 2 + 7.5, lot.depth / 2 + 2.5
    town = rng.random() < 0.6
    for turn, half, out in ((0.0, x1, z1), (np.pi, x1, z1), (np.pi / 2, z1, x1), (-np.pi / 2, z1, x1)):
        away, along = np.array([np.sin(turn), np.cos(turn)]), np.array([np.cos(turn), -np.sin(turn)])
        at = -half - 8.0
        while at < half + 8.0:
            width = rng.uniform(8, 16)
            place = away * (out + rng.uniform(3, 6)) + along * (at + width / 2)
            if beyond(*place) and stage.sees(place[0], place[1], width):
                if rng.random() < (0.7 if town else 0.25):
                    model = objects.building(rng, width=width, depth=9.0, high=(4, 13))
                    stage.place(model, place[0], place[1], turn + np.pi, casts_first=True)
                else:
                    for _ in range(3):
                        spot = place + along * rng.uniform(-width / 2, width / 2) + away * rng.uniform(-2, 6)
                        plant = objects.tree(rng, autumn=rng.random() < 0.3, tall=(3.5, 9))
                        stage.place_flat(plant, spot[0], spot[1], casts_first=True)
            spot = away * (out - 1.2) + along * at
            if beyond(*spot) and stage.sees(spot[0], spot[1], 3.0) and rng.random() < 0.5:
                model = objects.sign(rng, ("parking", "blue", "warning", "limit", "board"))
                facing = np.arctan2(eye[0] - spot[0], eye[1] - spot[1])
                stage.place(model, spot[0], spot[1], facing + rng.normal(0, 0.4))
            at += width
    for edge, side in lot.rows():
        for bay in range(2, lot.n_bays, 4):  # lamps between rows that are back to back
            spot = np.array([lot.bay_x(bay), edge + side * (lot.long - 0.05)])
            if np.linalg.norm(spot - eye) > 5.0 and stage.sees(spot[0], spot[1], 2.0) and rng.random() < 0.3:
                stage.place_flat(objects.lamp(rng, int(rng.choice((-1, 1)))), *spot)
                stage.lamps.append((spot[0], spot[1], 4.5))
        if rng.random() < 0.6:  # a sign at the head of a row
            end = rng.choice((-1, 1))
            spot = np.array([end * (lot.width / 2 + 0.5), edge + side * lot.long / 2])
            if np.linalg.norm(spot - eye) > 5.0:
                facing = np.arctan2(eye[0] - spot[0], eye[1] - spot[1])
                model = objects.sign(rng, ("parking", "blue", "warning", "stop"))
                stage.place(model, spot[0], spot[1], facing + rng.normal(0, 0.5))
