"""Crossings of a line: which way, when, how sure, and what is no crossing."""

from __future__ import annotations

import json
import math
from dataclasses import replace
from itertools import pairwise

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from line_walks import DOOR, FPS, HEIGHT, cross, person, walk, ways
from smalta.video.crossing import LineCounter, Moving, band
from smalta.video.rules import Line
from smalta.video.values import Mask, Track

# -- one track ----------------------------------------------------------------------------------------


def test_who_walks_across_has_crossed_once_at_the_time_of_the_line() -> None:
    (crossing,) = cross(walk((40, 200), (160, 200)))

    assert (crossing.track, crossing.line, crossing.way, crossing.sure) == (1, "door", "in", True)
    assert crossing.time_s == pytest.approx(0.6 + 0.12, abs=0.05)  # the smoothed foot is 0.12 s behind


@pytest.mark.parametrize(
    ("start", "end", "side", "expected"),
    [
        ((100, 100), (300, 100), "right", "in"),
        ((300, 100), (100, 100), "right", "out"),
        ((100, 100), (300, 100), "left", "out"),
        ((300, 100), (100, 100), "left", "in"),
    ],
)
def test_sides_are_seen_along_the_line(
    start: tuple[float, float], end: tuple[float, float], side: str, expected: str
) -> None:
    line = Line(name="door", start_xy=start, end_xy=end, in_side="left" if side == "left" else "right", of=0)

    assert ways(cross(walk((40, 200), (160, 200)), line)) == [(expected, True)]


def test_there_and_back_are_two_crossings() -> None:
    assert ways(cross(walk((40, 200), (160, 200), (40, 220)))) == [("in", True), ("out", True)]


def test_the_band_is_six_pixels_or_a_part_of_the_height() -> None:
    assert (band(20), band(40), band(100)) == (6, 6, 15)


@pytest.mark.parametrize(("deepest", "expected"), [(114.0, []), (117.0, [("in", True), ("out", True)])])
def test_within_the_band_nobody_has_crossed(deepest: float, expected: list[tuple[str, bool]]) -> None:
    there, back = walk((40, 200), (deepest, 200)), walk((deepest, 200), (40, 200))

    assert ways(cross([*there, *[(deepest, 200.0)] * 10, *back])) == expected


def test_trembling_on_the_line_is_no_crossing() -> None:
    random = np.random.default_rng(0)
    standing = [(100 + random.normal(0, 5), 200 + random.normal(0, 5)) for _ in range(20 * FPS)]

    back = cross([*walk((40, 200), (100, 200)), *standing, *walk((100, 200), (40, 200))])
    on = cross([*walk((40, 200), (100, 200)), *standing, *walk((100, 200), (160, 200))])

    assert back == []
    assert ways(on) == [("in", True)]
    assert on[0].time_s > 20  # the last time that it passed the line


@pytest.mark.parametrize(
    "stations",
    [
        [(40, 320), (160, 320)],  # past the end
        [(40, 80), (160, 80)],  # past the start
        [(70, 200), (70, 340), (130, 340), (130, 200)],  # around the end
        [(70, 20), (70, 380)],  # along one side
        [(95, 20), (95, 380)],  # along one side, within the band
        [(95, 20), (105, 380)],  # slowly over it, and never beyond the band
    ],
)
def test_along_beside_and_around_an_end_is_no_crossing(stations: list[tuple[float, float]]) -> None:
    assert cross(walk(*stations)) == []


def test_after_the_way_around_the_end_the_side_is_the_new_one() -> None:
    around = walk((40, 330), (160, 330), (160, 200), (40, 200))

    assert ways(cross(around)) == [("out", True)]


def test_two_frames_a_second_are_enough() -> None:
    assert ways(cross(walk((20, 200), (180, 200), fps=2), fps=2)) == [("in", True)]


def test_who_begins_in_the_band_has_not_crossed() -> None:
    assert cross(walk((95, 200), (160, 200))) == []


# -- what makes it doubtful -----------------------------------------------------------------------------


def test_unseen_at_the_line_with_the_same_number_is_a_doubtful_crossing() -> None:
    places: list[tuple[float, float] | None] = [*walk((40, 200), (160, 200))]
    places[9:21] = [None] * 12

    assert ways(cross(places)) == [("in", False)]


def test_unseen_for_less_than_the_smoothing_or_away_from_the_line_is_sure() -> None:
    places: list[tuple[float, float] | None] = [*walk((0, 200), (160, 200))]
    short, early = list(places), list(places)
    short[24:28] = [None] * 4
    early[3:15] = [None] * 12

    assert ways(cross(short)) == [("in", True)]
    assert ways(cross(early)) == [("in", True)]


def test_cut_by_the_edge_at_the_line_is_doubtful() -> None:
    places = walk((40, 200), (160, 200))

    at_line = cross(places, each=lambda k, one: replace(one, cut=k == 16))
    before = cross(places, each=lambda k, one: replace(one, cut=k < 5))

    assert ways(at_line) == [("in", False)]
    assert ways(before) == [("in", True)]


def test_who_vanishes_beyond_the_band_before_the_smoothed_foot_is_there_has_doubtfully_crossed() -> None:
    assert ways(cross(walk((40, 200), (118, 200)))) == [("in", False)]
    assert ways(cross(walk((40, 200), (112, 200)))) == []


