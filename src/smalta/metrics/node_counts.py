"""Errors of counts: bias, mean absolute error, relative error, coverage of intervals.

In:  objects and labels of pictures, counts per picture and node.
Out: counts of every node, (..., 4) sums per picture, scores from added sums.

Must not know: files, networks, how objects were found.
"""

from __future__ import annotations

import cv2
import numpy as np

from smalta.classes import ROOT, ClassTree
from smalta.metrics.object_map import ObjectMap
from smalta.metrics.semantic import ratio


def node_counts(tree: ClassTree, nodes: np.ndarray) -> np.ndarray:
    """Objects per node; an object counts at its own node and at all nodes above it.

    Args:
        tree: the classes.
        nodes: (objects,) node id of each object; 0 = class unknown.

    Returns:
        (N + 1,) int64; index 0 is the number of all objects.

    Example:
        >>> tree = ClassTree({"car": {"kind": "thing", "children": {"audi": {}, "honda": {}}}, "road": {}})
        >>> node_counts(tree, np.array([2, 2, 3, 1])).tolist()
        [4, 4, 2, 1, 0]
    """
    return tree.roll_up(np.bincount(nodes, minlength=len(tree) + 1))


def true_counts(tree: ClassTree, truth: ObjectMap) -> tuple[np.ndarray, np.ndarray]:
    """Labelled objects per node, and whether this is the true count.

    An object that is labelled as `car` may be an `audi`, so the counts below `car` are not known. Pixels of `car`
    without an object are a crowd: then the counts of `car`, and of the nodes above and below it, are not known. A crowd
    must contain a patch of 3 x 3 pixels; thinner seams between objects hide no object.

    Args:
        tree: the classes.
        truth: its classes are node ids.

    Returns:
        (N + 1,) int64 counts as in `node_counts`, and (N + 1,) bool: whether they are known.
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
    """The terms of the errors of counts.

    Args:
        predicted: (...) counts, such as (pictures, nodes).
        true: the same shape.

    Returns:
        (..., 4) float64: error (predicted - true), its absolute value, true count, 1. Add them over pictures.
    """
    error = np.asarray(predicted, np.float64) - true
    return np.stack([error, np.abs(error), np.broadcast_to(true, error.shape), np.ones_like(error)], axis=-1)


def bias(sums: np.ndarray) -> np.ndarray:
    """Mean of predicted - true per picture: (..., 4) sums to (...); above 0, too many are counted."""
    return ratio(sums[..., 0], sums[..., 3])


def mean_absolute_error(sums: np.ndarray) -> np.ndarray:
    """Mean of |predicted - true| per picture: (..., 4) sums to (...)."""
    return ratio(sums[..., 1], sums[..., 3])


def relative_error(sums: np.ndarray) -> np.ndarray:
    """Absolute errors over true counts, both summed: (..., 4) to (...), nan without true objects.

    The sums are taken first. So pictures without objects are allowed, and a picture with one object weighs less than a
    picture with a thousand.
    """
    return ratio(sums[..., 1], sums[..., 2])


def interval_sums(low: np.ndarray, high: np.ndarray, true: np.ndarray, known: np.ndarray) -> np.ndarray:
    """The terms of the coverage and the width of intervals.

    Args:
        low: (...) ends, included; -1 if there is no interval.
        high: the same.
        true: (...) counts.
        known: (...) bool: whether the true count is known.

    Returns:
        (..., 3) float64: true counts inside, intervals with a known count, high - low. Add them over pictures.
    """
    there = known & (high >= 0)
    inside = there & (low <= true) & (true <= high)
    return np.stack([inside, there, np.where(there, high - low, 0)], axis=-1).astype(np.float64)


def coverage(sums: np.ndarray) -> np.ndarray:
    """Share of the intervals that hold the true count: (..., 3) sums to (...), nan without intervals."""
    return ratio(sums[..., 0], sums[..., 1])


def mean_width(sums: np.ndarray) -> np.ndarray:
    """Mean of high - low: (..., 3) sums to (...), nan without intervals."""
    return ratio(sums[..., 2], sums[..., 1])
