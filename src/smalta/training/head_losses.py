"""The loss of each head: its function, its targets and its weight.

In:  raw answers of the heads (`smalta.answers.fields`) for a part of a batch; the part; the batch.
Out: one scalar to minimise.

Must not know: networks, optimisers, how targets are made.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import reduce

import torch
from torch import Tensor

from smalta.answers.fields import ATTRIBUTES, CENTER, OFFSETS, SEMANTIC
from smalta.classes import ClassTree
from smalta.training.batches import Batch
from smalta.training.losses import AttributeLoss, TreeLoss
from smalta.training.object_losses import center_loss, offset_loss


@dataclass(frozen=True, slots=True, kw_only=True)
class HeadLoss:
    """The loss of one head.

    Attributes:
        of: takes raw answers (b, C, h, w), their part of the batch, and the batch; gives a scalar. The scalars of the
            parts of a batch add up to the batch's.
        weight: of that scalar in the sum over the heads.
    """

    of: Callable[[Tensor, Batch, Batch], Tensor]
    weight: float = 1.0


def head_losses(tree: ClassTree, semantic: TreeLoss) -> dict[str, HeadLoss]:
    """The losses of all heads that a network may have, by name of the head.

    Args:
        tree: the classes.
        semantic: the loss of the leaves.
    """
    attribute = AttributeLoss(tree)
    return {
        SEMANTIC: HeadLoss(of=lambda answers, part, batch: semantic(answers, part.labels, batch.labels)),
        ATTRIBUTES: HeadLoss(
            of=lambda answers, part, batch: attribute(
                answers, part.attributes, part.labels, (batch.attributes, batch.labels)
            )
        ),
        CENTER: HeadLoss(of=lambda answers, part, batch: center_loss(answers, part.objects, batch.objects)),
        OFFSETS: HeadLoss(of=lambda answers, part, batch: offset_loss(answers, part.objects, batch.objects)),
    }


def total_loss(losses: Mapping[str, HeadLoss], answers: Mapping[str, Tensor], part: Batch, batch: Batch) -> Tensor:
    """The weighted sum over the heads that a network has.

    Args:
        losses: of `head_losses`.
        answers: by name of the head, as `Network.forward` gives them for `part`.
        part, batch: as for `HeadLoss.of`.
    """
    terms = [losses[name].weight * losses[name].of(values, part, batch) for name, values in answers.items()]
    return reduce(torch.add, terms)
