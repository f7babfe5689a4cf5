from __future__ import annotations

import json
import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from smalta.answers.count_intervals import (
    COVERAGE,
    NONE,
    CountCalibration,
    NodeErrors,
    conformal_quantile,
    least_pictures,
)
from smalta.classes import ClassTree
from smalta.errors import ConfigError
from smalta.metrics.node_counts import node_counts

# 1 road, 2 car, 3 car/audi, 4 car/honda, 5 person
TREE = ClassTree(
    {"road": {}, "car": {"kind": "thing", "children": {"audi": {}, "honda": {}}}, "person": {"kind": "thing"}}
)
FLAT = ClassTree({"ground": {}, "cell": {"kind": "thing"}})


def of_cells(counts: list[int] | np.ndarray) -> np.ndarray:
    """(pictures, 3) counts of the flat tree: all objects, ground, cell."""
    counts = np.asarray(counts, np.int64)
    return np.stack([counts, np.zeros_like(counts), counts], axis=1)


def fit_cells(predicted: list[int] | np.ndarray, true: list[int] | np.ndarray) -> CountCalibration:
    p, t = of_cells(predicted), of_cells(true)
    return CountCalibration.fit(FLAT, p, t, np.ones(p.shape, bool))


def interval(calibration: CountCalibration, count: int) -> tuple[int, int]:
    low, high = calibration.intervals(FLAT, of_cells([count]))
    return int(low[0, 2]), int(high[0, 2])


def test_the_quantile_counts_the_new_picture_in() -> None:
    scores = np.arange(1, 20) / 10  # 19 scores: (19 + 1) * 0.9 is the 18th

    assert conformal_quantile(scores, 0.9) == 1.8
    assert conformal_quantile(scores[:9], 0.9) == 0.9  # 10 * 0.9 is the 9th, the largest
    assert conformal_quantile(scores[:8], 0.9) is None
    assert (least_pictures(0.9), least_pictures(0.95), least_pictures(0.5)) == (9, 19, 1)


def test_an_interval_grows_with_the_root_of_the_count_and_has_whole_ends() -> None:
    # nine pictures of 8 cells, the worst off by 6: its score is 6 / sqrt(9) = 2
    calibration = fit_cells([8] * 9, [8, 8, 8, 9, 9, 7, 10, 10, 14])

    assert interval(calibration, 8) == (2, 14)
    assert interval(calibration, 3) == (0, 7)  # 3 - 2 * 2 is below 0
    assert interval(calibration, 99) == (79, 119)
    assert interval(calibration, 10) == (4, 16)  # 2 * sqrt(11) is 6.6


def test_pictures_without_a_count_and_those_with_one_do_not_vouch_for_each_other() -> None:
    predicted = [0] * 30 + [4] * 9
    true = [0] * 29 + [1] + [4] * 4 + [1] * 5

    calibration = fit_cells(predicted, true)

    # worst of nine: 3 / sqrt(5); of thirty empty ones the 28th is right
    assert interval(calibration, 4) == (1, 7)
    assert interval(calibration, 0) == (0, 0)


def test_a_kind_of_picture_that_is_too_rare_gets_no_interval() -> None:
    calibration = fit_cells([0] * 30 + [4] * 8, [0] * 30 + [4] * 8)

    assert interval(calibration, 4) == (NONE, NONE)
    assert interval(calibration, 0) == (0, 0)
    assert calibration.shortage is None


def test_eight_pictures_give_a_sentence_and_no_interval() -> None:
    calibration = fit_cells([4] * 8, [4] * 8)

    assert calibration.shortage == (
        "no intervals of counts: 90% intervals need at least 9 validation pictures with labelled objects, and "
        "the training had 8"
    )
    assert interval(calibration, 4) == (NONE, NONE)


def test_pictures_whose_true_count_is_not_known_are_left_out_of_their_node_alone() -> None:
    p = np.tile([3, 0, 2, 1, 1, 1], (10, 1))
    t = p.copy()
    known = np.ones(p.shape, bool)
    t[0, 4], known[0, 4] = 9, False

    calibration = CountCalibration.fit(TREE, p, t, known)

    assert calibration.nodes["car/honda"].pictures == 9
    assert calibration.nodes["car/honda"].found == 0
    assert calibration.nodes["car"].pictures == 10
    assert calibration.nodes.keys() == {"car", "car/audi", "car/honda", "person"}


def errors(found: float | None, empty: float | None = 0.0) -> NodeErrors:
    return NodeErrors(pictures=20, found=found, empty=empty)


def test_ends_of_a_parent_are_widened_until_no_child_contradicts_them() -> None:
    calibration = CountCalibration(
        pictures=20, nodes={"car": errors(0.0), "car/audi": errors(1.0), "car/honda": errors(0.0)}
    )

    low, high = calibration.intervals(TREE, np.array([[4, 0, 4, 3, 1, 0]]))

    # audi 3 +- 2 says at most 5, so there may be 5 cars; 4 cars at least 4, and 1 honda, stand
    assert low[0].tolist() == [NONE, NONE, 4, 1, 1, NONE]
    assert high[0].tolist() == [NONE, NONE, 5, 5, 1, NONE]


