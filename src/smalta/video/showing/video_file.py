"""Write pictures as an MP4 file, each at its own time.

In:  pictures (H, W, 3) uint8 RGB, seconds.
Out: an H.264 file, which can be played as far as it was written if the program is killed.

Must not know: what the pictures show.
"""

from __future__ import annotations

from fractions import Fraction
from pathlib import Path
from types import TracebackType
from typing import Any, Self

import numpy as np

from smalta.errors import ConfigError, DataError

TICKS = 90_000  # in a second, as in MPEG
QUALITY = "23"  # constant rate factor of x264; lower is better
KEY_SECONDS = 2


class VideoFile:
    """An MP4 file; use it in a `with` statement.

    Args:
        path: of the file; its folder exists.
        size_hw: of the pictures, pixels; an odd last row or column is left out, because H.264 has pairs.
        fps: about how many pictures a second come.

    Raises:
        ConfigError: if PyAV is not installed.
        DataError: if the file cannot be written.
    """

    def __init__(self, path: Path, size_hw: tuple[int, int], fps: float) -> None:
        try:
            import av
        except ImportError as error:
            raise ConfigError("writing video needs PyAV; run `pip install 'smalta[video]'`") from error
        self._av, self._path = av, path
        self._size_hw = (max(size_hw[0] // 2 * 2, 2), max(size_hw[1] // 2 * 2, 2))
        self._first_s: float | None = None
        self._last_tick = -1
        codec = "libx264" if "libx264" in av.codecs_available else "mpeg4"
        rate = Fraction(fps).limit_denominator(1000)
        try:
            path.open("wb").close()  # PyAV opens it with the first picture
            # without these options a file whose program was killed cannot be opened
            options = {"movflags": "+hybrid_fragmented", "flush_packets": "1"}
            self._file: Any = av.open(str(path), "w", format="mp4", options=options)
            stream: Any = self._file.add_stream(codec, rate=rate)
            stream.height, stream.width = self._size_hw
            stream.pix_fmt = "yuv420p"
            stream.codec_context.time_base = Fraction(1, TICKS)
            stream.codec_context.gop_size = max(1, round(KEY_SECONDS * fps))
            stream.codec_context.max_b_frames = 0  # with them, the first picture of an unfinished file is late
            if codec == "libx264":
                stream.options = {"crf": QUALITY, "preset": "veryfast"}
        except (OSError, ValueError) as error:
            raise self._unwritable(error) from error
        self._stream = stream

    def write(self, picture: np.ndarray, time_s: float) -> None:
        """Add a picture.

        Args:
            picture: (H, W, 3) uint8 RGB; one of another size is padded with black or cut.
            time_s: later than that of the picture before; the first one is at second 0 of the file.
        """
        height, width = self._size_hw
        if picture.shape[:2] != self._size_hw:
            canvas = np.zeros((height, width, 3), dtype=np.uint8)
            part = picture[:height, :width]
            canvas[: part.shape[0], : part.shape[1]] = part
            picture = canvas
        frame = self._av.VideoFrame.from_ndarray(np.ascontiguousarray(picture), format="rgb24")
        self._first_s = time_s if self._first_s is None else self._first_s
        self._last_tick = max(round((time_s - self._first_s) * TICKS), self._last_tick + 1)
        frame.pts, frame.time_base = self._last_tick, Fraction(1, TICKS)
        self._encode(frame)

    def close(self) -> None:
        """Write what is left; a file without pictures is removed, and a second call does nothing."""
        if self._file is None:
            return
        if self._first_s is not None:
            self._encode(None)
        self._file.close()
        self._file = None
        if self._first_s is None:
            self._path.unlink(missing_ok=True)

    def _encode(self, frame: Any) -> None:
        try:
            self._file.mux(self._stream.encode(frame))
        except OSError as error:
            raise self._unwritable(error) from error

    def _unwritable(self, error: Exception) -> DataError:
        reason = getattr(error, "strerror", None) or error
        return DataError(f"{self._path} cannot be written ({reason}); free space, or omit --video")

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()


def free_name(path: Path) -> Path:
    """The path, or with -2, -3, ... after its stem the first one that does not exist."""
    number, free = 1, path
    while free.exists():
        number += 1
        free = path.with_stem(f"{path.stem}-{number}")
    return free
