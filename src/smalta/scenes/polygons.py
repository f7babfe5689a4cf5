"""Flat coloured polygons in space, stored in arrays for a whole scene.

In:  corner points in metres (x right, y up, z ahead), materials.
Out: `Polygons`.

Pure numpy. Must not know: cameras, kinds of objects.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import ArrayLike

BLACK = (0.0, 0.0, 0.0)


@dataclass(frozen=True, slots=True, kw_only=True)
class Polygons:
    """P flat convex polygons in the order in which they are painted.

    Attributes:
        points: (N, 3) corners of all polygons, one after the other.
        lengths: (P,) number of corners of each polygon.
        normals: (P, 3) unit vectors that point outwards.
        colors: (P, 3) red, green, blue of the material, 0..1.
        glow: (P, 3) colour of their own light if the lamps are on, 0..1.
        gloss: (P,) share of the sky that they mirror, 0..1.
        dye: (P,) number of the object's paint that multiplies the colour, from 1; 0 = none.
        both_sides: (P,) bool, whether they are visible from behind too.
        nodes: (P,) paths of their classes.
    """

    points: np.ndarray
    lengths: np.ndarray
    normals: np.ndarray
    colors: np.ndarray
    glow: np.ndarray
    gloss: np.ndarray
    dye: np.ndarray
    both_sides: np.ndarray
    nodes: np.ndarray

    @classmethod
    def join(cls, parts: Sequence[Polygons]) -> Polygons:
        """The polygons of all parts, in order."""
        return cls(**{name: np.concatenate([getattr(part, name) for part in parts]) for name in cls.__slots__})

    def place(self, x: np.ndarray, z: np.ndarray, yaw: np.ndarray) -> Polygons:
        """Each polygon turned to the right by its `yaw` in radians, then moved on the ground; all (P,)."""
        sin, cos = np.sin(yaw), np.cos(yaw)
        points = turned(self.points, *(np.repeat(value, self.lengths) for value in (sin, cos)))
        points[:, 0] += np.repeat(x, self.lengths)
        points[:, 2] += np.repeat(z, self.lengths)
        return replace(self, points=points, normals=turned(self.normals, sin, cos))

    def painted(self, paints: Sequence[ArrayLike], scale: ArrayLike, lights: bool) -> Polygons:
        """The polygons in these paints, scaled along x, y and z, with lights on or off."""
        table = np.array([(1.0, 1.0, 1.0), *paints])
        return replace(
            self,
            colors=np.minimum(self.colors * table[self.dye], 1.0),
            points=self.points * scale,
            glow=self.glow if lights else np.zeros_like(self.glow),
        )


def turned(vectors: np.ndarray, sin: np.ndarray, cos: np.ndarray) -> np.ndarray:
    """(N, 3) vectors turned to the right, as seen from above, by angles given as sine and cosine."""
    x, y, z = vectors.T
    return np.stack([x * cos + z * sin, y, z * cos - x * sin], axis=1)


class Mesh:
    """Collects the polygons of one object."""

    def __init__(self) -> None:
        self._points: list[np.ndarray] = []
        self._materials: list[tuple[int, ArrayLike, str, ArrayLike, float, ArrayLike, int, bool]] = []

    def add(
        self,
        points: np.ndarray,
        color: ArrayLike,
        node: str,
        *,
        normal: ArrayLike,
        gloss: float = 0.0,
        glow: ArrayLike = BLACK,
        dye: int = 0,
        both_sides: bool = False,
    ) -> None:
        """Add one polygon, or several with the same number of corners.

        Args:
            points: (k, 3), or (m, k, 3).
            color: (3,), or (m, 3); this and the values below are as in `Polygons`.
            node: path of their class.
            normal: (3,), or (m, 3).
            gloss: one value for all.
            glow: (3,), or (m, 3).
            dye: one value for all.
            both_sides: one value for all.
        """
        many = points if points.ndim == 3 else points[None]
        self._points.append(many)
        self._materials.append((len(many), color, node, normal, gloss, glow, dye, both_sides))

    def polygons(self) -> Polygons:
        """All polygons added so far."""
        count = sum(material[0] for material in self._materials)
        normals, colors, glow = np.empty((3, count, 3))
        gloss, dye, both_sides = np.empty(count), np.empty(count, dtype=np.int64), np.empty(count, dtype=bool)
        nodes = np.empty(count, dtype=object)
        stop = 0
        for m, *material in self._materials:
            here = slice(stop, stop := stop + m)
            colors[here], nodes[here], normals[here], gloss[here], glow[here], dye[here], both_sides[here] = material
        return Polygons(
            points=self.points,
            lengths=np.repeat([part.shape[1] for part in self._points], [len(part) for part in self._points]),
            normals=normals,
            colors=colors,
            glow=glow,
            gloss=gloss,
            dye=dye,
            both_sides=both_sides,
            nodes=nodes,
        )

    @property
    def points(self) -> np.ndarray:
        """(N, 3) corners of all polygons added so far."""
        return np.concatenate([part.reshape(-1, 3) for part in self._points])
