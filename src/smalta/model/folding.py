"""Fold batch normalisation and ReLU into the convolution before them, once their numbers no longer change.

In:  a network, or a part of one, in evaluation mode.
Out: the same answers up to rounding, in fewer passes over the maps.

On a CPU a pass over a map takes as long as many convolutions, and normalisation and ReLU are such passes. OpenVINO and
ONNX Runtime fold them when they load a model; PyTorch does so only when it compiles.

Hooks record in one pass what follows each convolution, because encoders come from timm in many shapes. A module that is
used twice is not folded. If another module reads the same map, folding would change its input. So the answers before
and after are compared, and a fold that changes them is undone. Folding in place keeps the parameters: `state_dict`
gives the same file. Weights that are loaded afterwards have no effect.

Must not know: which network, data, training.
"""

from __future__ import annotations

import copy
from collections import Counter
from collections.abc import Collection, Iterable, Mapping
from typing import Any, TypeVar, cast

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from smalta.model.depthwise import DepthwiseConv2d, padding_of, pads_as_tensorflow

N = TypeVar("N", bound=nn.Module)
EXAMPLE_SIDE = 64  # pixels
AGREEMENT = 1e-3  # of the largest value of an answer

_FUSED: Mapping[type, tuple[str, list[float]]] = {  # oneDNN's names
    nn.ReLU: ("relu", []),
    nn.ReLU6: ("hardtanh", [0.0, 6.0]),
}
Chain = tuple[nn.Conv2d, nn.BatchNorm2d, nn.Module | None]
_NOTHING: tuple[str, list[float]] = ("none", [])


class FoldedConv2d(nn.Conv2d):
    """A convolution that also normalises and clips its result; it does not use its own weight and bias."""

    folded_weight: Tensor
    folded_bias: Tensor
    activation: tuple[str, list[float]]
    same: bool

    def forward(self, input: Tensor) -> Tensor:  # noqa: A002 - the name that nn.Conv2d gives it
        """(B, C_in, H, W) -> (B, C_out, H', W')."""
        left, right, top, bottom = padding_of(self, input.shape[-2:], same=self.same)
        symmetric = left == right and top == bottom
        padding = [top, left] if symmetric else [0, 0]
        maps = input if symmetric else F.pad(input, (left, right, top, bottom))
        weight, bias = self.folded_weight, self.folded_bias
        if self._in_one_pass(maps):
            name, limits = self.activation
            return cast(
                Tensor,
                torch.ops.mkldnn._convolution_pointwise(
                    maps, weight, bias, padding, self.stride, self.dilation, self.groups, name, limits, ""
                ),
            )
        answer = F.conv2d(maps, weight, bias, self.stride, padding, self.dilation, self.groups)
        return answer if self.activation == _NOTHING else F.hardtanh_(answer, *self._limits)

    @property
    def _limits(self) -> tuple[float, float]:
        low, high = self.activation[1] or (0.0, float("inf"))
        return low, high

    def _in_one_pass(self, maps: Tensor) -> bool:
        """Whether oneDNN's fused convolution can run: on a CPU, in float32, without gradients."""
        if maps.device.type != "cpu" or maps.dtype != torch.float32 or torch.is_autocast_enabled("cpu"):
            return False
        if torch.is_grad_enabled() and maps.requires_grad:
            return False
        return torch._C._has_mkldnn and hasattr(torch.ops.mkldnn, "_convolution_pointwise")


class _FoldedNorm(nn.BatchNorm2d):
    """A normalisation that is folded into the convolution before it."""

    def forward(self, input: Tensor) -> Tensor:  # noqa: A002 - the name that nn.BatchNorm2d gives it
        return input


class _FoldedNormAct(nn.BatchNorm2d):
    """timm's normalisation and activation in one module; only the activation remains."""

    act: nn.Module

    def forward(self, input: Tensor) -> Tensor:  # noqa: A002 - the name that nn.BatchNorm2d gives it
        return cast(Tensor, self.act(input))


@torch.inference_mode(False)
def folded(network: N) -> N:
    """A copy of a network for inference only, without the weights that folding replaced.

    Args:
        network: takes (B, 3, H, W) pictures.
    """
    device = next(network.parameters()).device
    made = copy.deepcopy(network).eval().cpu()  # answers are compared on the CPU: some GPUs round more
    fold(made, _example())
    for module in made.modules():
        if isinstance(module, FoldedConv2d):
            module.register_parameter("weight", None)
    return made.to(device)


@torch.no_grad()
def normalised(network: nn.Module) -> list[tuple[nn.Conv2d, nn.BatchNorm2d]]:
    """Convolutions, each with the normalisation that alone reads its result.

    Args:
        network: takes (B, 3, H, W) pictures; in evaluation mode, on the CPU. It is not changed.
    """
    return [(conv, norm) for conv, norm, _ in _chains(network, _example(), None)]


@torch.no_grad()
def fold(network: nn.Module, example: Tensor, within: Collection[nn.Module] | None = None) -> int:
    """Fold in place what can be folded.

    Args:
        network: in evaluation mode, on the CPU.
        example: what it takes.
        within: modules that may be changed; None for all.

    Returns:
        How many convolutions were folded.
    """
    assert not network.training, "a pass would move the statistics that are folded"
    before = _tensors(network(example))

    def changes_nothing() -> bool:
        return all(_agree(a, b) for a, b in zip(before, _tensors(network(example)), strict=True))

    chains = _chains(network, example, within)
    undo = [_fold_chain(*chain) for chain in chains]
    if changes_nothing():
        return len(chains)
    for chain, changed in zip(chains, undo, strict=True):
        _unfold(chain[0], changed)
    count = 0
    for chain in chains:  # one by one: slower, and rarely needed
        changed = _fold_chain(*chain)
        if changes_nothing():
            count += 1
        else:
            _unfold(chain[0], changed)
    return count


