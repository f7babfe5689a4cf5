"""The evidence of a node adds up over the parts of a picture, and forgets faint probabilities."""

from __future__ import annotations

import numpy as np
import pytest

from smalta.answers.evidence import Evidence
from smalta.answers.upscaling import softmax
from smalta.classes import ClassTree

TREE = ClassTree({"ground": {}, "car": {"attributes": {"body": ["van", "lorry"]}, "children": {"a": {}, "b": {}}}})
GROUND, CAR, A, B = 1, 2, 3, 4


def maps(height: int, width: int, seed: int = 0) -> dict[str, np.ndarray]:
    """Random logits of three leaves and two values."""
    rng = np.random.default_rng(seed)
    sizes = {"logits": 3, "attribute_logits": 2}
    return {name: rng.normal(0, 3, (n, height, width)).astype(np.float32) for name, n in sizes.items()}


def test_the_mass_is_the_sum_of_the_fourth_power_over_pixels() -> None:
    logits = np.log(np.array([[[0.5, 0.9]], [[0.25, 0.1]], [[0.25, 1e-9]]], np.float32))

    found = Evidence.of_maps(TREE, {"logits": logits, "attribute_logits": np.zeros((2, 1, 2))}, (2, 4), stride=2)

    assert found.mass[GROUND] == pytest.approx(4 * (0.5**4 + 0.9**4), rel=1e-4)
    assert found.mass[CAR] == pytest.approx(4 * (0.5**4 + 0.1**4), rel=1e-4)
    assert found.strength[A] == pytest.approx(np.log1p(4 * (0.25**4 + 0.1**4)), rel=1e-4)


def test_cells_beyond_the_picture_do_not_count_and_cut_ones_count_their_pixels() -> None:
    logits = np.zeros((3, 4, 4), np.float32)
    logits[0] = 50  # surely ground

    found = Evidence.of_maps(TREE, {"logits": logits, "attribute_logits": np.zeros((2, 4, 4))}, (5, 7), stride=4)

    assert found.mass[GROUND] == pytest.approx(35)


def test_parts_add_up_to_the_picture() -> None:
    whole = maps(6, 9)
    left = {name: values[:, :, :4] for name, values in whole.items()}
    right = {name: values[:, :, 4:] for name, values in whole.items()}

    both = Evidence.of_maps(TREE, left, (22, 16), 4) + Evidence.of_maps(TREE, right, (22, 19), 4)
    found = Evidence.of_maps(TREE, whole, (22, 35), 4)

    assert both.mass == pytest.approx(found.mass)
    assert both.values["body"] == pytest.approx(found.values["body"])


def test_maps_stay_as_they_are() -> None:
    given = maps(3, 3)
    before = {name: values.copy() for name, values in given.items()}

    Evidence.of_maps(TREE, given, (12, 12), 4)

    assert all(np.array_equal(given[name], before[name]) for name in given)


def test_shares_of_values_are_means_where_the_node_is_likelier_than_not() -> None:
    probabilities = np.array([[[0.1, 0.1, 0.8]], [[0.9, 0.0, 0.1]], [[0.0, 0.9, 0.1]]], np.float32)
    values = np.array([[[0.8, 0.4, 0.0]], [[0.2, 0.6, 1.0]]], np.float32)

    found = Evidence.of_probabilities(TREE, probabilities, {"body": values})

    assert found.shares(CAR)["body"] == pytest.approx({"van": 0.6, "lorry": 0.4})
    assert found.shares(A)["body"] == pytest.approx({"van": 0.8, "lorry": 0.2})
    assert found.shares(GROUND) == {}  # the attribute is not its own


def test_maps_at_stride_1_give_what_their_probabilities_give() -> None:
    given = maps(5, 7)
    values = softmax(given["attribute_logits"].copy())

    of_maps = Evidence.of_maps(TREE, given, (5, 7), 1)
    found = Evidence.of_probabilities(TREE, softmax(given["logits"].copy()), {"body": values})

    assert found.mass == pytest.approx(of_maps.mass, rel=1e-5)
    assert found.values["body"] == pytest.approx(of_maps.values["body"], rel=1e-5)
