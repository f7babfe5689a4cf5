"""Classes of a nested mapping get numbers, label values and attributes."""

from __future__ import annotations

from typing import Any

import pytest

from smalta.classes import ClassTree
from smalta.errors import ClassTreeError


def test_siblings_may_share_their_fields() -> None:
    shared = {"kind": "thing"}

    tree = ClassTree({"car": shared, "person": shared, "sky": {}})

    assert tree.is_thing.tolist() == [False, True, True, False]


def test_label_values_are_the_order_of_appearance_unless_stated(street: ClassTree) -> None:
    assert [node.ids for node in street] == [(0,), (1,), (2,), (3,), (4,), (5,), (6,)]


def test_once_a_value_is_stated_no_other_class_gets_one_by_itself() -> None:
    tree = ClassTree({"ground": {}, "scratch": {"ids": [3, 7]}, "dent": {"ids": 5}})

    assert [node.ids for node in tree] == [(), (3, 7), (5,)]


def test_attributes_get_consecutive_channels() -> None:
    tree = ClassTree(
        {
            "sky": {"attributes": {"weather": ["clear", "grey", "dark"]}},
            "car": {"attributes": {"body": ["passenger", "lorry"], "doors": [3, 5]}},
        }
    )

    assert [(a.name, a.node, a.values, a.start, a.stop) for a in tree.attributes] == [
        ("weather", 1, ("clear", "grey", "dark"), 0, 3),
        ("body", 2, ("passenger", "lorry"), 3, 5),
        ("doors", 2, ("3", "5"), 5, 7),
    ]


@pytest.mark.parametrize(
    ("attributes", "sentence"),
    [
        ({"body": ["lorry"]}, r"attribute 'body' of class 'car' has values \['lorry'\]; it needs at least two values"),
        ({"body": []}, "it needs at least two values"),
        ({"body": ["lorry", "lorry", "bus"]}, "it needs at least two values"),
        ({"lit": [True, False]}, "quote words such as 'yes' and 'off'"),
        ({"body": "lorry"}, "must be a list of names, got 'lorry'"),
        ({"body": [1.5, 2.5]}, "must be a list of names"),
        (["body"], "attributes of class 'car' must be a mapping"),
        ({"make": list(range(256))}, r"attribute 'make' of class 'car' has 256 values, more than 255"),
    ],
)
def test_a_question_without_a_choice_is_refused(attributes: Any, sentence: str) -> None:
    with pytest.raises(ClassTreeError, match=sentence):
        ClassTree({"sky": {}, "car": {"attributes": attributes}})


def test_an_attribute_name_stands_at_one_node_only() -> None:
    side = {"side": ["left", "right"]}

    with pytest.raises(ClassTreeError, match="attribute 'side' belongs to 'door' and to 'light'"):
        ClassTree({"door": {"attributes": side}, "light": {"attributes": side}})
