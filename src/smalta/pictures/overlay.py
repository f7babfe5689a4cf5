"""Draw a class map and objects over their picture, with names and a legend.

In:  a picture, a class map, an instance map, the class tree.
Out: pictures for people.

Must not know: files, networks, where the class map comes from.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from itertools import chain

import cv2
import numpy as np
from PIL import Image, ImageDraw

from smalta.classes import ROOT, ClassTree
from smalta.errors import ShapeError
from smalta.pictures.lettering import font_of

_TEXT = (235, 235, 235)
_PAPER = (24, 24, 28)
_LINE = 20  # pixels per line of the legend
_SWATCH = 12
_GAP = 14


def overlay(
    picture: np.ndarray,
    classes: np.ndarray,
    tree: ClassTree,
    *,
    instances: np.ndarray | None = None,
    opacity: float = 0.45,
) -> np.ndarray:
    """Blend the colour of every class over a picture; borders between classes have the full colour.

    Every object has an outline in a colour of its own. If the tree has only one class of things, the inside of an
    object has the object's colour too, because the colour of the class would not distinguish objects. Pixels that are
    unlabelled and in no object show the picture.

    Args:
        picture: (H, W, 3) uint8 RGB.
        classes: (H, W) integer node ids.
        tree: gives the colours.
        instances: (H, W) integer object ids, 0 = none; any numbers.
        opacity: of the colour inside a class, in [0, 1].

    Returns:
        (H, W, 3) uint8 RGB.

    Example:
        >>> dataset = open_dataset("scenes")
        >>> sample = dataset.read(dataset.split("test")[0])
        >>> overlay(sample.picture, sample.classes, dataset.tree, instances=sample.instances).shape
        (64, 96, 3)
    """
    if picture.shape != (*classes.shape, 3):
        raise ShapeError(f"picture must be {(*classes.shape, 3)} like its class map, got {picture.shape}")
    colors = tree.colors[classes]
    shown = classes != ROOT
    if instances is None:
        borders = _borders(classes)
    else:
        inside = instances != 0
        outlines = _borders(instances) & inside
        tinted = inside if np.count_nonzero(tree.is_thing[list(tree.leaves)]) == 1 else outlines
        colors[tinted] = object_colors(instances[tinted])
        borders = outlines | (_borders(classes) & ~inside)
        shown |= outlines
    strength = np.where(shown, np.float32(opacity), np.float32(0.0))
    strength[borders & shown] = 1.0
    blend = picture + (colors.astype(np.float32) - picture) * strength[..., None]
    return np.rint(blend).astype(np.uint8)


def write_names(image: np.ndarray, instances: np.ndarray, names: Sequence[Sequence[str]]) -> np.ndarray:
    """Write the first of its names that fits into every object; an object that is too small for all gets none.

    Args:
        image: (H, W, 3) uint8 RGB.
        instances: (H, W) integers, 0 = none, 1..N.
        names: for each of the N objects its possible names, the best first.

    Returns:
        (H, W, 3) uint8 RGB.
    """
    size = int(np.clip(min(instances.shape) // 40, 10, 28))
    font = font_of(size)
    canvas = Image.fromarray(image)
    draw = ImageDraw.Draw(canvas)
    width_of = {letter: font.getlength(letter) for letter in {letter for name in chain(*names) for letter in name}}
    for number, row, column in _middles(instances, size / 2):
        for name in names[number - 1]:
            half_hw = (size * 0.65 + 1, sum(width_of[letter] for letter in name) / 2 + 2)
            (top, left), (bottom, right) = (
                np.rint([row + sign * half_hw[0], column + sign * half_hw[1]]).astype(int) for sign in (-1, 1)
            )
            room = instances[max(top, 0) : bottom + 1, max(left, 0) : right + 1]
            if room.shape == (bottom - top + 1, right - left + 1) and (room == number).all():
                draw.text((column, row), name, fill=_TEXT, font=font, anchor="mm", stroke_width=1, stroke_fill=_PAPER)
                break
    return np.asarray(canvas)


def _middles(instances: np.ndarray, least: float) -> Iterator[tuple[int, int, int]]:
    """Number, row and column of the deepest pixel of every object that is at least `least` pixels deep."""
    inner = np.pad((instances != 0) & ~_borders(instances), 1).astype(np.uint8)
    depth = cv2.distanceTransform(inner, cv2.DIST_L2, 3)[1:-1, 1:-1]
    rows, columns = np.nonzero(depth >= least)
    numbers = instances[rows, columns]
    order = np.lexsort((-depth[rows, columns], numbers))
    first = order[np.unique(numbers[order], return_index=True)[1]]
    return zip(numbers[first].tolist(), rows[first].tolist(), columns[first].tolist(), strict=True)


def object_colors(numbers: np.ndarray) -> np.ndarray:
    """(..., 3) uint8 RGB for object ids (...): bright colours, far apart for consecutive numbers."""
    wheel = np.zeros((1, 360, 3), dtype=np.float32)
    steps = np.arange(360)
    wheel[0, :, 0] = (steps * 137.508) % 360  # the golden angle
    wheel[0, :, 1] = np.array([0.85, 0.5, 0.7])[steps % 3]
    wheel[0, :, 2] = 1.0
    table = np.rint(255 * cv2.cvtColor(wheel, cv2.COLOR_HSV2RGB)[0]).astype(np.uint8)
    return table[numbers % 360]


def _borders(regions: np.ndarray) -> np.ndarray:
    """(H, W) bool: pixels whose number differs from a neighbour's; lines are wider on large pictures."""
    borders = np.zeros(regions.shape, dtype=np.uint8)
    borders[1:] |= regions[1:] != regions[:-1]
    borders[:-1] |= regions[1:] != regions[:-1]
    borders[:, 1:] |= regions[:, 1:] != regions[:, :-1]
    borders[:, :-1] |= regions[:, 1:] != regions[:, :-1]
    grow = min(regions.shape) // 600
    return cv2.dilate(borders, np.ones((2 * grow + 1, 2 * grow + 1), dtype=np.uint8)).astype(bool)