def _example() -> Tensor:
    """(1, 3, EXAMPLE_SIDE, EXAMPLE_SIDE) uint8: a picture of noise, the same each time."""
    pictures = torch.randint(0, 256, (1, 3, EXAMPLE_SIDE, EXAMPLE_SIDE), generator=torch.Generator().manual_seed(0))
    return pictures.to(torch.uint8).contiguous(memory_format=torch.channels_last)


def _chains(network: nn.Module, example: Tensor, within: Collection[nn.Module] | None) -> list[Chain]:
    """Convolutions with the normalisation that alone reads their result, and with the activation if it can be fused."""
    # the tensor is kept alive, so that its id stays unique; its version shows whether it was changed since
    made: dict[int, tuple[nn.Module, Tensor, int]] = {}
    versions: dict[nn.Module, int] = {}
    calls: Counter[nn.Module] = Counter()
    readers: dict[nn.Module, list[nn.Module]] = {}

    def note(module: nn.Module, inputs: tuple[Any, ...], answer: Any) -> None:
        calls[module] += 1
        if not inputs:  # called by keyword
            return
        maker, _, version = made.get(id(inputs[0]), (None, None, -1))
        if maker is not None and version == versions[module]:
            readers.setdefault(maker, []).append(module)
        made[id(answer)] = (module, answer, answer._version)

    def note_version(module: nn.Module, inputs: tuple[Any, ...]) -> None:
        if inputs:
            versions[module] = inputs[0]._version  # before an activation that works in place

    watched = [m for m in network.modules() if isinstance(m, nn.Conv2d | nn.BatchNorm2d) or type(m) in _FUSED]
    hooks = [module.register_forward_hook(note) for module in watched]
    hooks += [module.register_forward_pre_hook(note_version) for module in watched]
    try:
        network(example)
    finally:
        for hook in hooks:
            hook.remove()

    def follower(module: nn.Module, kinds: tuple[type, ...]) -> Any:
        found = readers.get(module, [])
        alone = len(found) == 1 and calls[module] == calls[found[0]] == 1
        free = alone and (within is None or found[0] in within)
        return found[0] if free and isinstance(found[0], kinds) else None

    chains = []
    for conv in (m for m in watched if isinstance(m, nn.Conv2d) and _can_fold(m) and (within is None or m in within)):
        norm = follower(conv, (nn.BatchNorm2d,))
        if norm is not None and not norm.training and norm.running_var is not None:
            chains.append((conv, norm, follower(norm, tuple(_FUSED))))
    return chains


def _can_fold(conv: nn.Conv2d) -> bool:
    known = type(conv) in (nn.Conv2d, DepthwiseConv2d) or pads_as_tensorflow(conv)  # others may change their weights
    return known and conv.padding_mode == "zeros" and not isinstance(conv.padding, str)


def _fold_chain(
    conv: nn.Conv2d, norm: nn.BatchNorm2d, activation: nn.Module | None
) -> list[tuple[nn.Module, type[nn.Module]]]:
    """Fold one chain; returns the modules whose class changed, with their former classes."""
    changed: list[tuple[nn.Module, type[nn.Module]]] = [(conv, type(conv)), (norm, type(norm))]
    own = getattr(norm, "act", None)  # of timm's normalisation and activation in one
    fused = _FUSED.get(type(activation if own is None else own), _NOTHING)
    mean, variance = cast(Tensor, norm.running_mean).double(), cast(Tensor, norm.running_var).double()
    scale = torch.rsqrt(variance + norm.eps) * (1.0 if norm.weight is None else norm.weight.double())
    shift = (0.0 if norm.bias is None else norm.bias.double()) - mean * scale
    weight = (conv.weight.double() * scale[:, None, None, None]).to(conv.weight.dtype)
    bias = (shift if conv.bias is None else shift + conv.bias.double() * scale).to(conv.weight.dtype)
    same = pads_as_tensorflow(conv)
    conv.register_buffer("folded_weight", weight, persistent=False)
    conv.register_buffer("folded_bias", bias, persistent=False)
    conv.__class__ = FoldedConv2d
    folded_conv = cast(FoldedConv2d, conv)
    folded_conv.activation, folded_conv.same = fused, same
    done = own is None or fused != _NOTHING or isinstance(own, nn.Identity)
    norm.__class__ = _FoldedNorm if done else _FoldedNormAct
    if own is None and activation is not None:
        changed.append((activation, type(activation)))
        activation.__class__ = nn.Identity
    return changed


def _unfold(conv: nn.Conv2d, changed: list[tuple[nn.Module, type[nn.Module]]]) -> None:
    for module, was in changed:
        module.__class__ = was
    del conv.folded_weight, conv.folded_bias


def _agree(before: Tensor, after: Tensor) -> bool:
    return bool((before - after).abs().max() <= AGREEMENT * before.abs().max().clamp_min(1e-6))


def _tensors(answer: Any) -> list[Tensor]:
    if isinstance(answer, Tensor):
        return [answer.clone()]
    values: Iterable[Any] = answer.values() if isinstance(answer, Mapping) else answer
    return [tensor for value in values for tensor in _tensors(value)]
