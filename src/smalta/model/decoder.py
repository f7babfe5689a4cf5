"""The decoder: coarse features meet fine ones on the way back up.

In:  feature maps of an encoder, from fine to coarse.
Out: one feature map at the stride asked for.

Must not know: classes, heads, training.
"""

from __future__ import annotations

import torch
import torch.nn.functional as F
from torch import Tensor, nn

CONTEXT = 11  # places of the coarsest map, 352 pixels at reduction 32: a little more than a training view


def conv_norm_relu(fan_in: int, fan_out: int, kernel: int = 1, *, relu: bool = True) -> nn.Sequential:
    """Convolution that keeps the size, batch normalisation and, where asked, ReLU."""
    layers: list[nn.Module] = [
        nn.Conv2d(fan_in, fan_out, kernel, padding=kernel // 2, bias=False),
        nn.BatchNorm2d(fan_out),
    ]
    return nn.Sequential(*layers, *([nn.ReLU(inplace=True)] if relu else []))


class Separable(nn.Sequential):
    """Depthwise 3x3, then 1x1: the cheap form of a 3x3 convolution (Howard et al. 2017, MobileNets).

    The two are linear together, so there is nothing to normalise between them, and on a CPU that would cost as much
    time as the convolutions.
    """

    def __init__(self, fan_in: int, fan_out: int) -> None:
        super().__init__(
            nn.Conv2d(fan_in, fan_in, 3, padding=1, groups=fan_in, bias=False),
            conv_norm_relu(fan_in, fan_out),
        )


class Context(nn.Module):
    """Scales each channel by what lies around, as the head of lite R-ASPP (Howard et al. 2019, MobileNetV3) does.

    There the mean is taken over the whole picture. Here it is over a window of about the size of a training view: a
    picture of any size then gives the network what it was trained on (Chu et al. 2022, arXiv:2112.04491), and a part
    of a picture with enough around it gives the same answer as the whole.
    """

    def __init__(self, fan_in: int, fan_out: int) -> None:
        super().__init__()
        self.project = conv_norm_relu(fan_in, fan_out)
        self.gate = nn.Conv2d(fan_in, fan_out, 1)
        self.around = nn.AvgPool2d(CONTEXT, stride=1, padding=CONTEXT // 2, count_include_pad=False)

    def forward(self, features: Tensor) -> Tensor:
        """(B, C_in, h, w) -> (B, C_out, h, w)."""
        return self.project(features) * torch.sigmoid(self.gate(self.around(features)))


class Merge(nn.Module):
    """One step up: bilinear to twice the size, add the skip through a 1x1 convolution, mix."""

    def __init__(self, fan_in: int, skip: int, fan_out: int, *, depth: int = 1) -> None:
        super().__init__()
        self.reduce = conv_norm_relu(fan_in, fan_out, relu=False)
        self.skip = conv_norm_relu(skip, fan_out, relu=False)
        self.mix = nn.Sequential(*(Separable(fan_out, fan_out) for _ in range(depth)))

    def forward(self, coarse: Tensor, skip: Tensor) -> Tensor:
        """(B, C_in, h, w) and (B, C_skip, 2 h, 2 w) -> (B, C_out, 2 h, 2 w)."""
        # 1x1 convolution and bilinear interpolation commute: reducing first moves fewer bytes.
        # A factor instead of the skip's size: OpenVINO mixes up the memory of a quantised map whose size is asked for.
        raised = F.interpolate(self.reduce(coarse), scale_factor=2.0, mode="bilinear", align_corners=False)
        return self.mix(F.relu(raised + self.skip(skip)))


class Decoder(nn.Module):
    """Walks up from the coarsest map to `stride`.

    Args:
        channels: channels of the encoder's maps, fine to coarse.
        reductions: their reductions, rising.
        stride: side of the picture divided by side of the output: 4, 2 or 1.
        width: channels at stride 4; the coarse steps have more, the fine ones fewer.

    Attributes:
        out_channels: channels of the output.
    """

    def __init__(self, channels: list[int], reductions: list[int], *, stride: int, width: int) -> None:
        super().__init__()
        self.stride = stride
        widths = {32: width * 4 // 3, 16: width * 4 // 3, 8: width, 4: width, 2: width // 2, 1: width // 4}
        maps = dict(zip(reductions, channels, strict=True))
        coarsest = reductions[-1]
        self.context = Context(channels[-1], widths[coarsest])
        self.from_picture = nn.ModuleDict()  # what no map of the encoder gives, the picture itself does
        self.merges = nn.ModuleDict()
        fan_in = widths[coarsest]
        for reduction in (r for r in (16, 8, 4, 2, 1) if stride <= r < coarsest):
            if reduction not in maps:
                self.from_picture[str(reduction)] = conv_norm_relu(3, widths[reduction] // 2, 3)
                maps[reduction] = widths[reduction] // 2
            depth = 2 if reduction in (4, 8) else 1
            self.merges[str(reduction)] = Merge(fan_in, maps[reduction], widths[reduction], depth=depth)
            fan_in = widths[reduction]
        self.reductions = reductions
        self.out_channels = fan_in

    def forward(self, pictures: Tensor, features: list[Tensor]) -> Tensor:
        """One map at the stride.

        Args:
            pictures: (B, 3, H, W) normalised.
            features: the encoder's maps, fine to coarse.

        Returns:
            (B, out_channels, H / stride, W / stride).
        """
        maps = {str(reduction): feature for reduction, feature in zip(self.reductions, features, strict=True)}
        for reduction, stem in self.from_picture.items():
            side = int(reduction)
            shrunk = F.avg_pool2d(pictures, side) if side > 1 else pictures
            maps[reduction] = stem(shrunk)
        merged = self.context(features[-1])
        for reduction, merge in self.merges.items():
            merged = merge(merged, maps[reduction])
        return merged
