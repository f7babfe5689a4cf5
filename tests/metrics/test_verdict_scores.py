"""Missed and rejected parts, thresholds and intervals."""

from __future__ import annotations

import numpy as np
import pytest

from smalta.classes import ClassTree
from smalta.metrics.true_verdicts import true_verdict
from smalta.metrics.verdict_scores import at_threshold, separation, share_of, threshold_for
from smalta.verdicts.rules import Rules

TREE = ClassTree(
    {
        "ground": {},
        "defect": {"children": {"crack": {}, "hole": {}}},
        "car": {"kind": "thing", "attributes": {"body": ["van", "lorry"]}},
    }
)  # 1 ground  2 defect  3 crack  4 hole  5 car
BAD = np.array([True] * 4 + [False] * 4)
SCORES = np.array([0.2, 0.6, 0.7, 0.9, 0.1, 0.3, 0.6, 0.8])


def test_intervals_are_those_of_clopper_and_pearson() -> None:
    assert share_of(0, 60)["interval"] == pytest.approx([0, 1 - 0.025 ** (1 / 60)])
    assert share_of(5, 5)["interval"] == pytest.approx([0.025 ** (1 / 5), 1])
    assert share_of(3, 20)["interval"] == pytest.approx([0.03207, 0.37893], abs=1e-5)  # Clopper and Pearson 1934
    assert share_of(0, 0) == {"n": 0, "of": 0, "share": None, "interval": None}


@pytest.mark.parametrize(("miss", "threshold"), [(0.0, 0.2), (0.24, 0.2), (0.25, 0.6), (0.5, 0.7), (0.99, 0.9)])
def test_the_threshold_is_the_highest_that_misses_no_more(miss: float, threshold: float) -> None:
    assert threshold_for(BAD, SCORES, miss) == threshold
    assert at_threshold(BAD, SCORES, threshold)["missed"]["share"] <= miss


def test_missed_and_rejected_are_counted_at_a_threshold() -> None:
    found = at_threshold(BAD, SCORES, 0.6)

    assert (found["missed"]["n"], found["missed"]["of"]) == (1, 4)
    assert (found["rejected"]["n"], found["rejected"]["of"]) == (2, 4)


def test_without_a_bad_part_there_is_no_threshold() -> None:
    assert threshold_for(~BAD[:4], SCORES[:4], 0.1) is None
    assert separation(~BAD[:4], SCORES[:4]) is None


def test_separation_counts_pairs() -> None:
    assert separation(BAD, SCORES) == (1 + 2.5 + 3 + 4) / 16


def truth(rule: str, **pixels: int) -> bool | None:
    """The verdict of 100 labelled pixels in a row, ground where nothing else is said."""
    values = {"none": 0, "defect": 2, "crack": 3, "hole": 4, "car": 5}
    row = np.ones((1, 100), np.uint16)
    start = 0
    for name, n in pixels.items():
        row[0, start : start + n] = values[name]
        start += n
    cars = row == 5
    rules = Rules.parse({"bad when": rule}).for_tree(TREE)
    return true_verdict(rules, TREE, row, cars.astype(np.int32), {"body": (cars * 2).astype(np.uint8)})


@pytest.mark.parametrize(
    ("rule", "pixels", "bad"),
    [
        ("crack longer than 5 px", {"crack": 6}, True),
        ("crack longer than 5 px", {"crack": 5}, False),
        ("crack present with probability > 0.9", {"crack": 1}, True),
        ("defect area > 2 %", {"defect": 1, "crack": 2}, True),
        ("crack present", {"defect": 3}, None),
        ("hole absent", {"defect": 3}, None),
        ("crack present", {"none": 20}, None),
        ("crack present or defect present", {"defect": 3}, True),
        ("more than 0 car", {"car": 3}, True),
        ("car body lorry > 50 %", {"car": 3}, True),
        ("car body van > 50 %", {"car": 3}, False),
    ],
)
def test_labels_give_a_verdict_by_the_same_rules(rule: str, pixels: dict[str, int], bad: bool | None) -> None:
    assert truth(rule, **pixels) is bad
