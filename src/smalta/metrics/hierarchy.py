"""Scores that only a class tree has: at levels, agreement between levels, tree distance of errors.

In:  maps of node ids, leaf probabilities, a class tree.
Out: label maps of one level, counts per picture.

Pure numpy. Must not know: files, networks.
"""

from __future__ import annotations

import numpy as np

from smalta.answers.decoding import node_probabilities
from smalta.classes import ClassTree
from smalta.metrics.semantic import ratio


def level_index(tree: ClassTree, k: int) -> np.ndarray:
    """(N + 1,) uint16: by node id, 1.. = place in `tree.level(k)`, 0 = above the level or the root.

    `index[class_map]` is a label map that the scores of `semantic` can count.
    """
    place = np.zeros(len(tree) + 1, dtype=np.uint16)
    place[list(tree.level(k))] = np.arange(1, len(tree.level(k)) + 1)
    return place[tree.level_table(k)]


def error_costs(tree: ClassTree) -> np.ndarray:
    """The cost of predicting node p if the truth is node t.

    Returns:
        (N + 1, N + 1) int64, rows = t: edges between t and p along the tree. The cost is 0 if p is t or lies below it,
        because the truth is then not more exact, and for unlabelled pixels (row 0).
    """
    costs = tree.distance.copy()
    for node in range(len(tree) + 1):
        costs[node, [node, *tree.descendants(node)]] = 0
    return costs


def error_counts(costs: np.ndarray, truth: np.ndarray, prediction: np.ndarray) -> np.ndarray:
    """Number of errors of one picture, and their tree distance.

    Args:
        costs: from `error_costs`.
        truth: (H, W) node ids, 0 = unlabelled.
        prediction: (H, W) node ids, 0 = no answer.

    Returns:
        (3,) int64: edges summed over the wrong pixels, wrong pixels, labelled pixels.
    """
    cost = costs[truth, prediction]
    return np.array([cost.sum(), np.count_nonzero(cost), np.count_nonzero(truth)])


def mean_error_distance(counts: np.ndarray) -> np.ndarray:
    """Mean edges between truth and prediction over the wrong pixels: (..., 3) to (...), nan without errors."""
    return ratio(counts[..., 0], counts[..., 1])


def consistency_counts(tree: ClassTree, probabilities: np.ndarray) -> np.ndarray:
    """Pixels whose likeliest leaf lies in the likeliest node of each upper level.

    If several leaves or nodes are equally likely, any of them counts. The code compares maxima, because argmax over the
    first axis is many times slower.

    Args:
        tree: the classes, with at least two levels.
        probabilities: (L, H, W) of the leaves.

    Returns:
        (n_levels + 1,) int64: pixels that agree at level 1, 2, .. n_levels - 1, at all these levels, and all pixels.
    """
    best = probabilities.max(axis=0)
    agrees = []
    for k in range(1, tree.n_levels):
        nodes = tree.level(k)
        sums = node_probabilities(tree, probabilities, nodes)
        best_inside = np.stack([probabilities[slice(*tree.leaf_slices[node])].max(axis=0) for node in nodes])
        agrees.append(np.any((sums == sums.max(axis=0)) & (best_inside == best), axis=0))
    everywhere = np.logical_and.reduce(agrees)
    return np.array([*(np.count_nonzero(a) for a in agrees), np.count_nonzero(everywhere), best.size])


def consistency(counts: np.ndarray) -> np.ndarray:
    """Share of pixels that agree at all levels: (..., n_levels + 1) counts to (...)."""
    return ratio(counts[..., -2], counts[..., -1])
