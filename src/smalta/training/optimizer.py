"""The optimiser: Muon for weights that mix channels, AdamW for all others.

In:  a network with gradients.
Out: its updated weights.

Muon (Jordan et al. 2024, "Muon: an optimizer for hidden layers in neural networks") moves a matrix of weights equally
in all of its directions. It replaces the averaged gradient by the nearest orthogonal matrix, which a few rounds of a
Newton-Schulz iteration find. Its steps are scaled to the size of AdamW's (Liu et al. 2025, "Muon is scalable for LLM
training"), so one learning rate serves both. PyTorch's own Muon takes only matrices; here a convolution is a matrix
(C_out, C_in k k).

Must not know: schedules, data, losses.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import torch
from torch import Tensor, nn

from smalta.model.network import mixing_weights
from smalta.model.tracing import NEWTON_SCHULZ_ROUNDS

MOMENTUM = 0.95
ENCODER_SHARE = 0.3  # of the learning rate, for an encoder that comes with ImageNet weights
STEP_SIZE = 0.2  # root mean square of AdamW's usual step, in learning rates
QUINTIC = (3.4445, -4.7750, 2.0315)  # x -> a x + b x^3 + c x^5 moves values in (0, 1] near 1 in five rounds


class MuonAdamW(torch.optim.Optimizer):
    """Muon and AdamW, in one optimiser.

    Attributes:
        param_groups: each with "lr", "base_lr" and "weight_decay": Muon's for the encoder and for the rest, then
            AdamW's.

    Args:
        network: its `mixing_weights` are updated by Muon, all other parameters by AdamW.
        learning_rate: of both.
        weight_decay: of weights; biases and normalisation have no decay.
        pretrained: whether the encoder has pretrained weights, and so gets `ENCODER_SHARE` of the learning rate.
    """

    def __init__(
        self, network: nn.Module, *, learning_rate: float, weight_decay: float, pretrained: bool = False
    ) -> None:
        mixing = mixing_weights(network)
        muon, adamw = [], []
        for encoder in (True, False):
            share = ENCODER_SHARE if encoder and pretrained else 1.0
            rate = {"lr": share * learning_rate, "base_lr": share * learning_rate}
            named = [x for x in network.named_parameters() if x[0].startswith("encoder.") == encoder]
            rest = [parameter for name, parameter in named if name not in mixing]
            mixed = [parameter for name, parameter in named if name in mixing]
            muon.append({"params": mixed, "weight_decay": weight_decay, **rate})
            adamw.append({"params": [x for x in rest if x.dim() > 1], "weight_decay": weight_decay, **rate})
            adamw.append({"params": [x for x in rest if x.dim() <= 1], "weight_decay": 0.0, **rate})
        super().__init__(muon, {})
        self._adamw = torch.optim.AdamW(adamw, fused=True)
        self._muon_groups = [*self.param_groups]
        self.param_groups += self._adamw.param_groups  # the same dicts, so that a new rate reaches both
        self._adamw.state = self.state

    @torch.no_grad()
    def step(self, closure: Callable[[], Any] | None = None) -> Any:
        """Update every parameter that has a gradient."""
        loss = None
        if closure is not None:
            with torch.enable_grad():
                loss = closure()
        for group in self._muon_groups:
            moved = [parameter for parameter in group["params"] if parameter.grad is not None]
            if moved:
                self._muon(moved, group["lr"], group["weight_decay"])
        self._adamw.step()
        return loss

    def _muon(self, parameters: list[Tensor], rate: float, weight_decay: float) -> None:
        gradients = [parameter.grad for parameter in parameters if parameter.grad is not None]
        for parameter in parameters:
            if not self.state[parameter]:
                self.state[parameter]["momentum"] = torch.zeros_like(parameter)
        averages = [self.state[parameter]["momentum"] for parameter in parameters]
        torch._foreach_lerp_(averages, gradients, 1 - MOMENTUM)
        ahead = torch._foreach_lerp(gradients, averages, MOMENTUM)  # Nesterov's
        torch._foreach_mul_(parameters, 1 - rate * weight_decay)
        for parameter, matrix in zip(parameters, orthogonal([x.flatten(1) for x in ahead]), strict=True):
            size = STEP_SIZE * max(matrix.shape) ** 0.5
            parameter.add_(matrix.reshape(parameter.shape), alpha=-rate * size)


def orthogonal(matrices: list[Tensor]) -> list[Tensor]:
    """For each matrix U S V^T approximately U V^T: singular values of 0.7 to 1.2, except tiny ones.

    x -> a x + b x x^T x + c (x x^T)^2 x, five times, is one polynomial P of the square x x^T, times x. So the rounds
    work on the small square, in float32 on every processor: with m = 192 and n = 1152 that takes less than half of the
    operations of rounds on x. Matrices of the same shape, or of its transpose, are processed together.

    Args:
        matrices: (m, n) each, of any finite values.
    """
    shapes: dict[tuple[int, int], list[int]] = {}
    for place, matrix in enumerate(matrices):
        shapes.setdefault((min(matrix.shape), max(matrix.shape)), []).append(place)
    found: dict[int, Tensor] = {}
    for places in shapes.values():
        stack = torch.stack([_wide(matrices[place]).float() for place in places])
        stack /= stack.flatten(1).norm(dim=1).clamp_min(1e-20)[:, None, None]
        for place, answer in zip(places, _polynomial(stack @ stack.mT) @ stack, strict=True):
            found[place] = answer if matrices[place].shape == answer.shape else answer.mT
    return [found[place] for place in range(len(matrices))]


def _polynomial(square: Tensor) -> Tensor:
    """(B, m, m) P of symmetric matrices (B, m, m) with eigenvalues in [0, 1]."""
    a, b, c = QUINTIC
    one = torch.eye(square.shape[-1], dtype=square.dtype, device=square.device)
    total = one.expand_as(square)
    for left in range(NEWTON_SCHULZ_ROUNDS - 1, -1, -1):
        factor = torch.baddbmm(a * one + b * square, square, square, alpha=c)
        total = factor @ total
        if left:
            square = factor @ square @ factor
    return total


def _wide(matrix: Tensor) -> Tensor:
    """(m, n) with m <= n, or its transpose."""
    return matrix if len(matrix) <= matrix.shape[1] else matrix.mT
