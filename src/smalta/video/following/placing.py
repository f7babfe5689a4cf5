"""Where a detection places an object of known size, although something may hide a part of it.

In:  measured detections, what is known of objects.
Out: places of lower edges and middles, with their errors.

Pure numpy. Must not know: tracks, classes, time.

A visible side gives the place. Where one side is hidden, the other one and the object's size give it. Where both are
hidden, the object may lie anywhere around the visible part, and the expected place is changed as little as possible.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from smalta.video.following.measuring import BOTTOM, LEFT, RIGHT, TOP, Measured
from smalta.video.following.tracker_settings import TrackerSettings

CELL_ERROR = 0.3  # standard deviation of a border, cells: borders lie between cells
LOWER_EDGE, MIDDLE = 0.0, 0.5  # of an object's length, from its last side


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Whole:
    """What is known of K objects: arrays of one shape, lengths and places in pixels.

    Attributes:
        height: of the whole object.
        width: of the whole object.
        height_known: whether upper and lower edge were ever visible together.
        width_known: whether left and right edge were.
        y: expected lower edge.
        x: expected middle.
    """

    height: np.ndarray
    width: np.ndarray
    height_known: np.ndarray
    width_known: np.ndarray
    y: np.ndarray
    x: np.ndarray

    @property
    def size(self) -> np.ndarray:
        """Pixels."""
        return np.sqrt(self.height * self.width)


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Located:
    """Places and their standard deviations, pixels, each of the shape that detections and objects broadcast to."""

    y: np.ndarray
    y_error: np.ndarray
    x: np.ndarray
    x_error: np.ndarray


def located(measured: Measured, whole: Whole, settings: TrackerSettings, cell: int) -> Located:
    """Where the detections place the objects.

    Args:
        measured: N detections.
        whole: arrays that broadcast with (N,), such as (T, 1) for all pairs.
        settings: the errors.
        cell: side of a cell, pixels.
    """
    near = np.hypot(settings.place_error * whole.size, CELL_ERROR * cell)
    far = settings.hidden_error * whole.size
    boxes, own = measured.boxes, measured.own
    y, y_sides = _place(boxes[:, TOP], boxes[:, BOTTOM], own[:, TOP], own[:, BOTTOM], whole.height, whole.y, LOWER_EDGE)
    x, x_sides = _place(boxes[:, LEFT], boxes[:, RIGHT], own[:, LEFT], own[:, RIGHT], whole.width, whole.x, MIDDLE)
    return Located(
        y=y,
        y_error=np.where(own[:, BOTTOM] | ((y_sides > 0) & whole.height_known), near, far),
        x=x,
        x_error=np.where((x_sides == 2) | ((x_sides > 0) & whole.width_known), near, far),
    )


def _place(
    first: np.ndarray,
    last: np.ndarray,
    own_first: np.ndarray,
    own_last: np.ndarray,
    length: np.ndarray,
    expected: np.ndarray,
    at: float,
) -> tuple[np.ndarray, np.ndarray]:
    """The place that lies `at` times the length before the last side, and how many sides are visible."""
    from_first, from_last = first + (1 - at) * length, last - at * length
    visible = at * first + (1 - at) * last
    anywhere = np.where(
        from_first > from_last, np.clip(expected, from_last, np.maximum(from_first, from_last)), visible
    )
    by_one = np.where(own_last, from_last, np.where(own_first, from_first, anywhere))
    return np.where(own_first & own_last, visible, by_one), own_first.astype(int) + own_last
