"""Depthwise convolution whose backward pass is fast on a CPU in bf16.

In:  a network with `nn.Conv2d` layers of one filter per channel.
Out: the same network with the same results, computed by the fast kernels only.

oneDNN, which PyTorch calls on a CPU, has fast bf16 kernels for the gradients of a 3x3 depthwise convolution with stride
1. Two gradients fall back to loops that are 10 to 20 times slower: the weight gradient of a 5x5 kernel, and the input
gradient at stride 2. Both can be written with the fast kernels:

- a 5x5 weight gradient is four overlapping 3x3 ones on shifted inputs;
- a convolution with stride 2 is the sum of four with stride 1, over the input's even and odd rows and columns.

In float32 the weight gradient of a 5x5 kernel takes twice as long as its four parts. oneDNN is fast at the rest in
float32 and keeps it. `bench/train_speed.py` measures the gain.

Must not know: which network, data, training.
"""

from __future__ import annotations

from typing import Any, cast

import torch
import torch.nn.functional as F
from torch import Tensor, nn

FAST_KERNEL = 3  # side of the largest kernel whose weight gradient is fast


class _Depthwise(torch.autograd.Function):
    """y[c] = x[c] * w[c] over a padded input, without bias."""

    @staticmethod
    def forward(ctx: Any, padded: Tensor, weight: Tensor, stride: int) -> Tensor:
        ctx.save_for_backward(padded, weight)
        ctx.stride = stride
        return F.conv2d(padded, weight, stride=stride, groups=weight.shape[0])

    @staticmethod
    def backward(ctx: Any, *grads: Tensor) -> tuple[Tensor | None, Tensor | None, None]:
        padded, weight = ctx.saved_tensors
        grad = grads[0].contiguous(memory_format=torch.channels_last)
        of_input = _input_gradient(grad, padded, weight, ctx.stride) if ctx.needs_input_grad[0] else None
        of_weight = _weight_gradient(grad, padded, weight, ctx.stride) if ctx.needs_input_grad[1] else None
        return of_input, of_weight, None


def composed(padded: Tensor, weight: Tensor, stride: int) -> Tensor:
    """Depthwise convolution of a map that is padded already, with gradients from the fast kernels only.

    Args:
        padded: (B, C, H, W).
        weight: (C, 1, k, k).
        stride: of both axes.
    """
    return cast(Tensor, _Depthwise.apply(padded, weight, stride))


def _input_gradient(grad: Tensor, padded: Tensor, weight: Tensor, stride: int) -> Tensor:
    if stride == 1 or grad.dtype == torch.float32:
        return _gradients(grad, padded, weight, stride, of_input=True)
    result = torch.zeros_like(padded)
    for row in range(stride):
        for column in range(stride):
            part = weight[:, :, row::stride, column::stride].contiguous()
            if part.numel() == 0:
                continue
            phase = F.conv_transpose2d(grad, part, groups=weight.shape[0])
            target = result[:, :, row::stride, column::stride]
            target[:, :, : phase.shape[2], : phase.shape[3]] = phase[:, :, : target.shape[2], : target.shape[3]]
    return result


def _weight_gradient(grad: Tensor, padded: Tensor, weight: Tensor, stride: int) -> Tensor:
    result = torch.empty_like(weight)
    height, width = grad.shape[-2:]
    for row in range(stride):
        for column in range(stride):
            part = result[:, :, row::stride, column::stride]
            if part.numel() == 0:
                continue
            phase = padded[:, :, row::stride, column::stride]
            for top, rows in _blocks(part.shape[2]):
                for left, columns in _blocks(part.shape[3]):
                    window = phase[:, :, top : top + height + rows - 1, left : left + width + columns - 1]
                    block = part[:, :, top : top + rows, left : left + columns]
                    block.copy_(
                        _gradients(grad, window.contiguous(memory_format=torch.channels_last), block, 1, of_input=False)
                    )
    return result


