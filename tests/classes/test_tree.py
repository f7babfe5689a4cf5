"""Nodes, levels, label values and look-ups of a class tree."""

from __future__ import annotations

import tracemalloc

import numpy as np
import pytest
from hypothesis import given

from smalta.classes import ROOT, ClassTree
from smalta.errors import ClassTreeError
from trees import paths, trees

# ids in pre-order:   1 sky   2 vehicle   3 car   4 audi   5 honda   6 lorry   7 person


def test_nodes_are_numbered_in_pre_order_from_one(street: ClassTree) -> None:
    assert paths(street) == [
        "sky",
        "vehicle",
        "vehicle/car",
        "vehicle/car/audi",
        "vehicle/car/honda",
        "vehicle/lorry",
        "person",
    ]
    assert [node.id for node in street] == [1, 2, 3, 4, 5, 6, 7]
    assert [node.depth for node in street] == [1, 1, 2, 3, 3, 2, 1]
    assert (street.leaves, street.inner) == ((1, 4, 5, 6, 7), (2, 3))
    assert (len(street), street.n_leaves, street.n_levels) == (7, 5, 3)


def test_parents_children_ancestors_and_descendants(street: ClassTree) -> None:
    assert street.parent.tolist() == [0, 0, 0, 2, 3, 3, 2, 0]
    assert street.children(ROOT) == (1, 2, 7)
    assert street.children(2) == (3, 6)
    assert street.ancestors(5) == (3, 2)
    assert street.ancestors(1) == ()
    assert street.descendants(2) == (3, 4, 5, 6)
    assert street.descendants(7) == ()
    assert street.descendants(ROOT) == (1, 2, 3, 4, 5, 6, 7)


def test_a_level_is_a_cut_in_which_a_leaf_that_ends_higher_stays_itself(street: ClassTree) -> None:
    assert [street.level(k) for k in (1, 2, 3)] == [(1, 2, 7), (1, 3, 6, 7), (1, 4, 5, 6, 7)]
    #                                          root sky veh car audi honda lorry person
    assert street.level_table(1).tolist() == [0, 1, 2, 2, 2, 2, 2, 7]
    assert street.level_table(2).tolist() == [0, 1, 0, 3, 3, 3, 6, 7]
    assert street.level_table(3).tolist() == [0, 1, 0, 0, 4, 5, 6, 7]


@pytest.mark.parametrize("k", [0, 4, -1])
def test_a_level_that_the_tree_lacks_is_refused(street: ClassTree, k: int) -> None:
    with pytest.raises(ClassTreeError, match=rf"level must be in 1..3 for this tree, got {k}"):
        street.level(k)


def test_the_leaf_matrix_marks_the_leaves_under_each_node(street: ClassTree) -> None:
    #        sky audi honda lorry person
    expected = [
        [1, 1, 1, 1, 1],  # root
        [1, 0, 0, 0, 0],
        [0, 1, 1, 1, 0],  # vehicle
        [0, 1, 1, 0, 0],  # car
        [0, 1, 0, 0, 0],
        [0, 0, 1, 0, 0],
        [0, 0, 0, 1, 0],
        [0, 0, 0, 0, 1],
    ]

    assert street.leaf_matrix.astype(int).tolist() == expected


def test_the_distance_of_two_nodes_counts_the_edges_between_them(street: ClassTree) -> None:
    assert street.distance[4, 5] == 2  # audi - car - honda
    assert street.distance[4, 6] == 3  # audi - car - vehicle - lorry
    assert street.distance[4, 7] == 4  # up three edges to the root, down one
    assert street.distance[4, 3] == 1
    assert street.distance[0, 4] == 3
    assert np.array_equal(street.distance, street.distance.T)
    assert not street.distance.diagonal().any()


def test_a_thing_hands_its_kind_down(street: ClassTree) -> None:
    assert street.is_thing.tolist() == [False, False, True, True, True, True, True, True]


def test_nodes_are_found_by_id_path_and_unique_name(street: ClassTree) -> None:
    assert street[4].path == street["audi"].path == street["vehicle/car/audi"].path == "vehicle/car/audi"
    assert street.name(4) == "vehicle/car/audi"
    assert street.name(ROOT) == "unlabelled"


def test_a_name_that_two_nodes_bear_must_be_written_as_a_path() -> None:
    tree = ClassTree({"car": {"children": ["door", "roof"]}, "house": {"children": ["door", "wall"]}})

    with pytest.raises(ClassTreeError, match="'door' is not unique; write one of the paths car/door, house/door"):
        tree["door"]
    assert tree["house/door"].id == 5


@pytest.mark.parametrize("key", ["lory", 0, 8])
def test_an_unknown_node_is_refused_with_those_there_are(street: ClassTree, key: int | str) -> None:
    with pytest.raises(
        ClassTreeError, match=r"there is no (class 'lory'; classes are sky,|node [08]; node ids are 1..7)"
    ):
        street[key]


