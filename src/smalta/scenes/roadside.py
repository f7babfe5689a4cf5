"""Objects along a road: people, trees, lamps, signs, buildings.

In:  a seeded generator, measures in metres.
Out: `Model`s around their place on the ground.

Numpy. Must not know: cameras, roads, vehicles.

Each kind of object has a bank of shapes, which are made at their first use. Size and paint are random for every object.
Flat objects (people, trees, lamps) lie in the plane z = 0, and `Stage.place_flat` turns them towards the camera. Signs
and buildings have their front along +z.
"""

from __future__ import annotations

from collections.abc import Sequence
from functools import cache

import numpy as np
from numpy.typing import ArrayLike

from smalta.scenes.polygons import Mesh
from smalta.scenes.solids import Model, Piece, block, disc, on, rect, strips, upright

Color = tuple[float, float, float]

BANK = 64
AHEAD = np.array([0.0, 0.0, 1.0])
SEEN = np.array([0.0, 0.3, -0.954])  # normal of flat objects: towards the camera and a little up
SKIN: tuple[Color, ...] = ((0.93, 0.76, 0.65), (0.82, 0.62, 0.48), (0.58, 0.40, 0.29), (0.36, 0.24, 0.18))
HAIR: tuple[Color, ...] = ((0.10, 0.08, 0.07), (0.32, 0.21, 0.13), (0.72, 0.58, 0.36), (0.60, 0.60, 0.60))
WALLS: tuple[Color, ...] = (
    (0.62, 0.36, 0.28), (0.72, 0.52, 0.40), (0.84, 0.78, 0.66), (0.76, 0.74, 0.70), (0.55, 0.55, 0.56),
    (0.88, 0.86, 0.80), (0.78, 0.66, 0.48), (0.60, 0.66, 0.68), (0.46, 0.38, 0.34), (0.70, 0.62, 0.60),
)  # fmt: skip
ROOFS: tuple[Color, ...] = ((0.45, 0.22, 0.17), (0.30, 0.30, 0.32), (0.38, 0.28, 0.24), (0.52, 0.50, 0.48))
LEAVES: tuple[Color, ...] = ((0.24, 0.38, 0.14), (0.32, 0.44, 0.18), (0.18, 0.32, 0.16), (0.40, 0.46, 0.20))
AUTUMN: tuple[Color, ...] = ((0.70, 0.44, 0.12), (0.62, 0.30, 0.12), (0.74, 0.60, 0.18), (0.48, 0.26, 0.14))
BULB: Color = (1.0, 0.93, 0.74)
LIT_WINDOW: Color = (0.98, 0.82, 0.50)
RED: Color = (0.75, 0.08, 0.09)
WHITE: Color = (0.94, 0.94, 0.92)
INK: Color = (0.08, 0.08, 0.08)
BLUE: Color = (0.10, 0.28, 0.62)


def _any_of(rng: np.random.Generator, colors: Sequence[Color], spread: float = 0.0) -> np.ndarray:
    return np.clip(np.array(colors[int(rng.integers(len(colors)))]) * rng.uniform(1 - spread, 1 + spread), 0, 1)


def person(rng: np.random.Generator) -> Model:
    """A flat person who walks or stands; about a fifth are children."""
    size = rng.uniform(0.62, 0.8) if rng.random() < 0.2 else rng.uniform(0.92, 1.06)
    cloth = np.clip(rng.uniform(0.08, 0.85, (3, 1)) + rng.uniform(-0.22, 0.22, (3, 3)), 0.04, 0.95)
    side = 1 if rng.random() < 0.5 else -1
    paints = (*cloth, _any_of(rng, SKIN), _any_of(rng, HAIR))
    return _person(int(rng.integers(BANK))).painted(*paints, scale=(side * size, size, 1.0))


