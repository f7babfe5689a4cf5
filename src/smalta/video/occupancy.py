"""How many were inside over time: mean, most and last of each stretch of time.

In:  moments at which the number changed, gaps in which nothing was seen.
Out: arrays, one value a stretch.

Pure numpy. Must not know: events, zones, files.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import pairwise

import numpy as np


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Occupancy:
    """How many were inside during S stretches of time.

    Attributes:
        mean: (S,) float64 over the seconds that were seen; 0 where none was seen.
        most: (S,) int64.
        end: (S,) int64 when the stretch ends.
    """

    mean: np.ndarray
    most: np.ndarray
    end: np.ndarray


def occupancy(
    times: Sequence[float] | np.ndarray,
    steps: Sequence[int] | np.ndarray,
    edges: np.ndarray,
    gaps: Sequence[tuple[float, float]] = (),
) -> Occupancy:
    """Occupancy of the stretches between neighbouring edges.

    What happens at an edge belongs to the stretch that begins there; at the last edge, to the last stretch.

    Args:
        times: (E,) seconds at which the number changed, in any order.
        steps: (E,) by how much.
        edges: (S + 1,) rising seconds.
        gaps: first and last second of what was not seen; they do not overlap.

    Example:
        >>> found = occupancy([1.0, 3.0], [1, -1], np.array([0.0, 2.0, 4.0]))
        >>> found.mean.tolist(), found.most.tolist(), found.end.tolist()
        ([0.5, 0.5], [1, 1], [1, 0])
    """
    ends = np.array(gaps, dtype=np.float64).reshape(-1, 2)
    at = np.concatenate([edges, np.asarray(times, dtype=np.float64), ends[:, 0], ends[:, 1]])
    change = np.zeros((2, len(at)))  # of the number, and of the gaps that hold the moment
    change[0, len(edges) : len(edges) + len(times)] = steps
    change[1, len(at) - 2 * len(ends) :] = np.repeat([1, -1], len(ends))
    knots, place = np.unique(at, return_inverse=True)
    moved = np.stack([np.bincount(place, weights=row, minlength=len(knots)) for row in change])
    inside, unseen = np.rint(np.cumsum(moved, axis=1)).astype(np.int64)
    seen = np.append(np.diff(knots) * (unseen[:-1] == 0), 0.0)

    firsts, last = np.searchsorted(knots, edges[:-1]), int(np.searchsorted(knots, edges[-1]))
    bounds = np.append(firsts, last + 1)  # the last stretch holds its own end too
    most = np.array([inside[a:b].max() for a, b in pairwise(bounds.tolist())], dtype=np.int64)
    in_stretch = np.zeros((2, len(firsts)))  # seconds times number, seconds
    for row, values in enumerate((inside * seen, seen)):
        total = np.concatenate([[0.0], np.cumsum(values)])
        in_stretch[row] = total[np.append(firsts[1:], last)] - total[firsts]
    mean = np.divide(in_stretch[0], in_stretch[1], out=np.zeros(len(firsts)), where=in_stretch[1] > 0)
    return Occupancy(mean=mean, most=most, end=inside[bounds[1:] - 1])
