from __future__ import annotations

import warnings
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays

from smalta.errors import ShapeError
from smalta.metrics import panoptic
from smalta.metrics.panoptic import SegmentMap, panoptic_counts

K = 3


def segment_map(segments: Any, classes: dict[int, int], crowd: tuple[int, ...] = ()) -> SegmentMap:
    """Segments of one row, `{id: class}`."""
    return SegmentMap(
        segments=np.atleast_2d(segments),
        ids=np.array(list(classes), np.int64),
        classes=np.array(list(classes.values()), np.int64),
        crowd=np.array([i in crowd for i in classes], bool),
    )


def slow_counts(truth: SegmentMap, prediction: SegmentMap) -> np.ndarray:
    """COCO's rules, segment by segment on pixel masks."""
    counts = np.zeros((K, 4))
    true_class = dict(zip(truth.ids.tolist(), truth.classes.tolist(), strict=True))
    crowds = truth.ids[truth.crowd].tolist()
    void = ~np.isin(truth.segments, truth.ids)
    found = set()
    for i, c in zip(prediction.ids.tolist(), prediction.classes.tolist(), strict=True):
        shown = prediction.segments == i
        if not shown.any():
            continue
        match = False
        for j in set(true_class) - set(crowds):
            there = truth.segments == j
            if true_class[j] != c or not there.any():
                continue
            iou = np.sum(shown & there) / np.sum((shown & ~void) | there)
            if iou > 0.5:
                counts[c - 1] += [1, 0, 0, iou]
                found.add(j)
                match = True
        excused = void | np.isin(truth.segments, [j for j in crowds if true_class[j] == c])
        if not match and np.sum(shown & excused) / shown.sum() <= 0.5:
            counts[c - 1, 1] += 1
    for j in set(true_class) - set(crowds) - found:
        counts[true_class[j] - 1, 2] += np.any(truth.segments == j)
    return counts


maps = arrays(np.int64, (3, 6), elements=st.integers(0, 4))
classes = st.fixed_dictionaries({i: st.integers(1, K) for i in range(1, 4)})  # 4 stands for nothing: void


@given(
    truth=maps, prediction=maps, of_truth=classes, of_prediction=classes, crowd=st.sets(st.integers(1, 3), max_size=2)
)
def test_counts_equal_a_slow_reference(
    truth: np.ndarray,
    prediction: np.ndarray,
    of_truth: dict[int, int],
    of_prediction: dict[int, int],
    crowd: set[int],
) -> None:
    true, predicted = segment_map(truth, of_truth, tuple(crowd)), segment_map(prediction, of_prediction)

    np.testing.assert_allclose(panoptic_counts(true, predicted, K), slow_counts(true, predicted))


def test_scores_of_a_hand_worked_picture() -> None:
    truth = segment_map([1, 1, 1, 1, 2, 2, 2, 3, 3, 0], {1: 1, 2: 2, 3: 2})
    prediction = segment_map([5, 5, 5, 6, 6, 6, 6, 7, 8, 8], {5: 1, 6: 2, 7: 2, 8: 2})

    counts = panoptic_counts(truth, prediction, K)

    # class 1: IoU 3/4. class 2: 6 on 2 is 3/4; 7 on 3 is exactly 1/2, so no match; 8 is half on void, 1/2 too
    np.testing.assert_allclose(counts, [[1, 0, 0, 3 / 4], [1, 2, 1, 3 / 4], [0, 0, 0, 0]])
    np.testing.assert_allclose(panoptic.panoptic_quality(counts), [3 / 4, (3 / 4) / 2.5, np.nan])
    np.testing.assert_allclose(panoptic.segmentation_quality(counts), [3 / 4, 3 / 4, np.nan])
    np.testing.assert_allclose(panoptic.recognition_quality(counts), [1, 1 / 2.5, np.nan])
    assert panoptic.mean_quality(counts) == pytest.approx((0.75 + 0.3) / 2)
    assert panoptic.mean_quality(counts, np.array([False, True, True])) == pytest.approx(0.3)


def test_void_pixels_of_the_truth_do_not_count_for_the_union() -> None:
    counts = panoptic_counts(segment_map([1, 1, 0, 0, 0], {1: 1}), segment_map([4, 4, 4, 4, 4], {4: 1}), K)

    assert counts[0].tolist() == [1, 0, 0, 1]


def test_a_crowd_is_not_missed_and_excuses_only_its_own_class() -> None:
    truth = segment_map([1, 1, 1, 1, 2, 2], {1: 1, 2: 2}, crowd=(1,))

    nothing = panoptic_counts(truth, segment_map([0, 0, 0, 0, 5, 5], {5: 2}), K)
    same_class = panoptic_counts(truth, segment_map([8, 8, 9, 9, 5, 5], {8: 1, 9: 1, 5: 2}), K)
    other_class = panoptic_counts(truth, segment_map([8, 8, 9, 9, 5, 5], {8: 3, 9: 3, 5: 2}), K)

    assert nothing.tolist() == same_class.tolist() == [[0, 0, 0, 0], [1, 0, 0, 1], [0, 0, 0, 0]]
    assert other_class.tolist() == [[0, 0, 0, 0], [1, 0, 0, 1], [0, 2, 0, 0]]