@cache
def _person(index: int) -> Model:
    rng = np.random.default_rng((1, index))
    shirt, trousers, bag, skin, hair = range(1, 6)  # dyes
    stride, swing, half = rng.uniform(-0.28, 0.28), rng.uniform(-0.22, 0.22), rng.uniform(0.18, 0.25)
    hand = half + 0.05 + swing
    left, right = -stride - 0.06, stride + 0.06  # feet
    mesh = Mesh()

    def add(dye: int, points: np.ndarray, color: Color = (1, 1, 1)) -> None:
        mesh.add(points, color, "person", normal=SEEN, dye=dye, both_sides=True)

    add(trousers, strips([(-0.085, 0.86, left, 0.05, 0.19, 0.12), (0.085, 0.86, right, 0.05, 0.19, 0.12)]))
    shoes = [(x - 0.03, 0.06, x + 0.14, 0.04, 0.11, 0.08) for x in (left, right)]
    add(0, strips(shoes), (0.12, 0.11, 0.11))
    add(shirt, strips([(-half, 1.40, -hand, 0.86, 0.12, 0.09), (0.0, 0.80, 0.0, 1.44, 0.34, 2 * half)]))
    style = rng.random()
    if style < 0.22:  # a skirt or a long coat
        add(trousers if style < 0.11 else shirt, strips((0.0, 0.45, 0.0, 1.0, 0.6, 0.38)))
    add(shirt, strips((half, 1.40, hand, 0.86, 0.12, 0.09)))
    if rng.random() < 0.35:
        add(bag, strips((hand, 0.52, hand, 0.84, 0.26, 0.22)))
    add(skin, strips((0.0, 1.40, 0.0, 1.54, 0.11, 0.11)))
    add(skin, upright(disc(0.0, 1.64, 0.105, 0.135)))
    add(hair, upright(disc(0.0, 1.70, 0.115, 0.085)))
    points = mesh.points
    high = points[:, 1] > 0.8
    return Model(
        pieces=[Piece(polygons=mesh.polygons(), half_width=0.25, ends=(-0.2, 0.2))],
        hulls=[points[high], points[~high]],
    )


def tree(rng: np.random.Generator, *, autumn: bool, tall: tuple[float, float], far: bool = False) -> Model:
    """A flat broad-leaved tree or conifer; its leaves are clumps, darker at the bottom, and fewer if it is `far`."""
    height = rng.uniform(*tall)
    leaves = _any_of(rng, AUTUMN if autumn and rng.random() < 0.7 else LEAVES, 0.2)
    side = height if rng.random() < 0.5 else -height
    return _tree(int(rng.integers(BANK)), 14 if far else 34).painted(leaves, scale=(side, height, 1.0))


@cache
def _tree(index: int, clumps: int) -> Model:
    """A tree one metre tall."""
    rng = np.random.default_rng((2, index))
    mesh = Mesh()

    def add(points: np.ndarray, tone: np.ndarray, normal: ArrayLike) -> None:
        color = np.repeat(tone[:, None], 3, axis=1)
        mesh.add(points, color, "nature/tree", normal=normal, dye=1, both_sides=True)

    trunk = strips((0.0, 0.0, 0.0, 0.55, 0.06, 0.035))
    mesh.add(trunk, (0.30, 0.24, 0.19), "nature/tree", normal=SEEN, both_sides=True)
    if rng.random() < 0.28:
        tiers = 7
        step = np.arange(tiers)
        low, top = 0.10 + 0.90 * step / tiers, 0.10 + 0.90 * np.minimum(1.0, (step + 1.7) / tiers)
        reach = rng.uniform(0.16, 0.24) * (1 - step / tiers)
        none = np.zeros(tiers)
        for side, tone in ((-1, 0.62), (1, 0.78)):
            x = np.stack([none, side * reach, side * reach * 0.15, none], axis=1)
            y = np.stack([low + 0.02, low, top, top], axis=1)
            add(upright(np.stack([x, y], axis=-1)), tone * rng.uniform(0.85, 1.15, tiers), (side * 0.6, 0.6, -0.5))
    else:
        wide = rng.uniform(0.24, 0.38)
        turn, away = rng.uniform(0, 2 * np.pi, clumps), np.sqrt(rng.uniform(0.05, 1.0, clumps))
        y = away * np.sin(turn)
        order = np.argsort(y + rng.uniform(0, 0.8, clumps))
        x, y = (away * np.cos(turn))[order], y[order]
        radius = wide * rng.uniform(0.20, 0.36, clumps) * (34 / clumps) ** 0.5
        blobs = disc(x * wide * 0.85, 0.66 + 0.32 * y, radius, radius * 0.85, 8)
        blobs += rng.uniform(-0.12, 0.12, blobs.shape) * radius[:, None, None]
        normal = np.stack([0.7 * x, 0.6 + 0.5 * y, np.full(clumps, -0.5)], axis=1)
        normal /= np.linalg.norm(normal, axis=1, keepdims=True)
        add(upright(blobs), (0.95 + 0.25 * y) * rng.uniform(0.72, 1.28, clumps), normal)
    return Model(
        pieces=[Piece(polygons=mesh.polygons(), half_width=0.05, ends=(-0.3, 0.3))],
        hulls=[mesh.points[4:], mesh.points[:4]],
    )


