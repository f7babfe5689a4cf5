"""Class map and object map of one picture brought to agree."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp

from smalta.classes import ClassTree
from smalta.data.settle import settle, without_gaps

TREE = ClassTree({"ground": {}, "sky": {}, "cell": {"kind": "thing", "children": {"round": {}, "long": {}}}})
# ground 1, sky 2, cell 3, round 4, long 5


def settled(classes: list[int], instances: list[int]) -> tuple[list[int], list[int]]:
    a, b = settle(np.array([classes], dtype=np.uint16), np.array([instances], dtype=np.int32), TREE)
    assert (a.dtype, b.dtype) == (np.uint16, np.int32)
    return a[0].tolist(), b[0].tolist()


@pytest.mark.parametrize(
    ("classes", "instances", "expected"),
    [
        ([4, 4, 5, 1], [9, 9, 9, 0], ([4, 4, 4, 1], [1, 1, 1, 0])),  # the class of most pixels
        ([5, 4, 1, 1], [9, 9, 0, 0], ([4, 4, 1, 1], [1, 1, 0, 0])),  # of equally many the smaller id
        ([1, 1, 4, 2], [9, 9, 9, 0], ([1, 1, 4, 2], [0, 0, 0, 0])),  # stuff is no object
        ([0, 0, 4, 2], [9, 9, 9, 0], ([0, 0, 0, 2], [0, 0, 0, 0])),  # no class: no statement about any of its pixels
        ([4, 5, 1, 1], [0, 0, 0, 0], ([4, 5, 1, 1], [0, 0, 0, 0])),  # a crowd stays
        ([5, 1, 4, 3], [7, 3, 90, 2], ([5, 1, 4, 3], [2, 0, 3, 1])),  # numbered in their order, without gaps
    ],
)
def test_an_object_is_a_thing_of_one_class(
    classes: list[int], instances: list[int], expected: tuple[list[int], list[int]]
) -> None:
    assert settled(classes, instances) == expected


MAPS = st.tuples(st.integers(1, 6), st.integers(1, 6)).flatmap(
    lambda size_hw: st.tuples(
        hnp.arrays(np.uint16, size_hw, elements=st.integers(0, 5)),
        hnp.arrays(np.int32, size_hw, elements=st.sampled_from([0, 1, 2, 5, 2**31 - 1])),
    )
)


@given(MAPS)
def test_what_agrees_is_left_as_it_is(maps: tuple[np.ndarray, np.ndarray]) -> None:
    classes, instances = settle(*maps, TREE)

    again = settle(classes, instances, TREE)

    np.testing.assert_array_equal(again[0], classes)
    np.testing.assert_array_equal(again[1], instances)
    for number in range(1, instances.max() + 1):
        assert TREE.is_thing[np.unique(classes[instances == number])].tolist() == [True]


@given(hnp.arrays(np.int64, (3, 4), elements=st.sampled_from([0, 1, 3, 40, 2**40])))
def test_ids_without_gaps_give_the_ids_back(instances: np.ndarray) -> None:
    numbers, places = without_gaps(instances)

    assert numbers[0] == 0
    assert (np.diff(numbers) > 0).all()
    np.testing.assert_array_equal(numbers[places], instances)
