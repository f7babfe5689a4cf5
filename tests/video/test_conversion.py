from __future__ import annotations

from pathlib import Path

import av
import numpy as np
import pytest

from clips import corner, even, turn, write_clip
from smalta.errors import DataError
from smalta.video.reading.conversion import Converter, Turn

ONE = 1 << 16
PIXELS = np.arange(2 * 3 * 3, dtype=np.uint8).reshape(2, 3, 3)


def shown(picture: np.ndarray, a: int, b: int, c: int, d: int) -> np.ndarray:
    """What ISO/IEC 14496-12 says, pixel by pixel: (p, q) is shown at (a p + c q, b p + d q), shifted to the corner."""
    height, width = picture.shape[:2]
    places = {(a * p + c * q, b * p + d * q): (p, q) for p in range(width) for q in range(height)}
    left, top = min(x for x, _ in places), min(y for _, y in places)
    right, bottom = max(x for x, _ in places), max(y for _, y in places)
    upright = np.zeros((bottom - top + 1, right - left + 1, 3), dtype=np.uint8)
    for (x, y), (p, q) in places.items():
        upright[y - top, x - left] = picture[q, p]
    return upright


@pytest.mark.parametrize(("first", "second"), [(1, 1), (1, -1), (-1, 1), (-1, -1)])
@pytest.mark.parametrize("transposed", [False, True])
def test_every_display_matrix_of_right_angles_shows_the_pixels_where_the_standard_says(
    first: int, second: int, transposed: bool
) -> None:
    a, b, c, d = (0, first, second, 0) if transposed else (first, 0, 0, second)
    matrix = (a * ONE, b * ONE, 0, c * ONE, d * ONE, 0, 7, 7, 1 << 30)

    turned = Turn.of_matrix(matrix)

    np.testing.assert_array_equal(turned.upright(PIXELS), shown(PIXELS, a, b, c, d))
    assert turned.size((2, 3)) == turned.upright(PIXELS).shape[:2]


@pytest.mark.parametrize("degrees", [0, 90, 180, 270, -90, 360, 92])
def test_a_rotate_tag_turns_clockwise(degrees: int) -> None:
    np.testing.assert_array_equal(Turn.of_degrees(degrees).upright(PIXELS), np.rot90(PIXELS, -round(degrees / 90)))


def first_frame(path: Path) -> av.VideoFrame:
    with av.open(str(path)) as container:
        return next(container.decode(video=0))


def test_frames_that_are_turned_in_the_middle_are_all_upright(tmp_path: Path) -> None:
    plain = first_frame(write_clip(tmp_path / "plain.mp4", even(1), paint=corner))
    head_down = first_frame(turn(write_clip(tmp_path / "down.mp4", even(1), paint=corner), 180))
    aside = first_frame(turn(write_clip(tmp_path / "aside.mp4", even(1), paint=corner), 90))
    converter = Converter("clip.mp4", plain, {}, small_hw=None)

    assert converter.picture(plain, 0.0)[0, 0, 0] > 200
    assert converter.picture(head_down, 1.0)[-1, -1, 0] > 200
    with pytest.raises(DataError, match=r"clip\.mp4 changes its shape at 2\.00 s, from 64 x 48 to 48 x 64 pixels"):
        converter.picture(aside, 2.0)


@pytest.mark.parametrize("tag", ["", "quer", "nan", "inf", "1e400"])
def test_a_senseless_rotate_tag_turns_nothing(tmp_path: Path, tag: str) -> None:
    frame = first_frame(write_clip(tmp_path / "clip.mp4", even(1), paint=corner))

    assert Converter("clip.mp4", frame, {"rotate": tag}, small_hw=None).size_hw == (48, 64)