def test_a_flat_list_is_a_tree_of_depth_one() -> None:
    flat = ClassTree(["background", "crack"])

    assert (flat.n_levels, flat.leaves, flat.inner) == (1, (1, 2), ())
    assert flat == ClassTree({"background": {}, "crack": None})


def test_the_order_of_the_classes_makes_another_tree() -> None:
    assert ClassTree(["a", "b"]) != ClassTree(["b", "a"])
    assert ClassTree(["a", "b"]) != ClassTree(["a", "b"], ignore=[255])
    assert ClassTree({"a": {"ids": [1]}, "b": {"ids": [0]}}) != ClassTree(["a", "b"])
    assert ClassTree({"l": {"mirror": "r"}, "r": {}}) != ClassTree(["l", "r"])
    assert ClassTree(["a", "b"]) == ClassTree({"a": {"ids": [0]}, "b": {"ids": [1]}})
    assert hash(ClassTree(["a", "b"])) == hash(ClassTree({"a": {"ids": [0]}, "b": {"ids": [1]}}))


def test_label_values_become_node_ids_and_ignored_ones_the_root() -> None:
    tree = ClassTree({"ground": {"ids": [0]}, "hole": {"ids": [3, 7]}}, ignore=[255, 254])

    assert tree.nodes_of(np.array([[0, 3], [7, 255]], np.uint8)).tolist() == [[1, 2], [2, 0]]
    assert tree.nodes_of(np.array([[254, 3]], np.int64)).dtype == np.uint16


def test_label_values_beyond_16_bits_are_looked_up_without_a_table() -> None:
    tree = ClassTree({"ground": {"ids": [0]}, "hole": {"ids": [4_294_967_295, 70_000]}}, ignore=[65_536])

    tracemalloc.start()
    found = tree.nodes_of(np.array([[0, 70_000, 65_536, 4_294_967_295]], np.int64))
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()

    assert found.tolist() == [[1, 2, 0, 2]]
    assert peak < 2**20  # a table would take 8 GiB


@pytest.mark.parametrize("dtype", [np.uint8, np.uint16, np.int64])
def test_a_value_that_stands_for_no_class_is_refused_with_those_known(dtype: type) -> None:
    tree = ClassTree({"ground": {"ids": [0]}, "hole": {"ids": [3]}}, ignore=[255])

    with pytest.raises(ClassTreeError, match=r"label values \[2, 9\] stand for no class; the tree has \[0, 3, 255\]"):
        tree.nodes_of(np.array([[0, 9], [2, 3]], dtype))


def test_written_values_are_the_users_own_and_others_are_free_ones() -> None:
    tree = ClassTree(
        {"sky": {"ids": [1]}, "vehicle": {"children": {"car": {"ids": [0, 9]}, "lorry": {"ids": [4]}}}}, ignore=[7, 200]
    )

    #                                     root sky vehicle car lorry; 0 and 1 are taken, so the vehicle gets 2
    assert tree.node_to_value.tolist() == [7, 1, 2, 0, 4]


def test_written_unlabelled_pixels_are_255_where_that_is_free() -> None:
    assert ClassTree(["a", "b"]).node_to_value.tolist() == [255, 0, 1]
    assert ClassTree({"a": {"ids": [255]}, "b": {"ids": [0]}}).node_to_value.tolist() == [1, 255, 0]
    many = ClassTree({"all": {"children": {f"c{k}": {"ids": [k]} for k in range(255)}}})
    assert many.node_to_value[:2].tolist() == [255, 256]  # 255 is kept for unlabelled pixels


@given(tree=trees())
def test_levels_nest(tree: ClassTree) -> None:
    for k in range(1, tree.n_levels + 1):
        table = tree.level_table(k)
        assert set(table.tolist()) - {ROOT} == set(tree.level(k))
        assert tree.leaf_matrix[list(tree.level(k))].sum(axis=0).tolist() == [1] * tree.n_leaves
        for finer in range(k, tree.n_levels + 1):
            through = table[tree.level_table(finer)]
            stated = tree.level_table(finer) != ROOT
            assert np.array_equal(through[stated], table[stated])


def test_numbers_of_nodes_roll_up_to_their_parents_and_to_the_root() -> None:
    tree = ClassTree({"sky": {}, "car": {"children": ["audi", "honda"]}})
    own = np.array([7, 1, 2, 3, 4])

    assert tree.roll_up(own).tolist() == [17, 1, 9, 3, 4]
    assert own.tolist() == [7, 1, 2, 3, 4]


def test_an_attribute_is_found_by_its_name() -> None:
    tree = ClassTree({"sky": {}, "car": {"attributes": {"body": ["van", "bus"]}}})

    assert tree.attribute("body").values == ("van", "bus")
    with pytest.raises(ClassTreeError, match="no attribute 'lit'; the tree's attributes are body"):
        tree.attribute("lit")
