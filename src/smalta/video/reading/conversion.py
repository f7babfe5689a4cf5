"""From decoded frames to upright RGB pictures of one size.

In:  frames of PyAV, each with a size, a pixel format and perhaps a display matrix.
Out: (H, W, 3) uint8.

Must not know: files, time stamps.
"""

from __future__ import annotations

import struct
from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import cv2
import numpy as np

from smalta.errors import DataError
from smalta.video.reading.sources import pyav

if TYPE_CHECKING:
    from av import VideoFrame

SHAPE_TOLERANCE = 0.02  # of width / height; sizes are rounded to even numbers


@dataclass(frozen=True, slots=True, kw_only=True)
class Turn:
    """How stored pixels become upright: rows and columns are swapped first, then the picture is mirrored.

    Attributes:
        transposed: whether rows and columns are swapped.
        flip_rows: whether the first row becomes the last.
        flip_columns: whether the first column becomes the last.
    """

    transposed: bool = False
    flip_rows: bool = False
    flip_columns: bool = False

    @classmethod
    def of_matrix(cls, matrix: tuple[int, ...]) -> Turn:
        """The multiple of 90 degrees, perhaps mirrored, that is nearest to a display matrix.

        Args:
            matrix: (a, b, u, c, d, v, x, y, w) of ISO/IEC 14496-12: a pixel (p, q) = (column, row) is shown at
                (a p + c q + x, b p + d q + y).
        """
        a, b, _u, c, d = matrix[:5]
        if abs(a) + abs(d) >= abs(b) + abs(c):
            return cls(flip_rows=d < 0, flip_columns=a < 0)
        return cls(transposed=True, flip_rows=b < 0, flip_columns=c < 0)

    @classmethod
    def of_degrees(cls, degrees: float) -> Turn:
        """The turn of a `rotate` tag: degrees clockwise, rounded to a multiple of 90."""
        quarters = round(degrees / 90) % 4
        return (
            cls(),
            cls(transposed=True, flip_columns=True),
            cls(flip_rows=True, flip_columns=True),
            cls(transposed=True, flip_rows=True),
        )[quarters]

    def size(self, size_hw: tuple[int, int]) -> tuple[int, int]:
        """The upright size of a stored size, and the other way round."""
        return (size_hw[1], size_hw[0]) if self.transposed else size_hw

    def upright(self, picture: np.ndarray) -> np.ndarray:
        """(h, w, 3) uint8 stored pixels, upright."""
        if self.transposed:
            picture = cv2.transpose(picture)
        if self.flip_rows or self.flip_columns:
            code = -1 if self.flip_rows and self.flip_columns else 0 if self.flip_rows else 1
            picture = cv2.flip(picture, code)
        return picture


def turn_of(frame: VideoFrame, tags: Mapping[str, str]) -> Turn:
    """How a frame becomes upright: by its display matrix, else by the `rotate` tag of its stream.

    Args:
        frame: of PyAV.
        tags: metadata of the stream; old phones and Matroska files write `rotate`.
    """
    matrix: Any = frame.side_data.get("DISPLAYMATRIX")
    if matrix is not None:
        return Turn.of_matrix(struct.unpack("=9i", bytes(matrix)))
    tag = next((value for key, value in tags.items() if key.lower() == "rotate"), "0")
    try:
        return Turn.of_degrees(float(tag))
    except (ValueError, OverflowError):
        return Turn()


class Converter:
    """Makes pictures of one size of all frames of a source.

    Frames of another size and the same shape are resized. Frames of another shape are refused, because zones and lines
    would no longer lie where they were drawn.

    Args:
        source: for messages.
        frame: the first; its upright size is the size of the source.
        tags: metadata of the stream.
        small_hw: size of the pictures; None: the size of the source.
    """

    def __init__(
        self, source: str, frame: VideoFrame, tags: Mapping[str, str], *, small_hw: tuple[int, int] | None
    ) -> None:
        self._source = source
        self._tags = tags
        self._own_hw = turn_of(frame, tags).size((frame.height, frame.width))
        self.size_hw = small_hw or self._own_hw
        self.resized: tuple[float, tuple[int, int]] | None = None  # time and size of the first frame of another size
        self._scaler = pyav().video.reformatter.VideoReformatter()

    def picture(self, frame: VideoFrame, time_s: float) -> np.ndarray:
        """(H, W, 3) uint8 RGB, upright, of size `size_hw`.

        Args:
            frame: decoded.
            time_s: for messages, seconds.

        Raises:
            DataError: if the frame has another shape than the first.
        """
        turn = turn_of(frame, self._tags)
        upright_hw = turn.size((frame.height, frame.width))
        if upright_hw != self._own_hw:
            self._check_shape(upright_hw, time_s)
            self.resized = self.resized or (time_s, upright_hw)
        height, width = turn.size(self.size_hw)
        scaled = self._scaler.reformat(
            frame,
            width=width,
            height=height,
            format="rgb24",
            interpolation="AREA" if height < frame.height else "BILINEAR",
            threads=1,
        )
        return np.ascontiguousarray(turn.upright(scaled.to_ndarray()))

    def _check_shape(self, upright_hw: tuple[int, int], time_s: float) -> None:
        (height, width), (own_height, own_width) = upright_hw, self._own_hw
        if abs(width * own_height / (height * own_width) - 1) > SHAPE_TOLERANCE:
            raise DataError(
                f"{self._source} changes its shape at {time_s:.2f} s, from {own_width} x {own_height} to "
                f"{width} x {height} pixels; zones and lines would no longer fit, so watch each part on its own"
            )
