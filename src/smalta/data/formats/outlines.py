"""Turn outlines and run lengths into pixels, and pixels into outlines and run lengths.

In:  polygons in pixels of the picture, COCO run lengths, masks.
Out: `Region`s, class maps painted from them, polygons whose pixels are exactly those of a mask.

Coordinates are continuous: pixel (x, y) covers [x, x + 1) x [y, y + 1). pycocotools fills polygons, so a region has
the same pixels as in COCO's own evaluation.

Must not know: files, categories, class trees.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from enum import IntEnum

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


class Layer(IntEnum):
    """How certain the pixels of a shape are; a more certain shape lies above."""

    BOX = 0  # an object is somewhere inside
    CROWD = 1  # several objects that are not labelled one by one
    OUTLINE = 2


@dataclass(frozen=True, slots=True)
class Shape:
    """One object to paint: its region, its class node, whether it gets an object id, and its layer."""

    region: Region
    node: int
    is_object: bool = True
    layer: Layer = Layer.OUTLINE


def paint(shapes: Iterable[Shape], size_hw: tuple[int, int], rest: int) -> tuple[np.ndarray, np.ndarray]:
    """Class map and instance map of a picture's objects.

    If shapes overlap, the higher layer lies above, then the smaller area, then the later shape. Crowds have a class
    and no object id.

    Args:
        shapes: in the order of their file; objects are numbered from 1 in this order.
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
        counts = shape.is_object and shape.node != ROOT and shape.layer == Layer.OUTLINE
        number += counts
        numbered.append((shape.layer, -shape.region.area, number if counts else 0, shape))
    for *_, instance, shape in sorted(numbered, key=lambda item: item[:2]):
        window = shape.region.window
        classes[window][shape.region.mask] = shape.node
        instances[window][shape.region.mask] = instance
    return classes, instances


# -- polygons -----------------------------------------------------------------------------------------


def fill_polygons(parts: Sequence[Sequence[float]], size_hw: tuple[int, int]) -> Region:
    """Pixels of an object with one polygon or several, in a format that does not say which polygons are holes.

    The object is the union of the parts, except that a part wholly inside the others is a hole. A part of fewer than
    three points has no area. Pixels outside of the picture are cut off.

    Args:
        parts: polygons as x1, y1, x2, y2, ... in pixels.
        size_hw: height and width of the picture in pixels.

    Raises:
        DataError: if a polygon has an odd number of values or a value that is not finite, or no part of the object is
            in the picture.
    """
    outlines = [_points(part, size_hw) for part in parts if len(part) >= 6 or len(part) % 2]
    window = _window(outlines, size_hw)
    if window is None:
        return NOTHING
    filled = np.zeros(window[2:], dtype=bool)
    pieces = [_filled(outline, window) for outline in outlines]
    # without duplicates: a second copy of a part would be a hole
    different = {(one.top, one.left, one.mask.shape, one.mask.tobytes()): one for one in pieces}
    for piece in sorted(different.values(), key=lambda piece: -piece.area):
        place, mask = filled[piece.window], piece.mask
        place[mask] = not (mask.any() and place[mask].all())
    return Region(window[0], window[1], filled)


def fill_rings(polygons: Sequence[Sequence[np.ndarray]], size_hw: tuple[int, int]) -> Region:
    """Pixels of an object in a format that says which rings are holes.

    Args:
        polygons: each an outer ring and the rings of its holes, (n, 2) points x, y in pixels.
        size_hw: height and width of the picture in pixels.

    Raises:
        DataError: as in `fill_polygons`.
    """
    solid = [[_points(ring, size_hw) for ring in rings] for rings in polygons if rings and len(rings[0]) > 2]
    window = _window([rings[0] for rings in solid], size_hw)
    if window is None:
        return NOTHING
    filled = np.zeros(window[2:], dtype=bool)
    for outer, *holes in solid:
        mask = _fill(outer, window)
        for hole in holes:
            if len(hole) > 2:
                mask &= ~_fill(hole, window)
        filled |= mask
    return Region(window[0], window[1], filled)


