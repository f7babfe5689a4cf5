"""Which detection continues which track.

In:  the known objects at their predicted places, a frame's detections.
Out: costs of all pairs, and the pairs of least total cost.

numpy and SciPy. Must not know: files, frames, how pictures become detections.

Costs are negative logarithms of probabilities: of the place (a Gaussian around the predicted one), of height and width,
of the class, and of the overlap of the moved mask with the detection. Only sides count that nothing hides.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from scipy.optimize import linear_sum_assignment

from smalta.video.following.known import Known, inside, whole_of
from smalta.video.following.measuring import BOTTOM, LEFT, RIGHT, TOP, Measured
from smalta.video.following.placing import located
from smalta.video.following.tracker_settings import TrackerSettings
from smalta.video.following.votes import agreement

NEVER = 1e6
LARGER = 1.2  # times the height or width that a part of an object cannot have


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Overlaps:
    """Moved masks of T tracks over N detections.

    Attributes:
        shared: (T, N) int64 cells.
        areas: (T,) int64 cells of the moved masks inside the picture.
    """

    shared: np.ndarray
    areas: np.ndarray

    @property
    def hidden(self) -> np.ndarray:
        """(T,) share of a moved mask that lies on detections."""
        return self.shared.sum(axis=1) / np.maximum(self.areas, 1)

    @classmethod
    def of(cls, known: Sequence[Known], instances: np.ndarray, n: int) -> Overlaps:
        """Count the cells of each moved mask by detection."""
        shared, areas = np.zeros((len(known), n), dtype=np.int64), np.zeros(len(known), dtype=np.int64)
        for row, one in enumerate(known):
            mask = inside(one.mask_now, instances.shape)
            (top, left), (height, width) = mask.top_left, mask.cells.shape
            below = instances[top : top + height, left : left + width][mask.cells]
            shared[row] = np.bincount(below, minlength=n + 1)[1:]
            areas[row] = len(below)
        return cls(shared=shared, areas=areas)


def pair_costs(
    known: Sequence[Known],
    measured: Measured,
    overlaps: Overlaps,
    traits: tuple[np.ndarray, np.ndarray],
    settings: TrackerSettings,
    cell: int,
) -> np.ndarray:
    """(T, N) float64: what it costs that a detection continues a track.

    Args:
        known: T objects.
        measured: N detections.
        overlaps: of both.
        traits: (T, F) and (N, F) float64, from `Electorate.traits`.
        settings: errors and weights.
        cell: side of a cell, pixels.
    """
    if not len(known) or not len(measured.areas):
        return np.zeros((len(known), len(measured.areas)))
    costs = _place_costs(known, measured, settings, cell) + _side_costs(known, measured, settings)
    costs -= settings.class_cost * np.log(agreement(*traits))
    seen = np.array([one.seen for one in known])
    costs += settings.overlap_cost * np.where(seen[:, None], 1 - _overlap(overlaps, measured), 0.5)
    costs += settings.unsure_cost * np.array([not one.sure for one in known])[:, None]
    return np.where(measured.areas > 0, costs, NEVER)


def _place_costs(known: Sequence[Known], measured: Measured, settings: TrackerSettings, cell: int) -> np.ndarray:
    """The negative log-likelihood of the measured place, its density being per square size."""
    whole = whole_of(known, as_column=True)
    places = located(measured, whole, settings, cell)
    cost = np.full((len(known), len(measured.areas)), math.log(2 * math.pi))
    for found, error, expected, variance in (
        (places.y, places.y_error, whole.y, [one.y.place_variance for one in known]),
        (places.x, places.x_error, whole.x, [one.x.place_variance for one in known]),
    ):
        total = np.array(variance)[:, None] + error**2
        cost += 0.5 * ((found - expected) ** 2 / total + np.log(total / whole.size**2))
    return cost


def _side_costs(known: Sequence[Known], measured: Measured, settings: TrackerSettings) -> np.ndarray:
    """How unlikely height and width are; of a partly hidden side only what is more than it can have."""
    own = measured.own
    total = np.zeros((len(known), len(measured.areas)))
    for sides, whole, name, error in (
        (measured.heights, own[:, TOP] & own[:, BOTTOM], "height", settings.height_error),
        (measured.widths, own[:, LEFT] & own[:, RIGHT], "width", settings.width_error),
    ):
        expected = np.array([getattr(one, name) for one in known])[:, None]
        certain = np.array([getattr(one, f"{name}s") > 0 for one in known])[:, None]
        ratio = np.log(np.maximum(sides, 1)[None] / expected)
        larger = np.maximum(ratio - math.log(LARGER), 0)
        total += 0.5 * (np.where(whole[None] & certain, ratio, larger * certain) / error) ** 2
    return total


def _overlap(overlaps: Overlaps, measured: Measured) -> np.ndarray:
    """(T, N) in 0..1: mean of the IoU and of the share of the smaller one."""
    ours, theirs = overlaps.areas[:, None], measured.areas[None]
    shared = overlaps.shared
    union = np.maximum(ours + theirs - shared, 1)
    return 0.5 * (shared / union + shared / np.maximum(np.minimum(ours, theirs), 1))


def missing_costs(known: Sequence[Known], overlaps: Overlaps, settings: TrackerSettings) -> np.ndarray:
    """(T,) float64: what it costs that a track has no detection; less where others hide its place."""
    hidden = np.clip(overlaps.hidden, 0, 1)
    return settings.open_cost + hidden * (settings.hidden_cost - settings.open_cost)


def new_costs(measured: Measured, settings: TrackerSettings) -> np.ndarray:
    """(N,) float64: what it costs that a detection begins a track; less at the picture's edge."""
    return np.where(measured.edge, settings.edge_cost, settings.new_cost)


def assign(costs: np.ndarray, missing: np.ndarray, new: np.ndarray) -> list[tuple[int, int]]:
    """The pairs of least total cost, those left out included, by the Hungarian method.

    Args:
        costs: (T, N) float64 of the pairs.
        missing: (T,) float64 of rows without a partner.
        new: (N,) float64 of columns without a partner.

    Returns:
        Rows and columns, by row.

    Example:
        >>> assign(np.array([[1.0, 9.0], [2.0, 8.0]]), np.array([3.0, 3.0]), np.array([4.0, 4.0]))
        [(0, 0)]
    """
    t, n = costs.shape
    if not t or not n:
        return []
    table = np.full((t + n, n + t), NEVER)
    table[:t, :n] = np.minimum(costs, NEVER)
    table[np.arange(t), n + np.arange(t)] = missing
    table[t + np.arange(n), np.arange(n)] = new
    table[t:, n:] = 0
    rows, columns = linear_sum_assignment(table)
    return [(int(row), int(column)) for row, column in zip(rows, columns, strict=True) if row < t and column < n]
