"""Outlines and run lengths to pixels, and pixels to outlines and run lengths.

In:  polygons in pixels of the picture, COCO run lengths, masks.
Out: `Region`s, class maps painted from them, polygons whose pixels are exactly those of a mask.

Coordinates are continuous: pixel (x, y) covers [x, x + 1) x [y, y + 1). pycocotools fills polygons, so a region has
the pixels that COCO's own evaluation gives it.

Must not know: files, categories, class trees.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

import cv2
import numpy as np
from pycocotools import mask as coco_mask
from scipy.spatial import cKDTree

from smalta.classes import ROOT
from smalta.errors import DataError


@dataclass(frozen=True, slots=True)
class Region:
    """The part of a picture that an object covers: `mask` (h, w) bool, its corner at row `top`, column `left`."""

    top: int
    left: int
    mask: np.ndarray

    @property
    def area(self) -> int:
        """Pixels."""
        return int(self.mask.sum())

    @property
    def window(self) -> tuple[slice, slice]:
        """Rows and columns of the picture that `mask` lies on."""
        height, width = self.mask.shape
        return slice(self.top, self.top + height), slice(self.left, self.left + width)


NOTHING = Region(0, 0, np.zeros((0, 0), dtype=bool))


@dataclass(frozen=True, slots=True)
class Shape:
    """One object to be painted: where, which class node, and whether it counts as an object."""

    region: Region
    node: int
    is_object: bool = True


def paint(shapes: Iterable[Shape], size_hw: tuple[int, int], rest: int) -> tuple[np.ndarray, np.ndarray]:
    """Class map and instance map of a picture's objects.

    Shapes of the root (no statement) lie lowest, then the others from the largest to the smallest.

    Args:
        shapes: in the order of their file, which numbers the objects from 1.
        size_hw: height and width in pixels.
        rest: node of the pixels that no shape covers.

    Returns:
        (H, W) uint16 node ids and (H, W) int32 object ids.
    """
    classes = np.full(size_hw, rest, dtype=np.uint16)
    instances = np.zeros(size_hw, dtype=np.int32)
    numbered = []
    number = 0
    for shape in shapes:
        counts = shape.is_object and shape.node != ROOT
        number += counts
        numbered.append((shape.node != ROOT, -shape.region.area, number if counts else 0, shape))
    for *_, instance, shape in sorted(numbered, key=lambda item: item[:2]):
        window = shape.region.window
        classes[window][shape.region.mask] = shape.node
        instances[window][shape.region.mask] = instance
    return classes, instances


# -- polygons -----------------------------------------------------------------------------------------


def fill_polygons(parts: Sequence[Sequence[float]], size_hw: tuple[int, int]) -> Region:
    """Pixels of an object that is outlined by one polygon or several.

    Parts add up, but a part that lies wholly inside the others cuts a hole. A part of fewer than three points has no
    area and adds nothing.

    Args:
        parts: polygons as x1, y1, x2, y2, ... in pixels.
        size_hw: height and width of the picture in pixels.

    Raises:
        DataError: if a polygon holds half a point, no finite number, or lies far outside of the picture.
    """
    height, width = size_hw
    outlines = [_points(part, size_hw) for part in parts if len(part) >= 6 or len(part) % 2]
    if not outlines:
        return NOTHING
    every = np.concatenate(outlines)
    left, top = np.clip(np.floor(every.min(axis=0)).astype(int), 0, (width, height))
    right, bottom = np.clip(np.ceil(every.max(axis=0)).astype(int) + 1, 0, (width, height))
    if right <= left or bottom <= top:
        return NOTHING
    masks: list[np.ndarray] = []
    for outline in outlines:
        flat = (outline - (left, top)).ravel().tolist()
        window_hw = (int(bottom - top), int(right - left))
        runs = coco_mask.frPyObjects([flat], *window_hw)[0]["counts"].decode("ascii")
        part = decode_runs(runs, window_hw)
        mask = np.zeros(window_hw, dtype=bool)
        mask[part.window] = part.mask
        if not any(np.array_equal(mask, other) for other in masks):  # a part that stands twice is no hole
            masks.append(mask)
    masks.sort(key=lambda mask: -int(mask.sum()))
    filled = masks[0]
    for mask in masks[1:]:
        inside = mask.any() and filled[mask].all()
        filled = filled & ~mask if inside else filled | mask
    return Region(int(top), int(left), filled)


def fill_box(box: Sequence[float], size_hw: tuple[int, int]) -> Region:
    """Pixels that a box x, y, width, height touches, in pixels."""
    x, y, width, height = _points(box, size_hw).ravel()
    left, top = max(0, int(np.floor(x))), max(0, int(np.floor(y)))
    right, bottom = min(size_hw[1], int(np.ceil(x + width))), min(size_hw[0], int(np.ceil(y + height)))
    return Region(top, left, np.ones((max(0, bottom - top), max(0, right - left)), dtype=bool))


def _points(part: Sequence[float], size_hw: tuple[int, int]) -> np.ndarray:
    if len(part) % 2:
        raise DataError(f"an outline holds {len(part)} numbers, but points are pairs x, y")
    points = np.asarray(part, dtype=np.float64).reshape(-1, 2)
    if not np.isfinite(points).all() or (np.abs(points) > 10 * max(size_hw)).any():
        raise DataError(
            f"an outline has points that are not in or near its picture of {size_hw[1]} x {size_hw[0]} pixels"
        )
    return points


def outline(region: Region) -> list[np.ndarray]:
    """Outer and inner outlines of a region, which holds a pixel at least.

    Every outline runs a sixth of a pixel inside the pixels' edges, so that any rule that fills a pixel by its centre
    gives the region back.

    Returns:
        (n, 2) float64 points x, y in pixels of the picture; an outline that lies inside another bounds a hole.
    """
    height, width = region.mask.shape
    fine = cv2.resize(region.mask.astype(np.uint8), (3 * width, 3 * height), interpolation=cv2.INTER_NEAREST)
    contours, _ = cv2.findContours(fine, cv2.RETR_CCOMP, cv2.CHAIN_APPROX_SIMPLE)
    corner = np.array([region.left, region.top])
    return [corner + (contour[:, 0, :] + 0.5) / 3.0 for contour in contours]


def has_holes(mask: np.ndarray) -> bool:
    """Whether some background of a mask (h, w) is enclosed."""
    _, tree = cv2.findContours(mask.astype(np.uint8), cv2.RETR_CCOMP, cv2.CHAIN_APPROX_SIMPLE)
    return tree is not None and bool((tree[0, :, 3] >= 0).any())


def join(outlines: Sequence[np.ndarray]) -> np.ndarray:
    """One polygon through several outlines, parts and holes alike, by bridges that go there and back.

    A bridge has no width, so filling by the even-odd rule gives the same pixels as the outlines together.

    Args:
        outlines: (n, 2) points x, y each; at least one.

    Returns:
        (n, 2) points.
    """
    ring, *others = outlines
    for part in others:
        nearest, place = cKDTree(part).query(ring)
        i = int(nearest.argmin())
        j = int(place[i])
        ring = np.concatenate([ring[: i + 1], part[j:], part[: j + 1], ring[i:]])
    return ring


# -- run lengths --------------------------------------------------------------------------------------


def decode_runs(counts: Sequence[int] | str, size_hw: tuple[int, int]) -> Region:
    """Pixels of COCO run lengths, which go down the columns and start with pixels that are off.

    Args:
        counts: lengths, or the text of COCO's compressed form.
        size_hw: height and width of the picture in pixels.

    Raises:
        DataError: if the lengths are not the picture's pixels.
    """
    height, width = size_hw
    lengths = np.asarray(_uncompress(counts) if isinstance(counts, str) else counts, dtype=np.int64)
    if (lengths < 0).any() or (lengths > height * width).any() or lengths.sum() != height * width:
        raise DataError(
            f"run lengths add up to {lengths.sum()} pixels, but the picture has {width} x {height} = {width * height}"
        )
    stops = lengths.cumsum()
    on, off = stops[0::2][: len(lengths) // 2], stops[1::2]
    on, off = on[off > on], off[off > on]
    if not len(on):
        return NOTHING
    left, right = int(on[0]) // height, int(off[-1] - 1) // height + 1
    change = np.zeros((right - left) * height + 1, dtype=np.int8)
    change[on - left * height] += 1
    change[off - left * height] -= 1
    return Region(0, left, change[:-1].cumsum(dtype=np.int8).astype(bool).reshape(right - left, height).T)


def encode_runs(mask: np.ndarray) -> str:
    """COCO's compressed run lengths of a mask (H, W)."""
    return coco_mask.encode(np.asfortranarray(mask.astype(np.uint8)))["counts"].decode("ascii")


def _uncompress(text: str) -> list[int]:
    """Run lengths of COCO's text form: 6 bits a letter, 5 of them value, from the third on relative to two before.

    pycocotools would decode it too, but trusts the text with the memory that it writes to.
    """
    lengths: list[int] = []
    value = shift = 0
    for letter in text:
        bits = ord(letter) - 48
        if not 0 <= bits < 64 or shift > 60:
            raise DataError(f"compressed run lengths hold {letter!r}, which is no letter of that code")
        value |= (bits & 31) << shift
        shift += 5
        if not bits & 32:
            if bits & 16:
                value -= 1 << shift
            lengths.append(value + (lengths[-2] if len(lengths) > 2 else 0))
            value = shift = 0
    if shift:
        raise DataError("compressed run lengths end in the middle of a number")
    return lengths
