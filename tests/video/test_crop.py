"""The part of a picture that a network is shown."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from smalta.errors import ShapeError
from smalta.video.crop import Crop


def test_a_region_of_whole_cells_holds_the_box() -> None:
    crop = Crop.around((101, 50, 299, 200), size_hw=(201, 640), cell=8, factor=2)

    assert crop.region_xyxy == (96, 48, 304, 200)
    assert crop.shown_hw == (76, 104)


def test_the_whole_picture_of_odd_size_is_reduced_with_its_edge_repeated() -> None:
    picture = np.zeros((3, 3, 3), np.uint8)
    picture[2] = picture[:, 2] = 100

    shown = Crop.whole((3, 3), 2).cut(picture)

    assert shown[..., 0].tolist() == [[0, 100], [100, 100]]


def test_another_size_is_refused() -> None:
    with pytest.raises(ShapeError, match="the frame has 4 x 6 px, but the video was opened with 4 x 8 px"):
        Crop.whole((4, 8)).cut(np.zeros((4, 6, 3), np.uint8))


@given(data=st.data(), factor=st.integers(1, 3), stride=st.sampled_from([1, 2, 4]))
def test_cells_of_the_shown_picture_lie_where_their_pixels_lie(data: st.DataObject, factor: int, stride: int) -> None:
    """Each cell of the shown picture holds its place in the whole picture; placed there, it must be found there."""
    height, width, cell = data.draw(st.integers(8, 50)), data.draw(st.integers(8, 50)), factor * stride
    left, top = data.draw(st.integers(0, width - 2)), data.draw(st.integers(0, height - 2))
    right, bottom = data.draw(st.integers(left + 1, width + 5)), data.draw(st.integers(top + 1, height + 5))
    crop = Crop.around((left, top, right, bottom), size_hw=(height, width), cell=cell, factor=factor)
    picture = np.zeros((height, width, 3), np.uint8)
    picture[..., 0], picture[..., 1] = np.indices((height, width)) // cell

    shown = crop.cut(picture)
    cells = shown[::stride, ::stride].astype(int)  # the upper left pixel of each cell
    placed = crop.placed(1 + 100 * cells[..., 0] + cells[..., 1], cell)

    assert crop.region_xyxy[0] <= left
    assert crop.region_xyxy[2] >= min(right, width)
    assert placed.shape == (-(-height // cell), -(-width // cell))
    rows, columns = np.nonzero(placed)
    assert len(rows) == cells.shape[0] * cells.shape[1]
    assert np.array_equal(placed[rows, columns], 1 + 100 * rows + columns)
