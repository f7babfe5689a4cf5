"""From a network's coarse maps to fields, or directly to a class per pixel.

In:  maps of one picture at the network's stride, as `smalta.answers.fields` lists them.
Out: fields; class maps.

Resize and softmax are here and not in the network's graph, because that is faster. For 11 classes at 480 x 360 they
take 2 ms of one core here and 6 ms in OpenVINO; classes without probabilities take 1 ms. The maps are also small enough
for stitching them from tiles.

numpy and OpenCV. Must not know: networks, files.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence

import cv2
import numpy as np

from smalta.answers.decoding import USUAL, Decoding, best_of, decode
from smalta.answers.fields import HEADS
from smalta.classes import Attribute, ClassTree


def upscale(maps: np.ndarray, size_hw: tuple[int, int], stride: int) -> np.ndarray:
    """Upsample bilinearly, with each value at the middle of its cell, and crop to the picture's size.

    Args:
        maps: (C, h, w) float32, h >= ceil(H / stride).
        size_hw: H and W.
        stride: 1, 2 or 4.

    Returns:
        (C, H, W) float32, a new array.
    """
    height, width = size_hw
    raised = np.empty((len(maps), maps.shape[1] * stride, maps.shape[2] * stride), dtype=np.float32)
    for source, target in zip(maps, raised, strict=True):
        _resize(source, target)
    return raised[:, :height, :width] if raised.shape[1:] != size_hw else raised


def fields_of(
    maps: Mapping[str, np.ndarray], attributes: Sequence[Attribute], size_hw: tuple[int, int], stride: int
) -> dict[str, np.ndarray]:
    """All fields of one picture.

    Args:
        maps: by name, without a first axis for pictures.
        attributes: of the class tree.
        size_hw: of the picture.
        stride: of the maps.

    Returns:
        The fields that `smalta.answers.fields` lists, without a first axis for pictures.
    """
    cells = (slice(-(-size_hw[0] // stride)), slice(-(-size_hw[1] // stride)))
    fields = {}
    for head in (head for head in HEADS if head.map in maps):
        for name, channels in head.fields(attributes).items():
            values = maps[head.map][channels]
            field = upscale(values, size_hw, stride) if head.full_size else values[:, *cells]
            fields[name] = softmax(field) if head.activation == "softmax" else field
    return fields


def class_map(
    tree: ClassTree, logits: np.ndarray, size_hw: tuple[int, int], stride: int, decoding: Decoding = USUAL
) -> np.ndarray:
    """The class map of `smalta.answers.decoding.decode`, without computing probabilities if the decoding allows that.

    Args:
        tree: the classes.
        logits: (L, h, w) float32 of the leaves.
        size_hw: H and W of the picture.
        stride: of the logits.
        decoding: as for `decode`.

    Returns:
        (H, W) uint16 node ids.

    Raises:
        ClassTreeError: if the tree has no such level.
    """
    leaves = np.array(tree.leaves, dtype=np.uint16)
    threshold = decoding.threshold if tree.n_leaves == 2 else None
    if decoding.min_confidence or (tree.inner and threshold is None):
        return decode(tree, softmax(upscale(logits, size_hw, stride)), decoding)
    if threshold is None:
        best = leaves[best_of(_planes(logits, stride))[: size_hw[0], : size_hw[1]]]
    else:
        with np.errstate(divide="ignore"):
            least = np.float32(np.log(threshold) - np.log1p(-threshold))
        best = leaves[(upscale(logits[1:] - logits[:1], size_hw, stride)[0] >= least).astype(np.intp)]
    return best if decoding.level is None else tree.level_table(decoding.level).astype(np.uint16)[best]


def _planes(maps: np.ndarray, stride: int) -> Iterator[np.ndarray]:
    """The maps at full size, one after the other in the same memory."""
    plane = np.empty((maps.shape[1] * stride, maps.shape[2] * stride), dtype=np.float32)
    for source in maps:
        _resize(source, plane)
        yield plane


def _resize(source: np.ndarray, target: np.ndarray) -> None:
    cv2.resize(np.ascontiguousarray(source), target.shape[::-1], dst=target, interpolation=cv2.INTER_LINEAR)


def softmax(logits: np.ndarray) -> np.ndarray:
    """Softmax over the first axis, in place; plane by plane, many times faster than numpy's reductions over it."""
    largest = logits[0].copy()
    for plane in logits[1:]:
        np.maximum(largest, plane, out=largest)
    total = np.zeros_like(largest)
    for plane in logits:
        np.subtract(plane, largest, out=plane)
        np.exp(plane, out=plane)
        total += plane
    np.reciprocal(total, out=total)
    for plane in logits:
        plane *= total
    return logits