def test_a_prediction_that_does_not_tell_objects_apart_has_found_none_and_invented_none() -> None:
    truth = segment_map([1, 1, 2, 2], {1: 1, 2: 1})

    counts = panoptic_counts(truth, segment_map([1, 1, 2, 2], {1: 1, 2: 1}, crowd=(1, 2)), K)

    assert counts[0].tolist() == [0, 0, 2, 0]


def test_a_class_that_is_never_matched_scores_0_and_not_nothing() -> None:
    counts = panoptic_counts(segment_map([1, 1], {1: 1}), segment_map([0, 0], {}), K)

    np.testing.assert_array_equal(panoptic.panoptic_quality(counts), [0, np.nan, np.nan])
    np.testing.assert_array_equal(panoptic.segmentation_quality(counts), [0, np.nan, np.nan])


def test_segments_come_from_a_class_map_and_an_instance_map() -> None:
    #                        road  car, two objects  void  car without an object
    class_map = np.array([[1, 1, 1, 2, 2, 2, 2, 2, 0, 0, 0, 1, 2, 2]], np.uint16)
    instances = np.array([[0, 0, 7, 7, 7, 9, 9, 9, 0, 3, 3, 3, 0, 0]], np.int32)

    found = SegmentMap.from_maps(class_map, instances, np.array([False, False, True]))

    road, crowd, void = 1, 2, 0
    first, second = found.segments[0, 2], found.segments[0, 5]
    row = [road, road, first, first, first, second, second, second, void, void, void, void, crowd, crowd]
    assert found.segments[0].tolist() == row
    kinds = zip(found.ids.tolist(), found.classes.tolist(), found.crowd.tolist(), strict=True)
    assert set(kinds) == {(road, 1, False), (crowd, 2, True), (first, 2, False), (second, 2, False)}


def test_an_object_of_a_stuff_class_is_no_object() -> None:
    class_map, instances = np.array([[1, 1, 2]], np.uint16), np.array([[5, 5, 5]], np.int32)

    found = SegmentMap.from_maps(class_map, instances, np.array([False, False, True]))

    assert found.segments.tolist() == [[1, 1, 2]]
    assert found.crowd.tolist() == [False, True]


@given(
    class_map=arrays(np.uint16, (4, 5), elements=st.integers(0, K)),
    instances=arrays(np.int32, (4, 5), elements=st.integers(0, 4)),
)
def test_a_picture_compared_with_itself_scores_1(class_map: np.ndarray, instances: np.ndarray) -> None:
    segments = SegmentMap.from_maps(class_map, instances, np.array([False, False, True, True]))

    counts = panoptic_counts(segments, segments, K)

    quality = panoptic.panoptic_quality(counts)
    assert np.all(quality[~np.isnan(quality)] == 1)
    whole = np.isin(np.arange(1, K + 1), segments.classes[~segments.crowd])
    np.testing.assert_array_equal(~np.isnan(quality), whole)


def test_quality_equals_torchmetrics_where_there_is_no_void() -> None:
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        import torch
        from torchmetrics.functional.detection import panoptic_quality
    rng = np.random.default_rng(5)
    class_map = np.kron(rng.integers(1, 4, (4, 4)), np.ones((5, 5), int))
    instances = np.where(class_map > 1, np.kron(rng.integers(1, 4, (4, 4)), np.ones((5, 5), int)) + 4 * class_map, 0)
    shifted = np.roll(class_map, 1, axis=1), np.roll(instances, 1, axis=1)
    is_thing = np.array([False, False, True, True])
    theirs = [torch.from_numpy(np.stack(pair, axis=-1)[None]) for pair in (shifted, (class_map, instances))]

    ours = panoptic_counts(
        SegmentMap.from_maps(class_map.astype(np.uint16), instances, is_thing),
        SegmentMap.from_maps(shifted[0].astype(np.uint16), shifted[1], is_thing),
        K,
    )

    expected = panoptic_quality(*theirs, things={2, 3}, stuffs={1}, return_per_class=True)
    np.testing.assert_allclose(panoptic.panoptic_quality(ours), expected[0].numpy()[[2, 0, 1]], rtol=1e-6)


def test_segment_tables_that_contradict_themselves_are_refused() -> None:
    two = np.array([1, 2])

    with pytest.raises(ShapeError, match="got 2, 2 and 1"):
        SegmentMap(segments=np.ones((1, 1), int), ids=two, classes=two, crowd=np.zeros(1, bool))
    with pytest.raises(ShapeError, match=r"must differ and not be 0, got \[0\]"):
        segment_map([0], {0: 1})
    with pytest.raises(ShapeError, match=r"got \[1, 1\]"):
        SegmentMap(segments=np.ones((1, 1), int), ids=two * 0 + 1, classes=two, crowd=np.zeros(2, bool))
