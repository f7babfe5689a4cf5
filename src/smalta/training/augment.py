"""Random crops of a labelled picture, the same for picture and labels, drawn from a generator that the caller seeds.

In:  one `Sample`.
Out: `Crop`: tensors of one size, ready to be stacked.

The kernels are torchvision's (transforms v2), and OpenCV's for colours. The parameters are drawn here, from one
generator per crop. So a crop depends only on its seed, not on the thread or on earlier crops.

Must not know: networks, losses, batches.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass, field

import cv2
import numpy as np
import torch
from torch import Tensor
from torchvision.transforms.v2 import InterpolationMode
from torchvision.transforms.v2 import functional as TF

from smalta.classes import ROOT, ClassTree
from smalta.data.sample import Sample

GREY = np.array([0.2989, 0.587, 0.114])  # weights of red, green and blue, as torchvision has them
LEAST_FILLED = 0.9  # of a crop's side by its picture, or of the picture's own side if it is smaller than the crop


@dataclass(frozen=True, slots=True, kw_only=True)
class AugmentConfig:
    """How much crops vary.

    Attributes:
        scale: least and largest enlargement of the picture. A picture that is no larger than the crop shrinks by at
            most a tenth: otherwise most of the crop would have no label.
        stretch: largest ratio between the enlargements of the two axes.
        flip: probability of a mirrored crop.
        upside_down: whether crops are also flipped vertically and turned by 90 degrees; for pictures without an up.
        aimed: probability that the crop covers a pixel of a class drawn evenly among those in the picture.
        brightness, contrast, saturation: each factor is drawn from 1 - x to 1 + x.
        grey: probability of a crop without colour.
    """

    scale: tuple[float, float] = (0.6, 1.6)
    stretch: float = 1.15
    flip: float = 0.5
    upside_down: bool = False
    aimed: float = 0.3
    brightness: float = 0.3
    contrast: float = 0.3
    saturation: float = 0.3
    grey: float = 0.05


UNCHANGED = AugmentConfig(
    scale=(1.0, 1.0), stretch=1.0, flip=0.0, brightness=0.0, contrast=0.0, saturation=0.0, grey=0.0
)  # crops are plain parts of the pictures


@dataclass(frozen=True, slots=True, kw_only=True)
class Crop:
    """One augmented crop of a sample.

    Attributes:
        picture: (3, H, W) uint8.
        labels: (H, W) int16 node ids, 0 where the crop leaves the picture.
        attributes: by name, (H, W) uint8, 0 = not labelled.
        instances: (H, W) int32 object ids, 0 = no object; None if the sample has no objects.
    """

    picture: Tensor
    labels: Tensor
    attributes: Mapping[str, Tensor] = field(default_factory=dict)
    instances: Tensor | None = None


def random_crop(
    sample: Sample,
    tree: ClassTree,
    size_hw: tuple[int, int],
    config: AugmentConfig,
    rng: np.random.Generator,
    zoom: float = 1.0,
) -> Crop:
    """Draw one crop.

    Args:
        sample: the labelled picture.
        tree: gives the class that each class becomes in a mirrored picture.
        size_hw: of the crop, in pixels.
        config: how much crops vary.
        rng: consumed; the same state gives the same crop.
        zoom: scales every picture in addition to `config`, so that a smaller crop shows as much.
    """
    picture = torch.from_numpy(np.array(sample.picture)).permute(2, 0, 1)
    maps = [sample.classes.astype(np.int16), *(np.array(values) for values in sample.attributes.values())]
    if sample.instances is not None:
        maps.append(np.array(sample.instances, dtype=np.int32))
    labels = [torch.from_numpy(array)[None] for array in maps]
    picture, labels = _cut(picture, labels, _window(sample, size_hw, config, rng, zoom), size_hw)
    mirrored = False
    if rng.random() < config.flip:
        picture, labels, mirrored = TF.horizontal_flip(picture), [TF.horizontal_flip(x) for x in labels], True
    if config.upside_down:
        if rng.random() < 0.5:
            picture, labels, mirrored = TF.vertical_flip(picture), [TF.vertical_flip(x) for x in labels], not mirrored
        if rng.random() < 0.5 and size_hw[0] == size_hw[1]:
            picture, labels = picture.transpose(1, 2), [x.transpose(1, 2) for x in labels]
            mirrored = not mirrored
    classes = labels[0][0]
    if mirrored:
        classes = torch.from_numpy(tree.mirror.astype(np.int16))[classes.long()]
    instances = None if sample.instances is None else labels.pop()[0].contiguous()
    named = {name: x[0].contiguous() for name, x in zip(sample.attributes, labels[1:], strict=True)}
    picture = _recolour(picture, config, rng).contiguous()
    return Crop(picture=picture, labels=classes.contiguous(), attributes=named, instances=instances)


def smaller_crop(size_hw: tuple[int, int], share: float) -> tuple[tuple[int, int], float]:
    """A smaller crop of the same part of a picture.

    Args:
        size_hw: of the full crop, multiples of 32.
        share: side of the smaller crop divided by that of the full one, in (0, 1].

    Returns:
        Its size, multiples of 32, and the factor by which pictures in it are scaled. The shorter side is rounded down:
        a picture that just fills the full crop then fills this one too.
    """
    longer = max(size_hw)
    zoom = max(round(share * longer / 32), 1) * 32 / longer
    height, width = (max(int(zoom * side / 32 + 1e-6), 1) * 32 for side in size_hw)
    return (height, width), zoom


def _window(
    sample: Sample, size_hw: tuple[int, int], config: AugmentConfig, rng: np.random.Generator, zoom: float
) -> tuple[int, int, int, int]:
    """Top, left, height, width in the picture; the window may reach beyond a smaller picture."""
    height, width = sample.classes.shape
    # the scale at which the picture fills the crop in one direction
    covering = min(size_hw[0] / height, size_hw[1] / width)
    least, most = (zoom * limit for limit in config.scale)
    least = min(max(least, LEAST_FILLED * min(covering, zoom)), most)
    scale = math.exp(rng.uniform(math.log(least), math.log(most)))
    stretch = math.exp(rng.uniform(-1, 1) * math.log(config.stretch) / 2)
    cut_h = max(8, round(size_hw[0] / scale * stretch))
    cut_w = max(8, round(size_hw[1] / scale / stretch))
    center = _aim(sample.classes, rng) if rng.random() < config.aimed else None
    starts = []
    for length, cut, middle in ((height, cut_h, center and center[0]), (width, cut_w, center and center[1])):
        low, high = min(0, length - cut), max(0, length - cut)
        if middle is None:
            starts.append(int(rng.integers(low, high + 1)))
        else:
            starts.append(int(np.clip(middle - round(rng.uniform(0.2, 0.8) * cut), low, high)))
    return starts[0], starts[1], cut_h, cut_w


def _aim(classes: np.ndarray, rng: np.random.Generator) -> tuple[int, int] | None:
    """A pixel (y, x) of a class drawn evenly among those in the picture."""
    coarse = classes[::4, ::4]  # a quarter of the rows and columns is enough to find a class, and 16 times faster
    counts = np.bincount(coarse.ravel())
    counts[ROOT] = 0
    shown = np.flatnonzero(counts)
    if shown.size == 0:
        return None
    nth = rng.integers(counts[chosen := int(rng.choice(shown))])
    y, x = divmod(int(np.flatnonzero(coarse.ravel() == chosen)[nth]), coarse.shape[1])
    return 4 * y, 4 * x


def _cut(
    picture: Tensor, labels: list[Tensor], window: tuple[int, int, int, int], size_hw: tuple[int, int]
) -> tuple[Tensor, list[Tensor]]:
    """The window, resized to the crop's size; beyond the picture its edge pixels repeat, without labels."""
    top, left, height, width = window
    rows, columns = picture.shape[1:]
    beyond = [max(-left, 0), max(-top, 0), max(left + width - columns, 0), max(top + height - rows, 0)]
    inner = (max(top, 0), max(left, 0), min(top + height, rows), min(left + width, columns))
    picture = picture[:, inner[0] : inner[2], inner[1] : inner[3]]
    labels = [x[:, inner[0] : inner[2], inner[1] : inner[3]] for x in labels]
    if any(beyond):
        picture = TF.pad(picture, beyond, padding_mode="edge")
        labels = [TF.pad(x, beyond, fill=ROOT) for x in labels]
    size = list(size_hw)
    picture = TF.resize(picture, size, interpolation=InterpolationMode.BILINEAR, antialias=True)
    return picture, [TF.resize(x, size, interpolation=InterpolationMode.NEAREST_EXACT) for x in labels]


def _recolour(picture: Tensor, config: AugmentConfig, rng: np.random.Generator) -> Tensor:
    """Brightness, contrast, saturation and grey in one matrix: torchvision's formulas, rounded and clipped at the end.

    x -> b x, then towards the picture's mean grey by 1 - c, then towards each pixel's own grey by 1 - s.
    """
    bright, contrast, saturated = (
        float(rng.uniform(1 - reach, 1 + reach)) for reach in (config.brightness, config.contrast, config.saturation)
    )
    if rng.random() < config.grey:
        saturated = 0.0
    if bright == contrast == saturated == 1.0:
        return picture
    pixels = np.ascontiguousarray(picture.permute(1, 2, 0).numpy())
    colours = saturated * np.eye(3) + (1 - saturated) * GREY
    mean = float(GREY @ cv2.mean(pixels)[:3])
    shift = np.full((3, 1), (1 - contrast) * bright * mean)
    made = cv2.transform(pixels, np.hstack([bright * contrast * colours, shift]))
    return torch.from_numpy(made).permute(2, 0, 1)