quantiles = st.one_of(st.none(), st.floats(0, 5))


@given(
    objects=st.lists(st.lists(st.sampled_from([3, 4, 5]), max_size=12), min_size=1, max_size=4),
    found=st.lists(quantiles, min_size=4, max_size=4),
    empty=st.lists(quantiles, min_size=4, max_size=4),
)
def test_intervals_hold_their_count_and_agree_along_the_tree(
    objects: list[list[int]], found: list[float | None], empty: list[float | None]
) -> None:
    paths = ("car", "car/audi", "car/honda", "person")
    nodes = {path: NodeErrors(pictures=12, found=f, empty=e) for path, f, e in zip(paths, found, empty, strict=True)}
    calibration = CountCalibration(pictures=12, nodes=nodes)
    counts = np.stack([node_counts(TREE, np.array(nodes, np.int64)) for nodes in objects])

    ends = calibration.intervals(TREE, counts)

    for low, high, count in zip(*ends, counts, strict=True):
        has = high != NONE
        assert np.array_equal(has, low != NONE)
        assert np.all((low >= 0) & (low <= count) & (count <= high), where=has)
        for child in (3, 4):
            if has[2] and has[child]:
                assert low[child] <= low[2]
                assert high[child] <= high[2]


def simulate(rng: np.random.Generator, n: int) -> tuple[np.ndarray, np.ndarray]:
    """Counts from 0 to hundreds; about a tenth of the objects is missed and some are invented, in bad pictures more."""
    true = rng.poisson(rng.gamma(1.5, 20, n))
    missed = rng.beta(1, 9, n)
    predicted = rng.binomial(true, 1 - missed) + rng.poisson(0.3 + 0.02 * true)
    return predicted, true


@pytest.mark.parametrize("n", [9, 25, 200])
def test_nine_of_ten_pictures_lie_in_their_interval(n: int) -> None:
    rng = np.random.default_rng(n)
    inside = []
    for _ in range(300):
        p, t = simulate(rng, n + 40)
        calibration = fit_cells(p[:n], t[:n])
        low, high = calibration.intervals(FLAT, of_cells(p[n:]))
        has = high[:, 2] != NONE
        inside += ((low[:, 2] <= t[n:]) & (t[n:] <= high[:, 2]))[has].tolist()

    # at least 0.9; not far above: with n scores the expected coverage is below 0.9 + 1 / (n + 1), and counts tie
    assert 0.89 <= np.mean(inside) <= 0.9 + 1 / (n + 1) + 0.02


def test_a_calibration_survives_json() -> None:
    calibration = fit_cells([0, 1, 2, 3] * 5, [0, 1, 2, 4] * 5)

    assert CountCalibration.from_dict(json.loads(json.dumps(calibration.to_dict()))) == calibration


@pytest.mark.parametrize(
    ("damage", "told"),
    [
        ({"pictures": "many"}, "the entry 'pictures' of the calibration of counts is 'many', not a whole number"),
        ({"pictures": -1}, "holds -1; its numbers must lie in 0..1000000000"),
        ({"coverage": math.nan}, "the entry 'coverage' of the calibration of counts is NaN, not a finite number"),
        ({"nodes": {"cell": {"pictures": 9, "found": -1.0, "empty": None}}}, "holds -1.0"),
        ({"nodes": {"cell": {"pictures": 9, "found": 1e300, "empty": None}}}, r"holds 1e.300"),
        ({"coverage": 1.5}, "between 0 and 1, got 1.5"),
        ({"nodes": []}, "the entry 'nodes' of the calibration of counts is a list of 0, not a mapping"),
        (
            {"nodes": {"cell": {"found": 3}}},
            "the entry 'nodes.cell' of the calibration of counts lacks the entry 'pict",
        ),
        ({"extra": 1}, r"unknown keys \['extra'\] in the calibration of counts"),
    ],
)
def test_a_damaged_calibration_is_refused(damage: dict[str, object], told: str) -> None:
    whole = fit_cells([1] * 9, [1] * 9).to_dict()

    with pytest.raises(ConfigError, match=told):
        CountCalibration.from_dict({**whole, **damage})


def test_the_coverage_is_nine_tenths_unless_told_otherwise() -> None:
    p = of_cells([4] * 25)
    half = CountCalibration.fit(FLAT, p, p + np.arange(25)[:, None], np.ones(p.shape, bool), coverage=0.5)

    assert COVERAGE == CountCalibration(pictures=3).coverage == 0.9
    assert half.nodes["cell"].found == pytest.approx(12 / math.sqrt(5))  # the 13th of 25