def _blocks(length: int) -> list[tuple[int, int]]:
    """Starts and lengths of pieces of at most 3 that cover a kernel's side; they may overlap."""
    if length <= FAST_KERNEL:
        return [(0, length)]
    return [(min(start, length - FAST_KERNEL), FAST_KERNEL) for start in range(0, length - 1, FAST_KERNEL - 1)]


def _gradients(grad: Tensor, padded: Tensor, weight: Tensor, stride: int, *, of_input: bool) -> Tensor:
    gradients = torch.ops.aten.convolution_backward(
        grad,
        padded,
        weight.contiguous(),
        None,
        [stride, stride],
        [0, 0],
        [1, 1],
        False,
        [0, 0],
        weight.shape[0],
        [of_input, not of_input, False],
    )
    return cast(Tensor, gradients[0 if of_input else 1])


class DepthwiseConv2d(nn.Conv2d):
    """A depthwise `nn.Conv2d` with the fast backward pass; `same` pads as TensorFlow does."""

    same = False

    def forward(self, input: Tensor) -> Tensor:  # noqa: A002 - the name that nn.Conv2d gives it
        """(B, C, H, W) -> (B, C, H', W')."""
        padding = padding_of(self, input.shape[-2:], same=self.same)
        if input.device.type == "cpu" and torch.is_grad_enabled():
            if torch.is_autocast_enabled("cpu") and torch.get_autocast_dtype("cpu") == torch.bfloat16:
                return composed(F.pad(input.bfloat16(), padding), self.weight.bfloat16(), self.stride[0])
            if self.kernel_size[0] > FAST_KERNEL and self.weight.requires_grad:
                return composed(F.pad(input, padding), self.weight, self.stride[0])
        if padding[0] == padding[1] and padding[2] == padding[3]:
            symmetric = (padding[2], padding[0])
            return F.conv2d(input, self.weight, self.bias, self.stride, symmetric, groups=self.groups)
        return F.conv2d(F.pad(input, padding), self.weight, self.bias, self.stride, groups=self.groups)


def padding_of(conv: nn.Conv2d, size_hw: torch.Size, *, same: bool) -> tuple[int, int, int, int]:
    """Left, right, top, bottom for a map of a size.

    Args:
        conv: with numbers for its padding.
        size_hw: of the map.
        same: whether to pad as TensorFlow does, by the map's size, instead of by the convolution's numbers.
    """
    if not same:
        rows, columns = cast(tuple[int, int], conv.padding)
        return columns, columns, rows, rows
    total = [
        max((-(-side // stride) - 1) * stride + (kernel - 1) * dilation + 1 - side, 0)
        for side, kernel, stride, dilation in zip(size_hw, conv.kernel_size, conv.stride, conv.dilation, strict=True)
    ]
    return total[1] // 2, total[1] - total[1] // 2, total[0] // 2, total[0] - total[0] // 2


def pads_as_tensorflow(conv: nn.Conv2d) -> bool:
    """Whether a convolution is timm's `Conv2dSame`, or was before `use_fast_depthwise`."""
    return conv.same if isinstance(conv, DepthwiseConv2d) else type(conv).__name__ == "Conv2dSame"


def use_fast_depthwise(network: nn.Module) -> None:
    """Give every square depthwise convolution without bias or dilation the fast backward pass, in place."""
    for module in network.modules():
        if not isinstance(module, nn.Conv2d) or isinstance(module, DepthwiseConv2d):
            continue
        square = module.kernel_size[0] == module.kernel_size[1] and module.stride[0] == module.stride[1]
        depthwise = module.groups == module.in_channels == module.out_channels
        plain = module.bias is None and module.dilation == (1, 1) and module.padding_mode == "zeros"
        known = type(module) is nn.Conv2d or type(module).__name__ == "Conv2dSame"
        if square and depthwise and plain and known and not isinstance(module.padding, str):
            same = pads_as_tensorflow(module)
            module.__class__ = DepthwiseConv2d
            cast(DepthwiseConv2d, module).same = same
