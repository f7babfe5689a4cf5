"""The loss of the heads for objects.

In:  logits of the centre map, offsets, their targets.
Out: a scalar to minimise.

Must not know: networks, class trees, how targets are made.
"""

from __future__ import annotations

from collections.abc import Mapping

import torch
import torch.nn.functional as F
from torch import Tensor

from smalta.answers.fields import CENTER, OFFSETS
from smalta.training.targets import UNKNOWN

CENTER_WEIGHT, OFFSET_WEIGHT = 1.0, 1.0


def object_loss(fields: Mapping[str, Tensor], targets: Mapping[str, Tensor], whole: Mapping[str, Tensor]) -> Tensor:
    """Centre map and offsets of a batch, or a part's share of it: the shares of the parts add up.

    The centre map is learned by cross-entropy with soft targets, where cells that are nearly right weigh little (Li et
    al. 2020, generalized focal loss), per unit of target mass: a picture with a thousand objects and one with a single
    object speak alike per object. The error of an offset is measured in square roots of the object's area; and a cell
    of a large object weighs less, by the same root, so that small objects are heard.

    Args:
        fields: "center" (B, 1, h, w) logits, "offsets" (B, 2, h, w) pixels.
        targets: "center" (B, h, w), "offsets" (B, 2, h, w), "weights" (B, h, w), as in `ObjectTargets`.
        whole: those of the batch that these are a part of.

    Returns:
        Scalar fp32; 0 where nothing is known.
    """
    logits, wanted = fields[CENTER][:, 0].float(), targets["center"]
    known = wanted > UNKNOWN
    wanted = wanted.clamp_min(0)
    doubt = (torch.sigmoid(logits) - wanted).square()
    entropy = F.binary_cross_entropy_with_logits(logits, wanted, reduction="none")
    center = (doubt * entropy * known).sum() / whole["center"].clamp_min(0).sum().clamp_min(1)
    weights = targets["weights"]
    away = (fields[OFFSETS].float() - targets["offsets"]).abs().sum(dim=1)
    offsets = (away * weights.square()).sum() / whole["weights"].sum().clamp_min(1e-6)
    return CENTER_WEIGHT * center + OFFSET_WEIGHT * offsets
