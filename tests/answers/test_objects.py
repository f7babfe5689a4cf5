from __future__ import annotations

from typing import Any

import cv2
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from smalta.answers.decoding import Decoding
from smalta.answers.objects import Objects
from smalta.classes import ClassTree
from smalta.errors import ShapeError

# 1 ground  2 car  3 car/audi  4 car/honda  5 person
TREE = ClassTree(
    {
        "ground": {},
        "car": {"kind": "thing", "children": ["audi", "honda"], "attributes": {"body": ["van", "bus"]}},
        "person": {"kind": "thing"},
    }
)
INSTANCES = np.array([[1, 1, 0, 2], [1, 0, 0, 2], [0, 3, 3, 2]], np.int32)


def planes(*of_object: tuple[float, ...]) -> np.ndarray:
    """(L, H, W): the leaves' probabilities by object number, the first for no object."""
    return np.moveaxis(np.array(of_object, np.float32)[INSTANCES], -1, 0)


GROUND, AUDI, HONDA, PERSON = (1, 0, 0, 0), (0.2, 0.5, 0.2, 0.1), (0.1, 0.3, 0.5, 0.1), (0.4, 0, 0, 0.6)


def objects(**choice: Any) -> Objects:
    return Objects.from_instances(
        TREE, INSTANCES, planes(GROUND, AUDI, HONDA, PERSON), np.array([0.9, 0.8, 0.7]), **choice
    )


def test_place_and_size_are_those_of_the_pixels() -> None:
    found = objects()

    assert found.areas.tolist() == [3, 3, 2]
    assert found.boxes_xyxy.tolist() == [[0, 0, 2, 2], [3, 0, 4, 3], [1, 2, 3, 3]]
    assert found.centroids_yx.tolist() == [[pytest.approx(1 / 3), pytest.approx(1 / 3)], [1, 3], [2, 1.5]]
    assert len(found) == 3


def test_the_class_is_the_likeliest_thing_over_all_pixels() -> None:
    found = objects()

    assert [TREE.name(int(node)) for node in found.classes] == ["car/audi", "car/honda", "person"]
    assert found.probabilities[0] == pytest.approx([0, 5 / 8, 2 / 8, 1 / 8], abs=1e-6)


def test_an_unsure_object_stops_at_the_parent_that_is_sure() -> None:
    found = objects(decoding=Decoding(min_confidence=0.7))

    assert [TREE.name(int(node)) for node in found.classes] == ["car", "car", "person"]
    assert found.counts() == {"car": 2, "car/audi": 0, "car/honda": 0, "person": 1}


def test_counts_of_children_add_up_to_their_parent() -> None:
    assert objects().counts() == {"car": 2, "car/audi": 1, "car/honda": 1, "person": 1}
    assert objects(decoding=Decoding(level=1)).counts() == {"car": 2, "car/audi": 0, "car/honda": 0, "person": 1}


def test_levels_are_seen_through_the_tree() -> None:
    assert objects().level(1).tolist() == [2, 2, 5]


def test_an_attribute_is_answered_for_the_objects_that_it_asks_about() -> None:
    body = np.stack([np.full((3, 4), 0.3), np.full((3, 4), 0.7)]).astype(np.float32)

    found = objects(attributes={"body": body})

    assert found.attributes["body"][0] == pytest.approx([0.3, 0.7])
    assert found.attribute("body").tolist() == [2, 2, 0]


def test_selected_objects_are_renumbered_in_their_order() -> None:
    found = objects().select(np.array([True, False, True]))

    assert found.instances.tolist() == [[1, 1, 0, 0], [1, 0, 0, 0], [0, 2, 2, 0]]
    assert found.scores.tolist() == [pytest.approx(0.9), pytest.approx(0.7)]
    assert [TREE.name(int(node)) for node in found.classes] == ["car/audi", "person"]


def test_contours_lie_where_the_object_lies() -> None:
    outline = objects().contours()[1][0]

    assert sorted(map(tuple, outline.tolist())) == [(3, 0), (3, 2)]


@given(st.integers(0, 10_000))
@settings(max_examples=20, deadline=None)
def test_filled_contours_of_objects_without_holes_are_the_objects(seed: int) -> None:
    rng = np.random.default_rng(seed)
    left, top = rng.integers(0, 10, 2)
    instances = np.zeros((20, 20), np.int32)
    instances[top : top + 6, left : left + 5] = 1
    instances[top + 2 : top + 9, left + 3 : left + 9] = 1
    leaves = np.zeros((4, 20, 20), np.float32)
    leaves[3] = 1

    outlines = Objects.from_instances(TREE, instances, leaves, np.ones(1)).contours()[0]

    drawn = cv2.drawContours(np.zeros((20, 20), np.uint8), outlines, -1, 1, cv2.FILLED)
    assert (drawn == instances).all()


def test_no_objects_are_no_rows() -> None:
    found = Objects.from_instances(TREE, np.zeros((3, 4), np.int32), planes(GROUND, AUDI, HONDA, PERSON), np.zeros(0))

    assert len(found) == 0
    assert found.boxes_xyxy.shape == (0, 4)
    assert found.counts() == {"car": 0, "car/audi": 0, "car/honda": 0, "person": 0}
    assert found.contours() == []


def test_an_object_without_pixels_is_refused() -> None:
    with pytest.raises(ShapeError, match="4 scores need"):
        Objects.from_instances(TREE, INSTANCES, planes(GROUND, AUDI, HONDA, PERSON), np.ones(4))
