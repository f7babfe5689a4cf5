"""What an encoder is: a picture becomes feature maps at falling resolution.

In:  (B, 3, H, W) normalised pictures.
Out: feature maps from fine to coarse, with `channels` and `reductions` beside them.

`smalta.model.encoders` lists the encoders.

Must not know: class trees, decoders, training, any one encoder.
"""

from __future__ import annotations

from typing import Literal, Self

import torch
from torch import Tensor, nn

from smalta.model.folding import EXAMPLE_SIDE, fold

Weights = Literal["package", "hub", "none"]


class Encoder(nn.Module):
    """Feature maps of one picture batch, from fine to coarse.

    Attributes:
        channels: channels of each map.
        reductions: side of the picture divided by side of the map, rising.
        mean, std: what the picture, scaled to 0..1, is normalised with; three values each.
    """

    channels: list[int]
    reductions: list[int]
    mean: tuple[float, float, float]
    std: tuple[float, float, float]
    _kept: tuple[nn.Module, ...] = ()

    def forward(self, pictures: Tensor) -> list[Tensor]:
        """Feature maps of (B, 3, H, W) normalised pictures, H and W multiples of 32."""
        raise NotImplementedError

    def load_imagenet_weights(self) -> Weights:
        """Load ImageNet weights, and return their source. An encoder without ImageNet weights keeps its own.

        Raises:
            ModelError: if the weights cannot be loaded.
        """
        return "none"

    def keep_fine_layers(self) -> None:
        """Freeze the layers up to the map of reduction 4: edges and colours are the same in all pictures.

        These layers work on the largest maps, so a training step with their gradients takes a fifth longer. Frozen
        weights get no gradients, and frozen normalisation keeps its statistics.
        """
        self._kept = tuple(self._fine_layers())
        for module in self._kept:
            for parameter in module.parameters(recurse=False):
                parameter.requires_grad_(False)
        self.train(self.training)

    def fold_fine_layers(self) -> None:
        """Fold the normalisation after frozen convolutions into them. It cannot be undone, so load the weights before.

        On a GPU, where the gain is small, nothing happens.
        """
        if not self._kept or next(self.parameters()).device.type != "cpu":
            return
        training = self.training
        self.eval()
        pictures = torch.randn(1, 3, EXAMPLE_SIDE, EXAMPLE_SIDE, generator=torch.Generator().manual_seed(0))
        fold(
            self,
            pictures.to(next(self.parameters())).contiguous(memory_format=torch.channels_last),
            within=set(self._kept),
        )
        self.train(training)

    @property
    def keeps_fine_layers(self) -> bool:
        """Whether some layers are frozen."""
        return bool(self._kept)

    def train(self, mode: bool = True) -> Self:
        """Training or evaluation mode; frozen layers always stay in evaluation mode."""
        super().train(mode)
        for module in self._kept:
            module.training = False
        return self

    def _fine_layers(self) -> list[nn.Module]:
        return []
