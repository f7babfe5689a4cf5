"""Read videos that have an end: files, finished videos on a server, folders of pictures.

In:  an open decoder, or a folder.
Out: every frame in order, then `Ended`; the same on every run and on every machine.

Must not know: live sources, networks.
"""

from __future__ import annotations

import re
from collections.abc import Generator, Iterator
from dataclasses import dataclass
from itertools import chain, islice
from pathlib import Path
from typing import TYPE_CHECKING, TypeVar

import cv2
import numpy as np

from smalta.errors import DataError
from smalta.pictures.finding import pictures_in
from smalta.pictures.reading import read_picture
from smalta.video.reading.conversion import SHAPE_TOLERANCE, Converter
from smalta.video.reading.decoding import Decoder
from smalta.video.reading.items import Ended, Found, Frame, Lost, Video, counts
from smalta.video.reading.sources import Source, pyav, reason_of
from smalta.video.reading.stamps import Stamps

if TYPE_CHECKING:
    from av import VideoFrame

LONG_GAP_S = 10.0  # without a frame: worth a note
LATE_START_S = 1.0  # a first time stamp that is worth a note
CUT_S = 1.0  # so much less than declared is worth a note
_FIRST_FRAMES = 12  # give the frame rate of a file that does not declare it
T = TypeVar("T")


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class _Decoded:
    """A frame, its own stamp, and how many packets before it could not be decoded."""

    frame: VideoFrame
    stamp_s: float | None
    skipped: int


class FileVideo(Video):
    """A video with an end.

    Args:
        source: a file or an address.
        decoder: opened on it; it is closed with this.
        from_frame: number of the first frame that is handed out.
        small_hw: size of the pictures; None: as stored.

    Raises:
        DataError: if there is no frame that can be decoded.
    """

    live = False

    def __init__(
        self, source: Source, decoder: Decoder, *, from_frame: int = 0, small_hw: tuple[int, int] | None = None
    ) -> None:
        self.source = source.shown
        self._decoder = decoder
        self._stamps = Stamps(wrap_s=decoder.wrap_s)
        frames = self._until_it_stops()
        first = list(islice(frames, 1 if decoder.fps else _FIRST_FRAMES))
        if not first:
            decoder.close()
            raise DataError(
                f"{self.source} holds no frame that can be decoded ({decoder.skipped} packets are damaged); "
                "copy or export it again"
            )
        self._converter = Converter(self.source, first[0].frame, decoder.tags, small_hw=small_hw)
        self.size_hw = self._converter.size_hw
        self.fps = decoder.fps or rate_of(first)
        self.n_frames = decoder.n_frames
        self._stamps = Stamps(step_s=1 / self.fps if self.fps else None, wrap_s=decoder.wrap_s)
        self._begin_s = 0.0
        self._decoded = 0
        self._complete = False
        self._items = self._read(chain(first, frames), from_frame)

    def __next__(self) -> Frame | Lost | Found | Ended:
        return next(self._items)

    def close(self) -> None:
        """Free the file."""
        self._items.close()
        self._decoder.close()

    def notes(self) -> list[str]:
        """What the user should know of the frames so far, one sentence each."""
        decoder, faults = self._decoder, self._stamps.faults
        rate = f"{self.fps:g} frames a second" if self.fps else "the frame before"
        notes = counts(
            ("damaged packets that were skipped", decoder.skipped),
            ("damaged frames that were decoded in part", decoder.repaired),
            ("frames that are not used, because their time stamp is not later than the one before", faults.refused),
            (f"frames without a usable time stamp, whose time follows from {rate}", faults.missing),
            ("new starts of the time stamps, at which time goes on without a gap", faults.restarts),
        )
        if faults.longest_gap_s > LONG_GAP_S:
            notes.append(f"there is no frame for {faults.longest_gap_s:,.1f} s after {faults.gap_at_s:,.2f} s")
        if self._begin_s > LATE_START_S:
            notes.append(f"the time stamps of the file begin at {self._begin_s:.2f} s")
        return notes + self._notes_of_pictures() + self._notes_of_the_end()

    def _notes_of_pictures(self) -> list[str]:
        notes = []
        if self._converter.resized:
            at_s, (height, width) = self._converter.resized
            notes.append(
                f"from {at_s:.2f} s on there are frames of {width} x {height} pixels; "
                f"they are resized to {self.size_hw[1]} x {self.size_hw[0]}"
            )
        across, down = self._decoder.pixel_shape
        if across != down:
            notes.append(f"its pixels are not square ({across}:{down}); coordinates count the stored pixels")
        return notes

    def _notes_of_the_end(self) -> list[str]:
        """Whether the file ends before its declared end."""
        if not self._complete:
            return []
        declared, held = self._decoder.declared_frames, self._decoded + self._decoder.skipped
        if declared and held < declared:
            return [f"the file ends early: it declares {declared} frames and holds {held}"]
        length_s = self._stamps.last_s - self._begin_s + (1 / self.fps if self.fps else 0.0)
        declared_s = self._decoder.declared_s or 0.0
        if declared_s - length_s > CUT_S:
            return [f"the file ends early: it declares {declared_s:.1f} s and holds {length_s:.1f} s"]
        return ["reading stopped at damaged data before the end of the file"] if self._decoder.broken else []

    def _read(self, frames: Iterator[_Decoded], from_frame: int) -> Generator[Frame | Ended, None, None]:
        skipped, refused = 0, 0  # as they were at the frame before
        for now, following in with_next(frames):
            number = self._decoded
            self._decoded += 1
            time_s = self._stamps.time_of(now.stamp_s, following_s=following.stamp_s if following else None)
            if time_s is None:
                continue
            if number == 0:
                self._begin_s = time_s
            faults = self._stamps.faults
            dropped = now.skipped - skipped + faults.refused - refused
            skipped, refused = now.skipped, faults.refused
            if number >= from_frame:
                picture = self._converter.picture(now.frame, time_s)
                yield Frame(number=number, time_s=time_s, picture=picture, dropped=dropped, utc_s=None)
        self._complete = True
        damaged = self._decoder.skipped + self._decoder.repaired
        yield Ended(frames=self._decoded, damaged=damaged, time_s=self._stamps.last_s)

    def _until_it_stops(self) -> Iterator[_Decoded]:
        """The frames; a server that stops answering is an error with a sentence."""
        decoder, reason = self._decoder, ""
        try:
            for frame in decoder.frames():
                if frame is not None:
                    yield _Decoded(frame=frame, stamp_s=decoder.stamp_of(frame), skipped=decoder.skipped)
        except pyav().error.FFmpegError as error:
            reason = reason_of(error, silent_s=decoder.silent_s or 0.0)
        if reason:
            raise DataError(
                f"{self.source} stopped at {self._stamps.last_s:.2f} s: {reason}; download the file and use its path"
            )