def _window(outlines: Sequence[np.ndarray], size_hw: tuple[int, int]) -> tuple[int, int, int, int] | None:
    """Top, left, height and width of the part of the picture that holds the outlines; None if it is empty."""
    if not outlines:
        return None
    points = outlines[0] if len(outlines) == 1 else np.concatenate(outlines)
    (x_min, y_min), (x_max, y_max) = points.min(axis=0).tolist(), points.max(axis=0).tolist()
    height, width = size_hw
    if x_min > width or y_min > height or x_max < 0 or y_max < 0:
        raise DataError(
            f"an outline lies outside of its picture of {width} x {height} pixels: x {x_min:g} to {x_max:g}, "
            f"y {y_min:g} to {y_max:g}; correct its coordinates, or remove it"
        )
    left, top = max(0, int(x_min)), max(0, int(y_min))
    right, bottom = min(width, int(np.ceil(x_max)) + 1), min(height, int(np.ceil(y_max)) + 1)
    return (top, left, bottom - top, right - left) if right > left and bottom > top else None


def _filled(outline: np.ndarray, window: tuple[int, int, int, int]) -> Region:
    """The part of a window that an outline covers; its place is relative to the window's corner."""
    top, left, height, width = window
    flat = (outline - (left, top)).ravel().tolist()
    runs = coco_mask.frPyObjects([flat], height, width)[0]["counts"].decode("ascii")
    return decode_runs(runs, (height, width))


def _fill(outline: np.ndarray, window: tuple[int, int, int, int]) -> np.ndarray:
    part = _filled(outline, window)
    mask = np.zeros(window[2:], dtype=bool)
    mask[part.window] = part.mask
    return mask


def fill_box(box: Sequence[float], size_hw: tuple[int, int]) -> Region:
    """Pixels that a box x, y, width, height touches, in pixels."""
    x, y, width, height = _points(box, size_hw).ravel()
    left, top = max(0, int(np.floor(x))), max(0, int(np.floor(y)))
    right, bottom = min(size_hw[1], int(np.ceil(x + width))), min(size_hw[0], int(np.ceil(y + height)))
    return Region(top, left, np.ones((max(0, bottom - top), max(0, right - left)), dtype=bool))


def _points(part: Sequence[float] | np.ndarray, size_hw: tuple[int, int]) -> np.ndarray:
    numbers = np.asarray(part, dtype=np.float64)
    if numbers.size % 2:
        raise DataError(f"an outline holds {numbers.size} numbers; points are pairs x, y, so the number must be even")
    points = numbers.reshape(-1, 2)
    if not np.isfinite(points).all() or (np.abs(points) > 10 * max(size_hw)).any():
        raise DataError(
            f"an outline has points that are not in or near its picture of {size_hw[1]} x {size_hw[0]} pixels; "
            "correct its coordinates, or remove it"
        )
    return points


def outline(region: Region) -> list[np.ndarray]:
    """Outer and inner outlines of a region, which has at least one pixel.

    Every outline runs a sixth of a pixel inside the pixels' edges. So every rule that fills pixels by their centres
    restores the region exactly.

    Returns:
        (n, 2) float64 points x, y in pixels of the picture; an outline inside another outline is a hole.
    """
    height, width = region.mask.shape
    fine = cv2.resize(region.mask.astype(np.uint8), (3 * width, 3 * height), interpolation=cv2.INTER_NEAREST)
    contours, _ = cv2.findContours(fine, cv2.RETR_CCOMP, cv2.CHAIN_APPROX_SIMPLE)
    corner = np.array([region.left, region.top])
    return [corner + (contour[:, 0, :] + 0.5) / 3.0 for contour in contours]


