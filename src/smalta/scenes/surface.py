"""A rough surface with thin defects: dark branching cracks and bright straight scratches.

In:  a seed, a picture size.
Out: `Sample`s with the pixels of cracks and of scratches.

Numpy and OpenCV. Must not know: networks, files.
"""

from __future__ import annotations

import cv2
import numpy as np

from smalta.classes import ClassTree
from smalta.data.sample import Sample
from smalta.scenes.flat import SCALE, clouds, cover, sensor, uneven_light

SURFACES = ((0.60, 0.59, 0.57), (0.50, 0.52, 0.54), (0.62, 0.56, 0.48), (0.44, 0.43, 0.42))  # concrete, steel, clay


def surface_tree() -> ClassTree:
    """Sound surface, and two kinds of defect below one class."""
    return ClassTree(
        {
            "sound": {"color": "#90a4ae"},
            "defect": {
                "color": "#ff9800",
                "children": {"crack": {"color": "#ff1744"}, "scratch": {"color": "#00e5ff"}},
            },
        }
    )


def draw_surface(seed: int, size_hw: tuple[int, int] = (160, 192)) -> Sample:
    """A part of a surface with no, some or many defects; the same for the same seed.

    Returns:
        A sample in the classes of `surface_tree()`; a pixel is a defect if the defect covers half of it.
    """
    rng = np.random.default_rng((seed, 3))
    shape = (size_hw[0] * SCALE, size_hw[1] * SCALE)
    cracks, scratches = np.zeros(shape, dtype=np.uint8), np.zeros(shape, dtype=np.uint8)
    for _ in range(rng.choice(4, p=(0.15, 0.45, 0.25, 0.15))):
        _crack(rng, cracks)
    for _ in range(rng.choice(4, p=(0.3, 0.35, 0.2, 0.15))):
        _scratches(rng, scratches)
    crack, scratch = cover(cracks), cover(scratches)
    seen = _bare(rng, size_hw)
    depth = np.float32(rng.uniform(0.45, 0.7)) * np.clip(1 + 0.25 * clouds(rng, size_hw, 1.2), 0.6, 1.3)
    seen *= (1 - np.clip(crack * depth, 0, 0.9))[..., None]
    gleam = np.float32(rng.uniform(0.22, 0.42)) * np.clip(1 + 0.3 * clouds(rng, size_hw, 1.0), 0.5, 1.4)
    seen += (scratch * gleam)[..., None]
    seen *= uneven_light(rng, size_hw, float(rng.uniform(0.1, 0.5)))[..., None]
    picture = sensor(seen, rng, blur=float(rng.uniform(0.4, 0.8)), noise=float(rng.uniform(0.015, 0.035)))
    tree = surface_tree()
    classes = np.full(size_hw, tree["sound"].id, dtype=np.uint16)
    classes[crack >= 0.5] = tree["crack"].id
    classes[scratch >= 0.5] = tree["scratch"].id  # a scratch crosses over a crack
    return Sample(name=f"surface_{seed:06d}", picture=picture, classes=classes)


def _bare(rng: np.random.Generator, size_hw: tuple[int, int]) -> np.ndarray:
    """(H, W, 3) float32: the surface without defects, with grain, stains and pores, which are no defects."""
    color = np.array(SURFACES[rng.integers(len(SURFACES))], dtype=np.float32) * np.float32(rng.uniform(0.85, 1.15))
    grain = np.float32(rng.uniform(0.02, 0.06)) * clouds(rng, size_hw, 0.8)
    stains = np.float32(rng.uniform(0.03, 0.09)) * clouds(rng, size_hw, float(rng.uniform(2.0, 5.0)))
    pores = np.zeros((size_hw[0] * SCALE, size_hw[1] * SCALE), dtype=np.uint8)
    for _ in range(rng.integers(5, 60)):
        place_xy = (int(rng.integers(pores.shape[1])), int(rng.integers(pores.shape[0])))
        half_wh = (int(rng.integers(2, 7)), int(rng.integers(2, 6)))
        cv2.ellipse(pores, place_xy, half_wh, float(rng.uniform(0, 180)), 0, 360, int(rng.integers(70, 190)), -1)
    return color * (1 + grain + stains)[..., None] * (1 - np.float32(0.6) * cover(pores))[..., None]


def _crack(rng: np.random.Generator, cells: np.ndarray) -> None:
    """Draw a crack from edge to edge, or one that ends, with branches."""
    height, width = cells.shape
    start_yx = np.array((rng.uniform(0, height), rng.uniform(0, width)))
    heading = rng.uniform(0, 2 * np.pi)
    length = rng.uniform(0.5, 1.3) * max(cells.shape)
    for turn in (0.0, np.pi):
        _grow(rng, cells, start_yx, heading + turn, length / 2, rng.uniform(5.0, 8.0), 2)


def _grow(
    rng: np.random.Generator,
    cells: np.ndarray,
    start_yx: np.ndarray,
    heading: float,
    length: float,
    wide: float,
    branches: int,
) -> None:
    """Draw a ragged line that gets thinner; some branches leave it."""
    step, place, course = 7.0, start_yx, heading
    steps = max(int(length / step), 2)
    for i in range(steps):
        heading = 0.75 * heading + 0.25 * course + rng.normal(0, 0.34)
        course += rng.normal(0, 0.04)
        ahead = place + step * np.array((np.sin(heading), np.cos(heading)))
        thick = max(4, round(wide * (1 - 0.45 * i / steps) + rng.normal(0, 0.8)))
        ends_xy = [tuple(np.rint(end[::-1]).astype(int).tolist()) for end in (place, ahead)]
        cv2.line(cells, ends_xy[0], ends_xy[1], 255, thick, cv2.LINE_AA)
        if branches and rng.random() < 0.05:
            side = rng.choice((-1, 1)) * rng.uniform(0.5, 1.1)
            _grow(rng, cells, ahead, heading + side, length * rng.uniform(0.2, 0.5), 0.85 * wide, branches - 1)
        place = ahead


def _scratches(rng: np.random.Generator, cells: np.ndarray) -> None:
    """Draw one to three nearly parallel, slightly bent strokes."""
    height, width = cells.shape
    middle_yx = np.array((rng.uniform(0, height), rng.uniform(0, width)))
    turn, bend, reach = rng.uniform(0, np.pi), rng.normal(0, 0.06), rng.uniform(0.12, 0.5) * max(cells.shape)
    along, across = np.array((np.sin(turn), np.cos(turn))), np.array((np.cos(turn), -np.sin(turn)))
    for _ in range(rng.integers(1, 4)):
        beside, ahead = rng.normal(0, 22), rng.normal(0, 0.2 * reach)
        places = np.linspace(-reach, reach, 24) * rng.uniform(0.6, 1.0)
        bow = bend * places**2 / reach
        points_yx = middle_yx + np.outer(places + ahead, along) + np.outer(bow + beside, across)
        points_xy = np.rint(points_yx[:, ::-1]).astype(np.int32)
        cv2.polylines(cells, [points_xy.reshape(-1, 1, 2)], False, 255, int(rng.integers(5, 7)), cv2.LINE_AA)