class PicturesVideo(Video):
    """A folder of pictures as a video; names are sorted as people count, so `9.png` comes before `10.png`.

    Args:
        folder: of pictures.
        fps: pictures a second.
        from_frame: number of the first frame that is handed out.
        small_hw: size of the pictures; None: as stored.

    Raises:
        DataError: if the folder holds no picture that can be read.
    """

    live = False

    def __init__(
        self, folder: Path, *, fps: float, from_frame: int = 0, small_hw: tuple[int, int] | None = None
    ) -> None:
        self.source = str(folder)
        self.fps = fps
        self._rate = fps
        self._paths = sorted(pictures_in(folder), key=counted)
        self._damaged: list[str] = []
        self._resized = 0
        self._own_hw = self._first_size()
        self.size_hw = small_hw or self._own_hw
        self.n_frames = len(self._paths)
        self._items = self._read(from_frame)

    def __next__(self) -> Frame | Lost | Found | Ended:
        return next(self._items)

    def close(self) -> None:
        """Nothing is open between two pictures."""
        self._items.close()

    def notes(self) -> list[str]:
        """What the user should know of the frames so far, one sentence each."""
        first = f", first {self._damaged[0]}" if self._damaged else ""
        return counts(
            (f"pictures that cannot be read and were skipped{first}", len(self._damaged)),
            (f"pictures of another size, resized to {self.size_hw[1]} x {self.size_hw[0]}", self._resized),
        )

    def _first_size(self) -> tuple[int, int]:
        problem: DataError | None = None
        for path in self._paths:
            try:
                height, width = read_picture(path).shape[:2]
            except DataError as error:
                problem = problem or error
            else:
                return height, width
        raise problem or DataError(f"there is no picture in {self.source}; name a folder of pictures or a video")

    def _read(self, from_frame: int) -> Generator[Frame | Ended, None, None]:
        number, dropped, time_s = 0, 0, 0.0
        for place, path in enumerate(self._paths):
            try:
                picture = read_picture(path)
            except DataError:
                self._damaged.append(path.name)
                dropped += 1
                continue
            time_s = place / self._rate
            if number >= from_frame:
                yield Frame(
                    number=number, time_s=time_s, picture=self._fitted(picture, path), dropped=dropped, utc_s=None
                )
            number, dropped = number + 1, 0
        yield Ended(frames=number, damaged=len(self._damaged), time_s=time_s)

    def _fitted(self, picture: np.ndarray, path: Path) -> np.ndarray:
        (height, width), (own_height, own_width) = picture.shape[:2], self._own_hw
        if abs(width * own_height / (height * own_width) - 1) > SHAPE_TOLERANCE:
            raise DataError(
                f"{path} has {width} x {height} pixels, and the pictures before it {own_width} x {own_height}; "
                "pictures of one folder must have one shape"
            )
        self._resized += (height, width) != self._own_hw
        if (height, width) == self.size_hw:
            return picture
        smaller = height > self.size_hw[0]
        return cv2.resize(picture, self.size_hw[::-1], interpolation=cv2.INTER_AREA if smaller else cv2.INTER_LINEAR)


def rate_of(frames: list[_Decoded]) -> float | None:
    """Frames a second of the first frames: the median of their steps; None if their stamps do not rise."""
    stamps = [frame.stamp_s for frame in frames if frame.stamp_s is not None]
    steps = [step for step in np.diff(stamps) if step > 0]
    return float(1 / np.median(steps)) if steps else None


def with_next(items: Iterator[T]) -> Iterator[tuple[T, T | None]]:
    """Each item together with the one after it; the last is followed by None."""
    waiting = next(items, None)
    for item in items:
        if waiting is not None:
            yield waiting, item
        waiting = item
    if waiting is not None:
        yield waiting, None


def counted(path: Path) -> tuple[list[tuple[int, str]], str]:
    """Sorts names as people count: numbers in them by their value."""
    parts = re.findall(r"\d+|\D+", path.stem)
    return [(int(part), "") if part.isdigit() else (-1, part.casefold()) for part in parts], path.name
