from __future__ import annotations

import numpy as np

from smalta.training.targets import UNKNOWN, object_targets

IS_THING = np.array([False, False, True])  # 1 ground, 2 car
CAR = np.full((8, 8), 2)


def test_offsets_lead_every_pixel_to_its_objects_centre() -> None:
    instances = np.zeros((8, 8), np.int32)
    instances[1:4, 1:4], instances[5:8, 2:7] = 4, 9

    targets = object_targets(np.where(instances, 2, 1), instances, IS_THING, 1)

    rows, columns = np.nonzero(instances == 4)
    assert set(
        zip(rows + targets.offsets[0, rows, columns], columns + targets.offsets[1, rows, columns], strict=True)
    ) == {(2, 2)}
    rows, columns = np.nonzero(instances == 9)
    assert np.unique(columns + targets.offsets[1, rows, columns]).tolist() == [4]
    assert targets.center[2, 2] == targets.center[6, 4] == 1
    assert (targets.center < 1).sum() == 62
    assert (targets.center[instances == 0] == 0).all()


def test_the_centre_of_a_bent_object_lies_inside_it() -> None:
    ring = np.zeros((9, 9), np.int32)
    ring[1:8, 1:8] = 1
    ring[3:6, 3:8] = 0  # a C whose mean lies in its opening

    targets = object_targets(1 + ring, ring, IS_THING, 1)

    peak = np.unravel_index(targets.center.argmax(), ring.shape)
    assert targets.center[peak] == 1
    assert ring[peak] == 1


def test_offsets_are_pixels_of_the_picture_at_every_stride() -> None:
    instances = np.ones((8, 8), np.int32)

    targets = object_targets(CAR, instances, IS_THING, 4)

    assert targets.offsets.shape == (2, 2, 2)
    assert set(np.unique(targets.offsets)) <= {-4.0, 0.0, 4.0}
    np.testing.assert_allclose(targets.weights, 1 / 8)  # the object has 64 pixels


def test_crowds_and_unlabelled_pixels_are_unknown() -> None:
    classes = np.array([[0, 1, 2, 2]])
    instances = np.array([[0, 0, 0, 5]], np.int32)

    targets = object_targets(classes, instances, IS_THING, 1)

    assert targets.center.tolist() == [[UNKNOWN, 0, UNKNOWN, 1]]
    assert (targets.weights > 0).tolist() == [[False, False, False, True]]


def test_ids_on_stuff_are_no_objects() -> None:
    targets = object_targets(np.array([[1, 2]]), np.array([[3, 3]], np.int32), IS_THING, 1)

    assert targets.center.tolist() == [[0, 1]]


def test_a_picture_without_instance_labels_is_unknown_everywhere() -> None:
    targets = object_targets(CAR, None, IS_THING, 2)

    assert (targets.center == UNKNOWN).all()
    assert not targets.weights.any()