def rings(region: Region) -> list[list[np.ndarray]]:
    """Polygons along the edges of a region's pixels, each an outer ring and the rings of its holes.

    Pixels that touch only at a corner are in different polygons, so no ring crosses or touches itself.

    Returns:
        (n, 2) int32 points x, y in the picture. The first point is repeated at the end. Outer rings have a positive
        signed area (with x to the right and y upwards: counter-clockwise), holes a negative one.
    """
    _, parts, stats, _ = cv2.connectedComponentsWithStats(region.mask.astype(np.uint8), connectivity=4)
    polygons = []
    for number, (left, top, width, height, _) in enumerate(stats[1:].tolist(), start=1):
        part = (parts[top : top + height, left : left + width] == number).astype(np.uint8)
        fine = cv2.resize(part, (3 * width, 3 * height), interpolation=cv2.INTER_NEAREST)
        contours, tree = cv2.findContours(fine, cv2.RETR_CCOMP, cv2.CHAIN_APPROX_SIMPLE)
        corner = np.array([region.left + left, region.top + top], dtype=np.int32)
        # outlines turn in the first or last third of a pixel, a third away from its corner
        closed = [_closed((contour[:, 0, :] + 1) // 3)[::-1] + corner for contour in contours]
        is_hole = tree[0, :, 3] >= 0
        polygons.append([closed[i] for i in np.argsort(is_hole, kind="stable")])
    return polygons


def _closed(points: np.ndarray) -> np.ndarray:
    """A ring (n, 2) without repeated neighbours, with the first point repeated at the end."""
    kept = points[(points != np.roll(points, 1, axis=0)).any(axis=1)]
    return np.concatenate([kept, kept[:1]])


def has_holes(mask: np.ndarray) -> bool:
    """Whether a mask (h, w) encloses background."""
    _, tree = cv2.findContours(mask.astype(np.uint8), cv2.RETR_CCOMP, cv2.CHAIN_APPROX_SIMPLE)
    return tree is not None and bool((tree[0, :, 3] >= 0).any())


def join(outlines: Sequence[np.ndarray]) -> np.ndarray:
    """One polygon through several outlines, parts and holes, joined by bridges that are drawn there and back.

    A bridge has no width, so filling by the even-odd rule gives the same pixels as the separate outlines.

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
    """Pixels of COCO run lengths, which go down the columns and start with a run of background.

    Args:
        counts: lengths, or the text of COCO's compressed form.
        size_hw: height and width of the picture in pixels.

    Raises:
        DataError: if the lengths do not add up to the picture's pixels.
    """
    height, width = size_hw
    lengths = np.asarray(_uncompress(counts) if isinstance(counts, str) else counts, dtype=np.int64)
    if (lengths < 0).any() or (lengths > height * width).any() or lengths.sum() != height * width:
        raise DataError(
            f"run lengths add up to {lengths.sum()} pixels, and the picture has {width} x {height} = {width * height}; "
            "export them again"
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


def encode_runs(region: Region, size_hw: tuple[int, int]) -> str:
    """COCO's compressed run lengths of a region in a picture with height and width `size_hw`."""
    columns, rows = np.nonzero(region.mask.T)
    places = (columns + region.left) * size_hw[0] + rows + region.top
    ends = np.flatnonzero(np.diff(places) > 1)
    on, off = places[np.append(0, ends + 1)], places[np.append(ends, -1)] + 1
    stops = np.stack([on, off], axis=1).ravel()
    if stops[-1] < size_hw[0] * size_hw[1]:
        stops = np.append(stops, size_hw[0] * size_hw[1])
    counts = np.diff(stops, prepend=0).tolist()
    return coco_mask.frPyObjects({"size": list(size_hw), "counts": counts}, *size_hw)["counts"].decode("ascii")


def _uncompress(text: str) -> list[int]:
    """Run lengths of COCO's text form: 6 bits a letter, 5 of them for the value.

    From the third on, a length is stored as the difference to the length two places before. pycocotools could decode
    the text too, but a wrong text makes it write outside of its memory.
    """
    lengths: list[int] = []
    value = shift = 0
    for letter in text:
        bits = ord(letter) - 48
        if not 0 <= bits < 64 or shift > 60:
            raise DataError(f"compressed run lengths hold {letter!r}, not a letter of that code; export them again")
        value |= (bits & 31) << shift
        shift += 5
        if not bits & 32:
            if bits & 16:
                value -= 1 << shift
            lengths.append(value + (lengths[-2] if len(lengths) > 2 else 0))
            value = shift = 0
    if shift:
        raise DataError("compressed run lengths end in the middle of a number; export them again")
    return lengths
