"""Open a source with PyAV and decode its first video stream.

In:  a `Source`.
Out: decoded frames in the order in which they are shown, their stamps, how many packets were damaged.

Decoding uses one thread. The pictures are the same with more, and a damaged packet then also gives the same picture on
every run. Must not know: times that rise, RGB, what a lost stream is.
"""

from __future__ import annotations

import re
import threading
from collections.abc import Callable, Iterator
from fractions import Fraction
from typing import TYPE_CHECKING, Any, TypeVar

from smalta.errors import DataError
from smalta.video.reading.sources import Source, pyav, reason_of
from smalta.video.reading.stamps import MPEG_WRAP_S

if TYPE_CHECKING:
    from av import VideoFrame

MOST_ERRORS = 16  # in a row, of the container; after that it is taken as its end
_ATTACHED = 1 << 10  # disposition of a stream that is the cover of a song
_DECLARING = ("matroska", "mov", "avi", "flv", "asf")  # formats whose header states the length; others are estimated
_WITHOUT_STAMPS = frozenset(
    {"mjpeg", "mpjpeg", "jpeg_pipe", "h264", "hevc", "m4v"}
)  # FFmpeg invents 25 frames a second
_LIVE_OPTIONS = {"rtsp_transport": "tcp", "analyzeduration": "1000000"}  # UDP loses packets; a second to look around
_MATROSKA_LENGTH = re.compile(r"^(\d+):(\d+):(\d+(?:\.\d+)?)$")
T = TypeVar("T")


class Decoder:
    """One opened source.

    Args:
        source: a file, an address or a camera.
        silent_s: how long a stream or a camera may send nothing, seconds; None for a file.

    Attributes:
        silent_s: as given.
        tags: metadata of the video stream.
        fps: frames a second as declared; None if it is not, or outside 1..240.
        n_frames: as declared, or as the declared length and rate give; None if unknown.
        declared_frames: as declared; None if they are not.
        duration_s: length of the video, seconds; None if unknown, as for a live stream.
        declared_s: the same, if the file's header states it; else None.
        wrap_s: seconds after which its stamps start again at zero; None: never.
        without_stamps: whether the source has no stamps, so that FFmpeg invents them.
        skipped: packets that could not be decoded so far.
        repaired: frames that could be decoded in part so far.
        broken: whether reading stopped at an error of the container.

    Raises:
        ConfigError: if PyAV is not installed.
        DataError: if the source cannot be opened or holds no video that can be decoded.
    """

    def __init__(self, source: Source, *, silent_s: float | None = None) -> None:
        self._source = source
        self.silent_s = silent_s
        self._av = pyav()
        self._container = self._opened(silent_s)
        try:
            self._stream = self._video_stream()
        except DataError:
            self._container.close()
            raise
        self._stream.thread_type = "NONE"
        self._stream.codec_context.thread_count = 1
        self.tags = dict(self._stream.metadata)
        self.fps = self._rate()
        self.duration_s = self._duration()
        self.declared_s = self.duration_s if self._container.format.name.startswith(_DECLARING) else None
        self.declared_frames = self._stream.frames or None
        self.n_frames = self.declared_frames
        if self.n_frames is None and self.duration_s and self.fps:
            self.n_frames = max(1, round(self.duration_s * self.fps))
        self._unit = _fraction(self._stream.time_base) or Fraction(1)
        self.wrap_s = MPEG_WRAP_S if self._unit.denominator == 90_000 else None
        self.without_stamps = self._container.format.name in _WITHOUT_STAMPS
        self.skipped = self.repaired = 0
        self.broken = False

    def close(self) -> None:
        """Free the source; only the thread that decodes may call this."""
        self._container.close()

    def stamp_of(self, frame: VideoFrame) -> float | None:
        """The frame's own time stamp, seconds; None if it has none."""
        return None if frame.pts is None else frame.pts * self._unit.numerator / self._unit.denominator

    @property
    def pixel_shape(self) -> tuple[int, int]:
        """Width and height of a pixel on the screen, in any unit; (1, 1) if square or not declared."""
        ratio = _fraction(self._stream.sample_aspect_ratio) or Fraction(1)
        return ratio.numerator, ratio.denominator

    def frames(self) -> Iterator[VideoFrame | None]:
        """Decoded frames; None where something arrived that gives no frame.

        Raises:
            av.error.FFmpegError: if a stream stops. A file that is cut off or damaged ends, and `broken` says so.
        """
        errors = 0
        while True:
            try:
                for packet in self._container.demux():
                    errors = 0
                    if packet.stream.index == self._stream.index:
                        yield from self._decoded(packet)
                    else:
                        yield None
                return
            except self._av.error.InvalidDataError:  # of the container: later packets may be whole
                errors += 1
                self.broken = True
                if errors >= MOST_ERRORS:
                    break
            except self._av.error.FFmpegError:
                if self._source.kind != "file":
                    raise
                self.broken = True
                break
        yield from self._decoded(None)

    def _decoded(self, packet: Any) -> Iterator[VideoFrame | None]:
        """Frames of a packet; None or an empty packet gives those that the decoder still holds."""
        try:
            frames = self._stream.codec_context.decode(packet)
        except self._av.error.EOFError:
            return
        except (self._av.error.FFmpegError, ValueError):
            self.skipped += packet is not None and packet.size > 0
            yield None
            return
        for frame in frames:
            self.repaired += frame.is_corrupt
            yield frame
        if not frames:
            yield None

    def _opened(self, silent_s: float | None) -> Any:
        source, reason = self._source, ""
        if source.path is not None and source.path.stat().st_size == 0:
            raise DataError(f"{source.shown} is empty (zero bytes); copy or export it again")
        try:
            return self._av.open(
                source.address,
                format=source.format,
                timeout=silent_s,
                options={} if silent_s is None else dict(_LIVE_OPTIONS),
                **({"metadata_errors": "replace"} if int(self._av.__version__.split(".")[0]) < 19 else {}),
            )
        except (self._av.error.FFmpegError, ValueError) as error:
            reason = _unreadable(error) if source.kind == "file" else reason_of(error, silent_s=silent_s or 0.0)
        # outside `except`, because the error of PyAV names the whole address
        advice = "" if source.kind == "file" else "; check the address, and that the source is switched on"
        raise DataError(f"{source.shown}: {reason}{advice}")

    def _video_stream(self) -> Any:
        shown = self._source.shown
        streams = [stream for stream in self._container.streams.video if not int(stream.disposition) & _ATTACHED]
        if not streams:
            held = sorted({stream.type for stream in self._container.streams} - {"video"})
            raise DataError(f"{shown} holds no video{f', only {held[0]}' if held else ''}; name a file with pictures")
        if streams[0].codec_context is None:
            raise DataError(
                f"{shown} is coded in a way that the installed FFmpeg cannot decode; "
                "convert it to H.264, for example with `ffmpeg -i IN -c:v libx264 OUT.mp4`"
            )
        return streams[0]

    def _rate(self) -> float | None:
        fps = float(_fraction(self._stream.average_rate) or _fraction(self._stream.guessed_rate) or 0)
        return fps if 1 <= fps <= 240 else None

    def _duration(self) -> float | None:
        """Length of the video stream; that of the whole container only if there is nothing else in it."""
        stream, container = self._stream, self._container
        unit = _fraction(stream.time_base)
        if stream.duration and unit:
            return float(stream.duration * unit)
        written = _MATROSKA_LENGTH.match(self.tags.get("DURATION", ""))
        if written:
            hours, minutes, seconds = map(float, written.groups())
            return 3600 * hours + 60 * minutes + seconds
        if container.duration and container.duration > 0 and len(container.streams) == 1:
            return container.duration / 1e6
        return None


