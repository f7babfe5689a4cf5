"""The textbook's encoder, without ImageNet weights.

In:  (B, 3, H, W) normalised pictures.
Out: five feature maps.

Must not know: class trees, decoders, training.
"""

from __future__ import annotations

from torch import Tensor, nn

from smalta.model.encoder import Encoder


class PlainEncoder(Encoder):
    """Five stages of a textbook's kind: two convolutions with ReLU, then max pooling to half the side.

    Args:
        width: channels of the finest map; each pooling doubles them, up to eight times `width`.
    """

    def __init__(self, width: int = 24) -> None:
        super().__init__()
        self.mean, self.std = (0.5, 0.5, 0.5), (0.25, 0.25, 0.25)
        self.channels = [min(width * 2**k, width * 8) for k in range(5)]
        self.reductions = [2, 4, 8, 16, 32]
        self.stages = nn.ModuleList()
        fan_in = 3
        for fan_out in self.channels:
            self.stages.append(
                nn.Sequential(
                    nn.Conv2d(fan_in, fan_out, 3, padding=1, bias=False),
                    nn.BatchNorm2d(fan_out),
                    nn.ReLU(inplace=True),
                    nn.Conv2d(fan_out, fan_out, 3, padding=1, bias=False),
                    nn.BatchNorm2d(fan_out),
                    nn.ReLU(inplace=True),
                    nn.MaxPool2d(2),
                )
            )
            fan_in = fan_out

    def forward(self, pictures: Tensor) -> list[Tensor]:
        """Feature maps of (B, 3, H, W) normalised pictures, H and W multiples of 32."""
        features = []
        for stage in self.stages:
            pictures = stage(pictures)
            features.append(pictures)
        return features
