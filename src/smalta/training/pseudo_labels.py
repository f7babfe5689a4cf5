"""Pseudo-labels for coarse labels: where the network is confident of a parent's child, the label becomes that child.

In:  labels of any depth, the averaged network's logits for the same pictures.
Out: labels that are as deep or deeper, and never contradict the given ones.

The loss of a coarse label does not depend on the parent's children. Once the network has learned the children from
other pictures, its answer inside the labelled parent is right far more often than its free answer, because the label
rules out every other branch. Training on confident answers of this kind is self-training (Lee 2013, Pseudo-Label; Sohn
et al. 2020, FixMatch) restricted by the tree.

Must not know: optimisers, schedules, files.
"""

from __future__ import annotations

import numpy as np
import torch
from torch import Tensor

from smalta.classes import ClassTree

CONFIDENCE = 0.9  # least P(child | parent) at which a parent's label becomes the child's
FROM = 0.25  # progress from which the averaged network is good enough for pseudo-labels


def readable_nodes(tree: ClassTree, node_shares: np.ndarray) -> tuple[int, ...]:
    """Inner nodes whose children all occur in the labels: a network cannot learn a child that never occurs.

    Args:
        tree: the classes.
        node_shares: (N + 1,) share of the labelled pixels that each node labels.

    Returns:
        Node ids in pre-order.
    """

    def occurs(node: int) -> bool:
        return bool(node_shares[[node, *tree.descendants(node)]].any())

    return tuple(node for node in tree.inner if all(occurs(child) for child in tree.children(node)))


def deepen(labels: Tensor, leaf_logits: Tensor, tree: ClassTree, nodes: tuple[int, ...]) -> Tensor:
    """Deepen labels where the network is confident; all others do not change.

    Args:
        labels: (B, H, W) int64 node ids.
        leaf_logits: (B, L, H, W) of the same pictures.
        tree: the classes.
        nodes: whose labels may be deepened, in pre-order, so that a label can go down several levels.

    Returns:
        (B, H, W) int64; each pixel has its label or a descendant of it.
    """
    deeper = labels.clone()
    logits = leaf_logits.float()
    for node in nodes:
        here = deeper == node
        if not bool(here.any()):
            continue
        children = torch.tensor(tree.children(node), device=labels.device)
        mass = torch.stack(
            [torch.logsumexp(logits[:, slice(*tree.leaf_slices[child])], dim=1) for child in tree.children(node)]
        )
        best, which = torch.softmax(mass, dim=0).max(dim=0)
        deeper = torch.where(here & (best >= CONFIDENCE), children[which], deeper)
    return deeper
