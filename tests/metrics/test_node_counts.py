from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from smalta.classes import ClassTree
from smalta.metrics import node_counts as counting
from smalta.metrics.object_map import ObjectMap

# 1 road, 2 car, 3 car/audi, 4 car/honda, 5 car/honda/jazz, 6 car/honda/civic, 7 person
TREE = ClassTree(
    {
        "road": {},
        "car": {"kind": "thing", "children": {"audi": {}, "honda": {"children": {"jazz": {}, "civic": {}}}}},
        "person": {"kind": "thing"},
    }
)


def test_an_object_counts_at_its_node_and_at_all_above() -> None:
    counts = counting.node_counts(TREE, np.array([3, 5, 5, 6, 4, 7, 0]))

    #                 all road car audi honda jazz civic person
    assert counts.tolist() == [7, 0, 5, 1, 4, 2, 1, 1]


@given(st.lists(st.integers(0, 7), max_size=30))
def test_a_parent_counts_its_children_and_what_stopped_at_it(nodes: list[int]) -> None:
    counts = counting.node_counts(TREE, np.array(nodes, np.int64))

    assert counts[0] == len(nodes)
    for node in TREE:
        below = sum(counts[child] for child in TREE.children(node.id))
        assert counts[node.id] == below + nodes.count(node.id)


def test_errors_of_hand_worked_counts() -> None:
    predicted = np.array([[3, 0], [5, 0], [0, 2]])
    true = np.array([[4, 0], [2, 0], [0, 0]])

    sums = counting.count_sums(predicted, true).sum(axis=0)

    # first node: errors -1, 3, 0 over 6 objects; second node: errors 0, 0, 2 without any object
    np.testing.assert_allclose(counting.bias(sums), [2 / 3, 2 / 3])
    np.testing.assert_allclose(counting.mean_absolute_error(sums), [4 / 3, 2 / 3])
    np.testing.assert_allclose(counting.relative_error(sums), [4 / 6, np.nan])


def test_unsigned_counts_may_fall_short() -> None:
    sums = counting.count_sums(np.array([1], np.uint8), np.array([3], np.uint8)).sum(axis=0)

    assert counting.bias(sums) == pytest.approx(-2.0)


def test_an_interval_holds_its_ends_and_one_that_is_not_there_counts_nowhere() -> None:
    low, high = np.array([[1, 0], [2, 0], [3, -1], [0, 0]]), np.array([[2, 9], [4, 9], [3, -1], [1, 9]])
    true = np.array([[2, 1], [2, 1], [4, 1], [0, 10]])
    known = np.array([[True, True], [True, False], [True, True], [True, True]])

    sums = counting.interval_sums(low, high, true, known).sum(axis=0)

    assert sums.tolist() == [[3, 4, 4], [1, 2, 18]]
    assert counting.coverage(sums).tolist() == [0.75, 0.5]
    assert counting.mean_width(sums).tolist() == [1.0, 9.0]


def labelled(classes: list[int], instances: list[int]) -> ObjectMap:
    """A picture of four equal rows."""
    rows = np.array([classes] * 4, np.uint16), np.array([instances] * 4, np.int32)
    return ObjectMap.from_maps(*rows, TREE.is_thing)


def test_true_counts_are_those_of_the_labelled_objects() -> None:
    counts, known = counting.true_counts(TREE, labelled([1, 3, 3, 5, 7, 0], [0, 4, 4, 9, 2, 0]))

    assert counts.tolist() == [3, 0, 2, 1, 1, 1, 0, 1]
    assert known.all()


def test_below_a_coarse_label_the_count_is_not_known() -> None:
    counts, known = counting.true_counts(TREE, labelled([1, 4, 7], [0, 1, 2]))  # a honda, a person

    assert counts.tolist() == [2, 0, 1, 0, 1, 0, 0, 1]
    assert np.flatnonzero(~known).tolist() == [5, 6]


def test_an_object_without_a_class_may_be_anything() -> None:
    counts, known = counting.true_counts(TREE, labelled([1, 0, 7], [0, 1, 2]))

    assert counts[0] == 2
    assert np.flatnonzero(known).tolist() == [0]


def test_a_crowd_hides_a_count_and_a_thin_seam_does_not() -> None:
    _, with_crowd = counting.true_counts(TREE, labelled([1, 3, 3, 3, 7], [0, 0, 0, 0, 1]))
    _, with_seam = counting.true_counts(TREE, labelled([3, 3, 3, 3, 7], [1, 0, 0, 2, 3]))

    assert np.flatnonzero(~with_crowd).tolist() == [0, 2, 3]  # all, car, audi
    assert with_seam.all()
