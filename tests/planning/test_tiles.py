"""Tiles cover a picture, whatever its shape."""

from __future__ import annotations

from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from smalta.errors import ConfigError
from smalta.planning.tiles import check_tile, tile_for, tile_starts


@given(length=st.integers(1, 200), tile=st.integers(3, 40), data=st.data())
def test_tiles_cover_the_axis_on_the_grid_and_keep_the_overlap(length: int, tile: int, data: st.DataObject) -> None:
    overlap = data.draw(st.integers(0, tile - 2))
    length, tile, overlap = 32 * length, 32 * tile, 32 * overlap

    starts = tile_starts(length, tile, overlap)

    assert starts[0] == 0
    assert starts[-1] + tile == max(length, tile)
    assert all(start % 32 == 0 for start in starts)
    assert all(32 <= b - a <= tile - overlap for a, b in pairwise(starts))


@pytest.mark.parametrize("tile", [0, 32, 576, 650])
def test_tiles_that_leave_nothing_to_answer_for_are_refused(tile: int) -> None:
    with pytest.raises(ConfigError, match=rf"multiple of 32 pixels and at least 608, got {tile}"):
        check_tile(tile)


def test_a_picture_of_another_shape_than_the_planned_one_gets_tiles_of_the_same_area() -> None:
    assert tile_for((5000, 5000), (1024, 1024)) == (1024, 1024)
    assert tile_for((5000, 40), (1024, 1024)) == (1024, 64)
    assert tile_for((5000, 5000), (4096, 512)) == (1440, 1440)  # 512 cannot be cut, 1440 ** 2 is nearly as much
    assert tile_for((5000, 500), (4096, 512)) == (4096, 512)
    assert tile_for((5000, 5000), (1024, 64)) == (608, 608)
