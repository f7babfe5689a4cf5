"""The network: encoder, decoder and heads, built from its configuration.

In:  (B, 3, H, W) pictures, 0..255, H and W multiples of 32.
Out: raw answers at the stride of the configuration; activation and resize happen outside.

Must not know: training, files, how the stride was chosen, what the heads mean (`smalta.answers.fields` describes them).
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import cast

import torch
from torch import Tensor, nn

from smalta.answers.fields import HEADS, Head, heads_of
from smalta.description.network_config import NetworkConfig
from smalta.model.decoder import Answer, Decoder, Separable
from smalta.model.depthwise import use_fast_depthwise
from smalta.model.encoders import build_encoder

BRANCH_SPREAD = 0.01  # standard deviation of a branch's initial weights


class Network(nn.Module):
    """Encoder, decoder, one 1x1 convolution per head; heads of one branch share it, and a 3x3 convolution before it.

    The module of a head or of a branch is named after it.
    """

    mean: Tensor
    std: Tensor

    def __init__(self, config: NetworkConfig) -> None:
        super().__init__()
        self.config = config
        self.encoder = build_encoder(config.encoder)
        self.decoder = Decoder(self.encoder.channels, self.encoder.reductions, stride=config.stride, width=config.width)
        self._heads: dict[str, list[Head]] = {}  # by the module that answers for them
        for head in heads_of(config):
            self._heads.setdefault(head.branch or head.name, []).append(head)
        for name, heads in self._heads.items():
            self.add_module(name, _answering(heads, config, self.decoder.out_channels))
        use_fast_depthwise(self)
        self.register_buffer("mean", 255 * torch.tensor(self.encoder.mean).view(1, 3, 1, 1), persistent=False)
        self.register_buffer("std", 255 * torch.tensor(self.encoder.std).view(1, 3, 1, 1), persistent=False)

    def forward(self, pictures: Tensor) -> dict[str, Tensor]:
        """Run encoder, decoder and heads; no activation and no resize happens here.

        Args:
            pictures: (B, 3, H, W) uint8 or float RGB, 0..255; H and W multiples of 32, which keeps the padding of
                `tf_` encoders constant.

        Returns:
            By the head's name, (B, C, H / stride, W / stride) with C the head's channels: logits of a head with an
            activation, values of any other, in pixels if that is its unit.
        """
        normalised = (pictures.float() - self.mean) / self.std
        features = self.decoder(normalised, self.encoder(normalised))
        answers: dict[str, Tensor] = {}
        for name, heads in self._heads.items():
            found = self.get_submodule(name)(features)
            for head in heads[:-1]:
                channels = head.channels(self.config)
                answers[head.name], found = found[:, :channels], found[:, channels:]
            answers[heads[-1].name] = found
            answers |= {head.name: answers[head.name] * head.pixels for head in heads if head.pixels is not None}
        return answers


def mixing_weights(network: nn.Module) -> dict[str, Tensor]:
    """By name, the weights that mix all channels, without those of grouped convolutions and of the heads' layers."""
    answering = tuple(f"{head.layer}." for head in HEADS)
    return {
        f"{name}.weight": module.weight
        for name, module in network.named_modules()
        if (isinstance(module, nn.Linear) or (isinstance(module, nn.Conv2d) and module.groups == 1))
        and not f"{name}.".startswith(answering)
    }


def _answering(heads: Sequence[Head], config: NetworkConfig, width: int) -> nn.Module:
    """The module that answers for a head without a branch, or for all heads of a branch."""
    channels = [head.channels(config) for head in heads]
    if heads[0].branch is None:
        return Answer(width, sum(channels), stride=config.stride)
    mixing = Separable(width, width)
    answer = Answer(width, sum(channels), stride=config.stride)
    nn.init.normal_(answer.weight, std=BRANCH_SPREAD)
    biases = torch.tensor([head.bias for head, count in zip(heads, channels, strict=True) for _ in range(count)])
    with torch.no_grad():
        cast(Tensor, answer.bias).copy_(biases.repeat_interleave(answer.side**2))
    return nn.Sequential(mixing, answer)
