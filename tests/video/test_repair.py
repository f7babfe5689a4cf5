"""Parts are joined, and detections of several objects are divided."""

from __future__ import annotations

import numpy as np
import pytest

from boxes_on_cells import CELL, Box, found
from smalta.video.following.known import Known
from smalta.video.following.measuring import measure
from smalta.video.following.repair import Repaired, repair
from smalta.video.following.tracker_settings import USUAL
from smalta.video.following.votes import Votes
from smalta.video.values import Mask


def known(number: int, box: Box) -> Known:
    """A sure object that was detected as this box, in cells."""
    instances = found(box).instances
    votes = Votes(np.array([0.0, 1.0]), {})
    one = Known.begun(number, 0.0, Mask.of(instances > 0, CELL), measure(instances, 1, CELL), 0, votes, USUAL)
    one.sure = True
    return one


def repaired(ones: list[Known], pairs: list[tuple[int, int]], *boxes: Box, time_s: float = 1.0) -> Repaired:
    instances = found(*boxes).instances
    return repair(ones, pairs, instances, measure(instances, len(boxes), CELL), time_s, USUAL, CELL)


def test_whole_detections_stay_as_they_are() -> None:
    answer = repaired([known(1, (5, 5, 20, 10))], [(0, 0)], (5, 6, 20, 11), (5, 20, 20, 25))

    assert answer.pairs == ((0, 0),)
    assert answer.n == 2
    assert not answer.split
    assert not answer.merged


def test_two_parts_become_one() -> None:
    answer = repaired([known(1, (5, 5, 20, 10))], [(0, 0)], (5, 5, 12, 10), (13, 5, 20, 10))

    assert answer.pairs == ((0, 0),)
    assert np.unique(answer.instances).tolist() == [0, 1]
    assert (answer.instances == 1).sum() == 70
    assert (answer.split, answer.joined) == ({0}, {1})


def test_someone_behind_a_whole_person_is_no_part() -> None:
    answer = repaired([known(1, (5, 5, 20, 10))], [(0, 0)], (5, 5, 20, 10), (4, 7, 5, 9))

    assert not answer.split


def test_someone_beside_half_a_person_is_no_part() -> None:
    answer = repaired([known(1, (5, 5, 20, 10))], [(0, 0)], (5, 5, 12, 10), (5, 11, 20, 16))

    assert not answer.split


@pytest.mark.parametrize(("since_s", "joined"), [(0.6, True), (0.4, False)])
def test_parts_are_joined_for_half_a_second(since_s: float, joined: bool) -> None:
    one = known(1, (5, 5, 20, 10))
    one.split_s = since_s

    assert bool(repaired([one], [(0, 0)], (5, 5, 12, 10), (13, 5, 20, 10)).split) is joined


def test_one_detection_of_two_people_is_divided_between_them() -> None:
    left, right = known(1, (5, 5, 20, 10)), known(2, (5, 10, 20, 15))

    answer = repaired([left, right], [(0, 0)], (5, 5, 20, 15))

    assert answer.pairs == ((0, 0), (1, 1))
    assert answer.merged == {0, 1}
    assert (answer.instances[5:20, 5:10] == 1).all()
    assert (answer.instances[5:20, 10:15] == 2).all()


def test_a_detection_of_three_that_no_one_continues_is_divided_between_all() -> None:
    ones = [known(k + 1, (5, 5 + 5 * k, 20, 10 + 5 * k)) for k in range(3)]

    answer = repaired(ones, [], (5, 5, 20, 20))

    assert [row for row, _ in answer.pairs] == [0, 1, 2]
    assert sorted(np.unique(answer.instances).tolist()) == [0, 1, 2, 3]


def test_one_who_is_hidden_behind_another_has_no_part_of_the_detection() -> None:
    front, behind = known(1, (5, 5, 20, 10)), known(2, (4, 5, 18, 10))

    answer = repaired([front, behind], [(0, 0)], (5, 5, 20, 10))

    assert answer.pairs == ((0, 0),)


@pytest.mark.parametrize("change", ["late", "unsure", "hidden"])
def test_only_sure_and_seen_people_are_found_together_and_for_half_a_second(change: str) -> None:
    left, right = known(1, (5, 5, 20, 10)), known(2, (5, 10, 20, 15))
    if change == "late":
        right.merged_s = 0.4
    right.sure, right.seen = change != "unsure", change != "hidden"

    assert repaired([left, right], [(0, 0)], (5, 5, 20, 15)).pairs == ((0, 0),)
