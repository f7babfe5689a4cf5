"""Place objects on the ground of a scene, and make a labelled picture of it.

In:  a canvas with its ground, models with their places.
Out: a picture and its maps.

Numpy and OpenCV. Must not know: streets and car parks, kinds of objects.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

import cv2
import numpy as np

from smalta.scenes.canvas import Canvas
from smalta.scenes.light import ground_texture, photograph, sky_picture
from smalta.scenes.polygons import Polygons, turned
from smalta.scenes.solids import Model, footprint

MIN_PIXELS = 8  # an object with fewer visible pixels is in no map


@dataclass(frozen=True, slots=True, kw_only=True)
class _Placed:
    model: Model
    x: float
    z: float
    yaw: float
    countable: bool
    attribute: int
    casts_first: bool


class Stage:
    """A canvas and the objects on it."""

    def __init__(self, canvas: Canvas) -> None:
        self.canvas = canvas
        self.lamps: list[tuple[float, float, float]] = []  # x, z in metres, radius of the lit ground
        self._placed: list[_Placed] = []
        # x, z, largest reach, sine and cosine of the yaw, half width, rear and front
        self._taken: list[tuple[float, float, float, float, float, float, tuple[float, float]]] = []

    def place(
        self,
        model: Model,
        x: float,
        z: float,
        yaw: float,
        *,
        countable: bool = False,
        attribute: int = 0,
        casts_first: bool = False,
    ) -> None:
        """Put a model on the ground; a model that `casts_first` (a building, a tree) can shade the others."""
        self._placed.append(
            _Placed(model=model, x=x, z=z, yaw=yaw, countable=countable, attribute=attribute, casts_first=casts_first)
        )
        half_width, (rear, front) = model.half_width, model.ends
        reach = half_width + max(front, -rear) + 1.0
        self._taken.append((x, z, reach, math.sin(yaw), math.cos(yaw), half_width, (rear, front)))

    def is_free(self, x: float, z: float) -> bool:
        """Whether no object is within half a metre of a place on the ground."""
        for thing_x, thing_z, reach, sin, cos, half_width, (rear, front) in self._taken:
            dx, dz = x - thing_x, z - thing_z
            if abs(dx) < reach and abs(dz) < reach:
                right, ahead = dx * cos - dz * sin, dx * sin + dz * cos
                if abs(right) < half_width + 0.5 and rear - 0.5 < ahead < front + 0.5:
                    return False
        return True

    def place_flat(
        self, model: Model, x: float, z: float, *, countable: bool = False, casts_first: bool = False
    ) -> None:
        """Put a flat model on the ground, turned to the camera, if the place is free."""
        if not self.is_free(x, z):
            return
        eye = self.canvas.camera.position
        self.place(model, x, z, math.atan2(x - eye[0], z - eye[2]), countable=countable, casts_first=casts_first)

    def sees(self, x: float, z: float, radius: float) -> bool:
        """Whether an object of this radius in metres at a place on the ground can be in the picture."""
        camera = self.canvas.camera
        right, _, ahead = camera.axes @ (np.array([x, 0.0, z]) - camera.position)
        edge = 0.5 * camera.size_hw[1] / camera.focal
        # for a camera that looks down, the ground is wider in the lower rows of the picture than in its middle row
        reach = max(ahead, math.hypot(x - camera.position[0], z - camera.position[2]))
        return bool(ahead > -radius and abs(right) - 1.5 * radius < edge * reach)

    def footprints(self) -> np.ndarray:
        """(N, 4, 2) corners (x, z) in metres of the ground below each model, in the order of placing."""
        places = [(thing.x, thing.z, thing.yaw, thing.model.half_width, thing.model.ends) for thing in self._placed]
        return np.array([footprint(*place) for place in places]).reshape(-1, 4, 2)

    def paint(self) -> None:
        """Cast all shadows, then paint all objects, farther objects first."""
        canvas, placed = self.canvas, self._placed
        places = np.array([(thing.x, thing.z) for thing in placed]).reshape(-1, 2)
        casts_first = np.array([thing.casts_first for thing in placed], dtype=bool)
        self._cast(np.flatnonzero(casts_first))
        in_shadow = canvas.in_shadow(places) & ~casts_first
        self._cast(np.flatnonzero(~casts_first & ~in_shadow))
        canvas.drop_shadows()
        pieces = [(i, piece) for i, thing in enumerate(placed) for piece in thing.model.pieces]
        if not pieces:
            return
        footprints = np.stack(
            [footprint(placed[i].x, placed[i].z, placed[i].yaw, piece.half_width, piece.ends) for i, piece in pieces]
        )
        order = paint_order(footprints, canvas.camera.position[[0, 2]])
        parts = [pieces[k][1].polygons for k in order]
        of = np.repeat([pieces[k][0] for k in order], [len(part.lengths) for part in parts])
        yaw = np.array([thing.yaw for thing in placed])
        canvas.paint(
            Polygons.join(parts).place(places[of, 0], places[of, 1], yaw[of]),
            instance=np.array([i + 1 if thing.countable else 0 for i, thing in enumerate(placed)])[of],
            attribute=np.array([thing.attribute for thing in placed])[of],
            in_shadow=in_shadow[of],
        )

    def _cast(self, things: np.ndarray) -> None:
        hulls = [(self._placed[i], hull) for i in things for hull in self._placed[i].model.hulls]
        if hulls:
            lengths = np.array([len(hull) for _, hull in hulls])
            x, z, yaw = np.repeat([(thing.x, thing.z, thing.yaw) for thing, _ in hulls], lengths, axis=0).T
            points = turned(np.concatenate([hull for _, hull in hulls]), np.sin(yaw), np.cos(yaw))
            self.canvas.cast(points + np.stack([x, np.zeros_like(x), z], axis=1), lengths)

    def photograph(
        self, rng: np.random.Generator, *, horizon: float
    ) -> tuple[np.ndarray, np.ndarray, np.ndarray, np.ndarray]:
        """Picture (H, W, 3) uint8, classes uint16, instances int32, attribute uint8.

        Objects with fewer than MIN_PIXELS visible pixels are in no map; their pixels become unlabelled.
        """
        camera, light = self.canvas.camera, self.canvas.light
        shot = self.canvas.develop()
        ground = camera.ground()
        picture = shot.color
        rows = int(np.flatnonzero(shot.sky.any(axis=1)).max(initial=-1)) + 1
        if rows:
            picture[:rows] += shot.sky[:rows, :, None] * sky_picture(light, camera.size_hw, rows, horizon, rng)
        rough = np.float32(0.035) * rng.standard_normal(shot.grain.shape, dtype=np.float32)
        rough[shot.sky > 0.5] = 0
        picture *= (1 + shot.grain * ground_texture(ground, rng) + rough)[..., None]
        fade = np.where(shot.grain > 0, np.exp(-np.float32(light.haze) * ground[2]), 1)[..., None]
        picture = picture * fade + light.sky_low.astype(np.float32) * (1 - fade)
        if light.lamps:
            picture = _glow(picture, shot.glow, ground, self.lamps, light.lamps)
        return (photograph(picture, light, rng), *_visible(shot.classes, shot.instances, shot.attribute))


def _glow(
    picture: np.ndarray,
    glow: np.ndarray,
    ground: tuple[np.ndarray, np.ndarray, np.ndarray],
    lamps: list[tuple[float, float, float]],
    strength: float,
) -> np.ndarray:
    """Add the light of lamps, around them and on the ground."""
    x, z, _ = ground
    pool = np.zeros(x.shape, dtype=np.float32)
    for lamp_x, lamp_z, radius in lamps:
        pool += np.exp(-((x - lamp_x) ** 2 + (z - lamp_z) ** 2) / np.float32(2 * radius**2))
    warm = np.array((1.0, 0.86, 0.62), dtype=np.float32)
    picture = picture * (1 + np.float32(strength) * np.minimum(pool, 1.5)[..., None] * warm)
    halo = cv2.GaussianBlur(picture * glow[..., None], (0, 0), 0.02 * picture.shape[1])
    return picture + 1.2 * halo


def _visible(
    classes: np.ndarray, instances: np.ndarray, attribute: np.ndarray
) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """The maps without objects that are too small; the others are numbered 1..N."""
    pixels = np.bincount(instances.ravel())
    kept = pixels >= MIN_PIXELS
    kept[0] = False
    number = np.where(kept, np.cumsum(kept), 0).astype(np.int32)[instances]
    lost = (instances > 0) & (number == 0)
    return np.where(lost, 0, classes).astype(np.uint16), number, np.where(lost, 0, attribute).astype(np.uint8)


def may_hide(footprints: np.ndarray, eye_xz: np.ndarray) -> np.ndarray:
    """Which objects on the ground may hide which others.

    If a straight line separates two footprints, only the object on the camera's side of the line can hide the other.

    Args:
        footprints: (N, 4, 2) corners of convex quadrilaterals in order, metres, (x, z).
        eye_xz: (2,) place of the camera.

    Returns:
        (N, N) bool, [a, b]: a may hide b.
    """
    n = len(footprints)
    edges = np.roll(footprints, -1, axis=1) - footprints
    outward = np.stack([edges[..., 1], -edges[..., 0]], axis=-1)
    centres = footprints.mean(axis=1)
    inner = np.einsum("nek,nek->ne", outward, centres[:, None] - footprints)
    outward *= np.where(inner > 0, -1.0, 1.0)[..., None]
    offset = np.einsum("nek,nek->ne", outward, footprints)
    along = (outward.reshape(-1, 2) @ footprints.reshape(-1, 2).T).reshape(n, 4, n, 4)
    apart = along.min(axis=-1) >= offset[..., None] - 1e-9  # (a, edge, b): b lies outside of an edge of a
    eye_outside = (outward @ eye_xz - offset) > 0
    a_first = (apart & eye_outside[..., None]).any(axis=1)  # the camera is on b's side: a cannot hide b
    b_first = (apart & ~eye_outside[..., None]).any(axis=1)
    return ~(a_first | b_first.T)


def paint_order(footprints: np.ndarray, eye_xz: np.ndarray) -> list[int]:
    """An order in which objects on the ground can be painted, so that nearer objects hide farther objects.

    Args:
        footprints: (N, 4, 2) as in `may_hide`.
        eye_xz: (2,) place of the camera.

    Returns:
        Indices of the footprints; an object that may be hidden comes before the one that hides it.
    """
    n = len(footprints)
    hiding = may_hide(footprints, eye_xz)
    before = ~hiding & hiding.T  # [a, b]: b may hide a, so a is painted first
    distance = np.linalg.norm(footprints.mean(axis=1) - eye_xz, axis=1)
    waiting = before.sum(axis=0)
    order: list[int] = []
    left = np.ones(n, dtype=bool)
    for _ in range(n):
        # the farthest object among those that wait for no other; if objects wait for each other, the farthest of them
        least = waiting[left].min()
        ready = np.flatnonzero(left & (waiting == least))
        pick = int(ready[np.argmax(distance[ready])])
        order.append(pick)
        left[pick] = False
        waiting = waiting - before[pick]
    return order
