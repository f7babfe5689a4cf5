"""The network: encoder, decoder and heads, built from its configuration on one screen.

In:  (B, 3, H, W) pictures, 0..255, H and W multiples of 32.
Out: logits at the stride of the configuration; resize and softmax happen outside.

Must not know: training, files, how the stride was chosen.
"""

from __future__ import annotations

import torch
from torch import Tensor, nn

from smalta.model.decoder import Decoder
from smalta.model.depthwise import use_fast_depthwise
from smalta.model.encoder import build_encoder
from smalta.model.info import NetworkConfig


class Network(nn.Module):
    """Encoder, decoder, one 1x1 convolution per head."""

    mean: Tensor
    std: Tensor

    def __init__(self, config: NetworkConfig) -> None:
        super().__init__()
        self.config = config
        self.encoder = build_encoder(config.encoder)
        self.decoder = Decoder(self.encoder.channels, self.encoder.reductions, stride=config.stride, width=config.width)
        self.semantic = nn.Conv2d(self.decoder.out_channels, config.n_leaves, 1)
        self.attributes = (
            nn.Conv2d(self.decoder.out_channels, config.n_attribute_values, 1) if config.n_attribute_values else None
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
        """
        normalised = (pictures.float() - self.mean) / self.std
        features = self.decoder(normalised, self.encoder(normalised))
        logits = {"semantic": self.semantic(features)}
        if self.attributes is not None:
            logits["attributes"] = self.attributes(features)
        return logits