def test_a_track_counts_when_it_is_sure_and_with_the_time_at_which_it_crossed() -> None:
    places = walk((40, 200), (200, 200))
    counter, found = LineCounter(DOOR), []
    for k, place in enumerate(places):
        found.append(counter.step(k / FPS, [person(*place, sure=k >= 35)], []))

    assert [k for k, made in enumerate(found) if made] == [35]
    assert found[35][0].time_s < 0.8
    assert found[35][0].sure


def test_a_track_that_ends_unsure_has_not_crossed() -> None:
    counter = LineCounter(DOOR)
    for k, place in enumerate(walk((40, 200), (200, 200))):
        assert counter.step(k / FPS, [person(*place, sure=False)], []) == []

    assert counter.step(9.0, [], [1]) == []


# -- state --------------------------------------------------------------------------------------------


def test_nothing_is_remembered_of_tracks_that_ended() -> None:
    counter = LineCounter(DOOR)
    for number in range(1, 200):
        for k, place in enumerate(walk((40, 200), (160, 200), speed=400)):
            counter.step(10 * number + k / FPS, [person(*place, number=number)], [])
        counter.step(10 * number + 2.0, [], [number])
        counter.step(10 * number + 4.0, [], [])

    assert counter.state() == {"walks": []}


def test_a_track_brings_what_a_line_must_know() -> None:
    mask = Mask(cells=np.ones((10, 4), dtype=bool), top_left=(3, 2), cell=4)
    track = Track(
        number=7,
        node=3,
        attributes={},
        mask=mask,
        foot_yx=(52.0, 16.0),
        velocity_yx=(1.0, 2.0),
        first_s=0.0,
        last_s=1.0,
        sure=True,
        seen=True,
        cut=False,
        score=0.9,
    )

    assert Moving.of(track) == Moving(
        number=7,
        foot_yx=(52.0, 16.0),
        velocity_yx=(1.0, 2.0),
        height=40.0,
        width=16.0,
        sure=True,
        seen=True,
        cut=False,
    )


@st.composite
def crowds(draw: st.DrawFn) -> list[tuple[float, list[Moving], list[int]]]:
    """Frames of up to three tracks that move at random near the line, are unseen now and then, and end."""
    frames = []
    places = {number: [draw(st.floats(60, 140)), draw(st.floats(80, 320))] for number in (1, 2, 3)}
    living = {1, 2, 3}
    for k in range(draw(st.integers(2, 40))):
        moving, ended = [], []
        for number in sorted(living):
            places[number][0] += draw(st.integers(-30, 30))
            places[number][1] += draw(st.integers(-30, 30))
            flags = draw(st.integers(0, 31))
            moving.append(
                person(
                    *places[number],
                    number=number,
                    velocity_yx=(draw(st.integers(-99, 99)) * 1.1, 0.3),
                    sure=k > 3 * number,
                    seen=flags % 8 != 0,
                    cut=flags == 9,
                )
            )
            if flags == 31:
                ended.append(number)
        living -= set(ended)
        moving = [one for one in moving if one.number in living]
        frames.append((k * 0.13, moving, ended))
    return frames


@given(frames=crowds(), data=st.data())
def test_a_counter_that_is_restored_anywhere_counts_the_same(
    frames: list[tuple[float, list[Moving], list[int]]], data: st.DataObject
) -> None:
    stop = data.draw(st.integers(0, len(frames)))
    whole, first = LineCounter(DOOR), LineCounter(DOOR)
    expected = [whole.step(*frame) for frame in frames]
    found = [first.step(*frame) for frame in frames[:stop]]

    second = LineCounter.restored(DOOR, json.loads(json.dumps(first.state())))
    found += [second.step(*frame) for frame in frames[stop:]]

    assert found == expected
    assert json.dumps(second.state()) == json.dumps(whole.state())


@given(
    ys=st.lists(st.floats(0, 200), min_size=1, max_size=60), in_side=st.sampled_from(["left", "right"]), fps=st.just(2)
)
def test_crossings_alternate_and_their_number_says_whether_the_side_changed(
    ys: list[float], in_side: str, fps: float
) -> None:
    line = replace(DOOR, in_side=in_side)  # at two frames a second nothing is smoothed
    found = [one.way for one in cross([(y, 200.0) for y in ys], line, fps=fps)]

    beyond = [y > 100 for y in ys if abs(y - 100) > band(HEIGHT)]
    changes = [b for a, b in pairwise(beyond) if a != b]
    assert found == [("in" if below == (in_side == "right") else "out") for below in changes]


@given(
    turn=st.floats(0, 6.28),
    scale=st.floats(0.5, 4),
    shift=st.tuples(st.floats(-500, 500), st.floats(-500, 500)),
    seed=st.integers(0, 2**16),
)
def test_a_scene_that_is_turned_moved_and_scaled_has_the_same_crossings(
    turn: float, scale: float, shift: tuple[float, float], seed: int
) -> None:
    random = np.random.default_rng(seed)
    ys = 100 + np.cumsum(random.normal(0, 12, 80))
    xs = 200 + np.cumsum(random.normal(0, 12, 80))
    cos, sin = scale * math.cos(turn), scale * math.sin(turn)

    def moved(x: float, y: float) -> tuple[float, float]:
        return cos * x - sin * y + shift[0], sin * x + cos * y + shift[1]

    line = replace(DOOR, start_xy=moved(*DOOR.start_xy), end_xy=moved(*DOOR.end_xy))
    before = cross(list(zip(ys.tolist(), xs.tolist(), strict=True)))
    places = [moved(x, y)[::-1] for y, x in zip(ys.tolist(), xs.tolist(), strict=True)]

    after = cross(places, line, each=lambda _, one: replace(one, height=HEIGHT * scale))

    assert after == before
