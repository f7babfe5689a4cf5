"""The shop of an entrance clip: floor, wall with an open door, shelves, and the ground outside.

In:  a seeded generator, a camera.
Out: `Room`, its measures; a `Stage` with all that stands still.

Numpy. Must not know: people, time.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from smalta.classes import ClassTree
from smalta.scenes.canvas import Camera, Canvas, Ground
from smalta.scenes.light import Light
from smalta.scenes.polygons import Mesh
from smalta.scenes.solids import Model, Piece, block, centre_of, normal_of, on, rect
from smalta.scenes.stage import Stage

WALL_HIGH, THICK = 5.0, 0.24  # metres
REACH = 12.0  # metres of wall to each side


@dataclass(frozen=True, slots=True, kw_only=True)
class Room:
    """Measures in metres.

    Attributes:
        half: half the width of the door.
        lintel: height of the door.
        line: z of the line that people cross.
        side: x between which people walk inside.
        leaf: whether a door leaf stands open inside, at the left (-1) or at the right (1); 0 = sliding doors.
    """

    half: float
    lintel: float
    line: float
    side: tuple[float, float]
    leaf: int

    @classmethod
    def draw(cls, rng: np.random.Generator) -> Room:
        """A random room."""
        left, right = -4.6, 4.6
        if rng.random() < 0.7:  # a shelf stands in the room, on one side
            left, right = (-rng.uniform(1.9, 2.6), right) if rng.random() < 0.5 else (left, rng.uniform(1.9, 2.6))
        return cls(
            half=float(rng.uniform(0.85, 1.2)),
            lintel=float(rng.uniform(2.1, 2.4)),
            line=float(rng.uniform(-0.35, -0.1)),
            side=(float(left), float(right)),
            leaf=int(rng.choice((-1, 0, 0, 1))),
        )

    def keep(self, places: np.ndarray) -> np.ndarray:
        """Places (N, 2) moved out of the wall."""
        x, z = places[:, 0], places[:, 1]
        at_wall = (z > -0.45) & (z < 0.5)
        in_door = at_wall & (np.abs(x) < self.half)
        beside = at_wall & ~in_door
        reach = self.half - 0.26
        return np.stack(
            [np.where(in_door, np.clip(x, -reach, reach), x), np.where(beside, np.where(z < 0.03, -0.45, 0.5), z)],
            axis=1,
        )


def build_room(rng: np.random.Generator, room: Room, camera: Camera, light: Light, tree: ClassTree) -> Stage:
    """All that stands still."""
    stage = Stage(Canvas(camera, light, tree))
    stage.canvas.lay(_ground(rng, room))
    plaster = np.clip(rng.uniform(0.55, 0.9) + rng.normal(0, 0.04, 3), 0, 1)
    metal = np.clip(rng.choice((0.16, 0.34, 0.62)) + rng.normal(0, 0.02, 3), 0, 1)
    wide = REACH - room.half
    for side in (-1, 1):
        x = side * (room.half + wide / 2)
        _put(stage, _wall(rng, wide, (0.0, WALL_HIGH), plaster, side), x, 0.0)
        post = _slab(0.09, (0.0, room.lintel + 0.09), THICK + 0.1, metal, "door")
        _put(stage, post, side * (room.half + 0.045), 0.0)
    _put(stage, _slab(2 * room.half, (room.lintel, room.lintel + 0.16), THICK + 0.1, metal, "door"), 0.0, 0.0)
    over = _slab(2 * room.half, (room.lintel + 0.16, WALL_HIGH), THICK, plaster, "wall")
    _put(stage, over, 0.0, 0.0)
    if room.leaf:
        leaf = _slab(0.05, (0.03, room.lintel), 0.82, np.clip(metal * 1.15, 0, 1), "door")
        _put(stage, leaf, room.leaf * (room.half + 0.04), -0.55)
    _shelves(rng, room, stage)
    return stage


def _put(stage: Stage, model: Model, x: float, z: float) -> None:
    stage.place(model, x, z, 0.0, countable=True)


def _ground(rng: np.random.Generator, room: Room) -> list[Ground]:
    base = np.array(((0.72, 0.70, 0.66), (0.60, 0.61, 0.62), (0.66, 0.56, 0.45), (0.42, 0.43, 0.45))[rng.integers(4)])
    base = base * rng.uniform(0.8, 1.1)
    tile = float(rng.uniform(0.45, 0.95))
    patches = [Ground(_area(-14, 14, -14, THICK / 2), base * 0.9, "floor", 0.05)]
    for x in np.arange(-7.0, 7.0, tile):
        for z in np.arange(-8.0, -tile, tile):
            color = base * rng.normal(1.0, 0.018)
            patches.append(Ground(_area(x, x + tile - 0.02, z, z + tile - 0.02), color, "floor", 0.05))
    if rng.random() < 0.6:  # a mat
        half, long = room.half * rng.uniform(0.8, 1.0), rng.uniform(0.7, 1.4)
        dark = np.full(3, rng.uniform(0.12, 0.28)) + rng.normal(0, 0.01, 3)
        patches.append(Ground(_area(-half, half, -0.3 - long, -0.3), dark, "floor", 0.2))
    slabs = np.clip(rng.uniform(0.5, 0.78) + rng.normal(0, 0.03, 3), 0, 1)
    patches.append(Ground(_area(-60, 60, THICK / 2, 60), slabs * 0.9, "outside", 0.1))
    for x in np.arange(-6.0, 6.0, 0.6):
        for z in np.arange(THICK / 2, 4.0, 0.6):
            slab = _area(x, x + 0.58, z, z + 0.58)
            patches.append(Ground(slab, slabs * rng.normal(1.0, 0.03), "outside", 0.1))
    asphalt = np.full(3, rng.uniform(0.3, 0.45))
    patches.append(Ground(_area(-60, 60, 4.2, 60), asphalt, "outside", 0.12))
    return patches


def _area(x0: float, x1: float, z0: float, z1: float) -> np.ndarray:
    return np.array([(x0, z0), (x1, z0), (x1, z1), (x0, z1)])


def _slab(width: float, y: tuple[float, float], depth: float, color: np.ndarray, node: str) -> Model:
    """A box around its place on the ground."""
    faces, mesh = _box(width, y, depth, color, node)
    half, ends = width / 2, (-depth / 2, depth / 2)
    return Model(
        pieces=[Piece(polygons=mesh.polygons(), half_width=half, ends=ends)], hulls=[_hull(faces)] if y[0] < 1 else []
    )


def _box(
    width: float, y: tuple[float, float], depth: float, color: np.ndarray, node: str
) -> tuple[dict[str, np.ndarray], Mesh]:
    faces, mesh = block((-depth / 2, depth / 2), (-depth / 2, depth / 2), (width / 2, width / 2), y), Mesh()
    below = faces["top"][::-1] * (1, 0, 1) + (0, y[0], 0)
    for face in (*faces.values(), below):
        mesh.add(face, color, node, normal=normal_of(face, centre_of(faces)), gloss=0.03)
    return faces, mesh


def _hull(faces: dict[str, np.ndarray]) -> np.ndarray:
    return np.concatenate([faces["top"], faces["front"][:2], faces["rear"][:2]])


def _wall(rng: np.random.Generator, width: float, y: tuple[float, float], color: np.ndarray, side: int) -> Model:
    """A wall with a skirting board, posters and perhaps a window; its rear looks into the shop."""
    faces, mesh = _box(width, y, THICK, color, "wall")
    face, normal = faces["rear"], normal_of(faces["rear"], centre_of(faces))

    def add(u0: float, v0: float, u1: float, v1: float, shade: Sequence[float] | np.ndarray) -> None:
        """A rectangle in metres from the door's jamb, and from the floor."""
        near, far = (u0 / width, u1 / width) if side > 0 else (1 - u1 / width, 1 - u0 / width)
        shape = rect(near, v0 / y[1], far, v1 / y[1])
        mesh.add(on(face, shape), np.clip(shade, 0, 1), "wall", normal=normal, gloss=0.02)

    add(0.0, 0.0, width, 0.1, color * 0.6)
    at = rng.uniform(0.4, 1.2)
    while at < 5.0:
        wide, low = rng.uniform(0.5, 1.8), rng.uniform(0.9, 1.4)
        if rng.random() < 0.6:
            shade = rng.uniform(0.1, 0.95, 3)
            add(at, low, at + wide, low + rng.uniform(0.6, 1.2), shade)
            add(at + 0.1 * wide, low + 0.15, at + 0.7 * wide, low + 0.35, 1 - shade)
        at += wide + rng.uniform(0.3, 1.2)
    return Model(
        pieces=[Piece(polygons=mesh.polygons(), half_width=width / 2, ends=(-THICK / 2, THICK / 2))],
        hulls=[],
    )


