from __future__ import annotations

from itertools import permutations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from smalta.errors import ShapeError
from smalta.metrics.events import (
    crossing_counts,
    crossing_sums,
    event_counts,
    interval_counts,
    mean_occupancy_error,
    occupancy_sums,
    share_of_time_right,
    shared_seconds,
)
from smalta.metrics.instance import f1, precision, recall
from smalta.metrics.node_counts import relative_error
from smalta.metrics.semantic import iou

# -- crossings ----------------------------------------------------------------------------------------


def test_crossings_are_counted_by_line_and_way() -> None:
    truth = [("door", "in")] * 5 + [("door", "out")] * 3
    found = [("door", "in")] * 4 + [("door", "out")] * 3 + [("gate", "out")]

    counts = crossing_counts(truth, found)

    assert counts == {("door", "in"): (5, 4), ("door", "out"): (3, 3), ("gate", "in"): (0, 0), ("gate", "out"): (0, 1)}
    sums = crossing_sums(counts)
    assert sums.tolist() == [0, 2, 8, 4]  # one too few and one too many
    assert relative_error(sums) == 2 / 8


def test_without_lines_there_is_no_error_of_crossings() -> None:
    assert crossing_counts([], []) == {}
    assert np.isnan(relative_error(crossing_sums({})))


# -- events at moments --------------------------------------------------------------------------------


def best_by_trial(true: list[float], found: list[float], within: float) -> tuple[int, float]:
    """Most pairs, and the smallest sum of differences among those, by trying all assignments."""
    if len(true) > len(found):
        true, found = found, true
    best = (0, 0.0)
    for order in permutations(found, len(true)):
        apart = [abs(a - b) for a, b in zip(true, order, strict=True) if abs(a - b) <= within]
        best = min(best, (-len(apart), sum(apart)))
    return -best[0], best[1]


tenths = st.lists(st.integers(0, 40).map(lambda n: n / 8), max_size=5)


@given(true=tenths, found=tenths)
def test_the_most_events_are_matched_and_the_nearest_ones(true: list[float], found: list[float]) -> None:
    counts = event_counts([("a", t) for t in true], [("a", t) for t in found])

    matched, apart = best_by_trial(true, found, 1.0)
    assert counts[:3].tolist() == [matched, len(found), len(true)]
    assert counts[3] == pytest.approx(apart)


def test_a_nearer_event_does_not_take_the_only_partner_of_another() -> None:
    # greedy by distance would take 10.0 with 10.1, and leave 9.2 and 11.0 alone
    counts = event_counts([("a", 10.0), ("a", 11.0)], [("a", 10.1), ("a", 9.2)])

    assert counts[:3].tolist() == [2, 2, 2]


def test_events_match_only_those_of_their_kind_within_a_second() -> None:
    truth = [("queue", 5.0), ("queue", 20.0), ("jaywalk", 7.0), ("left", 1.0)]
    found = [("queue", 6.0), ("queue", 21.01), ("queue", 7.0), ("jaywalk", 6.2)]

    counts = event_counts(truth, found)

    np.testing.assert_allclose(counts, [2, 4, 4, 1.0 + 0.8])
    assert (precision(counts), recall(counts), f1(counts)) == (0.5, 0.5, 0.5)
    assert event_counts(truth, found, within_s=2)[0] == 3


def test_a_second_is_a_second_although_times_are_rounded() -> None:
    assert 2.2 - 1.2 > 1

    assert event_counts([("a", 2.2)], [("a", 1.2)])[0] == 1


def test_without_events_there_is_no_f1() -> None:
    assert np.isnan(f1(event_counts([], [])))
    assert f1(event_counts([("a", 1.0)], [])) == 0
    assert f1(event_counts([], [("a", 1.0)])) == 0


# -- events that last ---------------------------------------------------------------------------------


def test_events_that_last_match_by_the_time_that_they_share() -> None:
    truth = [("queue", 0.0, 10.0), ("queue", 20.0, 30.0), ("left", 0.0, 5.0)]
    found = [("queue", 2.0, 10.0), ("queue", 26.0, 30.0), ("left", 0.0, 0.0)]

    counts = interval_counts(truth, found)

    np.testing.assert_allclose(counts, [1, 3, 3, 0.8])
    np.testing.assert_allclose(interval_counts(truth, found, least_overlap=0.4), [2, 3, 3, 0.8 + 0.4])


def test_an_event_that_was_found_in_pieces_matches_once() -> None:
    counts = interval_counts([("a", 0.0, 10.0)], [("a", 0.0, 5.0), ("a", 5.0, 10.0)])

    np.testing.assert_allclose(counts, [1, 2, 1, 0.5])


@pytest.mark.parametrize("least", [0, -1, 1.5])
def test_an_impossible_overlap_is_refused(least: float) -> None:
    with pytest.raises(ValueError, match=r"\(0, 1\]"):
        interval_counts([], [], least_overlap=least)


def test_shared_seconds_do_not_ask_how_an_event_is_cut() -> None:
    truth = [("road", 0.0, 10.0), ("lane", 3.0, 4.0)]
    found = [("road", 8.0, 12.0), ("road", 0.0, 3.0), ("road", 1.0, 2.0), ("road", 2.0, 5.0)]

    seconds = shared_seconds(truth, found, ["road", "lane", "path"])

    np.testing.assert_allclose(seconds, [[5 + 2, 10, 5 + 4], [0, 1, 0], [0, 0, 0]])
    np.testing.assert_allclose(iou(seconds), [7 / 12, 0, np.nan])


# -- occupancy ----------------------------------------------------------------------------------------


def test_occupancy_errors_are_weighted_by_time() -> None:
    truth = np.array([[2, 0], [2, 1], [3, 1]])
    found = np.array([[2, 0], [1, 1], [5, 0]])

    sums = occupancy_sums(truth, found)
    timed = occupancy_sums(truth, found, np.array([0.5, 0.25, 1.25]))

    np.testing.assert_allclose(mean_occupancy_error(sums), [3 / 3, 1 / 3])
    np.testing.assert_allclose(share_of_time_right(sums), [1 / 3, 2 / 3])
    np.testing.assert_allclose(mean_occupancy_error(timed), [(0.25 + 2 * 1.25) / 2, 1.25 / 2])
    np.testing.assert_allclose(share_of_time_right(timed), [0.5 / 2, 0.75 / 2])


def test_frames_may_be_added_one_by_one() -> None:
    random = np.random.default_rng(0)
    truth, found = random.integers(0, 4, (2, 9, 3))

    one_by_one = sum(occupancy_sums(t[None], f[None]) for t, f in zip(truth, found, strict=True))

    np.testing.assert_allclose(one_by_one, occupancy_sums(truth, found))


def test_places_are_taken_or_free() -> None:
    sums = occupancy_sums(np.array([[True, False], [True, True]]), np.array([[True, True], [True, True]]))

    np.testing.assert_allclose(share_of_time_right(sums), [1, 0.5])
    assert np.isnan(share_of_time_right(occupancy_sums(np.zeros((0, 2)), np.zeros((0, 2))))).all()


@pytest.mark.parametrize(
    ("truth", "found", "seconds"), [((2, 3), (3, 2), None), ((2,), (2,), None), ((2, 3), (2, 3), (3,))]
)
def test_occupancy_of_other_shapes_is_refused(
    truth: tuple[int, ...], found: tuple[int, ...], seconds: tuple[int, ...] | None
) -> None:
    with pytest.raises(ShapeError):
        occupancy_sums(np.zeros(truth), np.zeros(found), None if seconds is None else np.zeros(seconds))
