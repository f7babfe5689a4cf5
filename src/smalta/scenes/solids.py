"""Blocks, faces and flat shapes from which objects are built, and `Model`, a built object.

In:  measures in metres.
Out: arrays of corner points; `Model`.

Numpy. Must not know: kinds of objects, cameras, roads.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

import numpy as np
from numpy.typing import ArrayLike

from smalta.scenes.polygons import Polygons


@dataclass(frozen=True, slots=True, kw_only=True)
class Piece:
    """A part of an object that stands on a rectangle of the ground of its own.

    Attributes:
        polygons: around the object's place, facing along z.
        half_width: metres to each side.
        ends: metres to its rear (negative) and to its front.
    """

    polygons: Polygons
    half_width: float
    ends: tuple[float, float]


@dataclass(frozen=True, slots=True, kw_only=True)
class Model:
    """An object around its place on the ground.

    Attributes:
        pieces: its parts; the order in which they are painted depends on the camera.
        hulls: (N, 3) point sets, metres; the convex hull of each casts a shadow.
    """

    pieces: list[Piece]
    hulls: list[np.ndarray] = field(default_factory=list)

    @property
    def half_width(self) -> float:
        """Metres to each side."""
        return max(piece.half_width for piece in self.pieces)

    @property
    def ends(self) -> tuple[float, float]:
        """Metres to the rear (negative) and to the front."""
        return min(piece.ends[0] for piece in self.pieces), max(piece.ends[1] for piece in self.pieces)

    def painted(self, *paints: ArrayLike, scale: Sequence[float] = (1.0, 1.0, 1.0), lights: bool = True) -> Model:
        """A copy in these paints (see `Polygons.dye`), scaled along x, y and z, with lights on or off."""
        x, _, z = scale
        pieces = [
            Piece(
                polygons=piece.polygons.painted(paints, scale, lights),
                half_width=piece.half_width * abs(x),
                ends=(piece.ends[0] * z, piece.ends[1] * z),
            )
            for piece in self.pieces
        ]
        return Model(pieces=pieces, hulls=[hull * scale for hull in self.hulls])


def block(
    bottom_z: tuple[float, float],
    top_z: tuple[float, float],
    half_width: tuple[float, float],
    y: tuple[float, float],
) -> dict[str, np.ndarray]:
    """A block whose top may be shorter and narrower than its bottom.

    Args:
        bottom_z: rear and front end at the bottom.
        top_z: rear and front end at the top.
        half_width: at the bottom and at the top.
        y: bottom and top.

    Returns:
        (4, 3) corners by face name: front, rear, left, right, top. Seen from outside the order is bottom left,
        bottom right, top right, top left; the left of a top is the object's left.
    """
    (rear_b, front_b), (rear_t, front_t), (wide_b, wide_t), (low, high) = bottom_z, top_z, half_width, y
    corner = {
        (side, end, level): (side * w, h, z)
        for side in (-1, 1)
        for level, w, h, ends in ((0, wide_b, low, (rear_b, front_b)), (1, wide_t, high, (rear_t, front_t)))
        for end, z in enumerate(ends)
    }
    names = {
        "front": ((1, 1, 0), (-1, 1, 0), (-1, 1, 1), (1, 1, 1)),
        "rear": ((-1, 0, 0), (1, 0, 0), (1, 0, 1), (-1, 0, 1)),
        "left": ((-1, 1, 0), (-1, 0, 0), (-1, 0, 1), (-1, 1, 1)),
        "right": ((1, 0, 0), (1, 1, 0), (1, 1, 1), (1, 0, 1)),
        "top": ((-1, 0, 1), (1, 0, 1), (1, 1, 1), (-1, 1, 1)),
    }
    return {name: np.array([corner[key] for key in keys]) for name, keys in names.items()}


def normal_of(face: np.ndarray, inside: np.ndarray) -> np.ndarray:
    """(3,) unit normal of a flat (k, 3) face that points away from the point `inside`."""
    normal = np.cross(face[1] - face[0], face[2] - face[0])
    normal = normal / np.linalg.norm(normal)
    return normal if normal @ (face[0] - inside) > 0 else -normal


def centre_of(faces: Mapping[str, np.ndarray]) -> np.ndarray:
    """(3,) middle of a block."""
    return np.concatenate(list(faces.values())).mean(axis=0)


def on(face: np.ndarray, uv: np.ndarray) -> np.ndarray:
    """Points on a four-cornered face.

    Args:
        face: (4, 3) bottom left, bottom right, top right, top left.
        uv: (..., 2) positions to the right and up, as shares of the face.

    Returns:
        (..., 3) metres.
    """
    u, v = uv[..., :1], uv[..., 1:]
    return (face[0] * (1 - u) + face[1] * u) * (1 - v) + (face[3] * (1 - u) + face[2] * u) * v


def rect(u0: ArrayLike, v0: ArrayLike, u1: ArrayLike, v1: ArrayLike) -> np.ndarray:
    """(..., 4, 2) corners of rectangles in shares of a face."""
    left, low, right, high = np.broadcast_arrays(u0, v0, u1, v1)
    u, v = np.stack([left, right, right, left], axis=-1), np.stack([low, low, high, high], axis=-1)
    return np.stack([u, v], axis=-1).astype(float)


def disc(u: ArrayLike, v: ArrayLike, radius_u: ArrayLike, radius_v: ArrayLike, corners: int = 10) -> np.ndarray:
    """(..., corners, 2) outlines of ellipses in shares of a face."""
    turn = np.arange(corners) * (2 * np.pi / corners) + np.pi / corners
    middle = np.stack(np.broadcast_arrays(u, v), axis=-1)[..., None, :]
    radius = np.stack(np.broadcast_arrays(radius_u, radius_v), axis=-1)[..., None, :]
    return middle + radius * np.stack([np.cos(turn), np.sin(turn)], axis=-1)


def upright(outline: ArrayLike, depth: float = 0.0) -> np.ndarray:
    """(..., k, 3) points of upright shapes given as (x, y)."""
    xy = np.asarray(outline, dtype=float)
    return np.concatenate([xy, np.full((*xy.shape[:-1], 1), depth)], axis=-1)


def strips(rows: ArrayLike) -> np.ndarray:
    """(m, 4, 3) corners of upright tapered strips from a to b: rows (ax, ay, bx, by, width at a, width at b)."""
    strip = np.asarray(rows, dtype=float).reshape(-1, 6)
    start, end = strip[:, 0:2], strip[:, 2:4]
    along = (end - start) / np.linalg.norm(end - start, axis=1, keepdims=True)
    side = np.stack([along[:, 1], -along[:, 0]], axis=1) / 2
    at_start, at_end = side * strip[:, 4:5], side * strip[:, 5:6]
    return upright(np.stack([start - at_start, start + at_start, end + at_end, end - at_end], axis=1))


def footprint(x: float, z: float, yaw: float, half_width: float, ends: tuple[float, float]) -> np.ndarray:
    """(4, 2) corners (x, z) on the ground of an object that extends `ends` behind and ahead of its place."""
    turn = np.array([[np.cos(yaw), -np.sin(yaw)], [np.sin(yaw), np.cos(yaw)]])
    rear, front = ends
    corners = np.array([(-half_width, rear), (half_width, rear), (half_width, front), (-half_width, front)])
    return corners @ turn + (x, z)
