"""The loss that makes its own gradient is PyTorch's, in value and gradient."""

from __future__ import annotations

from collections.abc import Sequence

import pytest
import torch
import torch.nn.functional as F
from torch import Tensor

from smalta.model.entropy import Group, entropy_sum

LEAVES = 5
GROUPS: tuple[Group, ...] = ((5, slice(1, 4)), (6, slice(0, 5)))
WEIGHTS = torch.tensor([1.0, 0.5, 2.0, 1.5, 0.0, 0.7, 1.0], dtype=torch.double)


def plain(logits: Tensor, channels: Tensor, groups: Sequence[Group]) -> Tensor:
    """The same with PyTorch's own operations, all pictures at once."""
    raised = F.interpolate(logits, size=channels.shape[1:], mode="bilinear", align_corners=False)
    log_leaves = F.log_softmax(raised, dim=1)
    log_groups = [torch.logsumexp(log_leaves[:, leaves], dim=1, keepdim=True) for _, leaves in groups]
    log_p = torch.cat([log_leaves, *log_groups], dim=1)
    return F.nll_loss(log_p, channels, weight=WEIGHTS[: log_p.shape[1]], ignore_index=-100, reduction="sum")


def drawn(stride: int, channels: int) -> tuple[Tensor, Tensor]:
    torch.manual_seed(stride)
    logits = torch.randn(3, LEAVES, 4, 6, dtype=torch.double).requires_grad_()
    labels = torch.randint(-1, channels, (3, 4 * stride, 6 * stride))
    return logits, torch.where(labels < 0, -100, labels)


@pytest.mark.parametrize("stride", [1, 2, 4])
@pytest.mark.parametrize("groups", [(), GROUPS])
def test_value_and_gradient_are_those_of_pytorch(stride: int, groups: tuple[Group, ...]) -> None:
    logits, channels = drawn(stride, LEAVES + len(groups))
    expected = plain(logits, channels, groups)

    found = entropy_sum(logits, channels, WEIGHTS, groups)

    torch.testing.assert_close(found, expected)
    torch.testing.assert_close(torch.autograd.grad(3 * found, logits), torch.autograd.grad(3 * expected, logits))


def test_layout_and_autocast_change_nothing() -> None:
    logits, channels = drawn(2, LEAVES)
    single = logits.detach().float()
    last = single.to(memory_format=torch.channels_last).requires_grad_()
    with torch.autocast("cpu", torch.bfloat16):
        found = entropy_sum(last, channels, WEIGHTS.float())

    expected = plain(logits, channels, ())

    torch.testing.assert_close(found.double(), expected, rtol=1e-5, atol=1e-4)
    torch.testing.assert_close(
        torch.autograd.grad(found, last)[0].double(), torch.autograd.grad(expected, logits)[0], rtol=1e-4, atol=1e-5
    )


def test_pixels_that_do_not_count_give_nothing() -> None:
    logits, channels = drawn(2, LEAVES)
    channels = torch.full_like(channels, -100)

    found = entropy_sum(logits, channels, WEIGHTS)

    assert found.item() == 0
    assert not torch.autograd.grad(found, logits)[0].any()


def test_without_gradients_none_is_made() -> None:
    logits, channels = drawn(2, LEAVES)
    expected = plain(logits, channels, ())

    with torch.no_grad():
        found = entropy_sum(logits, channels, WEIGHTS)

    assert not found.requires_grad
    torch.testing.assert_close(found, expected.detach())
