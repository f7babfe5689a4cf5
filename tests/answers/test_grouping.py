from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from smalta.answers import grouping
from smalta.answers.grouping import (
    FURTHEST,
    GroupingRule,
    along_ridges,
    cells_on,
    find_peaks,
    group,
    lines_to_higher,
    lowest_on,
)
from smalta.errors import ConfigError, ShapeError
from smalta.metrics.instance import match_counts
from smalta.training.targets import object_targets

RULE = GroupingRule()
IS_THING = np.array([False, False, True])  # 1 ground, 2 disc


def discs(seed: int, size_hw: tuple[int, int] = (96, 128), most: int = 12) -> np.ndarray:
    """(H, W) int32 discs of 5 to 14 px radius, none on another."""
    rng = np.random.default_rng(seed)
    y, x = np.mgrid[: size_hw[0], : size_hw[1]]
    instances = np.zeros(size_hw, np.int32)
    for _ in range(int(rng.integers(1, most)) + 1):
        middle, radius = rng.uniform(0, size_hw), rng.uniform(5, 14)
        disc = (y - middle[0]) ** 2 + (x - middle[1]) ** 2 < radius**2
        if disc.sum() > 60 and not instances[disc].any():
            instances[disc] = instances.max() + 1
    return instances


def fields_of(instances: np.ndarray, stride: int) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """What a perfect network answers."""
    targets = object_targets(1 + (instances > 0), instances, IS_THING, stride)
    return (instances > 0).astype(np.float32), np.maximum(targets.center, 0), targets.offsets


@given(seed=st.integers(0, 10_000), stride=st.sampled_from([1, 2]))
@settings(max_examples=40, deadline=None)
def test_perfect_fields_give_the_objects_back(seed: int, stride: int) -> None:
    instances = discs(seed)

    found, scores = group(*fields_of(instances, stride), RULE)

    matched, n_found, n_true, _ = match_counts(instances, found, (0.5,))[0]
    assert matched == n_found == n_true == len(scores)


def peaks(size_hw: tuple[int, int], *tops: tuple[int, int, float]) -> np.ndarray:
    """A centre map of flat squares of 7 x 7 cells around (row, column), whose height smoothing keeps."""
    center = np.zeros(size_hw, np.float32)
    for row, column, height in tops:
        center[max(row - 3, 0) : row + 4, max(column - 3, 0) : column + 4] = height
    return center


def test_touching_objects_part_where_their_pixels_point_to_different_centres() -> None:
    instances = np.repeat(np.array([[1, 2]], np.int32), 12, axis=1).repeat(12, axis=0)

    found, _ = group(*fields_of(instances, 1), RULE)

    assert found.tolist() == instances.tolist()


@given(st.integers(1, 40), st.integers(1, 40))
@settings(max_examples=30, deadline=None)
def test_a_flat_top_of_any_size_is_one_object(height: int, width: int) -> None:
    flat = np.full((height, width), 0.9, np.float32)

    found, scores = group(np.ones((height, width)), flat, np.zeros((2, height, width), np.float32), RULE)

    assert found.min() == found.max() == 1
    assert scores.tolist() == [pytest.approx(0.9, abs=1e-3)]


def test_two_equal_tops_side_by_side_are_one_peak() -> None:
    center = np.zeros((9, 9), np.float32)
    center[4, 3] = center[4, 5] = 0.8

    assert find_peaks(center, 0.2, radius=2).tolist() == [[4, 3]]
    assert find_peaks(center, 0.2, radius=1).tolist() == [[4, 3], [4, 5]]


def test_a_peak_that_points_to_a_higher_one_is_the_same_object() -> None:
    center = peaks((9, 20), (4, 4, 0.9), (4, 14, 0.5))
    offsets = np.zeros((2, 9, 20), np.float32)
    apart, _ = group(np.ones((9, 20)), center, offsets, RULE)
    offsets[1, :, 10:] = -10

    joined, scores = group(np.ones((9, 20)), center, offsets, RULE)

    assert apart.max() == 2
    assert joined.max() == 1
    assert scores.tolist() == [pytest.approx(0.9, abs=1e-3)]


def ridged(low: float, height: float = 0.5) -> np.ndarray:
    """Two tops, of 0.9 and of `height`, and between them a broad ridge of `low`, which is a flat top itself."""
    center = peaks((11, 40), (5, 5, 0.9), (5, 30, height))
    center[1:10, 9:27] = low
    return center


@pytest.mark.parametrize(
    ("low", "ridge", "objects"),
    [(0.48, 0.9, 1), (0.40, 0.9, 2), (0.40, 0.7, 1), (0.48, 1.0, 3)],
)
def test_a_peak_from_which_a_ridge_leads_to_a_higher_one_is_the_same_object(
    low: float, ridge: float, objects: int
) -> None:
    still = np.zeros((2, 11, 40), np.float32)

    found, scores = group(np.ones((11, 40)), ridged(low), still, replace(RULE, ridge=ridge))

    assert found.max() == len(scores) == objects
    assert scores[0] == pytest.approx(0.9, abs=1e-3)


def test_a_ridge_joins_peaks_of_one_height() -> None:
    still = np.zeros((2, 11, 40), np.float32)

    found, _ = group(np.ones((11, 40)), ridged(0.85, height=0.9), still, RULE)

    assert found.max() == 1


def test_a_ridge_does_not_cross_what_is_no_object() -> None:
    thing = np.ones((11, 40))
    thing[:, 18] = 0

    found, _ = group(thing, ridged(0.48), np.zeros((2, 11, 40), np.float32), RULE)

    assert found.max() == 2


