from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from smalta.metrics.bootstrap import draw_pictures, interval
from smalta.metrics.semantic import mean_iou, pixel_accuracy, ratio


def share(counts: np.ndarray) -> np.ndarray:
    return ratio(counts[..., 0], counts[..., 1])


def test_each_resample_draws_as_many_pictures_as_there_are() -> None:
    draws = draw_pictures(7, n_resamples=50, seed=1)

    assert draws.shape == (50, 7)
    assert np.all(draws.sum(axis=1) == 7)
    np.testing.assert_array_equal(draws, draw_pictures(7, n_resamples=50, seed=1))
    assert not np.array_equal(draws, draw_pictures(7, n_resamples=50, seed=2))


def test_the_interval_is_that_of_the_binomial_where_pictures_are_all_right_or_all_wrong() -> None:
    counts = np.array([[10, 10]] * 80 + [[0, 10]] * 20)

    ends = interval(counts, share, draw_pictures(100, n_resamples=20000))

    # Binomial(100, 0.8) has its 2.5 % point at 72 (P(X <= 71) = 0.0200) and its 97.5 % point at 88 (0.9747 at 87).
    # The upper one is so close that the draws may land on either side.
    assert ends is not None
    assert ends[0] == pytest.approx(0.72)
    assert ends[1] == pytest.approx(0.875, abs=0.0051)


def test_pictures_weigh_by_their_pixels() -> None:
    counts = np.array([[1000, 1000], [0, 1]])

    ends = interval(counts, share, np.array([[1.0, 1.0]]))

    assert ends == pytest.approx((1000 / 1001, 1000 / 1001))


def test_one_picture_has_no_interval() -> None:
    assert interval(np.array([[3, 4]]), share, draw_pictures(1)) is None


def test_resamples_that_cannot_be_measured_are_left_out_and_none_at_all_is_no_interval() -> None:
    draws = draw_pictures(2, n_resamples=200)

    assert interval(np.array([[1, 2], [0, 0]]), share, draws) == (0.5, 0.5)
    assert interval(np.zeros((2, 2)), share, draws) is None


@given(
    right=st.lists(st.integers(0, 10**6), min_size=3, max_size=3),
    rest=st.lists(st.integers(0, 10**6), min_size=6, max_size=6),
    n_pictures=st.integers(2, 12),
)
def test_equal_pictures_give_the_pooled_number_at_both_ends(right: list[int], rest: list[int], n_pictures: int) -> None:
    picture = np.column_stack([right, np.add(right, rest[:3]), np.add(right, rest[3:])])
    counts = np.array([picture] * n_pictures)
    draws = draw_pictures(n_pictures, n_resamples=20)

    for measure in (mean_iou, pixel_accuracy):
        pooled = measure(counts.sum(axis=0))
        ends = interval(counts, measure, draws)
        assert np.isnan(pooled) if ends is None else ends[0] == pooled == ends[1]
