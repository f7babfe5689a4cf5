"""The losses of the heads for objects.

In:  logits of the centre map, offsets, their targets.
Out: scalars to minimise.

Must not know: networks, class trees, how targets are made.
"""

from __future__ import annotations

from collections.abc import Mapping

import torch
import torch.nn.functional as F
from torch import Tensor

from smalta.training.targets import UNKNOWN


def center_loss(logits: Tensor, targets: Mapping[str, Tensor], whole: Mapping[str, Tensor]) -> Tensor:
    """The loss of the centre map of a batch, or a part's share of it: the shares of the parts add up.

    The loss is a cross-entropy with soft targets, in which almost correct cells count little (Li et al. 2020,
    generalized focal loss). It is divided by the sum of the targets, so that each object counts the same in a picture
    with a thousand objects and in one with a single object.

    Args:
        logits: (B, 1, h, w).
        targets: "center" (B, h, w), as in `ObjectTargets`.
        whole: those of the batch that these are a part of.

    Returns:
        Scalar fp32; 0 if all cells are unknown.
    """
    logits, wanted = logits[:, 0].float(), targets["center"]
    known = wanted > UNKNOWN
    wanted = wanted.clamp_min(0)
    doubt = (torch.sigmoid(logits) - wanted).square()
    entropy = F.binary_cross_entropy_with_logits(logits, wanted, reduction="none")
    return (doubt * entropy * known).sum() / whole["center"].clamp_min(0).sum().clamp_min(1)


def offset_loss(offsets: Tensor, targets: Mapping[str, Tensor], whole: Mapping[str, Tensor]) -> Tensor:
    """The loss of the offsets of a batch, or a part's share of it: the shares of the parts add up.

    The error of an offset is measured in square roots of the object's area. A cell of a large object counts less, by
    the same root, so that small objects count too.

    Args:
        offsets: (B, 2, h, w) pixels.
        targets: "offsets" (B, 2, h, w) and "weights" (B, h, w), as in `ObjectTargets`.
        whole: those of the batch that these are a part of.

    Returns:
        Scalar fp32; 0 without objects.
    """
    weights = targets["weights"]
    away = (offsets.float() - targets["offsets"]).abs().sum(dim=1)
    return (away * weights.square()).sum() / whole["weights"].sum().clamp_min(1e-6)
