"""Categories of label files as class trees."""

from __future__ import annotations

from pathlib import Path

import pytest

from smalta.classes import ClassTree
from smalta.data.formats.categories import Category, background_of, category_names, nodes_by_name, tree_of
from smalta.errors import ClassTreeError, DataError


def test_a_group_is_a_thing_only_if_all_in_it_are() -> None:
    categories = [
        Category(id=1, name="car", group="street"),
        Category(id=2, name="road", group="street", thing=False),
        Category(id=3, name="dog", group="animal"),
    ]

    tree, nodes = tree_of(categories, background=False)

    assert {node.path: node.kind for node in tree} == {
        "street": "stuff",
        "street/car": "thing",
        "street/road": "stuff",
        "animal": "thing",
        "animal/dog": "thing",
    }
    assert {number: tree.name(node) for number, node in nodes.items()} == {
        1: "street/car",
        2: "street/road",
        3: "animal/dog",
    }


def test_groups_nest_and_slashes_in_names_are_no_levels() -> None:
    categories = [
        Category(id=1, name="audi/vw", group="car"),
        Category(id=2, name="car", group="vehicle"),
        Category(id=3, name="bus", group="vehicle"),
    ]

    tree, _ = tree_of(categories, background=True)

    assert [node.path for node in tree] == [
        "background",
        "vehicle",
        "vehicle/car",
        "vehicle/car/audi-vw",
        "vehicle/bus",
    ]


def test_one_name_twice_is_one_class_of_two_numbers() -> None:
    tree, nodes = tree_of([Category(id=1, name="car"), Category(id=5, name="car")], background=True)

    assert tree["car"].ids == (1, 5)
    assert nodes[1] == nodes[5]


def test_impossible_categories_are_refused() -> None:
    with pytest.raises(DataError, match="supercategory of itself"):
        tree_of([Category(id=1, name="a", group="b"), Category(id=2, name="b", group="a")], background=True)
    with pytest.raises(DataError, match="must differ"):
        tree_of([Category(id=1, name="a"), Category(id=1, name="b")], background=True)
    with pytest.raises(DataError, match="has no name"):
        tree_of([Category(id=1, name=" ")], background=True)


@pytest.mark.parametrize(
    ("spec", "background"),
    [
        ({"ground": {}, "car": {"kind": "thing"}}, "ground"),
        ({"sky": {}, "_background_": {}, "car": {"kind": "thing"}}, "_background_"),
        ({"sky": {}, "road": {}, "car": {"kind": "thing"}}, "unlabelled"),
    ],
)
def test_the_background_is_the_only_stuff_or_the_one_of_that_name(spec: dict[str, object], background: str) -> None:
    tree = ClassTree(spec)

    assert tree.name(background_of(tree)) == background


def test_categories_find_their_nodes_by_name_and_where_that_is_not_unique_by_group() -> None:
    tree = ClassTree({"car": {"children": {"door": {}, "roof": {}}}, "house": {"children": {"door": {}, "wall": {}}}})
    categories = [
        Category(id=1, name="roof", group="any"),
        Category(id=2, name="door", group="house"),
        Category(id=3, name="car/door"),
        Category(id=4, name="unused"),
    ]

    nodes = nodes_by_name(tree, categories, {1, 2, 3}, Path("x.json"))

    assert {number: tree.name(node) for number, node in nodes.items()} == {
        1: "car/roof",
        2: "house/door",
        3: "car/door",
    }
    assert category_names(tree)[tree["house/door"].id] == "house/door"
    assert category_names(tree)[tree["wall"].id] == "wall"
    with pytest.raises(ClassTreeError, match=r"x\.json, category 4: there is no class 'unused'"):
        nodes_by_name(tree, categories, {4}, Path("x.json"))
