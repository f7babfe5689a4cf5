"""One frame of a video as a picture with a pixel grid, for drawing zones and lines.

In:  a source of video and a time.
Out: a PNG with coordinates at all four sides.

Must not know: rules, networks.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from pathlib import Path

import cv2
import numpy as np
from PIL import Image, ImageDraw

from smalta.errors import ConfigError, DataError
from smalta.pictures.lettering import font_of
from smalta.pictures.writing import write_picture
from smalta.video.frames import Frame, Video, open_video

_SIDE = 1280  # pixels that the longer side of the picture gets at least, if whole enlargements allow it
_LARGEST = 32  # enlargement
_LINES = 20  # at most, along the longer side
_LETTERS = 15  # pixels
_MARGIN_XY = (52, 28)
_TICK = 5
_PAPER = (24, 24, 28)
_TEXT = (235, 235, 235)


@dataclass(frozen=True, slots=True, kw_only=True)
class Still:
    """A still that was written.

    Attributes:
        path: of the PNG.
        size_hw: of the frame, pixels; the PNG is larger.
        time_s: of the frame, seconds.
    """

    path: Path
    size_hw: tuple[int, int]
    time_s: float


def write_still(source: str | Path, out: str | Path, *, at_s: float = 0.0, fps: float | None = None) -> Still:
    """Write one frame as PNG, with a grid and coordinates in pixels of the video.

    Args:
        source: as for `open_video`.
        out: the file; it must not exist, so that nothing is overwritten.
        at_s: the first frame at this time stamp or later, seconds. Live: seconds after the first frame.
        fps: pictures a second, if the source is a folder.

    Raises:
        ConfigError: if the time is negative or after the last frame, or `out` is no PNG.
        DataError: if the source cannot be read, or `out` exists or cannot be written.

    Example:
        >>> write_still("street.mp4", "still.png", at_s=1.0).size_hw
        (96, 160)
    """
    out = Path(out)
    if not 0 <= at_s < math.inf:
        raise ConfigError(f"at_s must be at least 0 s, got {at_s:g}")
    if out.suffix.lower() != ".png":
        raise ConfigError(f"{out} must end in .png, because the still is written as PNG")
    if out.exists():
        raise DataError(f"{out} exists; choose another name or delete it")
    with open_video(source, fps=fps) as video:
        frame = _frame_at(video, at_s)
        height, width = video.size_hw
        name = Path(video.source).name if "://" not in video.source else video.source
    title = (
        f"{name} at {frame.time_s:.2f} s",
        f"{width} x {height} pixels; in the rules: picture: [{width}, {height}], points as [x, y]",
    )
    write_picture(out, gridded(frame.picture, title))
    return Still(path=out, size_hw=(height, width), time_s=frame.time_s)


def _frame_at(video: Video, at_s: float) -> Frame:
    """The first frame at that time or later."""
    last: Frame | None = None
    for item in video:
        if not isinstance(item, Frame):
            continue
        if last is None and video.live:
            at_s += item.time_s
        last = item
        if item.time_s >= at_s:
            return item
    last_s = last.time_s if last else 0.0
    raise ConfigError(
        f"at_s = {at_s:g} is after the last frame of {video.source}, at {last_s:.2f} s; name a time before it"
    )


def gridded(picture: np.ndarray, title: tuple[str, ...]) -> np.ndarray:
    """A picture with a grid over it, coordinates around it and lines of text below it.

    A grid line of coordinate 50 lies between the pixels 49 and 50; the upper left corner is (0, 0). Small pictures are
    enlarged by a whole number.

    Args:
        picture: (H, W, 3) uint8 RGB.
        title: lines of text.

    Returns:
        (h, w, 3) uint8 RGB, larger than the picture.
    """
    height, width = picture.shape[:2]
    zoom = min(max(_SIDE // max(height, width), 1), _LARGEST)
    step = step_of(max(height, width))
    large = cv2.resize(picture, (zoom * width, zoom * height), interpolation=cv2.INTER_NEAREST)
    _draw_lines(large, range(0, width + 1, step), zoom, axis=1)
    _draw_lines(large, range(0, height + 1, step), zoom, axis=0)
    across, down = _MARGIN_XY
    font = font_of(_LETTERS)
    least = max(math.ceil(font.getlength(line)) for line in title) + 2 * _TICK if title else 0
    canvas = Image.new(
        "RGB",
        (max(zoom * width + 2 * across, least), zoom * height + 2 * down + (_LETTERS + 8) * len(title)),
        _PAPER,
    )
    canvas.paste(Image.fromarray(large), (across, down))
    draw = ImageDraw.Draw(canvas)
    right, bottom = across + zoom * width, down + zoom * height
    for x in range(0, width + 1, max(step // 5, 1)):
        for edge, outside, anchor in ((down, -1, "mb"), (bottom, 1, "mt")):
            length = outside * (_TICK if x % step == 0 else _TICK // 2)
            draw.line((across + zoom * x, edge, across + zoom * x, edge + length), fill=_TEXT)
            if x % step == 0:
                draw.text((across + zoom * x, edge + length + 2 * outside), str(x), _TEXT, font, anchor)
    for y in range(0, height + 1, max(step // 5, 1)):
        for edge, outside, anchor in ((across, -1, "rm"), (right, 1, "lm")):
            length = outside * (_TICK if y % step == 0 else _TICK // 2)
            draw.line((edge, down + zoom * y, edge + length, down + zoom * y), fill=_TEXT)
            if y % step == 0:
                draw.text((edge + length + 2 * outside, down + zoom * y), str(y), _TEXT, font, anchor)
    for number, line in enumerate(title):
        draw.text((_TICK, bottom + down + number * (_LETTERS + 8)), line, _TEXT, font, "lt")
    return np.asarray(canvas)


def step_of(side: int) -> int:
    """Pixels between grid lines: 1, 2 or 5 times a power of ten, so that at most `_LINES` fit into the side."""
    power = 1
    while True:
        for first in (1, 2, 5):
            if side <= first * power * _LINES:
                return first * power
        power *= 10


def _draw_lines(large: np.ndarray, places: range, zoom: int, *, axis: int) -> None:
    """Lines that are seen on bright and on dark ground: a bright one with a dark one beside it, half transparent."""
    for place in places:
        for offset, shade, opacity in ((0, 255, 0.55), (-1, 0, 0.45)):
            at = zoom * place + offset
            if 0 <= at < large.shape[axis]:
                line = large[at] if axis == 0 else large[:, at]
                line[:] = np.round((1 - opacity) * line + opacity * shade)
