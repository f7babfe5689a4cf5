"""What comes out of a source of video, and how every source behaves.

In:  nothing.
Out: `Frame`, `Lost`, `Found`, `Ended`, and `Video`, which gives them one after the other.

numpy only. Must not know: how video is decoded, networks, tracks.
"""

from __future__ import annotations

from abc import abstractmethod
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Self

import numpy as np


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Frame:
    """One picture of a video.

    Attributes:
        number: from 0, its place among the frames that could be decoded. Live: among those that arrived.
        time_s: the stream's own time stamp, seconds; it strictly rises within a source.
        picture: (H, W, 3) uint8 RGB, upright.
        dropped: frames since the frame before that are not handed out. They could not be decoded, their time stamp
            does not rise, or (live) a newer frame had arrived.
        utc_s: live: when it arrived, Unix seconds; None for a file.
    """

    number: int
    time_s: float
    picture: np.ndarray
    dropped: int
    utc_s: float | None


@dataclass(frozen=True, slots=True, kw_only=True)
class Lost:
    """A live source stopped; smalta tries to connect again until `Found`.

    Attributes:
        time_s: of the last frame, seconds of the stream.
        utc_s: when this was noticed, Unix seconds.
        reason: for people, without the address.
    """

    time_s: float
    utc_s: float
    reason: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Found:
    """A live source sends frames again; its first frame follows.

    Attributes:
        time_s: of that frame: the time of the last frame before the gap plus `after_s`, also if stamps restarted.
        utc_s: when that frame arrived, Unix seconds.
        after_s: time without a frame, seconds.
    """

    time_s: float
    utc_s: float
    after_s: float


@dataclass(frozen=True, slots=True, kw_only=True)
class Ended:
    """The end of a file; a live source never ends, it is `Lost`.

    Attributes:
        frames: how many could be decoded.
        damaged: packets that could not be decoded, and frames that could be decoded in part.
        time_s: of the last frame, seconds; 0 if there was none.
    """

    frames: int
    damaged: int
    time_s: float


class Video(Iterator[Frame | Lost | Found | Ended]):
    """A source of video: an iterator and a context manager.

    Attributes:
        source: for people, without password.
        live: whether frames come at their own pace and only the newest is handed out.
        size_hw: of the pictures that are handed out, pixels.
        fps: frames a second, declared or estimated; for plans and progress, never for time. None if unknown.
        n_frames: for progress; an estimate if the file declares its length only. None if unknown.
    """

    source: str
    live: bool
    size_hw: tuple[int, int]
    fps: float | None
    n_frames: int | None

    @abstractmethod
    def notes(self) -> list[str]:
        """What the user should know of the frames so far, one sentence each."""

    @abstractmethod
    def close(self) -> None:
        """Free the source; iteration ends."""

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()


def counts(*things: tuple[str, int]) -> list[str]:
    """Notes that name things and how many there are; nothing is said of things that there are none of."""
    return [f"{name}: {number:,}" for name, number in things if number]
