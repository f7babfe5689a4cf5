"""What must hold between classes: mirrors fit each other."""

from __future__ import annotations

from typing import Any

import pytest

from smalta.classes import ClassTree
from smalta.errors import ClassTreeError


def test_without_mirror_every_class_stays_itself(street: ClassTree) -> None:
    assert street.mirror.tolist() == list(range(8))


def test_mirrored_classes_swap_with_all_their_children() -> None:
    #   1 left  2 left/door  3 left/light  4 right  5 right/light  6 right/door  7 roof
    tree = ClassTree(
        {
            "left": {"mirror": "right", "children": ["door", "light"]},
            "right": {"children": ["light", "door"]},
            "roof": {},
        }
    )

    assert tree.mirror.tolist() == [0, 4, 6, 5, 1, 3, 2, 7]
    assert not tree.mirror.flags.writeable


def test_mirror_may_be_stated_on_both_sides_and_names_a_sibling_first() -> None:
    #   1 left  2 hand  3 hand/left  4 hand/right  5 right
    tree = ClassTree(
        {"left": {}, "hand": {"children": {"left": {"mirror": "right"}, "right": {"mirror": "left"}}}, "right": {}}
    )

    assert tree.mirror.tolist() == [0, 1, 2, 4, 3, 5]


@pytest.mark.parametrize(
    ("spec", "sentence"),
    [
        ({"left": {"mirror": "rihgt"}, "right": {}}, "there is no class 'rihgt'"),
        (
            {"left": {"mirror": "right", "children": ["a", "b"]}, "right": {"children": ["a", "b", "c"]}},
            "only one of them has 'c'",
        ),
        (
            {"left": {"mirror": "right", "children": ["a", "b", "c"]}, "right": {"children": ["a", "b"]}},
            "only one of them has 'c'",
        ),
        ({"a": {"mirror": "c"}, "b": {"mirror": "c"}, "c": {}}, "class 'c' mirrors 'a' and 'b'; keep one"),
        ({"car": {"children": {"left": {"mirror": "car"}, "right": {}}}}, "one lies below the other"),
        ({"car": {"mirror": "left", "children": {"left": {}, "right": {}}}}, "one lies below the other"),
    ],
)
def test_a_mirror_that_is_no_mirror_is_refused(spec: dict[str, Any], sentence: str) -> None:
    with pytest.raises(ClassTreeError, match=sentence):
        ClassTree(spec)
