"""Measures of object labels, worked out by hand on small maps."""

from __future__ import annotations

import cv2
import numpy as np
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp

from smalta.classes import ClassTree
from smalta.data.checks.object_look import ObjectLook, look_at_objects

TREE = ClassTree({"ground": {}, "cell": {"kind": "thing"}, "rod": {"kind": "thing"}})  # 1, 2, 3


def look(instances: list[list[int]], classes: list[list[int]] | None = None) -> ObjectLook:
    objects = np.array(instances, dtype=np.int32)
    nodes = np.where(objects > 0, 2, 1) if classes is None else np.array(classes)
    return look_at_objects(nodes.astype(np.uint16), objects, TREE)


def test_objects_are_counted_by_id_and_specks_have_four_pixels_at_most() -> None:
    found = look([[7, 7, 0, 300], [7, 7, 0, 300], [0, 0, 0, 300], [9, 0, 0, 300], [0, 0, 0, 300]])

    assert (found.n, found.highest, found.specks) == (3, 300, 2)


def test_a_picture_without_objects_has_none() -> None:
    assert look([[0, 0]]) == ObjectLook()
    assert look([[0, 0]], [[2, 1]]) == ObjectLook(thing_pixels=1, crowd_pixels=1)


def test_parts_touch_by_sides_and_corners() -> None:
    found = look([[5, 0, 5], [0, 5, 0], [5, 0, 5]])

    assert (found.parts, found.scattered) == (1, 0)


def test_an_object_is_scattered_if_two_like_parts_lie_further_apart_than_they_are_long() -> None:
    #   two pixels long, three apart        two apart                  three apart, but of 8 and 1 pixels
    assert look([[4, 4, 0, 0, 0, 4, 4]]).scattered == 1
    assert look([[4, 4, 0, 0, 4, 4]]).scattered == 0
    assert look([[4] * 4 + [0] * 9 + [0], [4] * 4 + [0] * 9 + [4]]).scattered == 0
    assert look([[4] * 4 + [0] * 9 + [4], [4] * 4 + [0] * 9 + [4]]).scattered == 1  # 8 and 2: a quarter
    assert look([[4], [4], [0], [0], [0], [4]]).scattered == 1  # down the columns just so


def test_like_parts_have_a_quarter_of_the_largest() -> None:
    row = [6, 6, 6, 6, 0, 6, 0, 6]

    assert look([row]).parts == 3  # of 4, 1 and 1 pixels
    assert look([[0] * 8, row, [0] * 8, [8] * 8]).parts == 2  # the median of 3 and 1
    assert look([[6, 0] * 10]).strewn == 1
    assert look([[6, 0] * 9]).strewn == 0


def test_classes_of_objects_are_those_of_most_pixels() -> None:
    #     cell, cell       unlabelled     ground      rod
    found = look([[1, 1, 1, 2, 2, 3, 3, 4, 0]], [[2, 2, 1, 0, 0, 1, 1, 3, 3]])

    assert (found.without_class, found.on_stuff) == (1, 1)
    assert (found.pixels, found.stray_pixels) == (4, 1)
    assert (found.thing_pixels, found.crowd_pixels) == (4, 1)
    assert look([[1, 1, 1]], [[2, 2, 0]]).stray_pixels == 0  # unlabelled pixels are no stuff


def test_one_per_class_means_no_two_objects_of_a_class() -> None:
    assert look([[1, 0, 2]], [[2, 1, 3]]).one_per_class
    assert not look([[1, 0, 2]], [[2, 1, 2]]).one_per_class


@given(hnp.arrays(np.int32, hnp.array_shapes(min_dims=2, max_dims=2, max_side=9), elements=st.integers(0, 3)))
def test_parts_are_those_of_opencv(instances: np.ndarray) -> None:
    numbers = [number for number in (1, 2, 3) if (instances == number).any()]
    alike = []
    for number in numbers:
        areas = cv2.connectedComponentsWithStats((instances == number).astype(np.uint8), connectivity=8)[2][1:, 4]
        alike.append((areas >= areas.max() / 4).sum())

    found = look(instances.tolist())

    assert found.n == len(numbers)
    assert found.parts == (np.median(alike) if alike else 0)
