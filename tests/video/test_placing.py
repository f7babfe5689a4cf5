"""Where a detection places an object of known size."""

from __future__ import annotations

import numpy as np
import pytest

from boxes_on_cells import CELL, Box, found
from smalta.video.following.measuring import measure
from smalta.video.following.placing import Located, Whole, located
from smalta.video.following.tracker_settings import USUAL

NEAR = np.hypot(USUAL.place_error * 80, 0.3 * CELL)
FAR = USUAL.hidden_error * 80


def place(*boxes: Box, y: float = 100.0, x: float = 100.0, known: bool = True) -> Located:
    """Of the first box, for an object of 160 x 40 px, whose size is 80 px."""
    one = np.array([known])
    whole = Whole(
        height=np.array([160.0]),
        width=np.array([40.0]),
        height_known=one,
        width_known=one,
        y=np.array([y]),
        x=np.array([x]),
    )
    return located(measure(found(*boxes).instances, len(boxes), CELL).of([0]), whole, USUAL, CELL)


def test_a_visible_object_stands_on_its_lower_edge_and_below_its_middle() -> None:
    there = place((2, 10, 20, 20))

    assert (there.y[0], there.x[0]) == (80, 60)
    assert (there.y_error[0], there.x_error[0]) == (NEAR, NEAR)


def test_hidden_feet_are_a_height_below_the_head() -> None:
    there = place((2, 10, 15, 20), (8, 8, 28, 22))

    assert there.y[0] == 8 + 160
    assert there.y_error[0] == NEAR


def test_a_hidden_side_is_a_width_from_the_other() -> None:
    there = place((2, 10, 20, 20), (1, 15, 25, 30))

    assert there.x[0] == 40 + 40 / 2
    assert there.x_error[0] == NEAR


def test_a_size_that_was_never_seen_is_only_a_guess() -> None:
    there = place((2, 10, 15, 20), (8, 8, 28, 22), known=False)

    assert there.y_error[0] == FAR


@pytest.mark.parametrize(("expected", "answer"), [(40.0, 52.0), (70.0, 70.0), (500.0, 84.0)])
def test_between_two_who_hide_both_sides_the_expected_place_is_changed_as_little_as_possible(
    expected: float, answer: float
) -> None:
    #                        16 to 18 are visible, so the middle lies in 72 - 20 ... 64 + 20
    between = (2, 16, 20, 18)

    there = place(between, (1, 8, 25, 16), (1, 18, 25, 26), x=expected)

    assert there.x[0] == answer
    assert there.x_error[0] == FAR