def _fraction(value: Any) -> Fraction | None:
    """A rational number of PyAV, a `Fraction` before version 19 and a kind of its own since; None if it is not set."""
    return Fraction(str(value)) if value else None


def opened_within(source: Source, silent_s: float) -> Decoder:
    """Open a stream or a camera; a name server or a driver that never answers cannot hold this up.

    Raises:
        DataError: if it cannot be opened, or not within `silent_s` seconds.
    """
    decoder = _within(silent_s, lambda: Decoder(source, silent_s=silent_s), lambda late: late.close())
    if decoder is None:
        raise DataError(f"{source.shown}: no answer for {silent_s:g} s; check the address, and that it is switched on")
    return decoder


def _within(limit_s: float, work: Callable[[], T], too_late: Callable[[T], object]) -> T | None:
    """The result of work in another thread; None if it takes longer, and then the result goes to `too_late`."""
    lock, done = threading.Lock(), threading.Event()
    results: list[T] = []
    errors: list[BaseException] = []
    given_up = False

    def run() -> None:
        try:
            result = work()
        except BaseException as error:
            errors.append(error)
        else:
            with lock:
                if not given_up:
                    results.append(result)
            if not results:
                too_late(result)
        done.set()

    threading.Thread(target=run, daemon=True, name="smalta-open").start()
    done.wait(limit_s)
    with lock:
        given_up = True
    if errors:
        raise errors[0]
    return results[0] if results else None


def _unreadable(error: Exception) -> str:
    """Why a file cannot be opened."""
    av = pyav().error
    if isinstance(error, av.PermissionError):
        return "this user may not read it; change its permissions"
    return (
        "it cannot be read as a video, because it is of another kind, or its header is cut off; "
        "export it again, or record to Matroska (.mkv), which survives an interruption"
    )
