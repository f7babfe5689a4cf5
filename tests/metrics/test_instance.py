from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays
from scipy.optimize import linear_sum_assignment

from smalta.errors import ShapeError
from smalta.metrics import instance

# a few large blocks of few ids make objects that overlap by halves and more
object_maps = arrays(np.int32, (3, 6), elements=st.sampled_from([0, 1, 2, 5, 70000]))


def assignment_counts(truth: np.ndarray, prediction: np.ndarray, threshold: float) -> list[float]:
    """Matched, predicted and true objects by the optimal assignment of all objects, pixel set by pixel set."""
    true = [truth == i for i in np.unique(truth) if i]
    predicted = [prediction == i for i in np.unique(prediction) if i]
    good = np.array([[np.sum(t & p) / np.sum(t | p) >= threshold for p in predicted] for t in true], dtype=float)
    good = good.reshape(len(true), len(predicted))
    return [good[linear_sum_assignment(-good)].sum(), len(predicted), len(true)]


@given(truth=object_maps, prediction=object_maps)
def test_counts_equal_an_optimal_assignment(truth: np.ndarray, prediction: np.ndarray) -> None:
    counts = instance.match_counts(truth, prediction)

    for row, threshold in zip(counts, instance.THRESHOLDS, strict=True):
        assert row[:3].tolist() == assignment_counts(truth, prediction, threshold)


def test_scores_of_a_hand_worked_picture() -> None:
    truth = np.array([[1, 1, 1, 1, 0, 2, 2, 0, 3, 3]])
    prediction = np.array([[7, 7, 7, 0, 0, 9, 9, 9, 0, 4]])

    counts = instance.match_counts(truth, prediction, thresholds=(0.5, 0.7, 0.8))

    # IoU 3/4, 2/3 and 1/2
    np.testing.assert_allclose(counts, [[3, 3, 3, 3 / 4 + 2 / 3 + 1 / 2], [1, 3, 3, 3 / 4], [0, 3, 3, 0]])
    np.testing.assert_allclose(instance.accuracy(counts), [1.0, 1 / 5, 0.0])
    assert instance.mean_accuracy(counts) == pytest.approx(0.4)
    np.testing.assert_allclose(instance.f1(counts), [1.0, 1 / 3, 0.0])
    np.testing.assert_allclose(instance.matched_iou(counts), [23 / 36, 3 / 4, np.nan])
    np.testing.assert_allclose(instance.quality(counts), [23 / 36, 1 / 4, 0.0])


def test_precision_and_recall_count_objects_and_not_pixels() -> None:
    truth = np.array([[1, 1, 1, 1, 1, 0, 2, 0, 3]])
    prediction = np.array([[1, 1, 1, 1, 1, 0, 0, 2, 0]])

    counts = instance.match_counts(truth, prediction, thresholds=(0.5,))

    assert instance.precision(counts).tolist() == [1 / 2]
    assert instance.recall(counts).tolist() == [pytest.approx(1 / 3)]


def test_an_object_cut_into_equal_halves_matches_one_of_them() -> None:
    whole, halves = np.array([[1, 1, 1, 1]]), np.array([[1, 1, 2, 2]])

    assert instance.match_counts(whole, halves, thresholds=(0.5,))[0, :3].tolist() == [1, 2, 1]
    assert instance.match_counts(halves, whole, thresholds=(0.5,))[0, :3].tolist() == [1, 1, 2]


def test_an_iou_of_three_fifths_reaches_the_threshold_of_0_6() -> None:
    counts = instance.match_counts(np.array([[1, 1, 1, 1, 1]]), np.array([[1, 1, 1, 0, 0]]))

    assert counts[:, 0].tolist() == [1, 1, 1, 0, 0, 0, 0, 0, 0, 0]


def test_pictures_without_objects_have_no_score_and_do_not_hurt_a_sum() -> None:
    empty = np.zeros((2, 3), np.int32)
    full = np.ones((2, 3), np.int32)

    nothing = instance.match_counts(empty, empty)

    assert np.isnan(instance.mean_accuracy(nothing))
    assert instance.mean_accuracy(nothing + instance.match_counts(full, full)) == 1.0
    assert instance.mean_accuracy(instance.match_counts(full, empty)) == 0.0
    assert instance.mean_accuracy(instance.match_counts(empty, full)) == 0.0


@given(truth=object_maps, prediction=object_maps)
def test_shared_pixels_lists_every_pair_of_numbers_once(truth: np.ndarray, prediction: np.ndarray) -> None:
    first, second, pixels = instance.shared_pixels(truth, prediction)

    listed = {(a, b): n for a, b, n in zip(first.tolist(), second.tolist(), pixels.tolist(), strict=True)}
    pairs = list(zip(truth.ravel().tolist(), prediction.ravel().tolist(), strict=True))
    assert listed == {pair: pairs.count(pair) for pair in pairs}
    assert list(listed) == sorted(listed)
    assert len(listed) == len(pixels)


def test_ids_may_be_as_large_as_three_bytes_of_colour_hold() -> None:
    big = 256**3 - 1

    pairs = instance.overlaps(np.array([[big, big, 0, 0]]), np.array([[5, big, big, 0]]))

    assert pairs.true_ids.tolist() == [big]
    assert pairs.predicted_ids.tolist() == [5, big]
    # 5 is one pixel of the true two, big shares one pixel of three
    assert pairs.true.tolist() == [0, 0]
    assert pairs.predicted.tolist() == [0, 1]
    np.testing.assert_allclose(pairs.iou, [1 / 2, 1 / 3])


def test_maps_of_different_shape_and_low_thresholds_are_refused() -> None:
    with pytest.raises(ShapeError, match=r"\(1, 2\) and \(2, 1\)"):
        instance.overlaps(np.ones((1, 2), int), np.ones((2, 1), int))
    with pytest.raises(ValueError, match=r"\[0.5, 1\], where objects match uniquely, got 0.3"):
        instance.match_counts(np.ones((1, 2), int), np.ones((1, 2), int), thresholds=(0.3, 0.5))


def test_an_object_has_the_class_of_most_of_its_pixels_and_the_lower_of_two_equal_ones() -> None:
    instances = np.array([[0, 4, 4, 4, 9, 9, 2]])
    classes = np.array([[1, 3, 2, 3, 6, 5, 0]])

    ids, found = instance.object_classes(instances, classes)

    assert ids.tolist() == [2, 4, 9]
    assert found.tolist() == [0, 3, 5]
