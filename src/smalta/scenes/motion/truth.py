"""Crossings of lines, times for which a condition holds, and places in the picture, from motions on the ground.

In:  motions, cameras.
Out: the parts of a `ClipTruth`; polygons in pixels for the rules.

numpy only. Must not know: kinds of clips, pictures.
"""

from __future__ import annotations

from collections.abc import Sequence
from itertools import pairwise

import cv2
import numpy as np

from smalta.scenes.canvas import NEAR, Camera
from smalta.scenes.motion.paths import STEP_S
from smalta.scenes.motion.values import TrueCrossing

BAND = 0.25  # metres behind a line that a person must reach to have crossed it
GAP_S = 0.75  # seconds


def crossings(inward: np.ndarray, here: np.ndarray, number: int, line: str) -> list[TrueCrossing]:
    """The crossings of one person.

    Args:
        inward: (T,) metres inside the line at each step; negative outside.
        here: (T,) bool, whether the person exists.
        number: the person's id.
        line: name.
    """
    found: list[TrueCrossing] = []
    side, at = 0, 0.0
    for k in np.flatnonzero(here).tolist():
        now = 1 if inward[k] > 0 else -1
        if side == 0:
            side = now
        if k > 0 and here[k - 1] and (inward[k] > 0) != (inward[k - 1] > 0):
            part = abs(inward[k - 1]) / max(abs(inward[k]) + abs(inward[k - 1]), 1e-12)
            at = float((k - 1 + part) * STEP_S)
        if now != side and abs(inward[k]) > BAND:
            found.append(TrueCrossing(at, number, line, "in" if now > 0 else "out"))
            side = now
    return found


def lasting(holds: np.ndarray, least_s: float) -> list[tuple[float, float]]:
    """Start and end in seconds of each time for which a condition (T,) holds for at least `least_s` seconds."""
    edges = np.flatnonzero(np.diff(np.concatenate([[False], holds, [False]]).astype(np.int8)))
    times = [(float(start * STEP_S), float(end * STEP_S)) for start, end in zip(edges[::2], edges[1::2], strict=True)]
    return [(start, end) for start, end in times if end - start >= least_s - 1e-9]


def at_frames(values: np.ndarray, times_s: np.ndarray) -> np.ndarray:
    """Rows of (T, ...) values of steps, of the last step at or before each frame."""
    steps = np.minimum((times_s / STEP_S + 1e-6).astype(np.int64), len(values) - 1)
    return np.asarray(values[steps])


def pixels(camera: Camera, points: np.ndarray) -> np.ndarray:
    """(N, 2) places in the picture, order (x, y), of points (N, 3) in metres; NaN for what is behind the camera."""
    seen = camera.to_camera(points)
    height, width = camera.size_hw
    depth = np.where(seen[:, 2:] > NEAR, seen[:, 2:], np.nan)
    return np.asarray(seen[:, :2] * (camera.focal / depth) + (width / 2, height / 2))


def on_ground(places_xz: np.ndarray, high: float = 0.0) -> np.ndarray:
    """(N, 3) points at a height in metres above places (N, 2)."""
    return np.insert(np.asarray(places_xz, dtype=float), 1, high, axis=1)


def in_picture(camera: Camera, places_xz: np.ndarray, margin: float = 0.0, high: float = 0.0) -> np.ndarray:
    """(N,) bool: whether places (N, 2) on the ground lie in the picture, `margin` pixels from its edge."""
    x, y = pixels(camera, on_ground(places_xz, high)).T
    height, width = camera.size_hw
    return np.asarray((x >= margin) & (x <= width - margin) & (y >= margin) & (y <= height - margin))


def polygon(
    camera: Camera, corners_xz: Sequence[tuple[float, float]], high: tuple[float, float] = (0.0, 0.0)
) -> list[list[float]] | None:
    """What stands on a convex patch of the ground, between two heights in metres, as a polygon in the picture.

    Returns:
        Corners (x, y) in pixels, rounded to tenths and cut at the picture's edge; None if none of it is seen.
    """
    corners = np.array(corners_xz, dtype=float)
    seen = pixels(camera, np.concatenate([on_ground(corners, high[0]), on_ground(corners, high[1])]))
    if np.isnan(seen).any():
        return None
    return _cut(seen, camera.size_hw)


def below(camera: Camera, start_xy: np.ndarray, end_xy: np.ndarray) -> list[list[float]]:
    """The part of the picture below a straight line through two places (x, y) in pixels, as a polygon."""
    along = 4 * sum(camera.size_hw) * (end_xy - start_xy) / np.linalg.norm(end_xy - start_xy)
    down = np.array([-along[1], along[0]])
    corners = [start_xy - along, end_xy + along, end_xy + along + down, start_xy - along + down]
    return _cut(np.stack(corners), camera.size_hw) or []


def _cut(points_xy: np.ndarray, size_hw: tuple[int, int]) -> list[list[float]] | None:
    """The hull of points (N, 2) inside the picture; None if it is empty."""
    height, width = size_hw
    frame = np.array([(0, 0), (width, 0), (width, height), (0, height)], dtype=np.float32)
    area, cut = cv2.intersectConvexConvex(cv2.convexHull(points_xy.astype(np.float32)), frame)
    if area <= 0:
        return None
    return [[round(float(x), 1), round(float(y), 1)] for x, y in cut.reshape(-1, 2)]


def doubtful(holds: np.ndarray, least_s: float) -> bool:
    """Whether small errors decide how often a rule tells that a condition (T,) holds.

    They do if it holds for a time about as long as the rule asks for, or does not hold for less than `GAP_S`.
    """
    times = lasting(holds, 0.0)
    gaps = [after[0] - before[1] for before, after in pairwise(times)]
    return (
        any(0.75 * least_s < end - start < 1.25 * least_s for start, end in times) or min(gaps, default=GAP_S) < GAP_S
    )
