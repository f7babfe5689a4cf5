from __future__ import annotations

from typing import Any

import numpy as np
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays

from smalta.metrics import instance
from smalta.metrics.matching import class_counts, match_objects
from smalta.metrics.object_map import ObjectMap
from smalta.metrics.panoptic import panoptic_counts

K = 3
IS_THING = np.array([False, False, True, True])  # 1 ground, 2 cell, 3 dirt


def picture(labels: Any, instances: Any) -> ObjectMap:
    """One row."""
    return ObjectMap.from_maps(np.atleast_2d(labels).astype(np.uint16), np.atleast_2d(instances), IS_THING)


def test_objects_match_only_objects_of_their_class() -> None:
    truth = picture([2, 2, 2, 3, 3, 1], [1, 1, 1, 2, 2, 0])
    answer = picture([2, 2, 1, 2, 2, 1], [1, 1, 0, 2, 2, 0])

    found = match_objects(truth, answer)
    counts = class_counts(found, K, thresholds=(0.5, 0.7))

    np.testing.assert_allclose(found.iou, [2 / 3, 0])
    assert counts[1].tolist() == [[1, 2, 1, 2 / 3], [0, 2, 1, 0]]
    assert counts[2].tolist() == [[0, 0, 1, 0], [0, 0, 1, 0]]


def test_what_is_answered_on_unlabelled_pixels_neither_helps_nor_harms() -> None:
    truth = picture([2, 2, 0, 0, 0, 0, 1], [1, 1, 0, 0, 0, 0, 0])
    answer = picture([2, 2, 2, 2, 2, 3, 3], [1, 1, 1, 1, 2, 3, 3])

    found = match_objects(truth, answer)

    assert found.iou.tolist() == [1, 0, 0]
    assert found.excused.tolist() == [False, True, False]  # of 3 exactly half is unlabelled: that is no excuse
    assert found.unlabelled.tolist() == [False, True, False]
    assert class_counts(found, K)[:, 0, 1].tolist() == [0, 1, 1]


def test_a_crowd_excuses_objects_of_its_class_alone() -> None:
    truth = picture([2, 2, 2, 2, 2, 2, 1], [0, 0, 0, 0, 0, 0, 0])
    answer = picture([2, 2, 2, 3, 3, 3, 1], [1, 1, 1, 2, 2, 2, 0])

    found = match_objects(truth, answer)

    assert found.excused.tolist() == [True, False]
    assert found.unlabelled.tolist() == [False, False]


def test_objects_without_a_class_at_the_level_count_nowhere() -> None:
    leaves = picture([2, 2, 3, 1], [1, 1, 2, 0])
    level = leaves.seen_by(np.array([0, 1, 2, 0]))

    counts = class_counts(match_objects(level, level), 2)

    assert counts[:, 0].tolist() == [[0, 0, 0, 0], [1, 1, 1, 1]]


maps = arrays(np.int32, (4, 6), elements=st.integers(0, 4))


@given(truth=maps, answer=maps)
def test_with_one_class_and_all_labelled_the_counts_are_those_of_plain_matching(
    truth: np.ndarray, answer: np.ndarray
) -> None:
    found = match_objects(picture((truth > 0) + 1, truth), picture((answer > 0) + 1, answer))

    np.testing.assert_allclose(class_counts(found, K)[1], instance.match_counts(truth, answer))


@given(
    labels=arrays(np.uint16, (4, 6), elements=st.integers(0, K)),
    truth=maps,
    answered=arrays(np.uint16, (4, 6), elements=st.integers(1, K)),
    answer=maps,
)
def test_above_one_half_matches_and_mistakes_are_those_of_panoptic_quality(
    labels: np.ndarray, truth: np.ndarray, answered: np.ndarray, answer: np.ndarray
) -> None:
    pair = picture(labels, truth), picture(answered, answer)

    counts = class_counts(match_objects(*pair), K, thresholds=(0.5 + 1e-9,))[:, 0]
    matched, false, missed, iou = np.moveaxis(panoptic_counts(*(m.segments(K) for m in pair), K), -1, 0)

    things = IS_THING[1:]
    halves = class_counts(match_objects(*pair), K, thresholds=(0.5,))[:, 0]
    np.testing.assert_allclose(counts[things, 0], matched[things])
    np.testing.assert_allclose(counts[things, 2], (matched + missed)[things])
    np.testing.assert_allclose(counts[things, 3], iou[things])
    exactly_half = (halves - counts)[things, 0]  # may be excused in panoptic quality, as they match nothing there
    assert np.all(np.abs(counts[things, 1] - (matched + false)[things]) <= exactly_half)
