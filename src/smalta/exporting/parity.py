"""Compare an exported model's answers with PyTorch's.

In:  a file's content, the network from which it was made, pictures.
Out: `Parity`.

Must not know: how the file was made, where the pictures come from.
"""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import numpy as np

from smalta.answers.decoding import Decoding, decode
from smalta.answers.fields import SEMANTIC, heads_of
from smalta.answers.upscaling import fields_of
from smalta.description.model_info import ModelInfo
from smalta.model.network import Network
from smalta.model.torch_runtime import TorchRuntime
from smalta.runtimes.onnx_file import examine
from smalta.runtimes.onnx_runtimes import start

MOST_DIFFERENCE = 1e-3  # of a probability
MOST_PIXELS = 0.05  # of an offset
LEAST_EQUAL = 0.999  # share of pixels with the same class
LARGEST_SIDE = 1024  # pixels; larger pictures are cropped to their upper left part


@dataclass(frozen=True, slots=True, kw_only=True)
class Parity:
    """How close the file's answers are to PyTorch's in float32.

    Attributes:
        runtime: the runtime that ran the file.
        pictures: which pictures were compared, as text.
        max_difference: the largest difference of a value without a unit: a probability, the centre map.
        max_offset_difference: of a value in pixels, such as an offset to an object's centre; 0 without such values.
        equal_share: share of pixels with the same class.
    """

    runtime: str
    pictures: str
    max_difference: float
    max_offset_difference: float
    equal_share: float

    @property
    def holds(self) -> bool:
        """Whether the file may be used; False if a difference is nan."""
        return (
            self.max_difference <= MOST_DIFFERENCE
            and self.max_offset_difference <= MOST_PIXELS
            and self.equal_share >= LEAST_EQUAL
        )

    @property
    def beside_limits(self) -> str:
        """Each number with its limit, as a sentence."""
        return (
            f"probabilities differ by up to {self.max_difference:.2g} (allowed {MOST_DIFFERENCE:g}), offsets by up to "
            f"{self.max_offset_difference:.2g} px (allowed {MOST_PIXELS:g}), and "
            f"{self.equal_share:.3%} of the pixels get the same class (needed {LEAST_EQUAL:.1%})"
        )


def compare(
    content: bytes, network: Network, info: ModelInfo, pictures: Sequence[np.ndarray], described: str
) -> Parity:
    """Run both on the pictures.

    Args:
        content: of the exported file, in float32.
        network: from which the file was made.
        info: description of both.
        pictures: (H, W, 3) uint8 RGB, at least one.
        described: which pictures these are, as text.

    Raises:
        ModelError: if the file cannot be run.
    """
    # two streams: OpenVINO has been wrong with two alone (docs/decisions/0043)
    exported = start(content, examine(content), outputs=info.outputs, streams=2)
    reference = TorchRuntime(network, info.tree.attributes, device="cpu", bf16=False)
    differences: dict[str, float] = dict.fromkeys(info.fields, 0.0)
    equal = total = 0
    for picture in _with_odd_size(pictures):
        theirs, found = reference(picture[None]), exported.maps(picture[None])
        # smalta computes fields from the maps; other programs take the fields that the file gives
        maps = {name: found[name][0] for name in info.maps}
        ours = fields_of(maps, info.tree.attributes, picture.shape[:2], info.network.stride)
        for name in differences:  # np.maximum keeps nan
            for field in (ours[name], found[name][0]):
                differences[name] = float(np.maximum(differences[name], np.abs(field - theirs[name][0]).max()))
        answers = (ours[SEMANTIC], theirs[SEMANTIC][0])
        decoding = Decoding(threshold=info.threshold)
        classes = [decode(info.tree, probabilities, decoding) for probabilities in answers]
        equal += int((classes[0] == classes[1]).sum())
        total += classes[0].size
    in_pixels = {head.name for head in heads_of(info.network) if head.pixels is not None}
    return Parity(
        runtime=exported.name,
        pictures=described,
        max_difference=float(np.max([value for name, value in differences.items() if name not in in_pixels])),
        max_offset_difference=float(
            np.max([0.0, *(value for name, value in differences.items() if name in in_pixels)])
        ),
        equal_share=equal / total,
    )


def _with_odd_size(pictures: Sequence[np.ndarray]) -> Iterator[np.ndarray]:
    """The pictures, and a crop of the first one of an unusual size."""
    yield from (picture[:LARGEST_SIDE, :LARGEST_SIDE] for picture in pictures)
    height, width = pictures[0].shape[:2]
    yield pictures[0][: math.ceil(min(height, LARGEST_SIDE) * 0.7), : math.ceil(min(width, LARGEST_SIDE) * 0.8)]
