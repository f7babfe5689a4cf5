from __future__ import annotations

import pytest

from smalta.training.enough_steps import LEAST, MOST, enough_minutes, enough_steps


@pytest.mark.parametrize(
    ("n_pictures", "batch", "steps"),
    [(42, 8, 160), (367, 8, 1400), (260, 5, 1600), (6, 2, LEAST), (100_000, 8, MOST)],
)
def test_enough_steps_are_thirty_passes_within_limits(n_pictures: int, batch: int, steps: int) -> None:
    assert enough_steps(n_pictures, batch) == steps


def test_enough_minutes_follow_from_the_steps_made_and_from_what_stays_the_same() -> None:
    # 20 steps took 100 s; 160 take 800 s, and 30 s are for reading and planning: 830 s
    assert enough_minutes(160, 20, stepping=100.0, other=30.0) == 14
    assert enough_minutes(160, 400, stepping=10.0, other=1.0) == 1
