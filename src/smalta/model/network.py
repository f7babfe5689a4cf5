"""The network: encoder, decoder and heads, built from its configuration on one screen.

In:  (B, 3, H, W) pictures, 0..255, H and W multiples of 32.
Out: logits at the stride of the configuration; resize and softmax happen outside.

Must not know: training, files, how the stride was chosen.
"""

from __future__ import annotations

from typing import cast

import torch
from torch import Tensor, nn

from smalta.answers.fields import CENTER, OFFSETS, SEMANTIC
from smalta.description.network_config import NetworkConfig
from smalta.model.decoder import Answer, Decoder, Separable
from smalta.model.depthwise import use_fast_depthwise
from smalta.model.encoder import build_encoder

OFFSET_UNIT = 16.0  # pixels: an offset head that answers 1 points this far


_ANSWERING = ("semantic.", "attributes.", "objects.1.")  # names of the layers that answer begin so


class Network(nn.Module):
    """Encoder, decoder, one 1x1 convolution per head; the heads for objects share one more 3x3 before it."""

    mean: Tensor
    std: Tensor

    def __init__(self, config: NetworkConfig) -> None:
        super().__init__()
        self.config = config
        self.encoder = build_encoder(config.encoder)
        self.decoder = Decoder(self.encoder.channels, self.encoder.reductions, stride=config.stride, width=config.width)
        width = self.decoder.out_channels
        self.semantic = Answer(width, config.n_leaves, stride=config.stride)
        self.attributes = (
            Answer(width, config.n_attribute_values, stride=config.stride) if config.n_attribute_values else None
        )
        self.objects = (
            nn.Sequential(Separable(width, width), _objects_head(width, config.stride)) if config.objects else None
        )
        use_fast_depthwise(self)
        self.register_buffer("mean", 255 * torch.tensor(self.encoder.mean).view(1, 3, 1, 1), persistent=False)
        self.register_buffer("std", 255 * torch.tensor(self.encoder.std).view(1, 3, 1, 1), persistent=False)

    def forward(self, pictures: Tensor) -> dict[str, Tensor]:
        """Run encoder, decoder and heads; no activation and no resize happens here.

        Args:
            pictures: (B, 3, H, W) uint8 or float RGB, 0..255; H and W multiples of 32, which keeps the padding of
                `tf_` encoders constant.

        Returns:
            "semantic": (B, L, H / stride, W / stride) logits of the tree's leaves.
            "attributes": (B, V, H / stride, W / stride) logits of all attributes' values, where there are any.
            "center": (B, 1, H / stride, W / stride) logits of the centre map, where there are heads for objects.
            "offsets": (B, 2, H / stride, W / stride) pixels (dy, dx) to the object's centre, likewise.
        """
        normalised = (pictures.float() - self.mean) / self.std
        features = self.decoder(normalised, self.encoder(normalised))
        logits = {SEMANTIC: self.semantic(features)}
        if self.attributes is not None:
            logits["attributes"] = self.attributes(features)
        if self.objects is not None:
            found = self.objects(features)
            logits[CENTER], logits[OFFSETS] = found[:, :1], found[:, 1:] * OFFSET_UNIT
        return logits


def mixing_weights(network: nn.Module) -> dict[str, Tensor]:
    """By name, the weights that mix all channels: not of convolutions in groups, not of the layers that answer."""
    return {
        f"{name}.weight": module.weight
        for name, module in network.named_modules()
        if (isinstance(module, nn.Linear) or (isinstance(module, nn.Conv2d) and module.groups == 1))
        and not f"{name}.".startswith(_ANSWERING)
    }


def _objects_head(width: int, stride: int) -> Answer:
    """Centre and offsets; it begins with hardly any centre anywhere, so that the loss does not begin with a jump."""
    head = Answer(width, 3, stride=stride)
    bias = cast(Tensor, head.bias)
    nn.init.normal_(head.weight, std=0.01)
    with torch.no_grad():
        bias.copy_(torch.tensor([-3.0, 0.0, 0.0]).repeat_interleave(len(bias) // 3))
    return head
