"""Canvases of few pixels, and boards to paint on them."""

from __future__ import annotations

import numpy as np

from smalta.scenes import scene_tree
from smalta.scenes.canvas import Camera, Canvas
from smalta.scenes.light import Light
from smalta.scenes.polygons import Mesh

TREE = scene_tree("mixed")

RED = (1.0, 0.0, 0.0)


def noon() -> Light:
    """White light from everywhere, no haze: materials keep their colours."""
    return Light(
        sun=np.array([0.0, 1.0, 0.0]),
        sun_color=np.zeros(3),
        ambient=np.full(3, 1.25),  # 0.8 of it reach an upright face
        sky_low=np.ones(3),
        sky_top=np.ones(3),
        clouds=0.0,
        haze=0.0,
        lamps=0.0,
        cast=np.ones(3),
        noise=0.0,
        blur=0.2,
    )


def canvas(size_hw: tuple[int, int] = (40, 60), *, height: float = 0.0) -> Canvas:
    """Looks along z; a metre at 10 m is 10 pixels."""
    camera = Camera.look((0.0, height, 0.0), yaw=0.0, pitch=0.0, roll=0.0, focal=100.0, size_hw=size_hw)
    return Canvas(camera, noon(), TREE)


def board(x: tuple[float, float], y: tuple[float, float], z: float, color: tuple[float, float, float]) -> Mesh:
    mesh = Mesh()
    (left, right), (low, high) = x, y
    points = np.array([(left, low, z), (right, low, z), (right, high, z), (left, high, z)])
    mesh.add(points, color, "sign", normal=(0.0, 0.0, -1.0))
    return mesh


def paint(target: Canvas, mesh: Mesh, instance: int = 0) -> None:
    polygons = mesh.polygons()
    n = len(polygons.lengths)
    target.paint(polygons, instance=np.full(n, instance), attribute=np.zeros(n, int), in_shadow=np.zeros(n, bool))
