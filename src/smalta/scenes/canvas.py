"""A small deferred renderer: polygons are drawn into one map of parts, from which picture and labels are made.

In:  a camera, a light, flat polygons in metres (x right, y up, z ahead; the ground is y = 0).
Out: a picture before its lens and sensor, and exact maps of class, instance and attribute.

Numpy and OpenCV. Must not know: what a street or a car is.

The map of parts has `SCALE` by `SCALE` cells in every pixel. A pixel of the picture is the mean of all its cells, so
edges are smooth. A label is that of the middle cell, so it is never mixed. Both use the same cells, so they agree.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import cv2
import numpy as np
from numpy.typing import ArrayLike

from smalta.classes import ClassTree
from smalta.scenes.light import Light
from smalta.scenes.polygons import Polygons

SCALE = 3  # cells per pixel and axis; odd, so that there is a middle cell
NEAR = 0.6  # metres; nothing nearer is drawn
SHADOW = 0x8000  # the bit of a cell of the ground that lies in shadow
SKY = 0


@dataclass(frozen=True, slots=True, kw_only=True)
class Camera:
    """A pinhole camera.

    Attributes:
        position: (3,) metres.
        axes: (3, 3) its right, down and forward directions, one per row.
        focal: focal length in pixels.
        size_hw: picture size in pixels.
    """

    position: np.ndarray
    axes: np.ndarray
    focal: float
    size_hw: tuple[int, int]

    @classmethod
    def look(
        cls,
        position: Sequence[float],
        *,
        yaw: float,
        pitch: float,
        roll: float,
        focal: float,
        size_hw: tuple[int, int],
    ) -> Camera:
        """A camera by its angles in radians: yaw to the right, pitch downwards, roll clockwise."""
        sin_yaw, cos_yaw, sin_pitch, cos_pitch = np.sin(yaw), np.cos(yaw), np.sin(pitch), np.cos(pitch)
        forward = np.array([sin_yaw * cos_pitch, -sin_pitch, cos_yaw * cos_pitch])
        down = -np.array([sin_yaw * sin_pitch, cos_pitch, cos_yaw * sin_pitch])
        right = np.array([cos_yaw, 0.0, -sin_yaw])
        right, down = right * np.cos(roll) + down * np.sin(roll), down * np.cos(roll) - right * np.sin(roll)
        return cls(
            position=np.array(position, dtype=float),
            axes=np.stack([right, down, forward]),
            focal=focal,
            size_hw=size_hw,
        )

    def to_camera(self, points: np.ndarray) -> np.ndarray:
        """(N, 3) points in the world as metres along right, down, forward, (N, 3)."""
        return (points - self.position) @ self.axes.T

    def to_cells(self, seen: np.ndarray) -> np.ndarray:
        """(N, 2) int32 cell indices, order (x, y), of (N, 3) points in camera axes, which must lie beyond NEAR."""
        height, width = self.size_hw
        pixels = seen[:, :2] * (self.focal / seen[:, 2:]) + (width / 2, height / 2)
        return np.floor(pixels * SCALE).astype(np.int32)

    def ground(self) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
        """x, z and distance in metres of the ground behind every pixel, each (H, W) float32."""
        height, width = self.size_hw
        across = ((np.arange(width, dtype=np.float32) + 0.5 - width / 2) / self.focal)[None, :]
        along = ((np.arange(height, dtype=np.float32) + 0.5 - height / 2) / self.focal)[:, None]
        axes, (eye_x, eye_y, eye_z) = self.axes.astype(np.float32), self.position.astype(np.float32)
        ray_x, ray_y, ray_z = (axes[0, i] * across + axes[1, i] * along + axes[2, i] for i in range(3))
        # a ray at or above the horizon gets the distance of a ray a thousandth below it
        reach = eye_y / np.maximum(-ray_y, np.float32(1e-3))
        return eye_x + reach * ray_x, eye_z + reach * ray_z, reach


@dataclass(frozen=True, slots=True)
class Ground:
    """A convex patch of the ground.

    Attributes:
        points: (k, 2) metres, order (x, z).
        color: red, green, blue of the material, 0..1.
        node: path of its class.
        grain: strength of its texture, above 0 up to 1.
    """

    points: np.ndarray
    color: ArrayLike
    node: str
    grain: float


class Canvas:
    """The map of parts, and a table with the colours and labels of every part."""

    def __init__(self, camera: Camera, light: Light, tree: ClassTree) -> None:
        height, width = camera.size_hw
        self.camera = camera
        self.light = light
        self.tree = tree
        self.parts = np.full((height * SCALE, width * SCALE), SKY, dtype=np.uint16)
        self.shadows = np.zeros((height * SCALE, width * SCALE), dtype=np.uint8)
        self._node_ids = {node.path: node.id for node in tree.nodes}
        sky = self._node_ids.get("sky", 0)
        # one row per part: colour in the light and in shadow (0..255), then node, instance, attribute, grain, glow
        self._rows: list[np.ndarray] = [np.array([[0, 0, 0, 0, 0, 0, sky, 0, 0, 0, 0]], dtype=np.float32)]
        self._n_parts = 1

    def _add_rows(self, rows: np.ndarray) -> int:
        first = self._n_parts
        self._rows.append(rows)
        self._n_parts += len(rows)
        return first

    def lay(self, ground: Sequence[Ground]) -> None:
        """Paint patches of the ground, one over the other, without haze."""
        lengths = np.array([len(patch.points) for patch in ground])
        stops = np.cumsum(lengths)
        flat = np.concatenate([patch.points for patch in ground])
        seen = self.camera.to_camera(np.stack([flat[:, 0], np.zeros(len(flat)), flat[:, 1]], axis=1))
        outlines = [_beyond_near(seen[a:b]) for a, b in zip(stops - lengths, stops, strict=True)]
        shown = [i for i, outline in enumerate(outlines) if len(outline)]
        colors = np.array([ground[i].color for i in shown], dtype=float)
        up = np.tile((0.0, 1.0, 0.0), (len(shown), 1))
        rows = np.zeros((len(shown), 11), dtype=np.float32)
        for columns, in_shadow in ((slice(0, 3), False), (slice(3, 6), True)):
            rows[:, columns] = self.light.shade(
                colors,
                up,
                np.zeros(len(up)),  # a patch extends from near to far, so haze is added later, pixel by pixel
                gloss=np.zeros(len(up)),
                in_shadow=np.full(len(up), in_shadow),
                glow=np.zeros_like(up),
            )
        rows[:, 6] = [self._node_ids[ground[i].node] for i in shown]
        rows[:, 9] = [ground[i].grain for i in shown]
        first = self._add_rows(rows)
        for part, i in enumerate(shown, start=first):
            cv2.fillConvexPoly(self.parts, self.camera.to_cells(outlines[i]), part)

    def cast(self, points: np.ndarray, lengths: np.ndarray) -> None:
        """Cast the shadows of convex hulls on the ground.

        Args:
            points: (N, 3) metres, the points of all hulls, one after the other.
            lengths: number of points of each hull.
        """
        sun = self.light.sun
        seen = self.camera.to_camera(points - points[:, 1:2] * (sun / sun[1]))
        before = seen[:, 2] > NEAR
        cells = self.camera.to_cells(np.maximum(seen, (-np.inf, -np.inf, NEAR)))
        stop = np.cumsum(lengths)
        for start, end in zip(stop - lengths, stop, strict=True):
            if before[start:end].all():
                cv2.fillConvexPoly(self.shadows, cv2.convexHull(cells[start:end]), 1)

    def in_shadow(self, places_xz: np.ndarray) -> np.ndarray:
        """(N,) bool: which places (N, 2) on the ground lie in a shadow so far; outside the picture none does."""
        seen = self.camera.to_camera(np.insert(places_xz, 1, 0.0, axis=1))
        cells = self.camera.to_cells(np.maximum(seen, (-np.inf, -np.inf, NEAR)))
        inside = (seen[:, 2] > NEAR) & (cells >= 0).all(axis=1) & (cells < self.shadows.shape[::-1]).all(axis=1)
        column, row = np.where(inside[:, None], cells, 0).T
        return inside & (self.shadows[row, column] > 0)

    def shows(self, place_xz: np.ndarray) -> bool:
        """Whether a place (2,) on the ground lies in the picture; something may stand before it."""
        seen = self.camera.to_camera(np.insert(place_xz, 1, 0.0)[None])
        if seen[0, 2] <= NEAR:
            return False
        cell = self.camera.to_cells(seen)[0]
        return bool((cell >= 0).all() and (cell < self.parts.shape[::-1]).all())

    def drop_shadows(self) -> None:
        """Darken the ground in shadows; call it after painting the ground and before painting objects."""
        ground = (self.parts != SKY).astype(np.uint16)
        self.parts |= ground * self.shadows * np.uint16(SHADOW)

    def paint(self, polygons: Polygons, *, instance: np.ndarray, attribute: np.ndarray, in_shadow: np.ndarray) -> None:
        """Paint polygons over the map, each with its instance, its attribute and whether it lies in shadow."""
        starts = np.cumsum(polygons.lengths) - polygons.lengths
        ends = starts + polygons.lengths
        seen = self.camera.to_camera(polygons.points)
        cells = self.camera.to_cells(np.maximum(seen, (-np.inf, -np.inf, NEAR)))
        outward = ((self.camera.position - polygons.points[starts]) * polygons.normals).sum(axis=1) > 0
        nearest = np.minimum.reduceat(seen[:, 2], starts)
        low, high = np.minimum.reduceat(cells, starts), np.maximum.reduceat(cells, starts)
        in_picture = (high >= 0).all(axis=1) & (low < self.parts.shape[::-1]).all(axis=1) & (high > low).any(axis=1)
        cut = nearest <= NEAR
        shown = np.flatnonzero((outward | polygons.both_sides) & (in_picture | cut))
        rows = np.zeros((len(shown), 11), dtype=np.float32)
        rows[:, :3] = rows[:, 3:6] = self.light.shade(
            polygons.colors[shown],
            polygons.normals[shown],
            np.maximum(seen[starts[shown], 2], NEAR),
            gloss=polygons.gloss[shown],
            in_shadow=in_shadow[shown],
            glow=polygons.glow[shown],
        )
        rows[:, 6] = [self._node_ids[path] for path in polygons.nodes[shown]]
        rows[:, 7], rows[:, 8] = instance[shown], attribute[shown]
        rows[:, 10] = polygons.glow[shown].max(axis=1)
        part = self._add_rows(rows)
        for start, end, crosses in zip(starts[shown].tolist(), ends[shown].tolist(), cut[shown].tolist(), strict=True):
            if not crosses:
                cv2.fillConvexPoly(self.parts, cells[start:end], part)
            else:
                rest = _beyond_near(seen[start:end])
                if len(rest):
                    cv2.fillConvexPoly(self.parts, self.camera.to_cells(rest), part)
            part += 1

    def thing_cells(self) -> np.ndarray:
        """(H * SCALE, W * SCALE) int32: the instance of every cell, 0 = ground or sky."""
        instances = np.concatenate([rows[:, 7] for rows in self._rows]).astype(np.int32)
        return instances[self.parts & np.uint16(SHADOW - 1)]

    def develop(self) -> Developed:
        """The picture and the maps, with one value per pixel."""
        height, width = self.camera.size_hw
        rows = np.concatenate(self._rows)
        packed = np.zeros((SHADOW + len(rows), 4), dtype=np.uint8)
        packed[: len(rows), :3] = rows[:, :3]
        packed[SHADOW:, :3] = rows[:, 3:6]
        packed[SKY, 3] = 255  # the fourth channel becomes the share of sky in a pixel
        cells = packed.view(np.uint32)[:, 0][self.parts].view(np.uint8).reshape(*self.parts.shape, 4)
        mixed = cv2.resize(cells, (width, height), interpolation=cv2.INTER_AREA)
        middle = self.parts[SCALE // 2 :: SCALE, SCALE // 2 :: SCALE] & np.uint16(SHADOW - 1)
        return Developed(
            color=mixed[..., :3].astype(np.float32) / 255,
            sky=mixed[..., 3].astype(np.float32) / 255,
            classes=rows[:, 6].astype(np.uint16)[middle],
            instances=rows[:, 7].astype(np.int32)[middle],
            attribute=rows[:, 8].astype(np.uint8)[middle],
            grain=rows[:, 9][middle],
            glow=rows[:, 10][middle],
        )


@dataclass(frozen=True, slots=True, kw_only=True)
class Developed:
    """The picture and maps of a canvas, one value per pixel: `color` is (H, W, 3), all others are (H, W).

    `color` and `sky` are means over the pixel, 0..1; all others are values at its centre.
    """

    color: np.ndarray
    sky: np.ndarray
    classes: np.ndarray
    instances: np.ndarray
    attribute: np.ndarray
    grain: np.ndarray
    glow: np.ndarray


def _beyond_near(seen: np.ndarray) -> np.ndarray:
    """The part of a convex polygon (k, 3) in camera axes beyond NEAR; (0, 3) if all of it is nearer."""
    depth = seen[:, 2] - NEAR
    if (depth > 0).all():
        return seen
    if (depth <= 0).all():
        return seen[:0]
    kept = []
    for here, there, a, b in zip(seen, np.roll(seen, -1, axis=0), depth, np.roll(depth, -1), strict=True):
        if a > 0:
            kept.append(here)
        if (a > 0) != (b > 0):
            cut = here + (there - here) * (a / (a - b))
            cut[2] = NEAR + 1e-6
            kept.append(cut)
    return np.array(kept).reshape(-1, 3)
