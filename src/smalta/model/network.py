"""The network: encoder, decoder and heads, built from its configuration on one screen.

In:  (B, 3, H, W) pictures, 0..255, H and W multiples of 32.
Out: logits at the stride of the configuration; resize and softmax happen outside.

Must not know: training, files, how the stride was chosen.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, dataclass, fields
from typing import Any, Self

import torch
from torch import Tensor, nn

from smalta.classes import ClassTree
from smalta.errors import ConfigError
from smalta.model.decoder import Decoder
from smalta.model.depthwise import use_fast_depthwise
from smalta.model.encoder import DEFAULT_ENCODER, build_encoder


@dataclass(frozen=True, slots=True, kw_only=True)
class NetworkConfig:
    """What a network is built from.

    Attributes:
        encoder: a timm name, or "plain".
        stride: side of the picture divided by side of the logits: 4, 2 or 1.
        width: channels of the decoder at stride 4.
        n_leaves: channels of the semantic head.
        n_attribute_values: channels of the attribute head, over all attributes.
    """

    n_leaves: int
    n_attribute_values: int = 0
    encoder: str = DEFAULT_ENCODER
    stride: int = 4
    width: int = 96

    def __post_init__(self) -> None:
        if self.stride not in (1, 2, 4):
            raise ConfigError(f"stride must be 1, 2 or 4, got {self.stride}")
        if not 12 <= self.width <= 1024 or self.width % 12:
            raise ConfigError(f"width must be a multiple of 12 in 12..1024, got {self.width}")
        if not 2 <= self.n_leaves <= 4096 or not 0 <= self.n_attribute_values <= 4096:
            raise ConfigError(f"a network has 2 to 4096 leaves and 0 to 4096 attribute values, got {self}")

    @classmethod
    def for_tree(cls, tree: ClassTree, **settings: Any) -> Self:
        """The configuration whose heads answer for a class tree."""
        n_values = tree.attributes[-1].stop if tree.attributes else 0
        return cls(n_leaves=tree.n_leaves, n_attribute_values=n_values, **settings)

    @classmethod
    def from_dict(cls, values: Mapping[str, Any]) -> Self:
        """Build from parsed JSON; a misspelt key is an error."""
        known = {field.name for field in fields(cls)}
        if unknown := sorted(values.keys() - known):
            raise ConfigError(f"unknown keys {unknown} in the network configuration; known keys are {sorted(known)}")
        return cls(**values)

    def to_dict(self) -> dict[str, Any]:
        """The configuration as plain data."""
        return asdict(self)


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
