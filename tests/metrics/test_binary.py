from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays
from scipy.ndimage import distance_transform_edt

from smalta.metrics.binary import binary_counts, binary_iou, choose_threshold, f1, precision, recall

label_maps = arrays(np.uint8, (7, 8), elements=st.integers(0, 2))
masks = arrays(np.bool_, (7, 8))


def test_strict_scores_of_a_hand_worked_picture() -> None:
    labels = np.array([[2, 2, 2, 1], [1, 1, 0, 0]], np.uint8)
    predicted = np.array([[1, 1, 0, 1], [1, 0, 1, 0]], bool)

    counts = binary_counts(labels, predicted)

    # TP 2, FP 2 (the one on an unlabelled pixel does not count), FN 1
    assert counts.tolist() == [2, 4, 2, 3]
    assert precision(counts) == pytest.approx(2 / 4)
    assert recall(counts) == pytest.approx(2 / 3)
    assert f1(counts) == pytest.approx(4 / 7)
    assert binary_iou(counts) == pytest.approx(2 / 5)


def test_tolerance_reaches_two_pixels_and_not_a_knight_move() -> None:
    labels = np.ones((9, 9), np.uint8)
    labels[4, 4] = 2
    two_beside, knight, three_beside = np.zeros((3, 9, 9), bool)
    two_beside[4, 6] = knight[5, 6] = three_beside[4, 7] = True

    assert binary_counts(labels, two_beside, 2).tolist() == [1, 1, 1, 1]
    assert binary_counts(labels, knight, 2).tolist() == [0, 1, 0, 1]
    assert binary_counts(labels, three_beside, 2).tolist() == [0, 1, 0, 1]
    assert f1(binary_counts(labels, two_beside)) == 0


def test_a_crack_drawn_one_pixel_beside_is_right_within_tolerance_and_wrong_without() -> None:
    labels = np.ones((10, 10), np.uint8)
    labels[:, 4] = 2
    predicted = np.zeros((10, 10), bool)
    predicted[:5, 5] = True

    # rows 0-4 are predicted; of the ten true pixels those in rows 0-5 have a predicted one within 2 pixels
    # (row 5 is at (1, 1), row 6 at (2, 1), a distance of 2.24)
    assert f1(binary_counts(labels, predicted)) == 0
    assert binary_counts(labels, predicted, 2).tolist() == [5, 5, 6, 10]
    assert f1(binary_counts(labels, predicted, 2)) == pytest.approx(2 * 1.0 * 0.6 / 1.6)


def test_no_prediction_scores_0_and_no_truth_scores_nothing() -> None:
    nothing_found, nothing_there = np.array([0, 0, 0, 5]), np.array([0, 4, 0, 0])

    assert np.isnan(precision(nothing_found))
    assert recall(nothing_found) == f1(nothing_found) == binary_iou(nothing_found) == 0
    assert precision(nothing_there) == 0
    assert np.isnan([recall(nothing_there), f1(nothing_there), binary_iou(nothing_there)]).all()


@given(labels=label_maps, predicted=masks, tolerance=st.sampled_from([0.0, 1.0, 1.5, 2.0, 3.0]))
def test_counts_equal_distance_transforms(labels: np.ndarray, predicted: np.ndarray, tolerance: float) -> None:
    def within(mask: np.ndarray) -> np.ndarray:
        return distance_transform_edt(~mask) <= tolerance if mask.any() else mask

    true, shown = labels == 2, predicted & (labels != 0)

    counts = binary_counts(labels, predicted, tolerance)

    assert counts.tolist() == [np.sum(shown & within(true)), shown.sum(), np.sum(true & within(shown)), true.sum()]


@given(labels=label_maps, predicted=masks)
def test_tolerance_never_lowers_a_score(labels: np.ndarray, predicted: np.ndarray) -> None:
    strict, tolerant = binary_counts(labels, predicted), binary_counts(labels, predicted, 2)

    for score in (precision, recall, f1):
        assert np.isnan(score(strict)) == np.isnan(score(tolerant))
        assert np.isnan(score(strict)) or score(tolerant) >= score(strict) - 1e-12


def test_the_threshold_pools_pixels_over_pictures() -> None:
    probabilities = [np.array([[0.9, 0.8, 0.3, 0.1]]), np.array([[0.35, 0.2, 0.6]])]
    truths = [np.array([[2, 2, 2, 1]]), np.array([[1, 1, 0]])]  # the 0.6 is unlabelled

    threshold = choose_threshold(probabilities, truths)

    # above 0.35: TP 2, FP 0, FN 1, F1 0.8; from 0.2 to 0.3: TP 3, FP 1, F1 6/7; below 0.1: 6/8
    assert threshold is not None
    assert 0.2 < threshold <= 0.3


def test_of_equally_good_thresholds_the_middle_one_is_chosen() -> None:
    threshold = choose_threshold([np.array([0.25, 0.75])], [np.array([1, 2])])

    assert threshold == pytest.approx(0.5, abs=1 / 256)


def test_without_a_positive_pixel_there_is_no_threshold() -> None:
    assert choose_threshold([np.array([0.25, 0.75])], [np.array([1, 0])]) is None


@given(
    steps=arrays(np.int64, 30, elements=st.integers(0, 1024)),
    truth=arrays(np.uint8, 30, elements=st.integers(0, 2)),
    dtype=st.sampled_from([np.float16, np.float32, np.float64]),
)
def test_no_threshold_of_the_grid_beats_the_chosen_one(steps: np.ndarray, truth: np.ndarray, dtype: type) -> None:
    probability = (steps / 1024).astype(dtype)

    def score(threshold: float) -> float:
        return float(f1(binary_counts(truth, probability >= threshold)))

    threshold = choose_threshold([probability[:11], probability[11:]], [truth[:11], truth[11:]])

    if threshold is None:
        assert not np.any(truth == 2)
    else:
        assert score(threshold) == pytest.approx(max(score(k / 256) for k in range(1, 256)))
