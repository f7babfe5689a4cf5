"""How far counts are off: bias, mean absolute error, relative error, coverage of intervals.

In:  objects and labels of pictures, counts per picture and node.
Out: counts of every node, (..., 4) sums, scores from summed sums.

Must not know: files, networks, how objects were found.
"""

from __future__ import annotations

import cv2
import numpy as np

from smalta.classes import ROOT, ClassTree
from smalta.metrics.object_map import ObjectMap
from smalta.metrics.semantic import ratio


def node_counts(tree: ClassTree, nodes: np.ndarray) -> np.ndarray:
    """Objects per node, each counted at its own node and at all above it.

    Args:
        tree: the classes.
        nodes: (objects,) node id of each object; 0 = class unknown.

    Returns:
        (N + 1,) int64; at 0 stand all objects.

    Example:
        >>> tree = ClassTree({"car": {"kind": "thing", "children": {"audi": {}, "honda": {}}}, "road": {}})
        >>> node_counts(tree, np.array([2, 2, 3, 1])).tolist()
        [4, 4, 2, 1, 0]
    """
    return tree.roll_up(np.bincount(nodes, minlength=len(tree) + 1))


def true_counts(tree: ClassTree, truth: ObjectMap) -> tuple[np.ndarray, np.ndarray]:
    """Objects per node that the labels of a picture show, and whether that is all of them.

    An object that is labelled as `car` may be an `audi`, so below `car` the count is not known. Nor is it where things
    were labelled but not told apart: pixels of `car` without an object leave `car` and what lies above and below it
    unknown. Such pixels count from a patch of 3 x 3 on; thinner seams between objects hide none.

    Args:
        tree: the classes.
        truth: its classes are node ids.

    Returns:
        (N + 1,) int64 as `node_counts` gives them, and (N + 1,) bool.
    """
    known = np.ones(len(tree) + 1, dtype=bool)
    for node in np.unique(truth.classes).tolist():
        known[list(tree.descendants(node))] = False
    if truth.crowd.any():
        crowd = truth.crowd.astype(np.uint8)
        patches = cv2.erode(crowd, np.ones((3, 3), np.uint8), borderType=cv2.BORDER_CONSTANT, borderValue=0)
        for node in np.unique(truth.labels[patches != 0]).tolist():
            known[[ROOT, node, *tree.ancestors(node), *tree.descendants(node)]] = False
    return node_counts(tree, truth.classes), known


def count_sums(predicted: np.ndarray, true: np.ndarray) -> np.ndarray:
    """What the errors of counts are made of.

    Args:
        predicted: (...) counts, such as (pictures, nodes).
        true: the same shape.

    Returns:
        (..., 4) float64: error (predicted - true), its absolute value, true count, 1. Sum them over pictures.
    """
    error = np.asarray(predicted, np.float64) - true
    return np.stack([error, np.abs(error), np.broadcast_to(true, error.shape), np.ones_like(error)], axis=-1)


def bias(sums: np.ndarray) -> np.ndarray:
    """Mean of predicted - true per picture: (..., 4) sums to (...); above 0 is too many."""
    return ratio(sums[..., 0], sums[..., 3])


def mean_absolute_error(sums: np.ndarray) -> np.ndarray:
    """Mean of |predicted - true| per picture: (..., 4) sums to (...)."""
    return ratio(sums[..., 1], sums[..., 3])


def relative_error(sums: np.ndarray) -> np.ndarray:
    """Absolute errors over true counts, both summed: (..., 4) to (...), nan where there is no object.

    Summed first, so a picture without objects does no harm and a picture of one object does not weigh like one of
    a thousand.
    """
    return ratio(sums[..., 1], sums[..., 2])


def interval_sums(low: np.ndarray, high: np.ndarray, true: np.ndarray, known: np.ndarray) -> np.ndarray:
    """How often intervals hold the true count, and how wide they are.

    Args:
        low: (...) ends, included; -1 where there is no interval.
        high: the same.
        true: (...) counts.
        known: (...) bool: whether the true count is known.

    Returns:
        (..., 3) float64: true counts inside, intervals with a known count, high - low. Sum them over pictures.
    """
    there = known & (high >= 0)
    inside = there & (low <= true) & (true <= high)
    return np.stack([inside, there, np.where(there, high - low, 0)], axis=-1).astype(np.float64)


def coverage(sums: np.ndarray) -> np.ndarray:
    """Share of the intervals that hold the true count: (..., 3) sums to (...), nan where there is no interval."""
    return ratio(sums[..., 0], sums[..., 1])


def mean_width(sums: np.ndarray) -> np.ndarray:
    """Mean of high - low: (..., 3) sums to (...), nan where there is no interval."""
    return ratio(sums[..., 2], sums[..., 1])
