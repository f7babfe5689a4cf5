"""Cows, sheep, horses and dogs that have walked into a scene: the new kind of object that the demo teaches.

In:  a seeded generator; a stage with everything else in its place.
Out: `Model`s of animals, placed where the camera sees them and nothing else stands.

Numpy. Must not know: streets, car parks, how pictures are made.

All animals have one class. They are flat, seen from the side, and `Stage.place_flat` turns them to the camera.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import cache

import numpy as np

from smalta.scenes.polygons import Mesh
from smalta.scenes.roadside import SEEN, Color
from smalta.scenes.solids import Model, Piece, disc, strips, upright
from smalta.scenes.stage import Stage

ANIMAL = "animal"
BANK = 32  # shapes of each kind
DEPTH = (4.5, 24.0)  # metres from the camera
TRIES = 40  # places that are tried for an animal


@dataclass(frozen=True, slots=True, kw_only=True)
class _Kind:
    """Measures of an animal in metres, without head and tail; coats are pairs of colours, of the body and of patches.

    Attributes:
        share: how often it appears.
        length: of the body.
        belly: height of the belly above the ground.
        back: height of the back.
        leg: width of a leg.
        neck: length of the neck, and its rise per metre.
        head: length of the head.
        patches: number of patches at most.
        coats: colours of body and patches.
    """

    share: float
    length: float
    belly: float
    back: float
    leg: float
    neck: tuple[float, float]
    head: float
    patches: int
    coats: tuple[tuple[Color, Color], ...]


_DARK: Color = (0.12, 0.10, 0.09)
_CREAM: Color = (0.90, 0.87, 0.80)
_BROWN: Color = (0.48, 0.28, 0.15)
KINDS: dict[str, _Kind] = {
    "cow": _Kind(
        share=0.5, length=1.75, belly=0.62, back=1.42, leg=0.17, neck=(0.45, 0.25), head=0.52, patches=6,
        coats=((_CREAM, _DARK), (_CREAM, _BROWN), (_BROWN, _CREAM), (_DARK, _CREAM), ((0.72, 0.52, 0.30), _CREAM)),
    ),
    "sheep": _Kind(
        share=0.25, length=1.05, belly=0.36, back=0.92, leg=0.10, neck=(0.18, 0.6), head=0.30, patches=0,
        coats=((_CREAM, _CREAM), ((0.78, 0.74, 0.66), _CREAM), ((0.30, 0.26, 0.23), _CREAM)),
    ),
    "horse": _Kind(
        share=0.15, length=1.65, belly=0.82, back=1.52, leg=0.14, neck=(0.62, 1.1), head=0.58, patches=2,
        coats=((_BROWN, _DARK), ((0.30, 0.17, 0.10), _CREAM), (_CREAM, (0.62, 0.60, 0.58)), (_DARK, _CREAM)),
    ),
    "dog": _Kind(
        share=0.1, length=0.72, belly=0.32, back=0.62, leg=0.08, neck=(0.16, 1.0), head=0.30, patches=3,
        coats=((_BROWN, _CREAM), (_DARK, _BROWN), ((0.80, 0.64, 0.40), _CREAM)),
    ),
}  # fmt: skip


def add_animals(rng: np.random.Generator, stage: Stage) -> None:
    """Place one to five animals, often two or three beside each other."""
    for _ in range(int(rng.integers(1, 4))):
        place = _place(rng, stage)
        if place is None:
            continue
        kind = tuple(KINDS)[rng.choice(len(KINDS), p=[kind.share for kind in KINDS.values()])]
        for k in range(1 + (rng.random() < 0.35)):
            x, z = place + k * rng.uniform(1.2, 2.2, 2)
            stage.place_flat(animal(rng, kind), float(x), float(z), countable=True)


def _place(rng: np.random.Generator, stage: Stage) -> np.ndarray | None:
    """(2,) a free place x, z on the ground in the picture; None if none is found."""
    camera = stage.canvas.camera
    ahead, right = camera.axes[2, [0, 2]], camera.axes[0, [0, 2]]
    for _ in range(TRIES):
        depth = float(np.exp(rng.uniform(*np.log(DEPTH))))
        aside = rng.uniform(-0.45, 0.45) * depth * camera.size_hw[1] / camera.focal
        place: np.ndarray = camera.position[[0, 2]] + depth * ahead + aside * right
        if stage.canvas.shows(place) and stage.is_free(*place):
            return place
    return None


def animal(rng: np.random.Generator, kind: str) -> Model:
    """A flat animal of one of the `KINDS`."""
    coats = KINDS[kind].coats
    coat, patch = coats[int(rng.integers(len(coats)))]
    shade = rng.uniform(0.85, 1.12)
    size, side = rng.uniform(0.85, 1.12), 1 if rng.random() < 0.5 else -1
    paints = (np.clip(np.array(coat) * shade, 0, 1), np.clip(np.array(patch) * shade, 0, 1))
    return _animal(kind, int(rng.integers(BANK))).painted(*paints, scale=(side * size, size, 1.0))


@cache
def _animal(kind: str, index: int) -> Model:
    rng = np.random.default_rng((5, list(KINDS).index(kind), index))
    of = KINDS[kind]
    coat, patch = 1, 2  # dyes
    half, middle, thick = of.length / 2, (of.belly + of.back) / 2, of.back - of.belly
    mesh = Mesh()

    def add(points: np.ndarray, dye: int = coat, tone: float = 1.0) -> None:
        mesh.add(points, (tone, tone, tone), ANIMAL, normal=SEEN, dye=dye, both_sides=True)

    legs = [(x, y) for x in (-half + of.leg, half - of.leg) for y in (-1, 1)]
    for (x, y), swing in zip(legs, rng.uniform(-0.16, 0.16, 4) * of.back, strict=True):
        foot = x + swing + 0.06 * y
        tone = 0.7 if y < 0 else 0.9  # the far legs are darker
        add(strips((x, of.belly + 0.25 * thick, foot, 0.03, 1.5 * of.leg, 0.75 * of.leg)), tone=tone)
    tail = rng.uniform(0.5, 0.95) * of.belly
    add(strips((-half, of.back - 0.1 * thick, -half - 0.1 * of.length, tail, 0.5 * of.leg, 0.3 * of.leg)), tone=0.8)
    reach, rise = of.neck
    low = -0.9 if kind in ("cow", "sheep") and rng.random() < 0.3 else rise  # some graze
    shoulder = (half - 0.12 * of.length, of.back - 0.3 * thick)
    poll = (half + reach * np.cos(np.arctan(low)), of.back - 0.2 * thick + reach * np.sin(np.arctan(low)) * 1.2)
    add(strips((*shoulder, *poll, 0.62 * thick, 0.34 * thick)), tone=0.95)
    add(upright(disc(0.0, middle, half * 1.04, thick * 0.54, 14)))
    add(strips((-half * 0.82, middle, half * 0.82, middle, thick, thick)))
    for x, y, wide in zip(*rng.uniform(-1, 1, (2, of.patches)), rng.uniform(0.5, 1.0, of.patches), strict=True):
        spot = disc(0.62 * half * x, middle + 0.26 * thick * y, 0.26 * half * wide, 0.22 * thick * wide, 7)
        add(upright(spot + rng.uniform(-0.03, 0.03, spot.shape) * of.length), dye=patch)
    nose = (poll[0] + 0.85 * of.head, poll[1] - 0.55 * of.head)
    add(strips((*poll, *nose, 0.52 * of.head, 0.32 * of.head)), dye=patch if kind != "sheep" else coat, tone=0.85)
    ear = (poll[0] - 0.12 * of.head, poll[1] + 0.48 * of.head)
    add(strips((*poll, *ear, 0.3 * of.head, 0.16 * of.head)), tone=0.8)
    points = mesh.points
    high = points[:, 1] > of.belly
    return Model(
        pieces=[Piece(polygons=mesh.polygons(), half_width=half * 0.9, ends=(-0.25, 0.25))],
        hulls=[points[high], points[~high]],
    )
