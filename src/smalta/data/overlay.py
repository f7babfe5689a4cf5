"""Show a class map on its picture, and say which colour is which class.

In:  a picture, a class map, the class tree.
Out: pictures to look at.

Must not know: files, networks, where the class map comes from.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from functools import cache

import cv2
import numpy as np
from PIL import Image, ImageDraw, ImageFont

from smalta.classes import ROOT, ClassTree
from smalta.errors import ShapeError

_TEXT = (235, 235, 235)
_PAPER = (24, 24, 28)
_LINE = 20  # pixels per line of the legend
_SWATCH = 12
_GAP = 14
_FONTS = ("DejaVuSans.ttf", "NotoSans-Regular.ttf", "arial.ttf", "Arial.ttf")  # they hold more than Latin letters


def overlay(
    picture: np.ndarray,
    classes: np.ndarray,
    tree: ClassTree,
    *,
    instances: np.ndarray | None = None,
    opacity: float = 0.45,
) -> np.ndarray:
    """Blend the colour of every class over a picture; borders between classes stand in full colour.

    Unlabelled pixels keep the picture as it is.

    Args:
        picture: (H, W, 3) uint8 RGB.
        classes: (H, W) integer node ids.
        tree: gives the colours.
        instances: (H, W) integers; where given, borders between objects are drawn too.
        opacity: of the colour inside a class, in [0, 1].

    Returns:
        (H, W, 3) uint8 RGB.
    """
    if picture.shape != (*classes.shape, 3):
        raise ShapeError(f"picture must be {(*classes.shape, 3)} like its class map, got {picture.shape}")
    colors = tree.colors[classes]
    strength = np.where(classes != ROOT, np.float32(opacity), np.float32(0.0))
    strength[_borders(classes, instances) & (classes != ROOT)] = 1.0
    blend = picture + (colors.astype(np.float32) - picture) * strength[..., None]
    return np.rint(blend).astype(np.uint8)


def _borders(classes: np.ndarray, instances: np.ndarray | None) -> np.ndarray:
    """(H, W) bool: pixels whose class or object differs from a neighbour's; wider lines on large pictures."""
    regions = classes.astype(np.int64)
    if instances is not None:
        regions = regions + (instances.astype(np.int64) << 16)
    borders = np.zeros(classes.shape, dtype=np.uint8)
    borders[1:] |= regions[1:] != regions[:-1]
    borders[:-1] |= regions[1:] != regions[:-1]
    borders[:, 1:] |= regions[:, 1:] != regions[:, :-1]
    borders[:, :-1] |= regions[:, 1:] != regions[:, :-1]
    grow = min(classes.shape) // 600
    return cv2.dilate(borders, np.ones((2 * grow + 1, 2 * grow + 1), dtype=np.uint8)).astype(bool)


def legend(tree: ClassTree, node_ids: Iterable[int], width: int) -> np.ndarray:
    """A strip with the colour and the name of each class, in as many lines as the width asks for.

    Args:
        tree: gives names and colours.
        node_ids: the classes to name, in this order; 0 is named "unlabelled".
        width: of the strip in pixels, at least 1; a name that is wider is cut off.

    Returns:
        (lines * 20, width, 3) uint8 RGB, at least one line.
    """
    font = _font(13)
    names = [(node, tree.name(node)) for node in node_ids]
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


def with_legend(image: np.ndarray, tree: ClassTree, node_ids: Iterable[int]) -> np.ndarray:
    """A picture (H, W, 3) uint8 with the legend of these classes below it, (H + h, W, 3)."""
    return np.concatenate([image, legend(tree, node_ids, image.shape[1])])


def caption(text: str, width: int) -> np.ndarray:
    """A strip (20, width, 3) uint8 RGB with one line of text; a longer text keeps its end, which tells names apart."""
    font = _font(12)
    while len(text) > 1 and font.getlength(text) > width - 8:
        text = "…" + text.lstrip("…")[1:]
    strip = Image.new("RGB", (width, _LINE), _PAPER)
    ImageDraw.Draw(strip).text((4, _LINE // 2), text, fill=_TEXT, font=font, anchor="lm")
    return np.asarray(strip)


@cache
def _font(size: int) -> ImageFont.FreeTypeFont | ImageFont.ImageFont:
    """A font of this machine that writes most alphabets; else the one in Pillow, which writes Latin letters."""
    for name in _FONTS:
        try:
            return ImageFont.truetype(name, size)
        except OSError:
            continue
    return ImageFont.load_default(size=size)
