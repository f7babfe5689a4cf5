"""Cell nuclei under a fluorescence microscope: bright, of many sizes, and many of them touch.

In:  a seed, a picture size.
Out: `Sample`s with one instance per nucleus.

Numpy and OpenCV. Must not know: networks, files.
"""

from __future__ import annotations

from dataclasses import dataclass

import cv2
import numpy as np

from smalta.classes import ClassTree
from smalta.data.sample import Sample
from smalta.scenes.flat import clouds, sensor, uneven_light

DYE = np.array((0.36, 0.62, 1.0), dtype=np.float32)  # colour of the stained nuclei


@dataclass(frozen=True, slots=True, kw_only=True)
class _Cell:
    """A nucleus: centre and mean radius in pixels, waves of its outline, brightness 0..1."""

    y: float
    x: float
    radius: float
    long: float
    turn: float
    waves: tuple[float, float]
    bright: float

    def depth(self, y: np.ndarray, x: np.ndarray) -> np.ndarray:
        """Distance from the centre as a share of the outline's; below 1 inside."""
        dy, dx = y - self.y, x - self.x
        angle = np.arctan2(dy, dx) - self.turn
        outline = self.radius * (
            1 + self.long * np.cos(2 * angle) + self.waves[0] * np.cos(3 * angle) + self.waves[1] * np.sin(5 * angle)
        )
        return np.hypot(dy, dx) / outline


def cell_tree() -> ClassTree:
    """Background and cells."""
    return ClassTree({"background": {"color": "#263238"}, "cell": {"kind": "thing", "color": "#4dd0e1"}})


def draw_cells(seed: int, size_hw: tuple[int, int] = (160, 160)) -> Sample:
    """One field of view, in which cells lie alone and in clusters; the same for the same seed.

    Returns:
        A sample in the classes of `cell_tree()`. Cells of a cluster share a border without a gap.
    """
    rng = np.random.default_rng((seed, 1))
    cells = _placed(rng, size_hw)
    y, x = np.mgrid[: size_hw[0], : size_hw[1]].astype(np.float32)
    nearest = np.full(size_hw, np.inf, dtype=np.float32)
    instances = np.zeros(size_hw, dtype=np.int32)
    bright = np.zeros(size_hw, dtype=np.float32)
    for number, cell in enumerate(cells, start=1):
        depth = cell.depth(y, x)
        inside = (depth < 1) & (depth < nearest)
        nearest[inside], instances[inside], bright[inside] = depth[inside], number, cell.bright
    picture = _microscope(rng, instances > 0, nearest, bright)
    tree = cell_tree()
    classes = np.where(instances > 0, tree["cell"].id, tree["background"].id).astype(np.uint16)
    return Sample(name=f"cells_{seed:06d}", picture=picture, classes=classes, instances=instances)


def _placed(rng: np.random.Generator, size_hw: tuple[int, int]) -> list[_Cell]:
    """Cells in clusters of one to six; no cell hides another."""
    height, width = size_hw
    cells: list[_Cell] = []
    usual = rng.uniform(8.0, 11.5)
    level = rng.uniform(0.45, 0.8)
    for _ in range(rng.integers(7, 14)):
        cluster: list[_Cell] = []
        for _ in range(rng.integers(1, 7)):
            radius = usual * float(rng.lognormal(0.0, 0.16))
            if cluster:
                other = cluster[rng.integers(len(cluster))]
                turn, reach = rng.uniform(0, 2 * np.pi), (other.radius + radius) * rng.uniform(0.86, 0.96)
                y, x = other.y + reach * np.sin(turn), other.x + reach * np.cos(turn)
            else:
                y, x = rng.uniform(0, height), rng.uniform(0, width)
            cell = _Cell(
                y=y,
                x=x,
                radius=radius,
                long=rng.uniform(0.0, 0.16),
                turn=rng.uniform(0, np.pi),
                waves=(rng.normal(0, 0.03), rng.normal(0, 0.015)),
                bright=float(np.clip(level * rng.lognormal(0.0, 0.28), 0.2, 1.0)),
            )
            apart = all(np.hypot(y - o.y, x - o.x) > 0.84 * (radius + o.radius) for o in cells + cluster)
            if apart and 4 < y < height - 4 and 4 < x < width - 4:
                cluster.append(cell)
        cells += cluster
    return cells


def _microscope(rng: np.random.Generator, inside: np.ndarray, depth: np.ndarray, bright: np.ndarray) -> np.ndarray:
    """(H, W, 3) uint8 picture of cells; `depth` is 0 in their middle and 1 at their outline."""
    size_hw = inside.shape
    dome = np.sqrt(np.clip(1 - np.where(inside, depth, 1) ** 2, 0, 1))
    grains = 1 + np.float32(0.13) * clouds(rng, size_hw, 1.3)
    glow = bright * inside * (np.float32(0.5) + np.float32(0.5) * dome) * grains
    haze = cv2.GaussianBlur(glow, (0, 0), 14)
    ground = np.float32(rng.uniform(0.03, 0.07)) * (1 + np.float32(0.25) * clouds(rng, size_hw, 4.0))
    light = uneven_light(rng, size_hw, float(rng.uniform(0.1, 0.5)))
    seen = ((glow + np.float32(0.16) * haze) * light + ground)[..., None] * DYE
    return sensor(seen, rng, blur=float(rng.uniform(0.7, 1.3)), noise=float(rng.uniform(0.03, 0.06)))