def _shelf(rng: np.random.Generator, width: float, high: float, depth: float) -> Model:
    """A shelf full of goods on the side that looks to the camera and on top."""
    wood = np.array((0.62, 0.52, 0.40)) if rng.random() < 0.5 else np.full(3, rng.uniform(0.3, 0.75))
    faces, mesh = _box(width, (0.0, high), depth, np.clip(wood * rng.uniform(0.7, 1.1), 0, 1), "shelf")
    rows = max(2, round(high / 0.4))
    hues = np.clip(rng.uniform(0.1, 0.9, (4, 3)), 0, 1)
    for name, long in (("rear", width), ("left", depth), ("right", depth)):
        face = faces[name]
        normal = normal_of(face, centre_of(faces))
        for row in range(rows):
            low, top = (row + 0.12) / rows, (row + 0.85) / rows
            mesh.add(on(face, rect(0.02, low, 0.98, top)), wood * 0.35, "shelf", normal=normal)
            at = 0.03
            while at < 0.94:
                wide = min(rng.uniform(0.08, 0.3) / long, 0.97 - at)
                color = np.clip(hues[rng.integers(4)] * rng.uniform(0.7, 1.3), 0, 1)
                up = low + (top - low) * rng.uniform(0.5, 0.95)
                mesh.add(on(face, rect(at, low, at + wide * 0.92, up)), color, "shelf", normal=normal, gloss=0.03)
                at += wide
    return Model(
        pieces=[Piece(polygons=mesh.polygons(), half_width=width / 2, ends=(-depth / 2, depth / 2))],
        hulls=[_hull(faces)],
    )


def _shelves(rng: np.random.Generator, room: Room, stage: Stage) -> None:
    """Shelves along the wall, and one in the room where `Room.side` leaves place for it."""
    for side in (-1, 1):
        at = room.half + (1.1 if room.leaf == side else 0.5) + rng.uniform(0.0, 0.6)
        while at < 6.5:
            width = rng.uniform(0.9, 2.2)
            if rng.random() < 0.65:
                _put(stage, _shelf(rng, width, rng.uniform(1.2, 2.0), 0.4), side * (at + width / 2), -THICK / 2 - 0.2)
            at += width + rng.uniform(0.1, 0.6)
    for side, edge in ((-1, room.side[0]), (1, room.side[1])):
        if abs(edge) < 4.0:
            depth = rng.uniform(1.0, 2.2)
            middle = -1.5 - depth / 2 - rng.uniform(0.0, 1.0)
            _put(stage, _shelf(rng, rng.uniform(0.5, 0.8), rng.uniform(0.8, 1.35), depth), edge + side * 0.75, middle)
