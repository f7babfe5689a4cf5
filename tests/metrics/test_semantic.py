from __future__ import annotations

import warnings

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays

from smalta.errors import ShapeError
from smalta.metrics import semantic

K = 4
label_maps = arrays(np.uint16, (6, 7), elements=st.integers(0, K))
class_maps = arrays(np.uint16, (6, 7), elements=st.integers(1, K))


def counts(truth: np.ndarray, prediction: np.ndarray) -> np.ndarray:
    return semantic.counts_of(semantic.confusion(truth, prediction, K))


def test_confusion_has_truth_in_rows_and_leaves_unlabelled_pixels_out() -> None:
    truth = np.array([[1, 1, 1], [2, 2, 0]], np.uint16)
    prediction = np.array([[1, 2, 2], [2, 3, 1]], np.uint16)

    matrix = semantic.confusion(truth, prediction, 3)

    assert matrix.tolist() == [[1, 2, 0, 0], [0, 1, 1, 0], [0, 0, 0, 0]]


def test_a_pixel_without_an_answer_is_wrong_for_its_class_and_for_no_other() -> None:
    matrix = semantic.confusion(np.array([[1, 1, 2]], np.uint16), np.array([[1, 0, 2]], np.uint16), 2)

    assert matrix.tolist() == [[1, 0, 1], [0, 1, 0]]
    np.testing.assert_allclose(semantic.iou(semantic.counts_of(matrix)), [1 / 2, 1.0])


def test_scores_pool_pixels_and_mark_absent_classes() -> None:
    # class 1: TP 3, FP 1, FN 0   class 2: TP 1, FP 0, FN 1   class 3: never seen   class 4: absent, predicted once
    matrix = np.array([[3, 0, 0, 0, 0], [1, 1, 0, 1, 0], [0, 0, 0, 0, 0], [0, 0, 0, 0, 0]])

    scores = semantic.counts_of(matrix)

    np.testing.assert_allclose(semantic.iou(scores), [3 / 4, 1 / 3, np.nan, np.nan])
    np.testing.assert_allclose(semantic.dice(scores), [6 / 7, 2 / 4, np.nan, np.nan])
    np.testing.assert_allclose(semantic.class_accuracy(scores), [1.0, 1 / 3, np.nan, np.nan])
    assert semantic.mean_iou(scores) == pytest.approx((3 / 4 + 1 / 3) / 2)
    assert semantic.mean_dice(scores) == pytest.approx((6 / 7 + 1 / 2) / 2)
    assert semantic.mean_class_accuracy(scores) == pytest.approx(2 / 3)
    assert semantic.pixel_accuracy(scores) == pytest.approx(4 / 6)


def test_without_a_labelled_pixel_there_is_no_score() -> None:
    nothing = counts(np.zeros((2, 2), np.uint16), np.ones((2, 2), np.uint16))

    assert np.isnan(semantic.mean_iou(nothing))
    assert np.isnan(semantic.pixel_accuracy(nothing))


def test_maps_that_do_not_fit_are_refused() -> None:
    one, five = np.ones((2, 2), np.uint16), np.full((2, 2), 5, np.uint16)

    with pytest.raises(ShapeError, match=r"the same shape, got \(2, 2\) and \(2, 3\)"):
        semantic.confusion(one, np.ones((2, 3), np.uint16), 4)
    with pytest.raises(ShapeError, match=r"0\.\.4, got 5"):
        semantic.confusion(one, five, 4)
    with pytest.raises(ShapeError, match=r"0\.\.4, got 5"):
        semantic.confusion(five, one, 4)


@given(truths=st.lists(label_maps, min_size=1, max_size=4), data=st.data())
def test_pooled_scores_do_not_depend_on_the_order_of_pictures(truths: list[np.ndarray], data: st.DataObject) -> None:
    pairs = [(truth, data.draw(label_maps)) for truth in truths]
    shuffled = data.draw(st.permutations(pairs))

    forward = np.sum([counts(*pair) for pair in pairs], axis=0)
    backward = np.sum([counts(*pair) for pair in shuffled], axis=0)
    in_one = counts(np.hstack([t for t, _ in pairs]), np.hstack([p for _, p in pairs]))

    np.testing.assert_array_equal(forward, backward)
    np.testing.assert_array_equal(forward, in_one)


@given(truth=label_maps, prediction=label_maps)
def test_scores_lie_between_0_and_1_and_iou_below_dice(truth: np.ndarray, prediction: np.ndarray) -> None:
    scores = counts(truth, prediction)
    present = np.isin(np.arange(1, K + 1), truth)

    iou, dice = semantic.iou(scores), semantic.dice(scores)

    np.testing.assert_array_equal(np.isnan(iou), ~present)
    assert np.all((iou[present] >= 0) & (iou[present] <= dice[present]) & (dice[present] <= 1))


@given(truth=label_maps, elsewhere=class_maps)
def test_a_prediction_that_is_right_wherever_there_is_a_truth_scores_1(
    truth: np.ndarray, elsewhere: np.ndarray
) -> None:
    scores = counts(truth, np.where(truth == 0, elsewhere, truth))

    iou = semantic.iou(scores)

    assert np.all(iou[~np.isnan(iou)] == 1)


def test_scores_equal_torchmetrics() -> None:
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        import torch
        from torchmetrics.functional import accuracy, confusion_matrix, f1_score, jaccard_index
    rng = np.random.default_rng(3)
    truth = rng.integers(0, 5, (2, 40, 50), dtype=np.uint16)
    prediction = np.where(rng.random(truth.shape) < 0.6, np.maximum(truth, 1), rng.integers(1, 5, truth.shape))
    theirs = torch.from_numpy(prediction.astype(np.int64) - 1), torch.from_numpy(truth.astype(np.int64) - 1)
    settings = {"task": "multiclass", "num_classes": 4, "ignore_index": -1}

    matrix = semantic.confusion(truth, prediction.astype(np.uint16), 4)
    ours = semantic.counts_of(matrix)

    np.testing.assert_array_equal(matrix[:, :4], confusion_matrix(*theirs, **settings))
    np.testing.assert_allclose(semantic.iou(ours), jaccard_index(*theirs, average="none", **settings), rtol=1e-6)
    np.testing.assert_allclose(semantic.mean_iou(ours), jaccard_index(*theirs, average="macro", **settings), rtol=1e-6)
    np.testing.assert_allclose(semantic.dice(ours), f1_score(*theirs, average="none", **settings), rtol=1e-6)
    np.testing.assert_allclose(semantic.class_accuracy(ours), accuracy(*theirs, average="none", **settings), rtol=1e-6)
    np.testing.assert_allclose(semantic.pixel_accuracy(ours), accuracy(*theirs, average="micro", **settings), rtol=1e-6)
