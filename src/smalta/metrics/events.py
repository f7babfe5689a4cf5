"""How well events, crossings of lines and occupancy are counted over time.

In:  events with their kind and time; numbers of objects in zones, frame by frame.
Out: sums that add up over clips, and scores of these sums.

numpy and SciPy. Must not know: rules, logs, tracks, files.

An event is matched only with one of its kind, and with one. Of all such assignments the one with the most pairs counts;
among several, the one whose pairs fit best. `instance.precision`, `instance.recall` and `instance.f1` score the counts.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Hashable, Iterable, Mapping, Sequence
from typing import Any

import numpy as np

from smalta.errors import ShapeError
from smalta.metrics.assignment import heaviest_pairs
from smalta.metrics.node_counts import count_sums
from smalta.metrics.semantic import ratio

WITHIN_S = 1.0
LEAST_OVERLAP = 0.5
_TOLERANCE_S = 1e-9  # for times that are sums of rounded numbers


# -- crossings of lines -------------------------------------------------------------------------------


def crossing_counts(
    truth: Iterable[tuple[str, str]], found: Iterable[tuple[str, str]]
) -> dict[tuple[str, str], tuple[int, int]]:
    """True and found number of crossings of every line, each way.

    Args:
        truth: line and way ("in" or "out") of each crossing.
        found: the same.

    Returns:
        (true, found) by line and way, sorted by line; both ways of every line that occurs.

    Example:
        >>> crossing_counts([("door", "in"), ("door", "in")], [("door", "in"), ("door", "out")])
        {('door', 'in'): (2, 1), ('door', 'out'): (0, 1)}
    """
    true, seen = Counter(truth), Counter(found)
    lines = sorted({line for line, _ in (*true, *seen)})
    return {(line, way): (true[line, way], seen[line, way]) for line in lines for way in ("in", "out")}


def crossing_sums(counts: Mapping[tuple[str, str], tuple[int, int]]) -> np.ndarray:
    """(4,) sums of the errors over lines and ways, as from `node_counts.count_sums`; add them over clips.

    Their `node_counts.relative_error` is the total error: |found - true| over the true crossings, both summed.
    """
    table = np.array(list(counts.values()), dtype=np.int64).reshape(-1, 2)
    return count_sums(table[:, 1], table[:, 0]).sum(axis=0)


# -- events -------------------------------------------------------------------------------------------


def event_counts(
    truth: Sequence[tuple[Hashable, float]], found: Sequence[tuple[Hashable, float]], *, within_s: float = WITHIN_S
) -> np.ndarray:
    """Counts of events at moments.

    Args:
        truth: kind and time of each event, seconds; the kind is whatever must agree, such as (name, zone).
        found: the same.
        within_s: the largest difference of time at which two events match, seconds, included.

    Returns:
        (4,) float64: matched, found and true events, summed |difference of time| of the pairs in seconds.

    Example:
        >>> event_counts([("jaywalk", 3.0), ("jaywalk", 9.0)], [("jaywalk", 3.5), ("queue", 9.0)]).tolist()
        [1.0, 2.0, 2.0, 0.5]
    """

    def apart(true: np.ndarray, seen: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        seconds = np.abs(true - seen)[..., 0]
        near = seconds <= within_s + _TOLERANCE_S
        return seconds, np.where(near, 1 - seconds / (within_s + 2 * _TOLERANCE_S), 0)

    return _counts(truth, found, apart)


def interval_counts(
    truth: Sequence[tuple[Hashable, float, float]],
    found: Sequence[tuple[Hashable, float, float]],
    *,
    least_overlap: float = LEAST_OVERLAP,
) -> np.ndarray:
    """Counts of events that last.

    Args:
        truth: kind, begin and end of each event, seconds; the end is not before the begin.
        found: the same.
        least_overlap: the smallest temporal IoU at which two events match, in (0, 1]; an event without length matches
            nothing.

    Returns:
        (4,) float64: matched, found and true events, summed temporal IoU of the pairs.

    Raises:
        ValueError: if `least_overlap` is outside its range.
    """
    if not 0 < least_overlap <= 1:
        raise ValueError(f"least_overlap must be in (0, 1], got {least_overlap}")

    def overlap(true: np.ndarray, seen: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        shared = np.maximum(np.minimum(true[..., 1], seen[..., 1]) - np.maximum(true[..., 0], seen[..., 0]), 0)
        iou = np.nan_to_num(ratio(shared, np.ptp(true, axis=-1) + np.ptp(seen, axis=-1) - shared))
        return iou, np.where(iou >= least_overlap, iou, 0)

    return _counts(truth, found, overlap)


def _counts(
    truth: Sequence[tuple[Any, ...]],
    found: Sequence[tuple[Any, ...]],
    measure: Callable[[np.ndarray, np.ndarray], tuple[np.ndarray, np.ndarray]],
) -> np.ndarray:
    """(4,): matched, found, true, summed value of the pairs.

    Args:
        truth: kind, and its moments in seconds.
        found: the same.
        measure: from moments (T, 1, k) and (1, F, k) to values (T, F), and how well they fit (T, F), in [0, 1], where
            0 does not match.
    """
    matched, total = 0, 0.0
    for kind in dict.fromkeys(event[0] for event in truth):
        true, seen = ([event[1:] for event in events if event[0] == kind] for events in (truth, found))
        if not seen:
            continue
        values, fit = measure(np.array(true, np.float64)[:, None], np.array(seen, np.float64)[None])
        rows, columns = np.nonzero(fit)
        one_more = 1 + min(fit.shape)  # outweighs how well all others fit
        best = heaviest_pairs(rows, columns, one_more + fit[rows, columns])
        matched += len(best)
        total += float(values[rows, columns][best].sum())
    return np.array([matched, len(found), len(truth), total], dtype=np.float64)


def shared_seconds(
    truth: Sequence[tuple[Hashable, float, float]],
    found: Sequence[tuple[Hashable, float, float]],
    kinds: Sequence[Hashable],
) -> np.ndarray:
    """For how long events of a kind are there in both, in the truth and in what was found, however they are cut.

    Args:
        truth: kind, begin and end of each event, seconds; the end is not before the begin.
        found: the same.
        kinds: K kinds; events of other kinds are left out.

    Returns:
        (K, 3) float64 seconds: both, true, found. `semantic.iou` and `semantic.dice` score them.
    """
    rows = []
    for kind in kinds:
        true, seen = (_union([event[1:] for event in events if event[0] == kind]) for events in (truth, found))
        both = sum(max(min(a, b) - max(i, j), 0.0) for i, a in true for j, b in seen)
        rows.append([both, sum(end - begin for begin, end in true), sum(end - begin for begin, end in seen)])
    return np.array(rows, dtype=np.float64).reshape(-1, 3)


def _union(intervals: Iterable[tuple[float, float]]) -> list[tuple[float, float]]:
    """The same time in intervals that do not overlap, sorted."""
    union: list[tuple[float, float]] = []
    for begin, end in sorted(intervals):
        if union and begin <= union[-1][1]:
            union[-1] = union[-1][0], max(union[-1][1], end)
        else:
            union.append((begin, end))
    return union


# -- occupancy ----------------------------------------------------------------------------------------


def occupancy_sums(truth: np.ndarray, found: np.ndarray, seconds: np.ndarray | None = None) -> np.ndarray:
    """The terms of the errors of occupancy; add them over frames and clips.

    Args:
        truth: (F, Z) number of objects in each zone in each frame, or bool: whether a place is taken.
        found: the same.
        seconds: (F,) how long each frame lasts; None if all last equally long.

    Returns:
        (Z, 3) float64: |found - true|, and whether found equals true, both weighted by the seconds and summed over the
        frames; the summed seconds.

    Raises:
        ShapeError: if the shapes do not fit.
    """
    if truth.shape != found.shape or truth.ndim != 2:
        raise ShapeError(f"truth and found must have one shape (frames, zones), got {truth.shape} and {found.shape}")
    weights = np.ones(len(truth)) if seconds is None else np.asarray(seconds, np.float64)
    if weights.shape != truth.shape[:1]:
        raise ShapeError(f"seconds must have shape {truth.shape[:1]}, one value a frame, got {weights.shape}")
    error = np.abs(found.astype(np.float64) - truth)
    terms = np.stack([error, error == 0, np.ones_like(error)], axis=-1)
    return np.tensordot(weights, terms, axes=1)


def mean_occupancy_error(sums: np.ndarray) -> np.ndarray:
    """Mean of |found - true| over the time: (..., 3) sums to (...), nan without frames."""
    return ratio(sums[..., 0], sums[..., 2])


def share_of_time_right(sums: np.ndarray) -> np.ndarray:
    """Share of the time in which found equals true: (..., 3) sums to (...), nan without frames."""
    return ratio(sums[..., 1], sums[..., 2])
