"""Fonts for pictures that people look at.

In:  a size.
Out: a font.

Must not know: what is written.
"""

from __future__ import annotations

from functools import cache

from PIL import ImageFont

_FONTS = ("DejaVuSans.ttf", "NotoSans-Regular.ttf", "arial.ttf", "Arial.ttf")  # they have more than Latin letters


@cache
def font_of(size: int) -> ImageFont.FreeTypeFont | ImageFont.ImageFont:
    """A font of this machine that has most alphabets, else Pillow's own font, which has Latin letters only.

    Args:
        size: of the letters, pixels.
    """
    for name in _FONTS:
        try:
            return ImageFont.truetype(name, size)
        except OSError:
            continue
    return ImageFont.load_default(size=size)
