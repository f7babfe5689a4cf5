"""Do the same work on many pictures, several at a time.

In:  a predictor, paths of pictures, the work for a picture that fits in memory and for one that does not.
Out: a result or a `Failure` for each, in the order of the input.

Each thread takes a picture from its file to its result. So one thread decodes while the network works on the picture
of another, and the number of threads limits the memory. The runtime runs as many passes at a time as it has streams.
A picture that is too large for the memory of the plan is processed in parts; such pictures run one at a time.

Must not know: the work on a picture, how progress is shown.
"""

from __future__ import annotations

import math
import threading
from collections import deque
from collections.abc import Callable, Generator, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Protocol, TypeVar

import numpy as np

from smalta.errors import DataError, SmaltaError
from smalta.inference.answer_plan import size_of
from smalta.inference.predictor import Predictor
from smalta.inference.watchdog import Reached, Watchdog
from smalta.pictures.large_pictures import SUFFIXES, ArrayRows, Rows, open_large
from smalta.pictures.reading import read_picture
from smalta.planning.plan import Plan
from smalta.planning.words import size
from smalta.system.threads import map_in_order

DECODED_BYTES = 6  # per pixel: in the decoder, and as an array
R = TypeVar("R")
R_co = TypeVar("R_co", covariant=True)


@dataclass(frozen=True, slots=True)
class Failure:
    """The reason why a picture has no result, in one sentence."""

    reason: str


class Work(Protocol[R_co]):
    """The work on a picture; called from several threads."""

    def whole(self, picture: Path, pixels: np.ndarray, reached: Reached, /) -> R_co:
        """The result of a picture (H, W, 3) uint8 RGB.

        Args:
            picture: its path.
            pixels: its content.
            reached: the work calls it at the start of each stage after reading.
        """
        ...

    def in_parts(self, picture: Path, source: Rows, reached: Reached, /) -> R_co:
        """The same for a picture that is read a few rows at a time."""
        ...


def each_picture(
    predictor: Predictor,
    pictures: Sequence[Path],
    work: Work[R],
    *,
    watchdog: Watchdog,
    known: Callable[[Path], R | None] = lambda picture: None,
) -> Generator[R | Failure, None, None]:
    """Results in the order of the pictures. Close the iterator to stop: pictures in progress are finished first.

    Args:
        predictor: its plan sets the number of pictures at a time, and which ones are processed in parts. Its follower
            compares the pictures with the plan, and may replace it between two pictures.
        pictures: their paths.
        work: to do on each picture.
        watchdog: watches the pictures in progress.
        known: returns an existing result, and the picture is not read; None if there is no result.
    """
    one_at_a_time, follower = threading.Lock(), predictor.follower

    def result(picture: Path) -> R:
        found = known(picture)
        if found is not None:
            return found
        made = predictor.plan
        with watchdog.watch(picture) as reached:
            if made is None or not must_be_cut(picture, made):
                pixels = read_picture(picture)
                done = work.whole(picture, pixels, reached)
                if follower is not None:
                    follower.finished((pixels.shape[0], pixels.shape[1]), predictor.runtime.busy_seconds)
                return done
        with one_at_a_time, watchdog.watch(picture) as reached, rows_of(picture, made) as source:
            return work.in_parts(picture, source, reached)

    def result_or_failure(picture: Path) -> R | Failure:
        try:
            return result(picture)
        except SmaltaError as error:
            return Failure(str(error))
        except MemoryError:
            return Failure(
                f"{picture} does not fit in memory; set a lower --memory, and it is processed in tiles, or cut it "
                "into smaller pictures"
            )

    waiting = deque(pictures)

    def until_rest() -> Iterator[Path]:
        while waiting and not (follower is not None and follower.wants_rest):
            yield waiting.popleft()

    try:
        with watchdog:
            while waiting:
                workers = predictor.runtime.streams + 1  # one more decodes and encodes while all streams work
                yield from map_in_order(result_or_failure, until_rest(), workers)
                if waiting and follower is not None and (runtime := follower.renewed()) is not None:
                    predictor.go_on_with(runtime, follower.plan)
    finally:
        if follower is not None:
            predictor.plan = follower.plan  # with what happened


def must_be_cut(picture: Path, made: Plan) -> bool:
    """Whether a picture is processed in parts: it is too large for the memory of the plan, or a Zarr array.

    Raises:
        DataError: if the picture cannot be read.
    """
    return picture.suffix.lower() == ".zarr" or math.prod(size_of(picture)) > made.whole_pixels


@contextmanager
def rows_of(picture: Path, made: Plan) -> Iterator[Rows]:
    """The rows of a picture. TIFF and Zarr files are read in parts, all others are decoded as a whole.

    Raises:
        DataError: if the picture cannot be read, or must be decoded as a whole and does not fit in memory.
    """
    if picture.suffix.lower() in SUFFIXES:
        with open_large(picture) as source:
            yield source
        return
    height, width = size_of(picture)
    needed = height * width * DECODED_BYTES
    if needed > made.allowed_bytes - made.memory_bytes:
        raise DataError(
            f"{picture} has {height} x {width} pixels, which are decoded as a whole and fill {size(needed)}; "
            "save it as a tiled TIFF, or set a higher --memory"
        )
    yield ArrayRows(read_picture(picture))
