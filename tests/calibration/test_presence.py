"""Maps from evidence to probability: right on average, and careful with few pictures."""

from __future__ import annotations

import numpy as np
import pytest
from scipy.optimize import minimize

from smalta.answers.presence_calibration import NodeCalibration, logistic
from smalta.calibration.presence import fit_presence, platt
from smalta.classes import ClassTree

TREE = ClassTree(["ground", "crack"])


def fitted(evidence: list[float], present: list[bool], known: list[bool] | None = None) -> NodeCalibration:
    """The calibration of "crack" from pictures."""
    columns = [np.repeat(np.array(v)[:, None], 3, axis=1) for v in (evidence, present, known or [True] * len(present))]
    return fit_presence(TREE, *columns).nodes["crack"]


def test_many_pictures_give_back_the_map_that_made_them() -> None:
    rng = np.random.default_rng(0)
    evidence = rng.normal(3, 2, 20_000)
    present = rng.random(20_000) < logistic(1.5 * evidence - 4)

    assert platt(evidence, present) == pytest.approx((1.5, -4), rel=0.05)


def test_the_fit_is_the_least_cross_entropy_to_platts_targets() -> None:
    rng = np.random.default_rng(1)
    evidence, present = rng.normal(0, 1, 15), rng.random(15) < 0.4
    n, m = present.sum(), (~present).sum()
    target = np.where(present, (n + 1) / (n + 2), 1 / (m + 2))

    def loss(values: np.ndarray) -> float:
        z = values[0] * evidence + values[1]
        return float((np.logaddexp(0, z) - target * z).sum())

    assert platt(evidence, present) == pytest.approx(tuple(minimize(loss, [1, 0], tol=1e-12).x), abs=1e-3)


def test_a_few_separated_pictures_do_not_give_certainty() -> None:
    node = fitted([0, 0.1, 0.2, 5, 5.1, 5.2], [False] * 3 + [True] * 3)

    assert node.slope is not None
    assert logistic(node.slope * 0.1 + node.offset) == pytest.approx(1 / 5, abs=0.02)
    assert logistic(node.slope * 5.1 + node.offset) == pytest.approx(4 / 5, abs=0.02)


@pytest.mark.parametrize(
    ("evidence", "present"),
    [([1, 2, 3], [True] * 3), ([1, 2, 3], [False] * 3), ([3, 2, 1], [False, False, True]), ([1, 1], [True, False])],
)
def test_what_cannot_be_learned_is_not_calibrated(evidence: list[float], present: list[bool]) -> None:
    node = fitted(evidence, present)

    assert node.slope is None
    assert (node.pictures, node.present) == (len(present), sum(present))


def test_pictures_whose_labels_do_not_say_are_left_out() -> None:
    node = fitted([0, 1, 5, 6, 100], [False, False, True, True, False], [True] * 4 + [False])

    assert (node.pictures, node.present) == (4, 2)
    assert node.slope is not None


def test_evidence_that_is_equal_everywhere_does_not_divide_by_zero() -> None:
    slope, offset = platt(np.zeros(6), np.array([True, False] * 3))

    assert (slope, offset) == pytest.approx((0, 0), abs=1e-6)
