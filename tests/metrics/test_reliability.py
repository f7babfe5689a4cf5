"""Reliability tables: their errors are worked out on paper."""

from __future__ import annotations

import numpy as np
import pytest

from smalta.metrics.reliability import reliability


def test_the_error_is_the_mean_gap_of_the_bins() -> None:
    #                 bin 0.1: mean 0.15, 0 of 2     bin 0.8: mean 0.8, 3 of 3; 1.0 is in the last bin, 1 of 1
    sure = np.array([0.1, 0.2 - 1e-9, 0.8, 0.8, 0.8, 1.0])
    found = reliability(sure, np.array([False, False, True, True, True, True]))

    assert found["ece"] == pytest.approx((2 * 0.15 + 3 * 0.2 + 0) / 6)
    assert [(row["low"], row["predictions"], row["observed"]) for row in found["bins"]] == [
        (0.1, 2, 0),
        (0.8, 3, 1),
        (0.9, 1, 1),
    ]
    assert found["brier"] == pytest.approx((0.01 + 0.04 + 3 * 0.04) / 6)


def test_right_probabilities_have_the_error_that_is_given_beside_it() -> None:
    rng = np.random.default_rng(3)
    sure = rng.random(500)
    errors = [reliability(sure, rng.random(500) < sure)["ece"] for _ in range(60)]

    assert reliability(sure, rng.random(500) < sure)["ece_if_perfect"] == pytest.approx(np.mean(errors), rel=0.1)


def test_without_predictions_there_is_no_error() -> None:
    found = reliability(np.zeros(0), np.zeros(0, bool))

    assert (found["ece"], found["ece_if_perfect"], found["brier"], found["bins"]) == (None, None, None, [])
