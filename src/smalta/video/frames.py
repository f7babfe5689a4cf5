"""Open any source of video.

In:  the path of a file or of a folder of pictures, the address of a stream, the number of a camera.
Out: `Video`, an iterator of `Frame`, and of `Lost`, `Found` or `Ended` where they happen.

Must not know: networks, tracks, rules.
"""

from __future__ import annotations

from pathlib import Path

from smalta.errors import ConfigError
from smalta.video.reading.decoding import Decoder, opened_within
from smalta.video.reading.files import FileVideo, PicturesVideo
from smalta.video.reading.items import Ended, Found, Frame, Lost, Video
from smalta.video.reading.live import LiveLimits, LiveVideo
from smalta.video.reading.sources import Source, shown_source, source_of

__all__ = ["Ended", "Found", "Frame", "LiveLimits", "Lost", "Video", "open_video", "shown_source"]

_PATIENT = LiveLimits()


def open_video(
    source: str | Path,
    *,
    fps: float | None = None,
    from_frame: int = 0,
    small_hw: tuple[int, int] | None = None,
    limits: LiveLimits = _PATIENT,
) -> Video:
    """Open a source of video.

    A file, and a video on a server whose length is known, give every frame and then `Ended`. A live source gives the
    newest frame only, and `Lost` and `Found` instead of an end.

    Args:
        source: the path of a video, a folder of pictures, an address such as "rtsp://user:password@camera/stream", or
            the number of a camera, such as "0".
        fps: pictures a second of a folder; nothing else may have it, because videos have time stamps.
        from_frame: number of the first frame that is handed out. The frames before it are decoded, so that numbers,
            times and pictures are exactly those of a reading from the start. Not for live sources.
        small_hw: size of the pictures, pixels; None: the size of the source.
        limits: live sources only: how long to wait.

    Raises:
        ConfigError: if an argument does not fit the source, or PyAV is not installed.
        DataError: if the source does not exist, does not answer, or holds no video that can be decoded.

    Example:
        >>> with open_video("street.mp4") as video:
        ...     times = [item.time_s for item in video if isinstance(item, Frame)]
    """
    if small_hw is not None and min(small_hw) < 1:
        raise ConfigError(f"small_hw must be at least 1 x 1 pixels, got {small_hw}")
    if from_frame < 0:
        raise ConfigError(f"from_frame must be at least 0, got {from_frame}")
    meant = source_of(source)
    if meant.kind == "pictures" and meant.path is not None:
        return PicturesVideo(meant.path, fps=_rate(meant, fps), from_frame=from_frame, small_hw=small_hw)
    if fps is not None:
        raise ConfigError(f"fps = {fps:g} is for folders of pictures; {meant.shown} has time stamps, so leave it out")
    if meant.kind == "file":
        return FileVideo(meant, Decoder(meant), from_frame=from_frame, small_hw=small_hw)
    decoder = opened_within(meant, limits.silent_s)
    if meant.kind == "stream" and decoder.duration_s is not None:
        return FileVideo(meant, decoder, from_frame=from_frame, small_hw=small_hw)
    if from_frame:
        decoder.close()
        raise ConfigError(f"from_frame = {from_frame} needs a video with an end; {meant.shown} is live")
    return LiveVideo(meant, decoder, limits=limits, small_hw=small_hw)


def _rate(source: Source, fps: float | None) -> float:
    if fps is None:
        raise ConfigError(f"{source.shown} is a folder of pictures, which have no time stamps; state --fps")
    if not 0 < fps <= 1000:
        raise ConfigError(f"fps must be more than 0 and at most 1000, got {fps:g}")
    return fps
