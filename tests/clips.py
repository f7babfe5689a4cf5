"""Small video files, written when a test needs them, and ways to spoil them."""

from __future__ import annotations

import re
import struct
from collections.abc import Callable, Container, Sequence
from fractions import Fraction
from pathlib import Path

import av
import numpy as np

Paint = Callable[[int, tuple[int, int]], np.ndarray]
MILLI = Fraction(1, 1000)
MPEG = Fraction(1, 90_000)
EQUAL = {"x264-params": "rc-lookahead=0:mbtree=0"}  # x264 then writes the same file every time


def even(n_frames: int, *, fps: float = 25, start_s: float = 0.0) -> list[float]:
    """Stamps of a constant rate, seconds."""
    return [start_s + number / fps for number in range(n_frames)]


def phone() -> list[float]:
    """Stamps as a phone writes them, seconds: a second of 30 frames, one of 12, two seconds of nothing, one of 30."""
    steps = [1 / 30] * 30 + [1 / 12] * 12 + [2.0] + [1 / 30] * 30
    return [0.0, *np.cumsum(steps).tolist()]


def drifting(number: int, size_hw: tuple[int, int]) -> np.ndarray:
    """Rough noise that moves to the right: a decoder has something to do, and every frame differs."""
    height, width = size_hw
    noise = np.random.default_rng(0).integers(0, 256, (height // 8 + 1, width // 8 + 1, 3), dtype=np.uint8)
    return np.roll(noise.repeat(8, axis=0).repeat(8, axis=1)[:height, :width], 2 * number, axis=1)


def corner(_number: int, size_hw: tuple[int, int]) -> np.ndarray:
    """Black, with a white upper left quarter: shows how a picture is turned."""
    picture = np.zeros((*size_hw, 3), dtype=np.uint8)
    picture[: size_hw[0] // 2, : size_hw[1] // 2] = 255
    return picture


def write_clip(
    path: Path,
    stamps_s: Sequence[float],
    *,
    size_hw: tuple[int, int] = (48, 64),
    paint: Paint = drifting,
    codec: str = "mpeg4",
    pixels: str = "yuv420p",
    unit: Fraction = MILLI,
    options: dict[str, str] | None = None,
    rate: int = 25,
    container: str | None = None,
    container_options: dict[str, str] | None = None,
    tags: dict[str, str] | None = None,
) -> Path:
    """Write a video of one stream.

    Args:
        path: its suffix chooses the container, unless that is given.
        stamps_s: a frame each, seconds; rounded to `unit`.
        size_hw: pixels.
        paint: (H, W, 3) uint8 RGB of frame number and size.
        codec: an encoder of FFmpeg.
        pixels: a pixel format of FFmpeg.
        unit: of stamps, seconds.
        options: of the encoder.
        rate: frames a second as the file declares them.
        container: a format of FFmpeg.
        container_options: of that format.
        tags: metadata of the stream.
    """
    settings = {"fflags": "+bitexact"} | (container_options or {})
    with av.open(str(path), "w", format=container, container_options=settings) as out:
        stream = out.add_stream(codec, rate=rate, options=(EQUAL if codec == "libx264" else {}) | (options or {}))
        stream.height, stream.width = size_hw
        stream.pix_fmt = pixels
        stream.codec_context.time_base = unit
        stream.codec_context.thread_count = 1
        stream.metadata.update(tags or {})
        for number, stamp_s in enumerate(stamps_s):
            frame = av.VideoFrame.from_ndarray(np.ascontiguousarray(paint(number, size_hw)), format="rgb24")
            frame.pts, frame.time_base = round(stamp_s / unit), unit
            out.mux(stream.encode(frame))
        out.mux(stream.encode())
    return path


def write_sound(path: Path) -> Path:
    """Write a tenth of a second of silence, and no picture."""
    with av.open(str(path), "w") as out:
        stream = out.add_stream("aac", rate=8000)
        frame = av.AudioFrame.from_ndarray(np.zeros((1, 1024), dtype=np.float32), format="fltp", layout="mono")
        frame.sample_rate = 8000
        out.mux(stream.encode(frame))
        out.mux(stream.encode())
    return path


def turn(path: Path, degrees: int) -> Path:
    """Rewrite an MP4 so that players turn it clockwise, as phones do: by the matrix of its track header."""
    cosine, sine = {0: (1, 0), 90: (0, 1), 180: (-1, 0), 270: (0, -1)}[degrees]
    one = 1 << 16
    matrix = struct.pack(">9i", cosine * one, sine * one, 0, -sine * one, cosine * one, 0, 0, 0, 1 << 30)
    content = path.read_bytes()
    start = content.index(b"tkhd") + 44  # after type, version, times, number, length, layer, group, volume
    path.write_bytes(content[:start] + matrix + content[start + len(matrix) :])
    return path


def cut(path: Path, share: float) -> Path:
    """Keep only the first part of a file."""
    content = path.read_bytes()
    path.write_bytes(content[: int(share * len(content))])
    return path


def spoil(path: Path, n_bytes: int, *, first: float = 0.3, last: float = 0.9, seed: int = 0) -> Path:
    """Invert some bytes between two places of a file, shares of its length."""
    content = bytearray(path.read_bytes())
    places = np.random.default_rng(seed).integers(int(first * len(content)), int(last * len(content)), n_bytes)
    for place in places.tolist():
        content[place] ^= 0xFF
    path.write_bytes(content)
    return path


def clear_pictures(clip: Path, numbers: Container[int]) -> None:
    """Overwrite the beginning of some JPEG pictures of a video with zeros."""
    content = bytearray(clip.read_bytes())
    starts = [found.start() for found in re.finditer(b"\xff\xd8\xff", content)]
    for number, start in enumerate(starts):
        if number in numbers:
            content[start : start + 500] = bytes(500)
    clip.write_bytes(content)
