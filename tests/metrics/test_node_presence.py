"""What the labels of a picture say about which nodes are there."""

from __future__ import annotations

import numpy as np

from smalta.classes import ClassTree
from smalta.metrics.node_presence import true_presence

TREE = ClassTree({"ground": {}, "defect": {"children": {"crack": {}, "hole": {}}}})  # 1, 2, 3, 4


def labels(**pixels: int) -> np.ndarray:
    """A map of 100 pixels, ground where nothing else is said."""
    flat = np.ones(100, np.uint16)
    values = {"none": 0, "defect": 2, "crack": 3, "hole": 4}
    start = 0
    for name, n in pixels.items():
        flat[start : start + n] = values[name]
        start += n
    return flat.reshape(10, 10)


def test_a_node_is_there_with_a_pixel_of_it_or_of_a_node_below() -> None:
    present, known = true_presence(TREE, labels(crack=3))

    assert present.tolist() == [False, True, True, True, False]
    assert known.tolist() == [False, True, True, True, True]


def test_a_parents_label_leaves_its_children_open() -> None:
    present, known = true_presence(TREE, labels(defect=3))

    assert present.tolist() == [False, True, True, False, False]
    assert known.tolist() == [False, True, True, False, False]


def test_a_parents_label_beside_a_childs_leaves_only_the_other_child_open() -> None:
    _, known = true_presence(TREE, labels(defect=3, crack=1))

    assert known.tolist() == [False, True, True, True, False]


def test_absence_is_not_known_where_more_than_a_tenth_is_unlabelled() -> None:
    assert true_presence(TREE, labels(none=10))[1].tolist() == [False, True, True, True, True]
    assert true_presence(TREE, labels(none=11))[1].tolist() == [False, True, False, False, False]
