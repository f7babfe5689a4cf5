"""Scores of single objects: instance maps matched by IoU.

In:  instance maps, 0 = none, other numbers = objects.
Out: which objects overlap, (thresholds, 4) counts per picture, scores from summed counts.

Pure numpy. Must not know: class trees, files, networks.

All counts come from one table of the pairs that share pixels, which is counted over runs of equal pixels. There is no
loop over pixels or objects, and no array over all possible pairs.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from smalta.errors import ShapeError
from smalta.metrics.semantic import ratio

# 0.5, 0.55, .. 0.95; the division gives the float nearest to the decimal, so an IoU of 3/5 reaches 0.6
THRESHOLDS = tuple(percent / 100 for percent in range(50, 100, 5))


def shared_pixels(
    first: np.ndarray, second: np.ndarray, pixels: np.ndarray | None = None
) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """The pairs of numbers of two maps that share pixels, including 0.

    Args:
        first: (H, W) integers in 0..2^31 - 1.
        second: the same.
        pixels: of the same shape, integers: for how many pixels each entry stands; None for one.

    Returns:
        Three (M,) int64, sorted by the first and then the second: number in the first map, number in the second,
        number of pixels that they share.

    Raises:
        ShapeError: if the maps differ in shape.

    Example:
        >>> [part.tolist() for part in shared_pixels(np.array([[0, 7, 7]]), np.array([[2, 2, 5]]))]
        [[0, 7, 7], [2, 2, 5], [1, 1, 1]]
    """
    if first.shape != second.shape:
        raise ShapeError(f"two maps must have the same shape, got {first.shape} and {second.shape}")
    first, second = first.ravel(), second.ravel()
    begins = np.ones(first.size, dtype=bool)  # a run of equal pairs
    begins[1:] = (first[1:] != first[:-1]) | (second[1:] != second[:-1])
    starts = np.flatnonzero(begins)
    lengths = np.diff(starts, append=first.size) if pixels is None else np.add.reduceat(pixels.ravel(), starts)
    pairs = first[starts].astype(np.int64) << 32 | second[starts].astype(np.int64)
    found, where = np.unique(pairs, return_inverse=True)
    shared = np.bincount(where, weights=lengths, minlength=len(found)).astype(np.int64)
    return found >> 32, found & (2**32 - 1), shared


@dataclass(frozen=True, slots=True)
class Overlaps:
    """Pairs of a true and a predicted object that share pixels.

    Attributes:
        true: (M,) int64 index of the true object in `true_ids`.
        predicted: (M,) int64 index of the predicted object in `predicted_ids`.
        iou: (M,) float64.
        true_ids: (T,) int64, increasing.
        predicted_ids: (P,) int64, increasing.
    """

    true: np.ndarray
    predicted: np.ndarray
    iou: np.ndarray
    true_ids: np.ndarray
    predicted_ids: np.ndarray


def overlaps(truth: np.ndarray, prediction: np.ndarray) -> Overlaps:
    """IoU of every true object with every predicted object that shares a pixel with it.

    Args:
        truth: (H, W) integers in 0..2^31 - 1, 0 = none.
        prediction: the same.
    """
    true, predicted, pixels = shared_pixels(truth, prediction)
    true_ids, true_place = np.unique(true, return_inverse=True)
    predicted_ids, predicted_place = np.unique(predicted, return_inverse=True)
    true_areas = np.bincount(true_place, weights=pixels, minlength=len(true_ids))
    predicted_areas = np.bincount(predicted_place, weights=pixels, minlength=len(predicted_ids))
    iou = pixels / (true_areas[true_place] + predicted_areas[predicted_place] - pixels)
    both = (true != 0) & (predicted != 0)
    return Overlaps(
        true=true_place[both] - np.count_nonzero(true_ids == 0),
        predicted=predicted_place[both] - np.count_nonzero(predicted_ids == 0),
        iou=iou[both],
        true_ids=true_ids[true_ids != 0],
        predicted_ids=predicted_ids[predicted_ids != 0],
    )


def matches(pairs: Overlaps, threshold: float = 0.5) -> np.ndarray:
    """(M,) bool: whether a pair of `pairs` matches: IoU >= threshold, and each object in at most one pair.

    Above an IoU of one half an object has at most one partner. At exactly one half it may have two, if it is cut into
    equal halves; then the first counts.

    Raises:
        ValueError: if the threshold is below one half, where matching is not unique.
    """
    if not 0.5 <= threshold <= 1:
        raise ValueError(f"IoU threshold must be in [0.5, 1], where objects match uniquely, got {threshold}")
    good = np.flatnonzero(pairs.iou >= threshold)
    good = good[np.unique(pairs.true[good], return_index=True)[1]]
    good = good[np.unique(pairs.predicted[good], return_index=True)[1]]
    matched = np.zeros(len(pairs.iou), dtype=bool)
    matched[good] = True
    return matched


def match_counts(truth: np.ndarray, prediction: np.ndarray, thresholds: tuple[float, ...] = THRESHOLDS) -> np.ndarray:
    """Counts of one picture at each threshold.

    Args:
        truth: (H, W) integers, 0 = none.
        prediction: the same.
        thresholds: on the IoU, each in [0.5, 1].

    Returns:
        (len(thresholds), 4) float64: matched objects, predicted objects, true objects, summed IoU of matched objects.
    """
    pairs = overlaps(truth, prediction)
    iou = pairs.iou[matches(pairs, min(thresholds))]
    matched = iou >= np.array(thresholds)[:, None]
    n_predicted, n_true = len(pairs.predicted_ids), len(pairs.true_ids)
    columns = np.broadcast_arrays(matched.sum(axis=1), n_predicted, n_true, (iou * matched).sum(axis=1))
    return np.stack(columns, axis=-1).astype(np.float64)


def accuracy(counts: np.ndarray) -> np.ndarray:
    """TP / (TP + FP + FN): (..., 4) counts to (...), nan without any object. Papers on nuclei call it AP."""
    matched, predicted, true, _ = np.moveaxis(counts, -1, 0)
    return ratio(matched, predicted + true - matched)


def precision(counts: np.ndarray) -> np.ndarray:
    """Share of the predicted objects that match: (..., 4) counts to (...), nan without predicted objects."""
    return ratio(counts[..., 0], counts[..., 1])


def recall(counts: np.ndarray) -> np.ndarray:
    """Share of the true objects that match: (..., 4) counts to (...), nan without true objects."""
    return ratio(counts[..., 0], counts[..., 2])


def f1(counts: np.ndarray) -> np.ndarray:
    """2 TP / (predicted + true): (..., 4) counts to (...), nan without any object. In panoptic quality it is RQ."""
    return ratio(2 * counts[..., 0], counts[..., 1] + counts[..., 2])


def matched_iou(counts: np.ndarray) -> np.ndarray:
    """Mean IoU of the matched objects: (..., 4) counts to (...), nan without matches. In panoptic quality it is SQ."""
    return ratio(counts[..., 3], counts[..., 0])


def quality(counts: np.ndarray) -> np.ndarray:
    """F1 times mean matched IoU: (..., 4) counts to (...), 0 without matches. Known as PQ."""
    return ratio(2 * counts[..., 3], counts[..., 1] + counts[..., 2])


def mean_accuracy(counts: np.ndarray) -> np.ndarray:
    """Mean of the accuracy over the thresholds: (..., thresholds, 4) counts to (...)."""
    return accuracy(counts).mean(axis=-1)


def object_classes(
    instances: np.ndarray, classes: np.ndarray, pixels: np.ndarray | None = None
) -> tuple[np.ndarray, np.ndarray]:
    """The class of each object: that of most of its pixels; if several are equally frequent, the lowest number.

    Args:
        instances: (H, W) integers, 0 = none.
        classes: (H, W) integers in 0..2^31 - 1.
        pixels: as in `shared_pixels`.

    Returns:
        Two (T,) int64: ids of the objects, increasing, and their classes.
    """
    ids, found, shared = shared_pixels(instances, classes, pixels)
    by_pixels = np.lexsort((found, -shared, ids))
    ids, found = ids[by_pixels], found[by_pixels]
    ids, first = np.unique(ids, return_index=True)
    return ids[ids != 0], found[first][ids != 0]