def lamp(rng: np.random.Generator, side: int) -> Model:
    """A flat street lamp with its arm to the right (side 1) or to the left (side -1)."""
    grey = (0.40, 0.42, 0.43) if rng.random() < 0.6 else (0.20, 0.22, 0.22)
    return _lamp(float(rng.choice([0.0, 0.9, 1.6]))).painted(grey, scale=(side, rng.uniform(0.8, 1.2), 1.0))


@cache
def _lamp(reach: float) -> Model:
    """A lamp 5.3 metres tall."""
    high = 5.3
    mesh = Mesh()

    def grey(rows: ArrayLike) -> None:
        mesh.add(strips(rows), (1, 1, 1), "construction/pole", normal=SEEN, both_sides=True, dye=1)

    def bulb(strip: ArrayLike) -> None:
        mesh.add(strips(strip), BULB, "construction/pole", normal=SEEN, both_sides=True, glow=BULB)

    grey([(0.0, 0.0, 0.0, 0.9, 0.26, 0.22), (0.0, 0.9, 0.0, high, 0.17, 0.13)])
    if reach:
        grey((0.0, high - 0.1, reach, high + 0.25, 0.12, 0.10))
        grey((reach - 0.1, high + 0.25, reach + 0.65, high + 0.30, 0.22, 0.16))
        bulb((reach - 0.05, high + 0.13, reach + 0.58, high + 0.17, 0.12, 0.10))
    else:
        bulb((0.0, high, 0.0, high + 0.55, 0.32, 0.54))
        grey((0.0, high + 0.55, 0.0, high + 0.78, 0.64, 0.20))
    return Model(
        pieces=[Piece(polygons=mesh.polygons(), half_width=0.1, ends=(-0.1, 0.1))],
        hulls=[mesh.points[4:8]],
    )


