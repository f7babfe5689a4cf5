"""Place and speed along one axis."""

from __future__ import annotations

import math

import pytest
from hypothesis import given
from hypothesis import strategies as st

from smalta.video.following.axis import ALIKE, Axis, Habit

HABIT = Habit(speed=40.0, persistence_s=2.0)


@given(steps=st.integers(1, 50), seconds=st.floats(0.01, 4), speed=st.floats(-100, 100))
def test_many_short_steps_predict_what_one_long_step_does(steps: int, seconds: float, speed: float) -> None:
    once, often = (Axis(10.0, 4.0, speed, 100.0, 3.0) for _ in range(2))

    once.predict(seconds, HABIT)
    for _ in range(steps):
        often.predict(seconds / steps, HABIT)

    assert often.state() == pytest.approx(once.state(), rel=1e-6, abs=1e-6)


def test_without_measurements_the_speed_decays_and_grows_unsure() -> None:
    axis = Axis(0.0, 1.0, 30.0, 1.0)

    axis.predict(2.0, HABIT)

    assert axis.speed == pytest.approx(30 / math.e)
    assert axis.place == pytest.approx(2 * 30 * (1 - 1 / math.e))
    assert axis.speed_variance == pytest.approx(1 / math.e**2 + 1600 * (1 - 1 / math.e**2))


def test_a_measured_place_counts_by_its_error() -> None:
    axis = Axis(10.0, 4.0, 0.0, 100.0, 2.0)

    axis.measure(20.0, 2.0)  # as sure as the prediction

    assert axis.place == 15.0
    assert axis.place_variance == 2.0
    assert axis.speed == 10 * 2 / 8


def test_the_speed_is_learned_from_places() -> None:
    axis = Axis(0.0, 1.0, 0.0, HABIT.speed**2)

    for step in range(1, 20):
        axis.predict(0.2, HABIT)
        axis.measure(step * 6.0, 1.0)

    assert axis.speed == pytest.approx(30, abs=3)


def test_motion_by_flow_moves_the_place_and_teaches_the_speed() -> None:
    axis = Axis(0.0, 1.0, 0.0, HABIT.speed**2)

    for _ in range(10):
        axis.follow(2.0, 0.04, 0.2, HABIT)

    assert axis.place == 20.0
    assert axis.speed == pytest.approx(50, abs=3)
    assert axis.place_variance == pytest.approx(1 + 10 * (ALIKE * 0.2) ** 2)


def test_a_restored_axis_is_equal() -> None:
    axis = Axis(1.0, 2.0, 3.0, 4.0, 5.0)

    assert Axis.restored(axis.state()) == axis
