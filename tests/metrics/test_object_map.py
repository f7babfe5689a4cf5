from __future__ import annotations

import numpy as np
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays

from smalta.metrics.object_map import ObjectMap
from smalta.metrics.panoptic import SegmentMap, panoptic_counts

K = 4
IS_THING = np.array([False, False, False, True, True])  # 1 road, 2 sky, 3 car, 4 person

label_maps = arrays(np.uint16, (4, 6), elements=st.integers(0, K))
object_maps = arrays(np.int32, (4, 6), elements=st.integers(0, 5))


def test_objects_take_the_class_of_most_of_their_pixels_and_paint_all_of_them() -> None:
    labels = np.array([[1, 3, 3, 4, 0, 0, 3, 1, 1, 3, 3]], np.uint16)
    instances = np.array([[0, 7, 7, 7, 9, 9, 9, 5, 5, 5, 0]], np.int32)

    found = ObjectMap.from_maps(labels, instances, IS_THING)

    # 5 is mostly road, so no object; 7 is a car; 9 is mostly unlabelled: an object, but of what?
    assert found.instances.tolist() == [[0, 1, 1, 1, 2, 2, 2, 0, 0, 0, 0]]
    assert found.classes.tolist() == [3, 0]
    assert found.labels.tolist() == [[1, 3, 3, 3, 0, 0, 0, 1, 1, 3, 3]]
    assert np.flatnonzero(found.crowd).tolist() == [9, 10]


def test_another_level_changes_classes_and_not_objects() -> None:
    found = ObjectMap.from_maps(np.array([[1, 3, 4]], np.uint16), np.array([[0, 1, 2]], np.int32), IS_THING)

    above = found.seen_by(np.array([0, 1, 1, 2, 0]))

    assert above.classes.tolist() == [2, 0]
    assert above.labels.tolist() == [[1, 2, 0]]
    assert above.instances is found.instances


@given(labels=label_maps, instances=object_maps)
def test_segments_are_those_that_panoptic_quality_makes_of_the_painted_maps(
    labels: np.ndarray, instances: np.ndarray
) -> None:
    found = ObjectMap.from_maps(labels, instances, IS_THING)

    ours, theirs = found.segments(K), SegmentMap.from_maps(found.labels, found.instances, IS_THING)

    assert len(ours.ids) == len(theirs.ids)
    everything = panoptic_counts(theirs, ours, K)
    whole = np.bincount(theirs.classes[~theirs.crowd], minlength=K + 1)[1:]
    np.testing.assert_array_equal(everything, np.stack([whole, whole * 0, whole * 0, whole], axis=-1))
    assert sorted(ours.classes[ours.crowd]) == sorted(theirs.classes[theirs.crowd])