def sign(rng: np.random.Generator, kinds: Sequence[str] = ("warning", "limit", "stop", "blue", "board")) -> Model:
    """A traffic sign on a post, with its face along +z."""
    return _sign(kinds[int(rng.integers(len(kinds)))], int(rng.integers(BANK // 8)))


@cache
def _sign(kind: str, index: int) -> Model:
    rng = np.random.default_rng((3, index))
    size = rng.uniform(0.36, 0.48)
    y = rng.uniform(1.7, 2.1) + size
    triangle = np.array([(-1.0, -0.8), (1.0, -0.8), (0.0, 0.95)])
    ground = ((0.05, 0.34, 0.20), BLUE, (0.80, 0.66, 0.10))[rng.integers(3)]
    lines = rng.uniform(0.0, 1.2, 2)
    # background first
    shapes: dict[str, list[tuple[np.ndarray, Color]]] = {
        "warning": [(triangle, RED), (triangle * 0.66 + (0, -0.06), WHITE), (rect(-0.09, -0.3, 0.09, 0.25), INK)],
        "limit": [(disc(0, 0, 1, 1, 14), RED), (disc(0, 0, 0.72, 0.72, 14), WHITE),
                  (rect(-0.36, -0.34, -0.16, 0.34), INK), (rect(0.1, -0.34, 0.3, 0.34), INK)],
        "stop": [(disc(0, 0, 1.05, 1.05, 8), WHITE), (disc(0, 0, 0.97, 0.97, 8), RED),
                 (rect((-0.6, -0.28, 0.06, 0.4), -0.2, (-0.44, -0.12, 0.22, 0.56), 0.2), WHITE)],
        "blue": [(rect(-0.9, -0.9, 0.9, 0.9), BLUE), (triangle * 0.72, WHITE), (rect(-0.07, -0.4, 0.07, 0.1), INK)],
        "parking": [(rect(-0.9, -0.9, 0.9, 0.9), BLUE), (rect(-0.4, -0.6, -0.15, 0.6), WHITE),
                    (rect(-0.2, 0.0, 0.4, 0.6), WHITE), (rect(-0.15, 0.18, 0.18, 0.42), BLUE)],
        "board": [(rect(-1.7, -0.75, 1.7, 0.75), WHITE), (rect(-1.6, -0.66, 1.6, 0.66), ground),
                  (rect(-1.2, (0.2, -0.35), lines, (0.42, -0.13)), WHITE)],
    }  # fmt: skip
    chosen = shapes[kind]
    mesh = Mesh()
    post = strips((0.0, 0.0, 0.0, y, 0.10, 0.10))
    mesh.add(post, (0.52, 0.53, 0.54), "construction/pole", normal=AHEAD, both_sides=True)
    plate = upright(chosen[0][0] * (-size, size) + (0.0, y), 0.03)
    mesh.add(plate, (0.50, 0.51, 0.52), "sign", normal=-AHEAD)  # its grey back
    for outline, color in chosen:
        points = upright(outline * (-size, size) + (0.0, y), 0.03)
        mesh.add(points, color, "sign", normal=AHEAD, glow=np.array(color) * 0.3)
    return Model(
        pieces=[Piece(polygons=mesh.polygons(), half_width=0.12, ends=(-0.1, 0.1))],
        hulls=[post[0], plate],
    )


def building(rng: np.random.Generator, *, width: float, depth: float, high: tuple[float, float]) -> Model:
    """A house, `width` metres wide and `depth` metres deep behind its place, with its front along +z."""
    wall = _any_of(rng, WALLS, 0.15)
    trim = np.clip(wall * rng.choice([0.72, 1.2]), 0, 1)
    storeys = max(1, int(rng.uniform(*high) / 3.0))
    columns = max(2, round(width / rng.uniform(2.2, 3.2)))
    model = _building(storeys, columns, int(rng.integers(BANK // 8)))
    return model.painted(wall, trim, _any_of(rng, ROOFS), scale=(width, rng.uniform(2.7, 3.3), depth))


@cache
def _building(storeys: int, columns: int, index: int) -> Model:
    """A house one unit wide and deep, with storeys one unit high."""
    rng = np.random.default_rng((4, storeys, columns, index))
    node = "construction/building"
    wall, trim, tiles = 1, 2, 3  # dyes
    plain = (1, 1, 1)
    mesh = Mesh()
    body = block((-1.0, 0.0), (-1.0, 0.0), (0.5, 0.5), (0.0, storeys))
    hulls = [np.concatenate([body["top"], body["front"][:2], body["rear"][:2]])]
    mesh.add(body["top"], (0.8, 0.8, 0.8), node, normal=(0.0, 1.0, 0.0), dye=wall)
    if rng.random() < 0.5:  # a pitched roof, its ridge along the street
        roof = block((-1.03, 0.03), (-0.51, -0.49), (0.52, 0.52), (storeys, storeys + rng.uniform(0.4, 0.9)))
        slope = np.array([0.0, 0.95, 0.3])
        for name, normal, dye in (
            ("front", slope, tiles), ("rear", slope * (1, 1, -1), tiles),
            ("left", (-1, 0, 0), wall), ("right", (1, 0, 0), wall),
        ):  # fmt: skip
            mesh.add(roof[name], plain, node, normal=normal, dye=dye)
        hulls.append(np.concatenate([roof["top"], roof["front"][:2], roof["rear"][:2]]))
    share_u, share_v, lit = rng.uniform(0.45, 0.72), rng.uniform(0.5, 0.72), rng.uniform(0.1, 0.6)
    shop = storeys > 1 and rng.random() < 0.4
    for name, normal, across in (("front", (0, 0, 1), columns), ("left", (-1, 0, 0), 3), ("right", (1, 0, 0), 3)):
        face = body[name]
        mesh.add(face, plain, node, normal=normal, dye=wall)
        if name == "front":
            floors = np.arange(1, storeys) / storeys
            mesh.add(on(face, rect(0.0, 0.0, 1.0, 0.16 / storeys)), plain, node, normal=normal, dye=trim)
            mesh.add(on(face, rect(0.0, floors - 0.012, 1.0, floors + 0.012)), plain, node, normal=normal, dye=trim)
        u, v = np.meshgrid((np.arange(across) + 0.5) / across, (np.arange(storeys) + 0.52) / storeys)
        half_u, half_v = np.full(u.shape, share_u / 2 / across), np.full(u.shape, share_v / 2 / storeys)
        if shop and name == "front":
            half_u[0], half_v[0], v[0] = 0.46 / across, 0.33 / storeys, 0.42 / storeys
        windows = on(face, rect(u - half_u, v - half_v, u + half_u, v + half_v).reshape(-1, 4, 2))
        n = len(windows)
        glass = np.add(rng.uniform(0.10, 0.34, (n, 1)), (0.0, 0.03, 0.06))
        glow = (rng.random((n, 1)) < lit) * rng.uniform(0.5, 0.95, (n, 1)) * LIT_WINDOW
        mesh.add(windows, glass, node, normal=normal, gloss=0.3, glow=glow)
    return Model(pieces=[Piece(polygons=mesh.polygons(), half_width=0.5, ends=(-1.0, 0.0))], hulls=hulls)
