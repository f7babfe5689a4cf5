"""The decoder: coarse features meet fine ones on the way back up.

In:  feature maps of an encoder, from fine to coarse.
Out: one feature map of reduction 4, and the layer with which heads answer at that stride or a finer one.

Must not know: classes, which heads exist, training.
"""

from __future__ import annotations

import torch
import torch.nn.functional as F
from torch import Tensor, nn

FINEST = 4  # reduction of the finest map that convolutions work on
FROM_PICTURE = 12  # channels that are computed from the picture where the encoder has no map of that reduction
CONTEXT = 11  # cells of the coarsest map, 352 pixels at reduction 32: a little more than a training crop


def conv_norm_relu(fan_in: int, fan_out: int, kernel: int = 1, *, relu: bool = True) -> nn.Sequential:
    """Convolution that keeps the size, batch normalisation and, where asked, ReLU."""
    layers: list[nn.Module] = [
        nn.Conv2d(fan_in, fan_out, kernel, padding=kernel // 2, bias=False),
        nn.BatchNorm2d(fan_out),
    ]
    return nn.Sequential(*layers, *([nn.ReLU(inplace=True)] if relu else []))


class Separable(nn.Sequential):
    """Depthwise 3x3, then 1x1: the cheap form of a 3x3 convolution (Howard et al. 2017, MobileNets).

    There is no normalisation between them: together they are linear, and on a CPU it would take as much time as the
    convolutions.
    """

    def __init__(self, fan_in: int, fan_out: int) -> None:
        super().__init__(
            nn.Conv2d(fan_in, fan_in, 3, padding=1, groups=fan_in, bias=False),
            conv_norm_relu(fan_in, fan_out),
        )


class Context(nn.Module):
    """Scales each channel by its surroundings, as the head of lite R-ASPP (Howard et al. 2019, MobileNetV3) does.

    That head takes the mean over the whole picture. This one takes it over a window of about the size of a training
    crop. So the window holds what the network was trained on, whatever the size of the picture (Chu et al. 2022,
    arXiv:2112.04491). A part of a picture with enough context gets the same answer as in the whole picture.
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
    """One step up: bilinear to twice the size, add the skips, mix.

    Args:
        fan_in: channels of the coarser map.
        skips: channels of each map that joins, and its side divided by that of the result.
        fan_out: channels of the result.
        depth: how many convolutions mix.
    """

    def __init__(self, fan_in: int, skips: list[tuple[int, int]], fan_out: int, *, depth: int = 1) -> None:
        super().__init__()
        self.reduce = conv_norm_relu(fan_in, fan_out, relu=False)
        self.skips = nn.ModuleList(
            nn.Sequential(nn.Conv2d(channels, fan_out, side, stride=side, bias=False), nn.BatchNorm2d(fan_out))
            for channels, side in skips
        )
        self.mix = nn.Sequential(*(Separable(fan_out, fan_out) for _ in range(depth)))

    def forward(self, coarse: Tensor, skips: list[Tensor]) -> Tensor:
        """(B, C_in, h, w) and maps of 2 h and 2 w or a multiple of them -> (B, C_out, 2 h, 2 w)."""
        # 1x1 convolution and bilinear interpolation commute: reducing first moves fewer bytes.
        # A factor instead of the skip's size: OpenVINO corrupts a quantised map if the graph reads its size.
        merged = F.interpolate(self.reduce(coarse), scale_factor=2.0, mode="bilinear", align_corners=False)
        for layer, skip in zip(self.skips, skips, strict=True):
            merged = merged + layer(skip)
        return self.mix(F.relu(merged))


class Decoder(nn.Module):
    """Walks up from the coarsest map to that of reduction 4, whatever the stride of the answers.

    Finer maps join there: each block of 2 x 2 or 4 x 4 cells becomes one cell. The layers that answer give a block for
    each cell (Shi et al. 2016, sub-pixel convolution). So a finer answer takes little more time. Convolutions at
    stride 2 with half of the channels would move twice as many bytes, and memory traffic bounds the time on a CPU.

    Args:
        channels: channels of the encoder's maps, fine to coarse.
        reductions: their reductions, rising.
        stride: of the answers: 4, 2 or 1; finer maps do not join.
        width: channels at stride 4; the coarse steps have more.

    Attributes:
        out_channels: channels of the output.
    """

    def __init__(self, channels: list[int], reductions: list[int], *, stride: int, width: int) -> None:
        super().__init__()
        widths = {32: width * 4 // 3, 16: width * 4 // 3, 8: width, FINEST: width}
        maps = dict(zip(reductions, channels, strict=True))
        coarsest = reductions[-1]
        self.context = Context(channels[-1], widths[coarsest])
        self.from_picture = nn.ModuleDict()  # for reductions at which the encoder has no map
        for reduction in (16, 8, FINEST, 2, 1):
            if stride <= reduction < coarsest and reduction not in maps:
                self.from_picture[str(reduction)] = conv_norm_relu(3, FROM_PICTURE, 3)
                maps[reduction] = FROM_PICTURE
        self.merges = nn.ModuleDict()
        self.joining: dict[str, list[str]] = {}
        fan_in = widths[coarsest]
        for reduction in (r for r in (16, 8, FINEST) if r < coarsest):
            joining = [reduction] if reduction > FINEST else [r for r in (FINEST, 2, 1) if r >= stride]
            skips = [(maps[r], reduction // r) for r in joining]
            depth = 2 if reduction in (4, 8) else 1
            self.merges[str(reduction)] = Merge(fan_in, skips, widths[reduction], depth=depth)
            self.joining[str(reduction)] = [str(r) for r in joining]
            fan_in = widths[reduction]
        self.reductions = reductions
        self.out_channels = fan_in

    def forward(self, pictures: Tensor, features: list[Tensor]) -> Tensor:
        """One map of reduction 4.

        Args:
            pictures: (B, 3, H, W) normalised.
            features: the encoder's maps, fine to coarse.

        Returns:
            (B, out_channels, H / 4, W / 4).
        """
        maps = {str(reduction): feature for reduction, feature in zip(self.reductions, features, strict=True)}
        for reduction, stem in self.from_picture.items():
            side = int(reduction)
            shrunk = F.avg_pool2d(pictures, side) if side > 1 else pictures
            maps[reduction] = stem(shrunk)
        merged = self.context(features[-1])
        for reduction, merge in self.merges.items():
            merged = merge(merged, [maps[r] for r in self.joining[reduction]])
        return merged


class Answer(nn.Conv2d):
    """A 1x1 convolution that answers at a finer stride than its input has: a block of answers for each cell.

    The weights of a block start equal, so that the network does not have to unlearn a checkerboard pattern (Aitken et
    al. 2017, arXiv:1707.02937).

    Args:
        fan_in: channels.
        fan_out: values per answer.
        stride: of the answers; the input's is 4.
    """

    def __init__(self, fan_in: int, fan_out: int, *, stride: int) -> None:
        side = FINEST // stride
        super().__init__(fan_in, fan_out * side**2, 1)
        self.side = side
        with torch.no_grad():
            for values in self.parameters():
                values.copy_(values[:: side**2].repeat_interleave(side**2, dim=0))

    def forward(self, input: Tensor) -> Tensor:  # noqa: A002 - the name that nn.Conv2d gives it
        """(B, C_in, h, w) -> (B, C_out, side h, side w)."""
        answers = super().forward(input)
        return F.pixel_shuffle(answers, self.side) if self.side > 1 else answers
