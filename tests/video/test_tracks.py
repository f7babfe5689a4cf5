"""Objects keep their numbers."""

from __future__ import annotations

import json
import math
from collections.abc import Iterable
from dataclasses import fields, replace
from typing import Any

import numpy as np
import pytest
from bench.crowds import CELL as CROWD_CELL
from bench.crowds import SIZE_HW as CROWD_HW
from bench.crowds import TREE as CROWD_TREE
from bench.crowds import frames

from boxes_on_cells import CELL, PEOPLE, SIZE_HW, Box, found
from smalta.classes import ClassTree
from smalta.errors import ConfigError, ShapeError
from smalta.video.tracks import USUAL, Step, Tracker, TrackerSettings
from smalta.video.values import Track

FPS = 5
CELLS_HW = (SIZE_HW[0] // CELL, SIZE_HW[1] // CELL)


def tracker(**settings: float) -> Tracker:
    return Tracker(PEOPLE, size_hw=SIZE_HW, cell=CELL, settings=replace(USUAL, **settings))


def person(column: float, row: int = 20) -> Box:
    """15 x 5 cells that end at a row."""
    return row - 15, round(column), row, round(column) + 5


def follow(one: Tracker, boxes: Iterable[Iterable[Box]], *, start: int = 0, fps: int = FPS) -> list[Step]:
    return [one.detected((start + k) / fps, found(*some), None) for k, some in enumerate(boxes)]


def numbers(step: Step, *, sure: bool = True) -> list[int]:
    return [track.number for track in step.tracks if track.sure or not sure]


def at(step: Step, box: Box) -> int:
    """The number of the seen track whose foot is nearest to that of a box."""
    y, x = box[2] * CELL, (box[1] + box[3]) / 2 * CELL
    seen = [track for track in step.tracks if track.seen]
    return min(seen, key=lambda track: math.dist(track.foot_yx, (y, x))).number


def test_people_who_cross_keep_their_numbers() -> None:
    near = [person(2 + 2 * k, 26) for k in range(25)]
    far = [person(50 - 2 * k, 22) for k in range(25)]

    steps = follow(tracker(), zip(far, near, strict=True))

    assert {at(step, box) for step, box in zip(steps, near, strict=True)} == {2}
    assert at(steps[-1], far[-1]) == 1
    assert numbers(steps[-1]) == [1, 2]


def test_one_who_was_hidden_and_comes_back_has_the_same_number() -> None:
    wall = (0, 24, 30, 32)  # in front of everything
    walk = [[person(4 + 1.5 * k), wall] for k in range(26)]

    steps = follow(tracker(), walk)

    hidden = [step for step in steps if not all(track.seen for track in step.tracks)]
    assert len(hidden) >= 2
    assert at(steps[-1], walk[-1][0]) == at(steps[0], walk[0][0])
    assert len(numbers(steps[-1])) == 2
    assert all(len(step.tracks) == 2 and not step.ended for step in steps)


def test_who_comes_out_of_a_door_soon_after_another_went_in_is_someone_else() -> None:
    into = [[person(2 + 1.5 * k)] for k in range(12)]  # nothing hides the place where the first one vanishes
    out_of = [[person(20 - 1.5 * k)] for k in range(8)]

    kept, told_apart = (follow(tracker(vanished_cost=cost), [*into, *[[]] * 8, *out_of])[-1] for cost in (0.0, 4.0))

    assert numbers(kept) == [1]
    assert 1 not in [track.number for track in told_apart.tracks if track.seen]


def test_one_who_stays_away_for_long_is_given_up_and_gets_a_new_number() -> None:
    one = tracker()
    follow(one, [[person(20)]] * 10)
    away = follow(one, [[]] * 20, start=10)
    back = follow(one, [[person(20)]] * 3, start=30)

    (ended,) = [track for step in away for track in step.ended]
    assert (ended.number, ended.sure, ended.last_s) == (1, True, 9 / FPS)
    assert numbers(back[-1]) == [2]


def test_one_who_walks_out_of_the_picture_is_given_up_soon() -> None:
    steps = follow(tracker(), [[person(50 + 2 * k)] if k < 6 else [] for k in range(12)])

    ended = [(k, track.number) for k, step in enumerate(steps) for track in step.ended]
    assert ended == [(ended[0][0], 1)]
    assert ended[0][0] <= 9


def test_a_split_for_less_than_half_a_second_changes_no_number() -> None:
    whole, parts = [(5, 20, 20, 25)], [(5, 20, 12, 25), (13, 20, 20, 25)]

    steps = follow(tracker(), [whole] * 5 + [parts] * 2 + [whole] * 3)

    assert [numbers(step, sure=False) for step in steps] == [[1]] * 10
    assert steps[5].tracks[0].mask.area == (7 + 7) * 5 * CELL**2
    assert steps[5].tracks[0].foot_yx == pytest.approx(steps[4].tracks[0].foot_yx, abs=1)


def test_parts_that_stay_are_believed() -> None:
    whole, parts = [(5, 20, 20, 25)], [(5, 20, 12, 25), (13, 20, 20, 25)]

    steps = follow(tracker(), [whole] * 5 + [parts] * 6)

    assert [len(numbers(step, sure=False)) for step in steps] == [1] * 8 + [2] * 3
    assert numbers(steps[-1]) == [1, 2]


def test_two_found_as_one_for_less_than_half_a_second_both_live_on() -> None:
    left, right = person(20), person(25)
    both = (5, 20, 20, 30)

    steps = follow(tracker(), [[left, right]] * 5 + [[both]] * 2 + [[left, right]] * 3)

    assert [numbers(step) for step in steps[2:]] == [[1, 2]] * 8
    assert all(track.seen for step in steps for track in step.tracks)
    assert [track.mask.box_xyxy for track in steps[6].tracks] == [(80, 20, 100, 80), (100, 20, 120, 80)]


def test_two_found_as_one_for_longer_are_one_seen_and_one_hidden() -> None:
    left, right = person(20), person(25)

    steps = follow(tracker(), [[left, right]] * 5 + [[(5, 20, 20, 30)]] * 6)

    assert sorted(track.seen for track in steps[-1].tracks) == [False, True]
    assert numbers(steps[-1]) == [1, 2]


def test_a_single_detection_never_counts() -> None:
    steps = follow(tracker(), [[person(20)], [], [], [], [], []])

    assert not any(numbers(step) for step in steps)
    (ended,) = [track for step in steps for track in step.ended]
    assert not ended.sure


def test_a_track_counts_from_its_second_detection_at_five_frames_a_second() -> None:
    steps = follow(tracker(), [[person(20)], [person(20)]])

    assert [track.sure for step in steps for track in step.tracks] == [False, True]
    assert steps[1].tracks[0].first_s == 0


def test_fragments_now_and_then_never_count() -> None:
    boxes = [[person(20)] if k % 3 == 0 else [] for k in range(30)]

    steps = follow(tracker(), boxes)

    assert not any(numbers(step) for step in steps)


def test_one_that_was_lost_is_recognised_when_it_has_become_sure() -> None:
    one = tracker(return_cost=50.0)  # whoever is back is taken for someone else at first
    follow(one, [[person(20)]] * 10)
    follow(one, [[]] * 3, start=10)

    first, second = follow(one, [[person(20)]] * 2, start=13)

    assert numbers(first, sure=False) == [1, 2]
    assert numbers(second, sure=False) == [1]
    assert [(track.number, track.sure) for track in second.ended] == [(2, False)]
    assert second.tracks[0].seen


def test_the_class_is_the_vote_of_the_whole_life() -> None:
    tree = ClassTree(
        {
            "road": {},
            "car": {"kind": "thing", "children": ["audi", "honda"], "attributes": {"lights": ["on", "off"]}},
            "person": {"kind": "thing"},
        }
    )
    one = Tracker(tree, size_hw=SIZE_HW, cell=CELL)
    audi, honda, nobody = [(0, 0.8, 0.1, 0.1)], [(0, 0.1, 0.8, 0.1)], [(0, 0.1, 0.1, 0.8)]
    lights = {"on": [[0.9, 0.1]], "off": [[0.2, 0.8]]}

    steps = [
        one.detected(
            k / FPS, found((5, 20, 15, 35), leaves=leaves, attributes={"lights": np.array(lights[light])}), None
        )
        for k, (leaves, light) in enumerate(
            [(audi, "on"), (honda, "on"), (honda, "off"), (nobody, "off"), (honda, "on")]
        )
    ]

    assert [tree.name(step.tracks[0].node) for step in steps] == ["car/audi", "car/audi"] + ["car/honda"] * 3
    assert steps[-1].tracks[0].attributes == {"lights": 1}
    assert steps[-1].tracks[0].score == pytest.approx(0.9)


def test_between_key_frames_flow_carries_masks_by_less_than_a_cell_at_a_time() -> None:
    one = tracker()
    follow(one, [[person(20)]] * 3)
    flow = np.zeros((*CELLS_HW, 2), np.float32)
    flow[..., 1] = 1.0

    steps = [one.carried(0.4 + (k + 1) / 25, flow) for k in range(8)]

    assert [step.tracks[0].mask.top_left[1] for step in steps] == [20, 20, 21, 21, 21, 22, 22, 22]
    assert steps[-1].tracks[0].foot_yx[1] - 8 == pytest.approx((20 + 2.5) * CELL, abs=0.01)
    assert steps[-1].tracks[0].seen
    assert steps[-1].tracks[0].velocity_yx[1] == pytest.approx(25, abs=8)


def test_without_flow_the_speed_carries_masks() -> None:
    one = tracker()
    follow(one, [[person(10 + 2 * k)] for k in range(10)])

    step = one.carried(2.0, None)

    assert step.tracks[0].mask.top_left[1] == 30


def test_flow_follows_one_that_is_missed_in_the_open_and_none_that_is_hidden() -> None:
    still = np.zeros((*CELLS_HW, 2), np.float32)
    for others, seen in (([], True), ([(0, 15, 30, 30)], False)):
        one = tracker()
        follow(one, [[person(20)]] * 3)

        step = one.detected(0.6, found(*others), still)

        assert step.tracks[0].seen is seen


def test_after_a_day_without_a_frame_all_begin_again() -> None:
    one = tracker()
    follow(one, [[person(20)]] * 5)

    step = one.detected(86_400.0, found(person(20)), None)

    assert [track.number for track in step.ended] == [1]
    assert numbers(step, sure=False) == [2]


def test_still_people_are_kept_where_there_is_a_key_frame_in_two_seconds() -> None:
    one = tracker()
    steps = [one.detected(2.0 * k, found(*([] if k == 5 else [person(20)])), None) for k in range(10)]

    assert numbers(steps[-1]) == [1]


def test_what_the_pictures_edge_cuts_is_marked() -> None:
    steps = follow(tracker(), [[(5, 0, 20, 4), person(20)]])

    assert [track.cut for track in steps[0].tracks] == [True, False]


def test_detections_on_other_cells_are_refused() -> None:
    with pytest.raises(ShapeError, match=r"must have \(15, 30\) cells of 8 px"):
        Tracker(PEOPLE, size_hw=SIZE_HW, cell=8).detected(0.0, found(person(20)), None)


def test_a_time_of_nothing_is_refused() -> None:
    with pytest.raises(ConfigError, match="hidden_s of the tracker must be above 0, got 0"):
        TrackerSettings(hidden_s=0)


def as_plain(track: Track) -> dict[str, Any]:
    return {one.name: getattr(track, one.name) for one in fields(track)} | {"mask": track.mask.to_dict()}


@pytest.mark.parametrize("stop", [1, 7, 20])
def test_a_restored_tracker_goes_on_as_if_it_had_never_stopped(stop: int) -> None:
    clip = list(frames(3, 5, seconds=8))
    straight, before = (Tracker(CROWD_TREE, size_hw=CROWD_HW, cell=CROWD_CELL) for _ in range(2))

    expected = [straight.detected(one.time_s, one.found, None) for one in clip]
    for one in clip[:stop]:
        before.detected(one.time_s, one.found, None)
    state = json.loads(json.dumps(before.state()))
    after = Tracker.restored(CROWD_TREE, state, size_hw=CROWD_HW, cell=CROWD_CELL)
    steps = [after.detected(one.time_s, one.found, None) for one in clip[stop:]]

    for step, wanted in zip(steps, expected[stop:], strict=True):
        assert [as_plain(track) for track in step.tracks] == [as_plain(track) for track in wanted.tracks]
        assert [as_plain(track) for track in step.ended] == [as_plain(track) for track in wanted.ended]


def test_fifty_thousand_tracks_leave_nothing_behind() -> None:
    one, sizes, last = tracker(), [], 0
    here = found(
        *[(2 + 9 * row, 1 + 5 * column, 8 + 9 * row, 4 + 5 * column) for row in range(3) for column in range(10)]
    )
    for k in range(1667):
        step = one.detected(1.4 * k, here, None)
        last = step.tracks[-1].number
        one.detected(1.4 * k + 0.7, found(), None)  # all that were seen once are given up
        if k % 400 == 10:
            sizes.append(len(json.dumps(one.state())))

    assert last == 1667 * 30
    assert len(step.tracks) == 30
    assert max(sizes) < 100
