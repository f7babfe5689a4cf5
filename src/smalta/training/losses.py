"""Losses for labels of any depth: one formula for leaves, parents and no label at all.

In:  logits of the tree's leaves and of attribute values; node ids per pixel.
Out: scalars to minimise.

The loss of a pixel is -log P(labelled node), where P(node) is the sum of the softmax over the node's leaves. A leaf
gives plain cross-entropy, a parent its marginal, the root log 1 = 0. Must not know: networks, files, schedules.
"""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np
import torch
import torch.nn.functional as F
from torch import Tensor, nn

from smalta.classes import ROOT, Attribute, ClassTree
from smalta.description.model_info import MOST_AT_FULL_SIZE
from smalta.model.entropy import entropy_sum

IGNORED = -100


class TreeLoss(nn.Module):
    """-log P(labelled node), averaged over labelled pixels, and a Dice term that respects partial labels.

    Args:
        tree: the classes.
        node_weights: (N + 1,) weight of a pixel by its labelled node; None for ones.
        dice: weight of the Dice term; 0 omits it.
    """

    weights: Tensor
    channel_of_node: Tensor
    members: Tensor
    inside: Tensor
    known: Tensor

    def __init__(self, tree: ClassTree, node_weights: np.ndarray | None = None, *, dice: float = 0.0) -> None:
        super().__init__()
        self.tree = tree
        self.dice = dice
        order = [*tree.leaves, *tree.inner]
        channel = np.full(len(tree) + 1, IGNORED)
        channel[order] = np.arange(len(order))
        weights = np.ones(len(tree) + 1) if node_weights is None else node_weights
        descends = np.eye(len(tree) + 1, dtype=bool)  # [label, node]: the label lies at or below the node
        for node in tree:
            descends[node.id, list(tree.ancestors(node.id))] = True
        above = descends.T & ~np.eye(len(tree) + 1, dtype=bool)
        above[ROOT, :] = True
        self.register_buffer("channel_of_node", torch.from_numpy(channel), persistent=False)
        self.register_buffer("weights", torch.tensor(weights[order], dtype=torch.float32), persistent=False)
        self.register_buffer("members", torch.tensor(tree.leaf_matrix, dtype=torch.float32), persistent=False)
        self.register_buffer("inside", torch.tensor(descends, dtype=torch.float32), persistent=False)
        self.register_buffer("known", torch.tensor(~above, dtype=torch.float32), persistent=False)

    def forward(self, leaf_logits: Tensor, labels: Tensor, whole: Tensor | None = None) -> Tensor:
        """The loss of a batch, or a part's share of it.

        The shares of the parts of a batch add up to the batch's first term. The Dice term is not a sum over pixels:
        there each part counts by its number of pictures, and the shares add up only approximately.

        Args:
            leaf_logits: (B, L, h, w) at any stride.
            labels: (B, H, W) int64 node ids, 0 = unlabelled; H / h = W / w is the stride.
            whole: labels of the whole batch, if these pictures are a part of it; None if they are the whole batch.

        Returns:
            Scalar fp32; 0 (with zero gradients) if no pixel is labelled.
        """
        whole = labels if whole is None else whole
        loss = self.cross_entropy(leaf_logits, labels, whole)
        if self.dice > 0:
            loss = loss + self.dice * len(labels) / len(whole) * self.dice_loss(leaf_logits, labels)
        return loss

    def cross_entropy(self, leaf_logits: Tensor, labels: Tensor, whole: Tensor) -> Tensor:
        """The first term, a mean over the labelled pixels of `whole`.

        The logits are resized to the labels. With more than `MOST_AT_FULL_SIZE` leaves that would take longer than the
        network itself; then each cell of the logits is compared with the label at its middle.
        """
        logits, n_leaves = leaf_logits.float(), self.tree.n_leaves
        if n_leaves > MOST_AT_FULL_SIZE:
            stride = labels.shape[-1] // logits.shape[-1]
            centers = (..., slice(stride // 2, None, stride), slice(stride // 2, None, stride))
            labels, whole = labels[centers], whole[centers]
        channels = self.channel_of_node[labels]
        # labels rarely name parents; torch.unique would sort, which takes a sixth of the loss's time
        named = torch.bincount(channels.clamp_min(0).flatten(), minlength=n_leaves)[n_leaves:]
        coarse = (n_leaves + named.nonzero()[:, 0]).tolist()
        groups = [(number, slice(*self.tree.leaf_slices[self.tree.inner[number - n_leaves]])) for number in coarse]
        total = entropy_sum(logits, channels, self.weights, groups)
        if whole is not labels:
            channels = self.channel_of_node[whole]
        mass = self.weights[channels.clamp_min(0)][channels >= 0].sum()
        return total / mass.clamp_min(1e-6)

    def dice_loss(self, leaf_logits: Tensor, labels: Tensor) -> Tensor:
        """1 - Dice, averaged over the nodes in the batch's labels, at the stride of the logits.

        A pixel counts for a node if its label decides about the node: at or below it (inside) or in another branch
        (outside). A label above the node decides nothing, so the pixel does not count.
        """
        stride = labels.shape[-1] // leaf_logits.shape[-1]
        centers = labels[:, stride // 2 :: stride, stride // 2 :: stride].reshape(-1)
        leaves = torch.softmax(leaf_logits.float(), dim=1).movedim(1, -1).reshape(-1, self.tree.n_leaves)
        one_hot = leaves.new_zeros(len(centers), len(self.tree) + 1).scatter_(1, centers[:, None], 1)
        mass = (one_hot.T @ leaves) @ self.members.T  # [label, node]: summed P(node) over pixels of that label
        counts = one_hot.sum(dim=0)
        hit = (mass * self.inside).sum(dim=0)[1:]
        predicted = (mass * self.known).sum(dim=0)[1:]
        present = (counts[:, None] * self.inside).sum(dim=0)[1:]
        dice = (2 * hit + 1) / (predicted + present + 1)
        shown = present > 0
        return ((1 - dice) * shown).sum() / shown.sum().clamp_min(1)


class AttributeLoss(nn.Module):
    """Cross-entropy of each attribute's values, only where it is labelled and its node is possible.

    The node is possible if the label lies at, below or above it; a label in another branch rules it out.

    Args:
        tree: the classes with their attributes.
    """

    def __init__(self, tree: ClassTree) -> None:
        super().__init__()
        self.tree = tree

    def forward(
        self,
        value_logits: Tensor,
        values: Mapping[str, Tensor],
        labels: Tensor,
        whole: tuple[Mapping[str, Tensor], Tensor] | None = None,
    ) -> Tensor:
        """The mean over the attributes that the batch labels, or a part's share of it: the shares add up.

        Args:
            value_logits: (B, V, h, w) at any stride.
            values: by attribute name, (B, H, W) int64, 1.. = value, 0 = not labelled.
            labels: (B, H, W) int64 node ids.
            whole: values and labels of the whole batch, if these are a part of it; None if they are the whole batch.

        Returns:
            Scalar fp32; 0 (with zero gradients) if nothing is labelled.
        """
        stride = labels.shape[-1] // value_logits.shape[-1]
        losses = []
        for attribute in self.tree.attributes:
            target = self._targets(attribute, values, labels, stride)
            everything = target if whole is None else self._targets(attribute, *whole, stride)
            count = (everything >= 0).sum()
            if count > 0:
                logits = value_logits[:, attribute.start : attribute.stop].float()
                losses.append(F.cross_entropy(logits, target, ignore_index=-1, reduction="sum") / count)
        return torch.stack(losses).mean() if losses else value_logits.float().sum() * 0.0

    def _targets(self, attribute: Attribute, values: Mapping[str, Tensor], labels: Tensor, stride: int) -> Tensor:
        """(B, h, w) int64 value numbers from 0, -1 where the attribute is not labelled or its node ruled out."""
        centers = slice(stride // 2, None, stride)
        nodes = labels[:, centers, centers]
        if attribute.name not in values:
            return torch.full_like(nodes, -1)
        family = [ROOT, attribute.node, *self.tree.ancestors(attribute.node), *self.tree.descendants(attribute.node)]
        possible = torch.zeros(len(self.tree) + 1, dtype=torch.bool, device=nodes.device)
        possible[family] = True
        return torch.where(possible[nodes], values[attribute.name][:, centers, centers] - 1, -1)


def balanced_weights(tree: ClassTree, node_shares: np.ndarray, *, power: float = 0.5, most: float = 10.0) -> np.ndarray:
    """Larger weights for rarer classes: frequency to the power of -1/2, at most `most` times the commonest leaf's.

    Pixels that are labelled with a parent count for its leaves, in the ratio of the leaves' own labels. So the weights
    do not depend on the share of coarse labels.

    Args:
        tree: the classes.
        node_shares: (N + 1,) share of the labelled pixels that each node labels.
        power: 0 gives all pixels the same weight, 1 all classes.
        most: the largest ratio between two weights.

    Returns:
        (N + 1,) with mean 1 over the labelled pixels; 1 for nodes that label no pixel.
    """
    shares = np.asarray(node_shares, dtype=np.float64).copy()
    shares[ROOT] = 0
    leaves = shares[list(tree.leaves)]
    frequency = leaves.copy()
    for node in tree.inner:
        below = slice(*tree.leaf_slices[node])
        named = leaves[below]
        frequency[below] += shares[node] * (named / named.sum() if named.any() else 1 / named.size)
    weights = np.ones_like(shares)
    seen = shares > 0
    if not seen.any():
        return weights
    of_node = tree.leaf_matrix @ frequency
    raw = np.minimum((of_node[seen] / frequency.max()) ** -power, most)
    weights[seen] = raw / (raw * shares[seen]).sum() * shares[seen].sum()
    return weights
