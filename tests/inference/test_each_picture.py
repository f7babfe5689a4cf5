"""One loop over pictures, whatever is done with each."""

from __future__ import annotations

import threading
import time
from contextlib import closing
from pathlib import Path

import numpy as np
import pytest

from plans import a_plan
from smalta.errors import DataError
from smalta.inference.each_picture import Failure, each_picture, rows_of
from smalta.inference.watchdog import Reached, Watchdog
from smalta.pictures.large_pictures import Rows
from smalta.pictures.writing import write_picture
from stand_ins import RedIsAudi, cars


class Brightness:
    """Work that says how bright a picture is; 10 and 20 cannot be worked on."""

    def __init__(self) -> None:
        self.seen: list[str] = []
        self._lock = threading.Lock()
        self.inside = self.most = 0

    def whole(self, picture: Path, pixels: np.ndarray, reached: Reached) -> str:
        self.seen.append(picture.stem)
        if pixels.max() == 10:
            raise MemoryError
        if pixels.max() == 20:
            raise DataError("20 is no brightness")
        return f"{pixels.max()} whole"

    def in_parts(self, picture: Path, source: Rows, reached: Reached) -> str:
        with self._lock:
            self.inside += 1
            self.most = max(self.most, self.inside)
        time.sleep(0.01)
        with self._lock:
            self.inside -= 1
        return f"{source.rows(0, 1).max()} in parts"


def greys(folder: Path, *values: int, side: int = 4) -> list[Path]:
    paths = [folder / f"{number}.png" for number in range(len(values))]
    for path, value in zip(paths, values, strict=True):
        write_picture(path, np.full((side, side, 3), value, np.uint8))
    return paths


def results(work: Brightness, pictures: list[Path], **options: object) -> list[str | Failure]:
    predictor = cars()
    predictor.plan = a_plan(whole_pixels=100)
    return list(each_picture(predictor, pictures, work, watchdog=Watchdog(), **options))  # type: ignore[arg-type]


def test_a_picture_that_fails_has_a_reason_and_the_others_their_results(tmp_path: Path) -> None:
    pictures = greys(tmp_path, 1, 10, 20, 2)

    first, no_memory, no_brightness, missing, last = results(
        Brightness(), [*pictures[:3], tmp_path / "none.png", pictures[3]]
    )

    assert (first, last) == ("1 whole", "2 whole")
    assert no_brightness == Failure("20 is no brightness")
    assert isinstance(no_memory, Failure)
    assert no_memory.reason.startswith(f"{pictures[1]} does not fit in memory; set a lower --memory")
    assert isinstance(missing, Failure)
    assert "none.png" in missing.reason


def test_pictures_that_are_too_large_are_answered_in_parts_one_at_a_time(tmp_path: Path) -> None:
    work = Brightness()

    found = results(work, greys(tmp_path, *range(30, 36), side=11))

    assert found == [f"{value} in parts" for value in range(30, 36)]
    assert work.most == 1


def test_what_is_known_is_not_read(tmp_path: Path) -> None:
    work = Brightness()
    pictures = greys(tmp_path, 1, 2)
    pictures[0].write_bytes(b"broken")

    found = results(work, pictures, known={pictures[0]: "known"}.get)

    assert found == ["known", "2 whole"]


def test_a_stop_begins_no_further_pictures(tmp_path: Path) -> None:
    work = Brightness()
    pictures = greys(tmp_path, *range(100, 150))

    with closing(each_picture(cars(), pictures, work, watchdog=Watchdog())) as found:
        assert next(found) == "100 whole"
    seen = len(work.seen)

    assert seen <= 8  # two workers, and what waits for them
    assert len(work.seen) == seen


class RestsAfterThree:
    """Wants a rest after three pictures, and then goes on with another runtime."""

    def __init__(self, work: Brightness) -> None:
        self.plan, self.wants_rest = a_plan(streams=1), False
        self.sizes: list[tuple[int, int]] = []
        self.seen_at_rest = -1
        self._work = work

    def finished(self, size_hw: tuple[int, int], busy_seconds: float) -> None:
        self.sizes.append(size_hw)
        self.wants_rest = self.wants_rest or len(self.sizes) == 3

    def renewed(self) -> RedIsAudi:
        assert len(self.sizes) == len(self._work.seen)  # no picture is being processed
        self.wants_rest, self.seen_at_rest = False, len(self.sizes)
        self.plan = a_plan(streams=1, during=("changed",))
        return RedIsAudi()


def test_a_rest_waits_for_the_pictures_in_progress_and_the_others_follow_the_new_plan(tmp_path: Path) -> None:
    work, predictor = Brightness(), cars()
    before = predictor.runtime
    predictor.follower = follower = RestsAfterThree(work)  # type: ignore[assignment]

    found = list(each_picture(predictor, greys(tmp_path, *range(100, 120)), work, watchdog=Watchdog()))

    assert found == [f"{value} whole" for value in range(100, 120)]
    assert 3 <= follower.seen_at_rest < 20
    assert predictor.runtime is not before
    assert predictor.plan is not None
    assert predictor.plan.during == ("changed",)


def test_a_picture_that_can_only_be_decoded_at_once_needs_the_memory_for_it(tmp_path: Path) -> None:
    (picture,) = greys(tmp_path, 50, side=20)

    with rows_of(picture, a_plan(memory_bytes=1000, allowed_bytes=1000 + 400 * 6)) as source:
        assert source.rows(0, 20).shape == (20, 20, 3)
    small = a_plan(memory_bytes=1000, allowed_bytes=999 + 400 * 6)
    with pytest.raises(DataError, match="save it as a tiled TIFF, or set a higher --memory"), rows_of(picture, small):
        pass
