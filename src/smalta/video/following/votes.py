"""What an object is, by the votes of its whole life.

In:  probabilities of leaves and of attribute values, one detection after the other.
Out: one node of the class tree and one value of each of its attributes.

Pure numpy. Must not know: masks, places, frames.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Any

import numpy as np

from smalta.answers.decoding import Decoding, decode
from smalta.classes import ClassTree

LEAST_AGREEMENT = 0.02


class Votes:
    """Weighted sums over the detections of one object.

    Attributes:
        leaves: (L,) float64.
        attributes: by attribute name, (V,) float64.
    """

    __slots__ = ("attributes", "leaves")

    def __init__(self, leaves: np.ndarray, attributes: Mapping[str, np.ndarray]) -> None:
        self.leaves = leaves.astype(np.float64)
        self.attributes = {name: values.astype(np.float64) for name, values in attributes.items()}

    def add(self, other: Votes, weight: float = 1.0) -> None:
        """Add other votes of the same tree, each times the weight."""
        self.leaves += weight * other.leaves
        for name, values in other.attributes.items():
            self.attributes[name] += weight * values

    def weighted(self, weight: float) -> Votes:
        """Copied, each times the weight."""
        return Votes(weight * self.leaves, {name: weight * values for name, values in self.attributes.items()})

    def values(self, tree: ClassTree, node: int) -> dict[str, int]:
        """By name of the attributes of a node and of those above it: 1.. = the value with the most votes."""
        path = {node, *tree.ancestors(node)} if node else set()
        asked = [attribute for attribute in tree.attributes if attribute.node in path]
        return {one.name: int(self.attributes[one.name].argmax()) + 1 for one in asked if one.name in self.attributes}

    def state(self) -> dict[str, Any]:
        """Plain data, from which `restored` makes equal votes."""
        return {
            "leaves": self.leaves.tolist(),
            "attributes": {name: values.tolist() for name, values in self.attributes.items()},
        }

    @classmethod
    def restored(cls, state: Mapping[str, Any]) -> Votes:
        """The votes whose `state` this was."""
        attributes = {name: np.array(values) for name, values in state["attributes"].items()}
        return cls(np.array(state["leaves"], dtype=np.float64), attributes)


class Electorate:
    """Turns votes into nodes of a class tree, and compares votes.

    Args:
        tree: the classes.
        decoding: how to choose a node; its threshold is not used.
    """

    def __init__(self, tree: ClassTree, decoding: Decoding) -> None:
        self._tree = tree
        self._decoding = replace(decoding, threshold=None)
        self._thing = tree.is_thing[list(tree.leaves)]
        levels = [tree.level(k) for k in range(1, tree.n_levels + 1)]
        self._members = np.concatenate([tree.leaf_matrix[list(level)] for level in levels]).astype(np.float64)
        self._n_levels = len(levels)

    def nodes(self, votes: Sequence[Votes]) -> list[int]:
        """The node of each, chosen among things from the top of the tree down; 0 where none is confident enough."""
        if not votes:
            return []
        leaves = (np.stack([one.leaves for one in votes], axis=1) + 1e-9) * self._thing[:, None]
        shares = leaves / np.maximum(leaves.sum(axis=0), 1e-9)
        return decode(self._tree, shares[:, :, None], self._decoding)[:, 0].tolist()

    def traits(self, leaves: np.ndarray) -> np.ndarray:
        """(N, F) float64 of (N, L) votes or probabilities; the product of two rows is their agreement in 0..1.

        The agreement is the Bhattacharyya coefficient of both distributions over the nodes of a level, as a mean over
        the levels of the tree. So two kinds of car agree more than a car and a person.
        """
        shares = leaves / np.maximum(leaves.sum(axis=1, keepdims=True), 1e-9)
        nodes = np.einsum("nl,fl->nf", shares, self._members)  # not by BLAS, whose sums depend on the threads
        return np.sqrt(np.maximum(nodes, 0) / self._n_levels)


def agreement(ours: np.ndarray, theirs: np.ndarray) -> np.ndarray:
    """(T, N) float64 agreement in `LEAST_AGREEMENT`..1 of (T, F) and (N, F) traits."""
    return np.clip(np.einsum("tf,nf->tn", ours, theirs), LEAST_AGREEMENT, 1.0)
