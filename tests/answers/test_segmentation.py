from __future__ import annotations

import numpy as np
import pytest

from smalta.answers.decoding import Decoding
from smalta.answers.grouping import GroupingRule
from smalta.answers.objects import Objects
from smalta.answers.segmentation import Segmentation
from smalta.classes import ClassTree
from smalta.errors import ClassTreeError, ShapeError

# 1 sky  2 car  3 car/audi  4 car/honda
TREE = ClassTree(
    {"sky": {}, "car": {"children": ["audi", "honda"], "attributes": {"body": ["passenger", "lorry", "bus"]}}}
)
# three pixels:      sky          audi         unsure which car
LEAVES = np.array([[[0.75, 0.00, 0.25]], [[0.25, 0.75, 0.375]], [[0.0, 0.25, 0.375]]])


@pytest.fixture
def answer() -> Segmentation:
    body = np.array([[[0.9, 0.1, 0.1]], [[0.1, 0.7, 0.1]], [[0.0, 0.2, 0.8]]])
    return Segmentation.from_probabilities(
        TREE, LEAVES, attributes={"body": body}, decoding=Decoding(min_confidence=0.5)
    )


def test_leaf_probabilities_become_a_class_map(answer: Segmentation) -> None:
    assert answer.classes.tolist() == [[1, 3, 2]]
    assert answer.size_hw == (1, 3)
    assert Segmentation.from_probabilities(TREE, LEAVES).classes.tolist() == [[1, 3, 3]]
    assert Segmentation.from_probabilities(TREE, LEAVES, decoding=Decoding(level=1)).classes.tolist() == [[1, 2, 2]]


def test_a_threshold_and_a_method_reach_the_decoder() -> None:
    flat = ClassTree(["ground", "crack"])
    p = np.array([[[0.7]], [[0.3]]])
    torn = np.array([[[0.4]], [[0.3]], [[0.3]]])  # sky is the best leaf, car the best top class

    assert Segmentation.from_probabilities(flat, p, decoding=Decoding(threshold=0.25)).classes.item() == 2
    assert Segmentation.from_probabilities(TREE, torn).classes.item() == 3
    assert Segmentation.from_probabilities(TREE, torn, decoding=Decoding(method="leaf")).classes.item() == 1


def test_a_level_shows_answers_that_reach_it_and_leaves_out_the_others(answer: Segmentation) -> None:
    assert answer.level(1).tolist() == [[1, 2, 2]]
    assert answer.level(2).tolist() == [[1, 3, 0]]
    assert answer.level(2).dtype == np.uint16


def test_the_probability_of_a_class_is_the_sum_of_its_leaves(answer: Segmentation) -> None:
    assert answer.probability("car").tolist() == [[0.25, 1.0, 0.75]]
    assert answer.probability(3).tolist() == [[0.25, 0.75, 0.375]]


def test_a_mask_holds_the_class_and_all_below_it(answer: Segmentation) -> None:
    assert answer.mask("car").tolist() == [[False, True, True]]
    assert answer.mask("audi").tolist() == [[False, True, False]]


def test_areas_add_up_along_the_tree(answer: Segmentation) -> None:
    assert answer.areas() == {"sky": 1, "car": 2, "car/audi": 1, "car/honda": 0}
    assert answer.areas([2]) == {"car": 2}


def test_areas_add_up_over_several_levels() -> None:
    deep = ClassTree({"a": {"children": {"b": {"children": ["c", "d"]}, "e": {}}}, "f": {}})
    classes = np.array([[1, 2, 3, 3, 4, 5, 6, 0]], np.uint16)

    areas = Segmentation(tree=deep, classes=classes, probabilities=np.zeros((4, 1, 8))).areas()

    assert areas == {"a": 6, "a/b": 4, "a/b/c": 2, "a/b/d": 1, "a/e": 1, "f": 1}


def test_an_attribute_answers_inside_its_class_alone(answer: Segmentation) -> None:
    assert answer.attribute("body").tolist() == [[0, 2, 3]]
    assert answer.attribute("body").dtype == np.uint8


def test_an_unknown_attribute_is_refused_with_those_there_are(answer: Segmentation) -> None:
    with pytest.raises(ClassTreeError, match="there is no attribute 'colour'; the tree's attributes are body"):
        answer.attribute("colour")


def test_probabilities_must_fit_tree_and_class_map() -> None:
    with pytest.raises(ShapeError, match=r"probabilities must be \(3, 1, 3\), got \(3, 2, 3\)"):
        Segmentation(tree=TREE, classes=np.ones((1, 3), np.uint16), probabilities=np.zeros((3, 2, 3)))


def test_answers_are_compared_by_identity(answer: Segmentation) -> None:
    assert answer == answer
    assert answer != Segmentation.from_probabilities(TREE, LEAVES)


def test_panoptic_maps_agree_with_the_objects_and_leave_no_thing_outside_them() -> None:
    tree = ClassTree({"sky": {}, "road": {}, "car": {"kind": "thing", "children": ["audi", "honda"]}})
    leaves = np.array([[0.1, 0.2, 0.4, 0.3], [0.3, 0.1, 0.35, 0.25], [0.5, 0.2, 0.2, 0.1]], np.float32).T[:, None]
    objects = Objects.from_instances(tree, np.array([[1, 0, 0]], np.int32), leaves, np.ones(1))
    answer = Segmentation.from_probabilities(tree, leaves, objects=objects)

    assert answer.classes.tolist() == [[4, 4, 1]]
    assert answer.panoptic().tolist() == [[4, 1, 1]]  # the second car pixel is in no object; sky is the likeliest stuff
    assert answer.panoptic(1).tolist() == [[3, 1, 1]]


def test_an_answer_without_objects_has_no_panoptic_map() -> None:
    with pytest.raises(ShapeError, match="no objects"):
        Segmentation.from_probabilities(TREE, LEAVES).panoptic()


def test_fields_make_classes_and_objects() -> None:
    tree = ClassTree({"ground": {}, "nucleus": {"kind": "thing"}})
    thing = np.zeros((4, 8), np.float32)
    thing[:, :6] = 0.9
    center = np.zeros((1, 2, 4), np.float32)
    center[0, 1, 0] = center[0, 1, 3 - 1] = 0.8
    fields = {"semantic": np.stack([1 - thing, thing]), "center": center, "offsets": np.zeros((2, 2, 4), np.float32)}

    answer = Segmentation.from_fields(tree, fields, rule=GroupingRule(min_area=2))

    assert answer.objects is not None
    assert answer.objects.instances.max() == 1  # the two peaks are two cells apart: the first speaks for both
    assert (answer.classes == 1 + (thing > 0.5)).all()
    assert Segmentation.from_fields(tree, fields).objects is None
