from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from clips import even, write_clip
from smalta.errors import ConfigError, DataError
from smalta.pictures.reading import read_picture
from smalta.video.still import gridded, step_of, write_still


def brightness(number: int, size_hw: tuple[int, int]) -> np.ndarray:
    return np.full((*size_hw, 3), 20 * number, dtype=np.uint8)


def test_the_frame_of_that_time_is_drawn(tmp_path: Path) -> None:
    clip = write_clip(tmp_path / "clip.mp4", even(10), size_hw=(90, 160), paint=brightness)

    still = write_still(clip, tmp_path / "still.png", at_s=0.2)

    picture = read_picture(still.path)
    assert (still.size_hw, still.time_s) == ((90, 160), 0.2)
    assert picture.shape[0] > 8 * 90
    assert picture.shape[1] > 8 * 160
    middle = picture[300:340, 400:440]
    assert abs(int(np.median(middle)) - 20 * 5) <= 3


def test_grid_lines_lie_between_pixels_and_hide_little() -> None:
    picture = np.full((36, 64, 3), 100, dtype=np.uint8)

    drawn = gridded(picture, ("title",))

    zoom, across, down = 1280 // 64, 52, 28
    inside = drawn[down : down + 36 * zoom, across : across + 64 * zoom]
    bright = np.flatnonzero(inside[3, :, 0] > 150)
    np.testing.assert_array_equal(bright, np.arange(0, 64, 5) * zoom)
    assert (inside == 100).mean() > 0.9


@pytest.mark.parametrize(("side", "step"), [(1, 1), (20, 1), (21, 2), (64, 5), (640, 50), (1280, 100), (3840, 200)])
def test_steps_are_round_numbers(side: int, step: int) -> None:
    assert step_of(side) == step


@pytest.mark.parametrize("size_hw", [(1, 1), (7, 2000), (2000, 7)])
def test_pictures_of_any_shape_are_drawn(size_hw: tuple[int, int]) -> None:
    drawn = gridded(np.zeros((*size_hw, 3), dtype=np.uint8), ("a title that is longer than the picture is wide",))

    assert drawn.shape[0] > size_hw[0]
    assert drawn.shape[1] > max(size_hw[1], 250)


def test_a_time_after_the_end_is_refused_and_nothing_is_written(tmp_path: Path) -> None:
    clip = write_clip(tmp_path / "clip.mp4", even(10))

    with pytest.raises(ConfigError, match=r"at_s = 5 is after the last frame of .*, at 0\.36 s; name a time before it"):
        write_still(clip, tmp_path / "still.png", at_s=5)

    assert not (tmp_path / "still.png").exists()


def test_nothing_is_overwritten(tmp_path: Path) -> None:
    clip = write_clip(tmp_path / "clip.mp4", even(2))
    (tmp_path / "still.png").write_bytes(b"mine")

    with pytest.raises(DataError, match=r"still\.png exists; choose another name or delete it"):
        write_still(clip, tmp_path / "still.png")

    assert (tmp_path / "still.png").read_bytes() == b"mine"


@pytest.mark.parametrize(
    ("out", "at_s", "sentence"),
    [
        ("still.jpg", 0.0, "must end in .png"),
        ("still.png", -1.0, "at least 0 s"),
        ("still.png", float("nan"), "at least"),
    ],
)
def test_impossible_wishes_are_refused(tmp_path: Path, out: str, at_s: float, sentence: str) -> None:
    clip = write_clip(tmp_path / "clip.mp4", even(2))

    with pytest.raises(ConfigError, match=sentence):
        write_still(clip, tmp_path / out, at_s=at_s)