def test_of_several_higher_peaks_the_nearest_is_joined() -> None:
    center = peaks((11, 60), (5, 5, 0.9), (5, 24, 0.8), (5, 52, 0.9))
    center[1:10, 9:49] = np.maximum(center[1:10, 9:49], 0.7)
    center[2:9, 30:34] = 0.74
    heights, places = center[5, [5, 24, 32, 52]], np.array([[5, 5], [5, 24], [5, 32], [5, 52]])
    ways = lines_to_higher(places, heights)

    to = along_ridges(np.arange(4), heights, ways, lowest_on(center, places, ways), 0.9)

    assert to.tolist() == [0, 1, 1, 3]  # 0.7 is less than nine tenths of 0.8, and not of 0.74


def test_lines_are_looked_at_some_at_a_time(monkeypatch: pytest.MonkeyPatch) -> None:
    rng = np.random.default_rng(0)
    center = rng.random((40, 50)).astype(np.float32)
    places = np.unique(rng.integers(0, 40, (60, 2)), axis=0)
    ways = lines_to_higher(places, rng.random(len(places)))
    at_once = lowest_on(center, places, ways)

    monkeypatch.setattr(grouping, "LINES_AT_ONCE", 7)

    assert len(at_once) > 14
    assert lowest_on(center, places, ways).tolist() == at_once.tolist()


def test_lines_lie_alike_wherever_the_map_begins() -> None:
    places = np.array([[1, 2], [6, 13], [12, 4], [3, 30]])
    ways = lines_to_higher(places, np.array([0.1, 0.2, 0.3, 0.4]))

    rows, columns = cells_on(places, ways)
    lower, further = cells_on(places + np.array([7, 5]), ways)

    assert (lower - 7).tolist() == rows.tolist()
    assert (further - 5).tolist() == columns.tolist()


def test_lines_are_not_longer_than_their_bound() -> None:
    places = np.array([[0, 0], [0, FURTHEST - 1], [0, 3 * FURTHEST]])

    ways = lines_to_higher(places, np.array([0.5, 0.9, 0.7]))

    assert list(zip(ways.begin, ways.end, strict=True)) == [(0, 1)]


def test_only_pixels_that_are_likely_a_thing_belong_to_an_object() -> None:
    thing = np.full((9, 12), 0.9)
    thing[:, 8:] = 0.4

    found, scores = group(thing, peaks((9, 12), (4, 4, 1.0)), np.zeros((2, 9, 12), np.float32), RULE)

    assert (found > 0).tolist() == (thing >= 0.5).tolist()
    assert scores.tolist() == [pytest.approx(0.9, abs=1e-3)]


@pytest.mark.parametrize(
    ("rule", "kept"),
    [
        (GroupingRule(), 2),
        (GroupingRule(min_center=0.7), 1),
        (GroupingRule(min_score=0.7), 1),
        (GroupingRule(min_area=60), 1),
        (GroupingRule(min_thing=1.0), 2),
    ],
)
def test_objects_below_the_rule_are_dropped_and_the_rest_renumbered(rule: GroupingRule, kept: int) -> None:
    center = peaks((8, 24), (4, 4, 0.6), (4, 16, 0.8))  # the border runs at column 10: areas below and above 60
    thing = np.r_[np.ones((5, 24)), np.zeros((3, 24))]

    found, scores = group(thing, center, np.zeros((2, 8, 24), np.float32), rule)

    assert np.unique(found[found > 0]).tolist() == list(range(1, kept + 1))
    assert len(scores) == kept


def test_no_peak_makes_no_object() -> None:
    found, scores = group(np.ones((6, 7)), np.zeros((3, 4), np.float32), np.zeros((2, 3, 4), np.float32), RULE)

    assert found.shape == (6, 7)
    assert not found.any()
    assert len(scores) == 0


def test_sides_that_are_no_multiple_of_the_stride_are_covered_to_the_edge() -> None:
    center = np.full((2, 3), 0.5, np.float32)

    found, _ = group(np.ones((5, 9)), center, np.zeros((2, 2, 3), np.float32), RULE)

    assert found.shape == (5, 9)
    assert (found == 1).all()


def test_fields_that_do_not_fit_each_other_are_refused() -> None:
    with pytest.raises(ShapeError, match="stride 1, 2 or 4"):
        group(np.ones((9, 9)), np.ones((3, 4), np.float32), np.zeros((2, 3, 4), np.float32), RULE)
    with pytest.raises(ShapeError, match=r"offsets must be \(2, 9, 9\)"):
        group(np.ones((9, 9)), np.ones((9, 9), np.float32), np.zeros((2, 9, 8), np.float32), RULE)


@pytest.mark.parametrize(
    "values", [{"min_thing": 1.1}, {"min_center": -0.1}, {"min_score": 2}, {"ridge": -0.1}, {"min_area": 0}]
)
def test_a_rule_outside_its_range_is_refused(values: dict[str, float]) -> None:
    with pytest.raises(ConfigError, match=next(iter(values))):
        GroupingRule.from_dict(values)


def test_a_rule_survives_its_plain_form() -> None:
    rule = GroupingRule(min_thing=0.4, min_center=0.3, min_score=0.2, min_area=9)

    assert GroupingRule.from_dict(rule.to_dict()) == rule
    with pytest.raises(ConfigError, match="unknown keys \\['min_size'\\]"):
        GroupingRule.from_dict({"min_size": 3})
