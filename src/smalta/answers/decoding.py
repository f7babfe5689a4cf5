"""From the probabilities of leaves to one class per pixel, as deep in the class tree as the confidence allows.

In:  (L, H, W) probabilities of a class tree's leaves, a `Decoding`.
Out: class maps, probabilities of any nodes.

Pure numpy. Must not know: networks, pictures, files.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Literal, get_args

import numpy as np

from smalta.classes import ROOT, ClassTree
from smalta.errors import ConfigError, ShapeError

Method = Literal["top-down", "leaf"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Decoding:
    """How probabilities become one class. Only this class states its defaults.

    Attributes:
        method: "top-down" takes the best child inside the best parent, "leaf" the best leaf.
        level: the deepest level of the class tree that an answer may have; None for the leaves.
        min_confidence: t in [0, 1]; each answer stops at the deepest node on its path with P >= t.
        threshold: in [0, 1], for a tree of two leaves: a pixel is the second leaf from this probability on. None takes
            the likelier leaf.

    Raises:
        ConfigError: if the method is unknown, or a number is outside its range.
    """

    method: Method = "top-down"
    level: int | None = None
    min_confidence: float = 0.0
    threshold: float | None = None

    def __post_init__(self) -> None:
        if self.method not in get_args(Method):
            raise ConfigError(f"method must be {' or '.join(map(repr, get_args(Method)))}, got {self.method!r}")
        if not 0.0 <= self.min_confidence <= 1.0:
            raise ConfigError(f"min_confidence must be in [0, 1], got {self.min_confidence}")
        if self.threshold is not None and not 0.0 <= self.threshold <= 1.0:
            raise ConfigError(f"threshold must be in [0, 1], got {self.threshold}")

    def check_level(self, tree: ClassTree) -> None:
        """Raise ClassTreeError if the tree has no such level."""
        if self.level is not None:
            tree.level(self.level)


USUAL = Decoding()


def node_probabilities(tree: ClassTree, leaf_probabilities: np.ndarray, node_ids: Sequence[int]) -> np.ndarray:
    """P(node), the sum over the node's leaves.

    Args:
        tree: the classes.
        leaf_probabilities: (L, ...) floats that sum to 1 over the first axis.
        node_ids: the requested nodes.

    Returns:
        (len(node_ids), ...) in the dtype of the input.
    """
    parts = [leaf_probabilities[slice(*tree.leaf_slices[node])].sum(axis=0) for node in node_ids]
    return np.stack(parts).astype(leaf_probabilities.dtype, copy=False)


def decode(tree: ClassTree, leaf_probabilities: np.ndarray, decoding: Decoding = USUAL) -> np.ndarray:
    """Class map from leaf probabilities.

    Args:
        tree: the classes.
        leaf_probabilities: (L, H, W) floats that sum to 1 over the first axis.
        decoding: method, level and confidence.

    Returns:
        (H, W) uint16 node ids; the root (0) where no node reaches the confidence.

    Raises:
        ShapeError: if the first axis does not have one entry per leaf.
        ClassTreeError: if the tree has no such level.

    Example:
        >>> tree = ClassTree({"sky": {}, "car": {"children": {"audi": {}, "honda": {}}}})
        >>> p = np.array([0.4, 0.35, 0.25]).reshape(3, 1, 1)
        >>> int(decode(tree, p)[0, 0]), int(decode(tree, p, Decoding(method="leaf"))[0, 0])
        (3, 1)
        >>> int(decode(tree, p, Decoding(min_confidence=0.5))[0, 0])
        2
    """
    if leaf_probabilities.shape[0] != tree.n_leaves:
        raise ShapeError(f"the tree has {tree.n_leaves} leaves, but there are {leaf_probabilities.shape[0]} channels")
    if decoding.threshold is not None and tree.n_leaves == 2:
        second = leaf_probabilities[1] >= decoding.threshold
        best = np.array(tree.leaves, dtype=np.uint16)[second.astype(np.intp)]
    elif decoding.method == "leaf" or not tree.inner:
        best = np.array(tree.leaves, dtype=np.uint16)[best_of(leaf_probabilities)]
    else:
        best = _best_leaf_top_down(tree, leaf_probabilities)
    if decoding.level is not None:
        best = tree.level_table(decoding.level).astype(np.uint16)[best]
    if decoding.min_confidence <= 0.0:
        return best
    return _stop_when_unsure(tree, leaf_probabilities, best, decoding.min_confidence)


def no_deeper(tree: ClassTree, classes: np.ndarray, level: int | None) -> np.ndarray:
    """Node ids (...) uint16 cut to a level; answers above it stay, and None changes nothing."""
    if level is None:
        return classes
    cut = tree.level_table(level)
    return np.where(cut != ROOT, cut, np.arange(len(cut))).astype(np.uint16)[classes]


def best_stuff(tree: ClassTree, probabilities: np.ndarray, allowed: np.ndarray | None = None) -> np.ndarray:
    """Likeliest class of stuff, whatever the probabilities of things.

    Args:
        tree: the classes.
        probabilities: (L, N) of the leaves.
        allowed: (L,) bool: the leaves to choose from; None for all.

    Returns:
        (N,) uint16 node ids; 0 where the tree has no stuff.
    """
    chosen = ~tree.is_thing[list(tree.leaves)]
    if allowed is not None:
        chosen &= allowed
    if not chosen.any():
        return np.full(probabilities.shape[1], ROOT, dtype=np.uint16)
    return decode(tree, ((probabilities + 1e-9) * chosen[:, None])[:, :, None])[:, 0]


def best_of(scores: Iterable[np.ndarray]) -> np.ndarray:
    """(H, W) uint16 index of the largest of K planes (H, W); of equal planes the first.

    It goes plane by plane. That is many times faster than numpy's argmax over the first axis, which jumps through
    memory.
    """
    planes = iter(scores)
    largest = np.array(next(planes))
    index = np.zeros(largest.shape, dtype=np.uint16)
    for k, plane in enumerate(planes, start=1):
        better = plane > largest
        np.maximum(largest, plane, out=largest)
        np.maximum(index, better * np.uint16(k), out=index)
    return index


def _best_leaf_top_down(tree: ClassTree, p: np.ndarray) -> np.ndarray:
    mass: dict[int, np.ndarray] = {}
    best: dict[int, np.ndarray] = {}
    for node in (*range(len(tree), 0, -1), ROOT):  # children before parents
        children = tree.children(node)
        if not children:
            mass[node] = p[tree.leaf_slices[node, 0]]
            best[node] = np.broadcast_to(np.uint16(node), p.shape[1:])
            continue
        masses = [mass.pop(child) for child in children]
        choice = best_of(masses)
        best[node] = best.pop(children[0]).copy()
        for k, child in enumerate(children[1:], start=1):
            np.copyto(best[node], best.pop(child), where=choice == k)
        mass[node] = np.sum(masses, axis=0)
    return best[ROOT]


def _stop_when_unsure(tree: ClassTree, p: np.ndarray, best: np.ndarray, threshold: float) -> np.ndarray:
    answer = np.zeros_like(best)
    for node in range(1, len(tree) + 1):  # pre-order: a deeper node overwrites its parents
        last = (node, *tree.descendants(node))[-1]
        on_way = (best >= node) & (best <= last)
        if on_way.any():
            answer[on_way & (p[slice(*tree.leaf_slices[node])].sum(axis=0) >= threshold)] = node
    return answer
