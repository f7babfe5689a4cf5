import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from smalta.classes import ClassTree
from smalta.training.sampling import draw_weights, picks

TREE = ClassTree({"ground": {}, "defect": {"children": {"crack": {}, "dent": {}}}})
GROUND, DEFECT, CRACK = 1, 2, 3


def pixels(*rows: dict[int, int]) -> np.ndarray:
    table = np.zeros((len(rows), len(TREE) + 1), dtype=np.int64)
    for row, counts in enumerate(rows):
        for node, count in counts.items():
            table[row, node] = count
    return table


def test_pictures_that_show_common_classes_down_to_the_leaves_are_drawn_evenly() -> None:
    weights, notes = draw_weights(pixels(*[{GROUND: 90, CRACK: 10}] * 4), TREE)

    np.testing.assert_allclose(weights, 1.0)
    assert notes == ()


def test_a_class_in_one_of_twenty_pictures_is_drawn_twice_as_often() -> None:
    #  share 1/20 against 1/5: sqrt(0.2 / 0.05) = 2, so 2 : 1 with a mean of 21/20
    weights, notes = draw_weights(pixels({GROUND: 90, CRACK: 10}, *[{GROUND: 100}] * 19), TREE)

    np.testing.assert_allclose(weights[0] / weights[1], 2.0)
    assert weights.mean() == pytest.approx(1.0)
    assert "defect/crack" in notes[0]


def test_the_few_pictures_with_full_labels_make_half_of_the_draws() -> None:
    full, coarse = {GROUND: 50, CRACK: 50}, {DEFECT: 90, GROUND: 10}

    weights, notes = draw_weights(pixels(full, full, *[coarse] * 6), TREE)

    np.testing.assert_allclose(weights[:2].sum(), weights[2:].sum())
    assert notes == ("2 of 8 pictures are labelled down to the leaves; they make half of the draws",)


@given(count=st.integers(1, 60), seed=st.integers(0, 2**32))
def test_equal_weights_draw_every_picture_once(count: int, seed: int) -> None:
    drawn = picks(np.ones(count), np.random.default_rng(seed))

    assert sorted(drawn) == list(range(count))


@given(weights=st.lists(st.floats(0.1, 10), min_size=1, max_size=40), seed=st.integers(0, 2**32))
def test_each_picture_is_drawn_as_often_as_its_weight_says_to_within_one(weights: list[float], seed: int) -> None:
    array = np.array(weights)

    counts = np.bincount(picks(array, np.random.default_rng(seed)), minlength=len(array))

    expected = array / array.mean()
    assert counts.sum() == len(array)
    assert (np.abs(counts - expected) < 1 + 1e-9).all()
