"""Cross-entropy at the size of the labels, for logits at the network's stride.

In:  logits of leaves on a coarse map, a channel per pixel: a leaf's, or that of a group of leaves.
Out: the summed loss; the forward pass also computes its gradient.

Upsampled to the size of the labels, the logits of a batch are many times larger than any map of the network. For 17
leaves and 8 crops of 320 x 320 pixels at stride 2 they take 56 MB. PyTorch's own operations read and write them a dozen
times. Here one picture at a time is upsampled, gives its loss and its gradient, and is downsampled again while the
cache still holds it. That makes a training step about 6 % shorter.

Must not know: class trees, training.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, cast

import torch
import torch.nn.functional as F
from torch import Tensor

Group = tuple[int, slice]  # the channel of a group of leaves, and the leaves


class _Entropy(torch.autograd.Function):
    @staticmethod
    def forward(ctx: Any, logits: Tensor, channels: Tensor, weights: Tensor, groups: Sequence[Group]) -> Tensor:
        wanted = ctx.needs_input_grad[0]
        gradient = torch.empty_like(logits) if wanted else None
        size_hw = channels.shape[1:]
        rows, columns = (_raising(a, b, logits) for a, b in zip(logits.shape[2:], size_hw, strict=True))
        total, weights = logits.new_zeros(()), weights.to(logits.dtype)
        with torch.autocast(logits.device.type, enabled=False):
            for number, (picture, channel) in enumerate(zip(logits, channels, strict=True)):
                raised = F.interpolate(picture[None].contiguous(), size_hw, mode="bilinear", align_corners=False)[0]
                loss, slope = _of_picture(raised, channel, weights, groups, wanted=wanted)
                total += loss
                if gradient is not None and slope is not None:
                    gradient[number] = rows.mT @ (slope @ columns)
        ctx.save_for_backward(gradient)
        return total

    @staticmethod
    def backward(ctx: Any, *grads: Tensor) -> tuple[Tensor, None, None, None]:
        return ctx.saved_tensors[0] * grads[0], None, None, None


def entropy_sum(logits: Tensor, channels: Tensor, weights: Tensor, groups: Sequence[Group] = ()) -> Tensor:
    """Sum over pixels of weight x -log P, where P is the softmax of a pixel's leaf or summed over its group of leaves.

    Args:
        logits: (B, L, h, w) of leaves; upsampled bilinearly to H and W.
        channels: (B, H, W) int64: below L a leaf, from L on a group; pixels below 0 do not count.
        weights: by channel.
        groups: the groups that `channels` names.

    Returns:
        Scalar of the type of the logits.
    """
    return cast(Tensor, _Entropy.apply(logits, channels, weights, groups))


def _of_picture(
    logits: Tensor, channel: Tensor, weights: Tensor, groups: Sequence[Group], *, wanted: bool
) -> tuple[Tensor, Tensor | None]:
    """The loss of a picture, and on request its gradient with respect to the logits (L, H, W)."""
    log_leaves = F.log_softmax(logits, dim=0)
    weight = weights[channel.clamp_min(0)] * (channel >= 0)
    is_leaf = channel < len(logits)
    leaf, at_leaf = torch.where(is_leaf, channel, 0).clamp_min(0)[None], (weight * is_leaf)[None]
    loss = -(log_leaves.gather(0, leaf) * at_leaf).sum()
    shares = []
    for number, leaves in groups:
        log_group = torch.logsumexp(log_leaves[leaves], dim=0)
        at_group = weight * (channel == number)
        loss -= (log_group * at_group).sum()
        if wanted:
            shares.append((leaves, (log_leaves[leaves] - log_group).exp_().mul_(at_group)))
    if not wanted:
        return loss, None
    slope = log_leaves.exp_().mul_(weight)
    slope.scatter_add_(0, leaf, -at_leaf)
    for leaves, share in shares:
        slope[leaves] -= share
    return loss, slope


def _raising(coarse: int, fine: int, like: Tensor) -> Tensor:
    """(fine, coarse): bilinear interpolation of one axis as a matrix; its transpose downsamples gradients."""
    one = torch.eye(coarse, dtype=like.dtype, device=like.device)[None, :, :, None]
    return F.interpolate(one, size=(fine, 1), mode="bilinear", align_corners=False)[0, :, :, 0].mT.contiguous()
