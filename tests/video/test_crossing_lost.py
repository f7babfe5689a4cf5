"""Sides that lost tracks leave to new ones at a line."""

from __future__ import annotations

from dataclasses import replace

import pytest

from line_walks import DOOR, FPS, Places, person, walk, ways
from smalta.video.crossing import Crossing, LineCounter


def two_tracks(
    first: Places, second: Places, *, begins: int, sure_after: int = 3, ended: int | None = None, x: float = 0.0
) -> list[Crossing]:
    """Crossings of track 1 and of track 2, which begins in a frame `begins`; 1 is given up in the frame `ended`."""
    counter, found, last = LineCounter(DOOR), [], {}
    for k in range(max(len(first), begins + len(second))):
        moving = []
        for number, places, start in ((1, first, 0), (2, second, begins)):
            place = places[k - start] if 0 <= k - start < len(places) else None
            if place is not None:
                sure = number == 1 or k - start >= sure_after
                moving_on = person(place[0], place[1] + (x if number == 2 else 0.0), number=number, sure=sure)
                last[number] = replace(moving_on, velocity_yx=(100.0, 0.0))
                moving.append(last[number])
            elif number in last and not (number == 1 and ended is not None and k >= ended):
                moving.append(replace(last[number], seen=False))
        found += counter.step(k / FPS, moving, [1] if k == ended else [])
    return found


WAY = walk((40, 200), (240, 200))
LOST = 16  # the frame from which track 1 is unseen; its foot is at 100


@pytest.mark.parametrize("gap", [0, 4, 12])
@pytest.mark.parametrize("ended", [None, LOST, 30])
def test_a_new_number_at_the_line_takes_over_the_side(gap: int, ended: int | None) -> None:
    found = two_tracks(WAY[:LOST], WAY[LOST + gap :], begins=LOST + gap, ended=ended)

    assert [(one.track, one.way, one.sure) for one in found] == [(2, "in", False)]


def test_a_new_number_on_the_old_side_brings_no_crossing() -> None:
    back = walk((100, 200), (20, 200))

    assert two_tracks(WAY[:LOST], back, begins=LOST) == []


@pytest.mark.parametrize(
    ("begins", "x"),
    [
        (LOST + 30, 0.0),  # more than a second later
        (LOST + 2, 60.0),  # farther away than a width
    ],
)
def test_too_late_or_too_far_away_takes_nothing_over(begins: int, x: float) -> None:
    assert two_tracks(WAY[:LOST], walk((110, 200), (200, 200)), begins=begins, x=x) == []


def test_a_track_lost_far_from_the_line_leaves_nothing() -> None:
    counter = LineCounter(DOOR)
    for k in range(5):
        counter.step(k / FPS, [person(60, 200)], [])

    found = [
        one
        for k, place in enumerate(walk((105, 210), (200, 210)), start=6)
        for one in counter.step(k / FPS, [person(*place, number=2)], [])
    ]

    assert found == []


def test_a_track_lost_on_its_way_to_the_line_leaves_its_side() -> None:
    lost = 9  # at 72, which is 13 px before the band

    assert ways(two_tracks(WAY[:lost], WAY[lost + 8 :], begins=lost + 8)) == [("in", False)]


def test_who_is_seen_again_takes_the_side_back() -> None:
    hidden: list[tuple[float, float] | None] = [*WAY]
    hidden[LOST : LOST + 8] = [None] * 8
    speck = [(101.0, 200.0)] * 5  # a short false track beside the hidden person

    found = two_tracks(hidden, speck, begins=LOST + 1, sure_after=99)

    assert [(one.track, one.way, one.sure) for one in found] == [(1, "in", False)]


def test_a_side_is_not_counted_twice() -> None:
    hidden: list[tuple[float, float] | None] = [*WAY]
    hidden[LOST : LOST + 40] = [None] * 40

    found = two_tracks([*hidden, *[(240.0, 200.0)] * 20], WAY[LOST + 2 :], begins=LOST + 2)

    assert [(one.track, one.way) for one in found] == [(2, "in")]


