"""How far counts are off: bias, mean absolute error, relative error, coverage of intervals.

In:  counts per picture and node.
Out: (..., 4) sums, scores from summed sums.

Must not know: pictures, files, networks, how objects were found.
"""

from __future__ import annotations

import numpy as np

from smalta.classes import ClassTree
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
    counts = np.bincount(nodes, minlength=len(tree) + 1)
    for node in reversed(tree.nodes):  # children before parents
        counts[node.parent] += counts[node.id]
    return counts


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


def coverage(low: np.ndarray, high: np.ndarray, true: np.ndarray) -> np.ndarray:
    """Share of pictures whose true count lies in its interval, ends included: (pictures, ...) to (...)."""
    return ((low <= true) & (true <= high)).mean(axis=0)
