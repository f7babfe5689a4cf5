from __future__ import annotations

import math
import time

import pytest
from hypothesis import given
from hypothesis import strategies as st

from smalta.errors import ConfigError
from smalta.training.schedule import (
    GROWN,
    LEAST_STEPS,
    WARM_UP,
    Budget,
    Spent,
    crop_share,
    ema_decay,
    learning_rate_factor,
    mean_work_left,
)


class FakeTime:
    now = 500.0

    def __call__(self) -> float:
        return self.now


@pytest.fixture
def fake(monkeypatch: pytest.MonkeyPatch) -> FakeTime:
    fake = FakeTime()
    monkeypatch.setattr(time, "monotonic", fake)
    return fake


@pytest.mark.parametrize(
    ("told", "sentence"),
    [
        ({}, "needs minutes or steps"),
        ({"minutes": 0.0}, "minutes must be above 0"),
        ({"minutes": math.nan}, "minutes must be above 0"),
        ({"minutes": math.inf}, "minutes must be above 0 and finite"),
        ({"steps": 0}, "steps must be at least 1"),
    ],
)
def test_a_budget_is_minutes_or_steps(told: dict[str, float], sentence: str) -> None:
    with pytest.raises(ConfigError, match=sentence):
        Budget(**told)  # type: ignore[arg-type]


def test_progress_in_steps_counts_steps() -> None:
    budget = Budget(steps=8)

    assert [budget.progress(step) for step in (0, 2, 8, 9)] == [0.0, 0.25, 1.0, 1.0]
    assert [budget.finished(step, 99.0) for step in (0, 7, 8)] == [False, False, True]
    budget.reserve = 5.0
    assert budget.seconds_left(6, 3.0) == 2 * 3.0 + 5.0


def test_progress_in_minutes_runs_from_the_first_step_to_what_is_kept_for_the_end(fake: FakeTime) -> None:
    budget = Budget(minutes=2, started=fake())
    fake.now += 20
    budget.start_training()
    budget.reserve = 10.0

    # 120 s, less 20 s before the first step, less 10 s kept: 90 s to train
    assert budget.progress(0) == 0.0
    fake.now += 45
    assert budget.progress(30) == pytest.approx(0.5)
    assert budget.seconds_left(30, 1.0) == 55
    fake.now += 60
    assert budget.progress(90) == 1.0
    assert budget.seconds_left(90, 1.0) == 10.0  # what is kept for the end


def test_with_minutes_and_steps_a_run_ends_at_whichever_comes_first(fake: FakeTime) -> None:
    budget = Budget(minutes=1, steps=100, started=fake())
    budget.start_training()

    fake.now += 6
    assert budget.progress(50) == pytest.approx(0.5)  # half of the steps, a tenth of the minute
    assert budget.progress(4) == pytest.approx(0.1)
    assert budget.seconds_left(95, 2.0) == 10
    assert [budget.finished(step, 1.0) for step in (99, 100)] == [False, True]
    fake.now += 50
    assert budget.seconds_left(50, 2.0) == 4
    assert budget.progress(50) == pytest.approx(56 / 60)
    fake.now += 4
    assert budget.finished(50, 1.0)


def test_training_starts_once(fake: FakeTime) -> None:
    budget = Budget(minutes=1, started=fake())
    fake.now += 20
    budget.start_training()
    fake.now += 20
    budget.start_training()

    assert budget.training_started == 20


def test_no_step_begins_that_would_mostly_lie_behind_the_end(fake: FakeTime) -> None:
    budget = Budget(minutes=1, started=fake(), reserve=10.0)
    fake.now += 47

    assert not budget.finished(25, 6.0)  # 47 + 3 = 50
    assert budget.finished(25, 6.1)


def test_a_slow_machine_makes_the_least_number_of_steps_with_the_whole_schedule(fake: FakeTime) -> None:
    budget = Budget(minutes=1, started=fake(), reserve=7.0)
    budget.start_training()
    fake.now += 100

    assert [budget.finished(step, 9.0) for step in (0, LEAST_STEPS - 1, LEAST_STEPS)] == [False, False, True]
    assert [budget.progress(step) for step in (0, LEAST_STEPS // 2, LEAST_STEPS)] == [0.0, 0.5, 1.0]
    assert budget.seconds_left(LEAST_STEPS - 4, 9.0) == 4 * 9.0 + 7.0


def test_fewer_steps_than_the_least_number_are_made_if_the_user_says_so(fake: FakeTime) -> None:
    budget = Budget(minutes=1, steps=3, started=fake())

    assert [budget.finished(step, 0.0) for step in (2, 3)] == [False, True]


def test_a_resumed_run_counts_what_it_had_used_and_what_it_used_to_start_again(fake: FakeTime) -> None:
    budget = Budget(minutes=10, started=fake())
    fake.now += 7  # reading the data again

    budget.resume(Spent(elapsed=200.0, training_started=15.0, reserve=0.0))

    assert budget.elapsed == 207
    assert budget.training_started == 15
    budget.start_training()
    assert budget.training_started == 15


def test_the_learning_rate_rises_then_falls_to_nothing() -> None:
    assert learning_rate_factor(0.0) == 0.02
    assert learning_rate_factor(WARM_UP / 2) == pytest.approx(0.5)
    assert learning_rate_factor(WARM_UP) == pytest.approx(1.0)
    assert learning_rate_factor((1 + WARM_UP) / 2) == pytest.approx(0.5**0.9)
    assert learning_rate_factor(1.0) == 0.0


@given(a=st.floats(0, 1), b=st.floats(0, 1))
def test_after_the_warm_up_the_learning_rate_never_rises(a: float, b: float) -> None:
    early, late = sorted((a, b))

    assert 0 <= learning_rate_factor(late) <= 1
    if early >= WARM_UP:
        assert learning_rate_factor(late) <= learning_rate_factor(early)


def test_crops_grow_in_three_steps_until_they_are_full() -> None:
    shares = [crop_share(progress, 0.4) for progress in (0.0, 0.19, 0.2, 0.39, 0.4, 0.59, GROWN, 1.0)]

    assert shares == pytest.approx([0.4, 0.4, 0.6, 0.6, 0.8, 0.8, 1.0, 1.0])
    assert shares[-2:] == [1.0, 1.0]  # exactly
    assert crop_share(0.0, 1.0) == 1.0


def test_the_work_that_is_left_counts_the_growth_of_crops() -> None:
    assert mean_work_left(0.0, 1.0) == mean_work_left(GROWN, 0.4) == mean_work_left(1.0, 0.4) == 1.0
    growing = (0.4**2 + 0.6**2 + 0.8**2) / 3  # until GROWN; a step of the start does 0.4^2
    assert mean_work_left(0.0, 0.4) == pytest.approx((GROWN * growing + 1 - GROWN) / 0.4**2, rel=0.01)


def test_the_average_forgets_its_start_at_once_and_widens_with_the_run() -> None:
    assert ema_decay(0) == 0.0
    assert ema_decay(1) == pytest.approx(2.0**-17)
    assert ema_decay(999) == pytest.approx(0.999**17)
    assert all(ema_decay(k) < ema_decay(k + 1) < 1 for k in range(200))