def test_a_false_track_that_ends_gives_the_side_back_to_the_next_one() -> None:
    counter, found = LineCounter(DOOR), []
    for k in range(LOST):
        found += counter.step(k / FPS, [person(*WAY[k])], [])
    for k in range(LOST, LOST + 3):
        found += counter.step(k / FPS, [person(102, 205, number=2, sure=False)], [])
    found += counter.step((LOST + 3) / FPS, [], [2])
    for k in range(LOST + 4, len(WAY)):
        found += counter.step(k / FPS, [person(*WAY[k], number=3)], [])

    assert [(one.track, one.way, one.sure) for one in found] == [(3, "in", False)]


def test_a_side_is_passed_on_over_several_numbers() -> None:
    counter, found = LineCounter(DOOR), []
    for k, place in enumerate(WAY):
        number = 1 + (k >= 15) + (k >= 17) + (k >= 19)
        found += counter.step(k / FPS, [person(*place, number=number, velocity_yx=(100.0, 0.0))], [])

    assert [(one.track, one.way, one.sure) for one in found] == [(4, "in", False)]


def test_the_nearest_lost_track_leaves_its_side() -> None:
    counter, found = LineCounter(DOOR), []
    for k in range(LOST):
        below = 200 - WAY[k][0]
        found += counter.step(
            k / FPS, [person(*WAY[k], number=1), person(below, 225, number=2)], []
        )  # 1 from above, 2 from below, both at the line
    for k, place in enumerate(walk((100, 224), (40, 224)), start=LOST):
        found += counter.step(k / FPS, [person(*place, number=3)], [])

    assert [(one.track, one.way) for one in found] == [(3, "out")]


def test_a_false_track_that_ends_across_the_line_gives_the_side_back_too() -> None:
    counter, found = LineCounter(DOOR), []
    for k in range(LOST):
        found += counter.step(k / FPS, [person(*WAY[k])], [])
    for k in range(LOST, LOST + 3):
        found += counter.step(k / FPS, [person(120, 200, number=2, sure=False)], [])
    found += counter.step((LOST + 3) / FPS, [], [2])
    for k in range(LOST + 4, len(WAY)):
        found += counter.step(k / FPS, [person(*WAY[k], number=3)], [])

    assert [(one.track, one.way) for one in found] == [(3, "in")]


def returned(speck: list[tuple[float, float]], frames: int = 8) -> list[Crossing]:
    """Crossings of a person who is hidden at the line for some frames, and of a track that begins meanwhile there."""
    hidden: list[tuple[float, float] | None] = [*WAY]
    hidden[LOST : LOST + frames] = [None] * frames
    return two_tracks(hidden, speck, begins=LOST + 1, sure_after=15)


def test_who_is_seen_again_takes_a_crossing_back_that_does_not_count_yet() -> None:
    found = returned([(101.0, 200.0), *[(125.0, 200.0)] * 30])

    assert [one.track for one in found] == [1]


def test_who_is_seen_again_leaves_the_other_one_without_a_side() -> None:
    found = returned([*[(101.0, 200.0)] * 10, *[(140.0, 200.0)] * 20])

    assert [one.track for one in found] == [1]


def test_who_is_seen_again_leaves_a_side_that_the_other_one_has_by_itself() -> None:
    back_and_there = [(101.0, 200.0), *[(60.0, 200.0)] * 10, *[(101.0, 200.0)] * 30, *[(140.0, 200.0)] * 15]

    found = returned(back_and_there, frames=30)

    assert [one.track for one in found] == [1, 2]


def test_a_number_that_passed_its_side_on_has_none() -> None:
    counter, found = LineCounter(DOOR), []
    for k, place in enumerate(WAY):
        number = 1 + (k >= 15) + (k >= 17)
        moving = [person(*place, number=number)]
        moving += [person(*place, number=2)] if k > 22 else []  # is there again
        found += counter.step(k / FPS, moving, [])

    assert [one.track for one in found] == [3]
