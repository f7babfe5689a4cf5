"""Pictures and exact masks of single people and vehicles, as one camera sees them.

In:  a body or a vehicle, its pose, the light.
Out: `Sprite`s: colours and coverage of the pixels of a small rectangle; outlines of shadows.

Numpy and OpenCV. Must not know: the backdrop, other people and vehicles.

A sprite is drawn with `SCALE` by `SCALE` cells in every pixel, as `smalta.scenes.canvas` does: a colour is the mean of
the cells, and a pixel belongs to the mask if its middle cell does.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

import cv2
import numpy as np

from smalta.scenes.canvas import NEAR, SCALE, Camera
from smalta.scenes.light import Light
from smalta.scenes.motion.backdrop import Exposure
from smalta.scenes.motion.bodies import Body, balls
from smalta.scenes.motion.paths import Pose
from smalta.scenes.polygons import Polygons, turned
from smalta.scenes.solids import Model

CIRCLE = np.stack([np.cos(np.arange(10) * (np.pi / 5)), np.sin(np.arange(10) * (np.pi / 5))], axis=1)
GLEAM, LEAN = 0.66, 0.24  # the lit side of a part: its share of the radius, and how far it lies towards the light

Shape = tuple[np.ndarray, tuple[float, float, float]]


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Sprite:
    """One person or vehicle in cells; shapes later in the list lie on those before.

    Attributes:
        top_left: row and column of its first pixel.
        cells: (h * SCALE, w * SCALE, 4) uint8: colour, and 255 where the object is.
    """

    top_left: tuple[int, int]
    cells: np.ndarray

    def without(self, hidden: np.ndarray) -> Sprite:
        """The part that is not hidden, given (h * SCALE, w * SCALE) bool."""
        cells = self.cells.copy()
        cells[hidden] = 0
        return Sprite(top_left=self.top_left, cells=cells)

    def pixels(self) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
        """Colours (h, w, 3) uint8 times coverage, coverage (h, w) uint8 0..255, and mask (h, w) bool."""
        height, width = self.cells.shape[0] // SCALE, self.cells.shape[1] // SCALE
        mixed = cv2.resize(self.cells, (width, height), interpolation=cv2.INTER_AREA)
        middle = self.cells[SCALE // 2 :: SCALE, SCALE // 2 :: SCALE, 3] > 0
        return mixed[..., :3], mixed[..., 3], middle


class Artist:
    """Draws people and vehicles for one camera and one light."""

    def __init__(self, camera: Camera, light: Light, exposure: Exposure) -> None:
        self.camera, self.light, self.exposure = camera, light, exposure
        across, down = camera.axes[0] @ light.sun, camera.axes[1] @ light.sun
        self._lean = LEAN * np.array([across, down]) / max(math.hypot(across, down), 1e-6)
        up = np.array([0.0, 1.0, 0.0])
        bright, dark = light.sun + 0.6 * up, light.sun * (-0.8, 0.0, -0.8) + 0.25 * up
        self._normals = np.stack([bright / np.linalg.norm(bright), dark / np.linalg.norm(dark)])
        self._tones: dict[tuple[Body, bool], np.ndarray] = {}

    def person(self, body: Body, pose: Pose, *, in_shadow: bool) -> Sprite | None:
        """A person; None if out of the picture."""
        centres, radii = _placed_balls(body, pose)
        seen = self.camera.to_camera(centres)
        if seen[:, 2].min() < NEAR:
            return None
        per_metre = self.camera.focal * SCALE / seen[:, 2:]
        height, width = self.camera.size_hw
        middles = seen[:, :2] * per_metre + (width * SCALE / 2, height * SCALE / 2)
        reach = radii[:, None] * per_metre
        rings = np.round(middles[:, None] + reach[:, None] * CIRCLE).astype(np.int32)
        gleams = np.round(middles[:, None] + reach[:, None] * (GLEAM * CIRCLE + self._lean)).astype(np.int32)
        away = np.linalg.norm(seen, axis=1)
        tones = self._tones_of(body, in_shadow)
        shapes: list[Shape] = []
        for numbers, paint in sorted(body.parts, key=lambda part: -sum(away[k] for k in part[0]) / len(part[0])):
            which = list(numbers)
            shapes.append((cv2.convexHull(rings[which].reshape(-1, 2)), tuple(tones[1, paint])))
            shapes.append((cv2.convexHull(gleams[which].reshape(-1, 2)), tuple(tones[0, paint])))
        return self._drawn(shapes)

    def _tones_of(self, body: Body, in_shadow: bool) -> np.ndarray:
        """(2, n paints, 3) colours of the lit and of the other side."""
        key = (body, in_shadow)
        if key not in self._tones:
            n = len(body.paints)
            lit = [
                self.light.shade(
                    body.paints,
                    np.tile(normal, (n, 1)),
                    np.full(n, 10.0),
                    gloss=np.zeros(n),
                    in_shadow=np.full(n, in_shadow),
                    glow=np.zeros((n, 3)),
                )
                for normal in self._normals
            ]
            self._tones[key] = np.clip(self.exposure(np.stack([lit[0], 0.86 * lit[1]])), 0, 255)
        return self._tones[key]

    def vehicle(self, model: Model, pose: Pose, *, in_shadow: bool) -> Sprite | None:
        """A vehicle; None if out of the picture."""
        ahead = np.array([math.sin(pose.yaw), math.cos(pose.yaw)])
        eye = self.camera.position[[0, 2]]

        def away(k: int) -> float:
            rear, front = model.pieces[k].ends
            return float(np.linalg.norm((pose.x, pose.z) + ahead * (rear + front) / 2 - eye))

        pieces = [model.pieces[k].polygons for k in sorted(range(len(model.pieces)), key=away, reverse=True)]
        polygons = pieces[0] if len(pieces) == 1 else Polygons.join(pieces)
        n = len(polygons.lengths)
        placed = polygons.place(np.full(n, pose.x), np.full(n, pose.z), np.full(n, pose.yaw))
        seen = self.camera.to_camera(placed.points)
        if seen[:, 2].min() < NEAR:
            return None
        cells = self.camera.to_cells(seen)
        starts = np.cumsum(placed.lengths) - placed.lengths
        outward = ((self.camera.position - placed.points[starts]) * placed.normals).sum(axis=1) > 0
        shown = np.flatnonzero(outward | placed.both_sides)
        colors = self.light.shade(
            placed.colors[shown],
            placed.normals[shown],
            seen[starts[shown], 2],
            gloss=placed.gloss[shown],
            in_shadow=np.full(len(shown), in_shadow),
            glow=placed.glow[shown],
        )
        colors = np.clip(self.exposure(colors), 0, 255)
        ends = starts + placed.lengths
        return self._drawn([
            (cells[start:end], tuple(color))
            for start, end, color in zip(starts[shown].tolist(), ends[shown].tolist(), colors.tolist(), strict=True)
        ])  # fmt: skip

    def _drawn(self, shapes: Sequence[Shape]) -> Sprite | None:
        height, width = self.camera.size_hw
        corners = np.concatenate([points.reshape(-1, 2) for points, _ in shapes])
        left, top = np.maximum(corners.min(axis=0) // SCALE, 0).tolist()
        right, bottom = np.minimum(corners.max(axis=0) // SCALE + 1, (width, height)).tolist()
        if left >= right or top >= bottom:
            return None
        cells = np.zeros(((bottom - top) * SCALE, (right - left) * SCALE, 4), dtype=np.uint8)
        origin = np.array([left * SCALE, top * SCALE], dtype=np.int32)
        for points, color in shapes:
            cv2.fillConvexPoly(cells, points - origin, (*color, 255))
        return Sprite(top_left=(top, left), cells=cells)

    def person_shadow(self, body: Body, pose: Pose) -> tuple[list[np.ndarray], list[np.ndarray]]:
        """Outlines (k, 2) of pixels, order (x, y): below the person, and of the shadow that the sun casts."""
        centres, _ = _placed_balls(body, pose)
        size = body.height / 1.75
        foot = np.array([pose.x, pose.z]) + 0.3 * size * CIRCLE
        return self._outlines([np.insert(foot, 1, 0.0, axis=1)]), self._outlines([self._fallen(centres)])

    def vehicle_shadow(self, model: Model, pose: Pose) -> tuple[list[np.ndarray], list[np.ndarray]]:
        """As `person_shadow`."""
        sin, cos = math.sin(pose.yaw), math.cos(pose.yaw)

        def placed(points: np.ndarray) -> np.ndarray:
            n = len(points)
            return np.asarray(turned(points, np.full(n, sin), np.full(n, cos)) + np.array([pose.x, 0.0, pose.z]))

        half, (rear, front) = model.half_width + 0.08, model.ends
        under = placed(np.array([(x, 0.0, z) for x, z in ((-half, rear), (half, rear), (half, front), (-half, front))]))
        return self._outlines([under]), self._outlines([self._fallen(placed(hull)) for hull in model.hulls])

    def _fallen(self, points: np.ndarray) -> np.ndarray:
        """(N, 3) points along the sun's rays on the ground."""
        sun = self.light.sun
        return points - points[:, 1:2] * (sun / sun[1])

    def _outlines(self, hulls: Sequence[np.ndarray]) -> list[np.ndarray]:
        height, width = self.camera.size_hw
        outlines = []
        for hull in hulls:
            seen = self.camera.to_camera(hull)
            if seen[:, 2].min() > NEAR:
                pixels = seen[:, :2] * (self.camera.focal / seen[:, 2:]) + (width / 2, height / 2)
                outlines.append(cv2.convexHull(np.round(pixels).astype(np.int32)).reshape(-1, 2))
        return outlines


def _placed_balls(body: Body, pose: Pose) -> tuple[np.ndarray, np.ndarray]:
    """Centres (N, 3) in the world and radii (N,), metres."""
    found = balls(body, pose.stride, pose.speed)
    sin, cos = math.sin(pose.yaw), math.cos(pose.yaw)
    right, up, ahead, radii = found.T
    return np.stack([pose.x + right * cos + ahead * sin, up, pose.z + ahead * cos - right * sin], axis=1), radii
