"""What another machine would have: no fonts of this one, and exponentials that are rounded in another way.

Must not know: smalta.
"""

from __future__ import annotations

import zlib
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from itertools import count
from typing import Any
from unittest import mock

import cv2
import numpy as np
from PIL import ImageDraw, ImageFont

LAST_BITS = 3e-7  # relative; numpy's exponential of float32 is wrong by up to 2.5 units in the last place


class Ruler:
    """A font without letters: each is half as wide as the font is high."""

    def __init__(self, size: float) -> None:
        self.size = size

    def getlength(self, text: str, *_: Any, **__: Any) -> float:
        return len(text) * self.size / 2


def _bar(
    self: ImageDraw.ImageDraw, xy: tuple[float, float], text: str, *_: Any, font: Ruler, anchor: str, **__: Any
) -> None:
    """A bar in place of a text, as long as the text, in a colour that the text gives."""
    width = font.getlength(text)
    left = round(xy[0] - (width / 2 if anchor[0] == "m" else 0))
    top, colour = round(xy[1] - font.size / 4), zlib.crc32(text.encode())
    box = (left, top, left + round(width), top + round(font.size / 2))
    self.rectangle(box, fill=(colour & 255, colour >> 8 & 255, colour >> 16 & 255))


@contextmanager
def without_fonts() -> Iterator[None]:
    """Bars are drawn instead of texts; for a process that has drawn none yet, as programs keep fonts."""
    with (
        mock.patch.object(ImageFont, "truetype", lambda _, size=10, *__, **___: Ruler(size)),
        mock.patch.object(ImageDraw.ImageDraw, "text", _bar),
    ):
        yield


@contextmanager
def shaken(seed: int) -> Iterator[None]:
    """Exponentials and filters of floats are wrong in the last bits, by chance."""
    calls = count()

    def wrong(function: Callable[..., Any]) -> Callable[..., Any]:
        def called(*args: Any, **named: Any) -> Any:
            result = function(*args, **named)
            # sums over cells are of whole numbers, or of few numbers
            if (
                isinstance(result, np.ndarray)
                and result.dtype.kind == "f"
                and named.get("interpolation") != cv2.INTER_AREA
            ):
                noise = np.random.default_rng([seed, next(calls)]).uniform(-LAST_BITS, LAST_BITS, result.shape)
                result *= (1 + noise).astype(result.dtype)
            return result

        return called

    with ExitStack() as stack:
        for module, name in ((np, "exp"), (np, "log"), (cv2, "GaussianBlur"), (cv2, "resize")):
            stack.enter_context(mock.patch.object(module, name, wrong(getattr(module, name))))
        yield