def legend(tree: ClassTree, node_ids: Iterable[int], width: int, counts: Mapping[int, int] | None = None) -> np.ndarray:
    """A strip with the colour and the name of each class, in as many lines as the width needs.

    Args:
        tree: gives names and colours.
        node_ids: the classes to name, in this order; 0 is named "unlabelled".
        width: of the strip in pixels, at least 1; a wider name is cut off.
        counts: objects by class, written after the names of things; None writes no counts.

    Returns:
        (lines * 20, width, 3) uint8 RGB, at least one line.
    """
    font = font_of(13)
    names = [(node, tree.name(node) + _count(tree, node, counts)) for node in node_ids]
    lines = _break_lines([(node, name, int(font.getlength(name))) for node, name in names], width)
    strip = Image.new("RGB", (width, _LINE * max(1, len(lines))), _PAPER)
    draw = ImageDraw.Draw(strip)
    for row, line in enumerate(lines):
        top = row * _LINE
        for x, node, name in line:
            corner_yx = (top + (_LINE - _SWATCH) // 2, x)
            box = (corner_yx[1], corner_yx[0], corner_yx[1] + _SWATCH - 1, corner_yx[0] + _SWATCH - 1)
            draw.rectangle(box, fill=tuple(tree.colors[node].tolist()), outline=_TEXT if node == ROOT else None)
            draw.text((x + _SWATCH + 5, top + _LINE // 2), name, fill=_TEXT, font=font, anchor="lm")
    return np.asarray(strip)


def _count(tree: ClassTree, node: int, counts: Mapping[int, int] | None) -> str:
    number = 0 if counts is None else counts.get(node, 0)
    return f": {number}" if number or (counts is not None and tree.is_thing[node]) else ""


def _break_lines(words: Sequence[tuple[int, str, int]], width: int) -> list[list[tuple[int, int, str]]]:
    """Lines of (x, node, name) from (node, name, text width)."""
    lines: list[list[tuple[int, int, str]]] = []
    x = width
    for node, name, text_width in words:
        needed = _SWATCH + 5 + text_width + _GAP
        if not lines or x + needed > width:
            lines.append([])
            x = 6
        lines[-1].append((x, node, name))
        x += needed
    return lines


def with_legend(
    image: np.ndarray, tree: ClassTree, node_ids: Iterable[int], counts: Mapping[int, int] | None = None
) -> np.ndarray:
    """A picture (H, W, 3) uint8 with the legend of these classes below it, (H + h, W, 3)."""
    return np.concatenate([image, legend(tree, node_ids, image.shape[1], counts)])


def caption(text: str, width: int, *, size: int = 12) -> np.ndarray:
    """One line of text; of a text that is too long, only the end is shown.

    Args:
        text: the line.
        width: of the strip in pixels.
        size: of the letters in pixels.

    Returns:
        (h, width, 3) uint8 RGB; h is 20 for letters of 12 pixels and grows with them.
    """
    font, height = font_of(size), _LINE * size // 12
    while len(text) > 1 and font.getlength(text) > width - 8:
        text = "…" + text.lstrip("…")[1:]
    strip = Image.new("RGB", (width, height), _PAPER)
    ImageDraw.Draw(strip).text((4, height // 2), text, fill=_TEXT, font=font, anchor="lm")
    return np.asarray(strip)
