from __future__ import annotations

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from smalta.training.new_classes import start


def shares(logits: np.ndarray) -> np.ndarray:
    return np.exp(logits) / np.exp(logits).sum()


def test_the_same_classes_keep_their_answers_in_their_new_order() -> None:
    found = start(["sky", "car", "road"], ["road", "sky", "car"])

    np.testing.assert_array_equal(found.matrix, [[0, 0, 1], [1, 0, 0], [0, 1, 0]])
    np.testing.assert_array_equal(found.offsets, [0, 0, 0])
    assert found.kept == (True, True, True)
    assert found.left_out == ()


@given(st.lists(st.floats(-20, 20), min_size=2, max_size=2))
def test_a_class_that_is_split_hands_its_probability_over_in_equal_parts(logits: list[float]) -> None:
    found = start(["sky", "car"], ["sky", "car/audi", "car/honda", "car/vw"])

    sky, *makes = shares(found.matrix @ logits + found.offsets)

    expected = shares(np.array(logits))
    np.testing.assert_allclose([sky, *makes], [expected[0], *[expected[1] / 3] * 3], rtol=1e-9, atol=1e-12)
    assert found.kept == (True, False, False, False)
    assert found.origins == ("sky", "car", "car", "car")


def test_classes_that_become_one_give_it_their_probability_where_they_score_the_same() -> None:
    found = start(["sky", "car/audi", "car/honda"], ["sky", "car"])

    np.testing.assert_allclose(
        shares(found.matrix @ [1, 2, 2] + found.offsets)[1], shares(np.array([1, 2, 2]))[1:].sum()
    )
    assert found.kept == (True, False)
    assert found.origins == ("sky", "car")


def test_classes_that_change_below_a_known_one_share_what_the_old_ones_had() -> None:
    found = start(["sky", "car/audi", "car/honda", "car/vw"], ["sky", "car/audi", "car/bmw"])

    # bmw gets the two that no longer exist: mean + log 2
    np.testing.assert_allclose(found.matrix[2], [0, 0, 0.5, 0.5])
    np.testing.assert_allclose(found.offsets, [0, 0, np.log(2)])


@given(st.lists(st.floats(-20, 20), min_size=3, max_size=3))
def test_a_new_sibling_never_beats_the_best_of_its_siblings(logits: list[float]) -> None:
    found = start(["sky", "car/audi", "car/honda"], ["sky", "car/audi", "car/honda", "car/vw"])

    after = found.matrix @ logits + found.offsets

    np.testing.assert_allclose(after[:3], logits)
    np.testing.assert_allclose(after[3], (logits[1] + logits[2]) / 2)
    assert after[3] <= max(logits[1:]) + 1e-9


def test_what_no_longer_exists_goes_to_the_nearest_class_with_new_answers() -> None:
    old = ["a/b/x", "a/b/y", "a/z"]

    found = start(old, ["a/b/new", "a/other"])

    np.testing.assert_allclose(found.matrix, [[0.5, 0.5, 0], [0, 0, 1]])
    np.testing.assert_allclose(found.offsets, [np.log(2), 0])


def test_a_class_of_another_kind_has_no_origin_and_what_nobody_gets_is_left_out() -> None:
    found = start(["sky", "car"], ["sky", "animal/cow"])

    assert found.origins == ("sky", None)
    assert found.left_out == ("car",)
    np.testing.assert_array_equal(found.matrix[1], [0, 0])


def test_names_that_begin_alike_are_different_classes() -> None:
    assert start(["car", "sky"], ["cart", "sky"]).origins == (None, "sky")
