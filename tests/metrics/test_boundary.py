from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays

from smalta.metrics import semantic
from smalta.metrics.boundary import boundary_band, boundary_counts, boundary_distance

K = 3


def slow_counts(truth: np.ndarray, prediction: np.ndarray, distance: int) -> list[list[int]]:
    """Class by class and pixel by pixel, as the definition reads."""
    prediction = np.where(truth == 0, 0, prediction)
    height, width = truth.shape

    def band(labels: np.ndarray, c: int) -> set[tuple[int, int]]:
        found = set()
        for y in range(height):
            for x in range(width):
                near = [
                    0 <= v < height and 0 <= u < width and labels[v, u] == c
                    for v in range(y - distance, y + distance + 1)
                    for u in range(x - distance, x + distance + 1)
                ]
                if labels[y, x] == c and not all(near):
                    found.add((y, x))
        return found

    bands = [(band(truth, c), band(prediction, c)) for c in range(1, K + 1)]
    return [[len(t & p), len(t), len(p)] for t, p in bands]


@given(
    size_hw=st.tuples(st.integers(1, 9), st.integers(1, 9)),
    block=st.integers(1, 4),
    distance=st.integers(1, 4),
    data=st.data(),
)
def test_counts_equal_a_slow_reference(
    size_hw: tuple[int, int], block: int, distance: int, data: st.DataObject
) -> None:
    maps = arrays(np.uint16, size_hw, elements=st.integers(0, K))
    truth, prediction = (np.kron(data.draw(maps), np.ones((block, 1), np.uint16)) for _ in range(2))

    fast = boundary_counts(truth, prediction, K, distance)

    assert fast.tolist() == slow_counts(truth, prediction, distance)


def test_a_band_runs_along_both_sides_of_a_contour_and_along_the_picture_edge() -> None:
    labels = np.ones((5, 9), np.uint16)
    labels[:, 5:] = 2

    band = boundary_band(labels, 1)

    assert band[0].all()
    assert band[2].tolist() == [True, False, False, False, True, True, False, False, True]


def test_distance_is_in_steps_of_a_king() -> None:
    labels = np.ones((41, 41), np.uint16)
    labels[20, 20] = 2

    band = boundary_band(labels, 6)

    assert band[14, 14]
    assert band[14, 20]
    assert not band[13, 20]


def test_a_shifted_square_loses_more_on_its_contour_than_inside() -> None:
    truth = np.ones((60, 60), np.uint16)
    truth[10:50, 10:50] = 2
    prediction = np.ones((60, 60), np.uint16)
    prediction[10:50, 11:51] = 2

    counts = boundary_counts(truth, prediction, 2, distance=2)

    # 40 x 40 without its inner 36 x 36 is a band of 304 pixels in both. Shifted by 1, the bands share: rows 10, 11, 48
    # and 49 in 39 columns each, and in the other 36 rows one of the two columns on the left and one on the right.
    assert counts[1].tolist() == [4 * 39 + 36 * 2, 304, 304]
    assert semantic.iou(counts)[1] == pytest.approx(228 / 380)
    assert semantic.iou(counts)[1] < 40 * 39 / (40 * 41)


def test_the_band_is_2_percent_of_the_diagonal_and_at_least_a_pixel() -> None:
    assert boundary_distance((360, 480)) == 12
    assert boundary_distance((10, 10)) == 1


@given(
    truth=arrays(np.uint16, (8, 8), elements=st.integers(0, K)),
    elsewhere=arrays(np.uint16, (8, 8), elements=st.integers(1, K)),
)
def test_a_prediction_that_is_right_wherever_there_is_a_truth_scores_1(
    truth: np.ndarray, elsewhere: np.ndarray
) -> None:
    counts = boundary_counts(truth, np.where(truth == 0, elsewhere, truth), K, 2)

    iou = semantic.iou(counts)

    np.testing.assert_array_equal(~np.isnan(iou), np.isin(np.arange(1, K + 1), truth))
    assert np.all(iou[~np.isnan(iou)] == 1)
