"""Masks on cells."""

from __future__ import annotations

import json

import numpy as np
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp

from smalta.video.values import Mask


@given(hnp.arrays(bool, hnp.array_shapes(min_dims=2, max_dims=2, max_side=9)), st.integers(-5, 5), st.integers(1, 8))
def test_a_mask_that_is_written_and_read_again_is_equal(cells: np.ndarray, top: int, cell: int) -> None:
    mask = Mask(cells=cells, top_left=(top, -top), cell=cell)

    again = Mask.from_dict(json.loads(json.dumps(mask.to_dict())))

    assert again.cells.dtype == bool
    assert np.array_equal(again.cells, cells)
    assert (again.top_left, again.cell) == ((top, -top), cell)


def test_runs_go_along_the_rows_and_begin_outside() -> None:
    mask = Mask(cells=np.array([[True, False], [False, True]]), top_left=(3, 4), cell=4)

    assert mask.to_dict() == {"top_left": [3, 4], "cell": 4, "rows": 2, "runs": [0, 1, 2, 1]}


def test_a_mask_without_cells_is_written_and_read() -> None:
    empty = Mask.of(np.zeros((5, 5), bool), 4)

    assert Mask.from_dict(empty.to_dict()).cells.shape == (0, 0)


@given(hnp.arrays(bool, hnp.array_shapes(min_dims=2, max_dims=2, max_side=4)), st.integers(-9, 14), st.integers(-9, 14))
def test_what_lies_outside_the_picture_is_cut_off(cells: np.ndarray, top: int, left: int) -> None:
    whole = Mask(cells=cells, top_left=(top, left), cell=4).on((6, 8))

    inside = {(y + top, x + left) for y, x in np.argwhere(cells).tolist() if 0 <= y + top < 6 and 0 <= x + left < 8}
    assert whole.shape == (6, 8)
    assert set(map(tuple, np.argwhere(whole).tolist())) == inside
