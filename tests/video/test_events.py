from __future__ import annotations

import json
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from smalta.data.formats.outlines import decode_runs
from smalta.errors import ShapeError
from smalta.video.counts import Counts
from smalta.video.events import Event, EventEngine
from smalta.video.values import Ground, Mask, Track
from watch_steps import (
    BAG,
    CELL,
    CHILD,
    CROSSING,
    FLOOR,
    GUEST,
    LANE,
    SIZE_HW,
    STAFF,
    TREE,
    engine,
    events_of,
    ground,
    random_steps,
    step,
    track,
    watch_rules,
)

FPS = 10
OPEN = ground()
STREET = ground([(LANE, 40, 64), (CROSSING, 64, 96)])


def watch(
    made: EventEngine,
    tracks: dict[int, Any],
    *,
    last: int,
    first: int = 0,
    over: Ground | None = OPEN,
    ended: list[Track] | None = None,
) -> list[Event]:
    """Frames `first` to `last` of 10 a second; a track's place (x, y) may depend on the time."""
    found = []
    for frame in range(first, last + 1):
        time_s = frame / FPS
        shown = [
            one(time_s) if callable(one) else track(number, one)
            for number, one in tracks.items()
            if not callable(one) or one(time_s) is not None
        ]
        found += made.step(frame, time_s, step(*shown), over, None)
    if ended is not None:
        time_s = (last + 1) / FPS
        found += made.step(last + 1, time_s, step(ended=ended), over, None)
    return found


def brief(events: list[Event]) -> list[tuple[Any, ...]]:
    return [(one.kind, one.name or one.zone, one.track, one.time_s, one.sure) for one in events]


def walks(number: int, *places: tuple[float, float, float], **changes: Any) -> Any:
    """A track that is at x from a time on: (time, x, y)."""

    def at(time_s: float) -> Track | None:
        now = [place for place in places if place[0] <= time_s + 1e-9]
        return track(number, now[-1][1:], **changes) if now else None

    return at


def test_whoever_is_inside_when_the_watch_begins_is_present_and_does_not_enter() -> None:
    events = watch(engine(), {1: (150, 60)}, last=20)

    assert brief(events) == [("present", "shop", 1, 0.0, True)]


def test_whoever_is_first_seen_inside_later_is_present_with_doubt() -> None:
    events = watch(engine(), {1: walks(1, (3.0, 150, 60))}, last=60)

    assert brief(events) == [("present", "shop", 1, 3.0, False)]


def test_a_track_enters_and_leaves_a_zone_at_the_first_frame_of_each() -> None:
    events = watch(engine(), {1: walks(1, (0, 60, 60), (2.0, 150, 60), (4.0, 60, 60))}, last=60)
    zone = [one for one in events if one.zone == "shop"]

    assert brief(zone) == [("enter", "shop", 1, 2.0, True), ("leave", "shop", 1, 4.0, True)]
    assert zone[0].frame == 25  # known half a second later
    assert zone[0].node == "person/adult"


def test_a_foot_that_trembles_on_the_border_enters_once_at_most() -> None:
    noise = np.random.default_rng(0).normal(100, 5, 400)
    events = watch(
        engine(), {1: lambda time_s: track(1, (70 if time_s < 2 else float(noise[int(time_s * FPS)]), 60))}, last=390
    )

    assert [one.kind for one in events if one.zone == "shop" and not one.name] in ([], ["enter"])


def test_a_track_that_never_counts_makes_no_event_and_one_that_counts_late_brings_its_times() -> None:
    late = {1: lambda time_s: track(1, (60 if time_s < 1 else 150, 60), sure=time_s >= 3)}

    assert watch(engine(), {1: walks(1, (0, 60, 60), (1, 150, 60), sure=False)}, last=40) == []
    crossing, enter = watch(engine(), late, last=40)
    assert (crossing.kind, crossing.frame, enter.kind, enter.frame) == ("crossing", 30, "enter", 30)
    assert (crossing.time_s, enter.time_s) == (pytest.approx(1.0, abs=0.2), 1.0)


def test_a_lost_track_leaves_with_doubt_when_it_was_last_seen() -> None:
    made = engine()
    watch(made, {1: (150, 60)}, last=20)

    hidden = [track(1, (150, 60), seen=False)]
    assert made.step(21, 2.1, step(*hidden), OPEN, None) == []
    assert brief(made.step(22, 2.2, step(ended=hidden), OPEN, None)) == [("leave", "shop", 1, 2.0, False)]
    assert made.state()["followed"] == []


def test_a_track_that_nobody_says_has_ended_leaves_all_the_same() -> None:
    made = engine()
    watch(made, {1: (150, 60)}, last=20)

    assert brief(made.step(21, 2.1, step(), OPEN, None)) == [("leave", "shop", 1, 2.0, False)]


def test_a_zone_holds_its_class_only_and_not_who_is_ignored() -> None:
    others = {
        1: lambda _: track(1, (150, 60), node=BAG),
        2: lambda _: track(2, (150, 80), attributes={"clothing": STAFF}),
        3: lambda _: track(3, (150, 100), attributes={"clothing": GUEST}),
    }

    assert brief(watch(engine(), others, last=20)) == [("present", "shop", 3, 0.0, True)]


def test_a_track_whose_class_turns_out_to_be_another_is_renamed_or_taken_out() -> None:
    renamed = {1: lambda time_s: track(1, (150, 60), node=CHILD if time_s >= 2 else TREE["adult"].id)}
    no_person = {1: lambda time_s: track(1, (150, 60), node=BAG if time_s >= 2 else TREE["adult"].id)}

    first = watch(engine(), renamed, last=40)
    second = watch(engine(), no_person, last=40)

    assert brief(first)[1:] == [("renamed", "shop", 1, 3.0, True)]  # after another vote of a second
    assert first[1].node == "person/child"
    assert brief(second)[1:] == [("leave", "shop", 1, 3.0, False)]


def test_a_crossing_is_of_the_line_s_class_and_proved_by_three_frames() -> None:
    over = {
        1: lambda time_s: track(1, (60 + 40 * time_s, 60)),
        2: lambda time_s: track(2, (60 + 40 * time_s, 110), node=BAG),
    }
    (crossing,) = [one for one in watch(engine(), over, last=25) if one.kind == "crossing"]

    assert (crossing.name, crossing.way, crossing.track, crossing.node) == ("door", "in", 1, "person/adult")
    proof: Any = crossing.evidence
    assert [one["frame"] for one in (*proof["before"], proof)] == list(range(crossing.frame - 2, crossing.frame + 1))
    left, top, right, bottom = proof["box"]
    region = decode_runs(proof["mask"]["counts"], SIZE_HW)  # all rows of the columns that it covers
    assert proof["mask"]["size"] == list(SIZE_HW)
    assert (region.left, region.left + region.mask.shape[1]) == (left, right)
    assert region.mask[top:bottom].all()
    assert region.area == 16 * 32


def test_a_mask_at_the_picture_s_edge_is_cut_there() -> None:
    made = engine()
    events = watch(made, {1: (198, 118)}, last=10)
    proof: Any = events[0].evidence

    assert proof["box"] == [192, 88, 200, 120]
    assert decode_runs(proof["mask"]["counts"], SIZE_HW).area == 8 * 32


def test_a_count_begins_when_the_last_one_came_and_ends_when_the_first_one_left() -> None:
    two = {1: (150, 60), 2: walks(2, (0, 60, 100), (1.0, 150, 100), (6.0, 60, 100))}
    events = [one for one in watch(engine(), two, last=80) if one.name == "queue"]

    assert brief(events) == [("begin", "queue", None, 1.0, True), ("end", "queue", None, 6.0, True)]
    assert (events[0].frame, events[0].value, events[0].node, events[0].zone) == (30, 2, "person", "shop")
    assert events[1].value == 5.0


def test_a_count_that_holds_for_a_shorter_time_than_its_rule_says_is_no_event() -> None:
    two = {1: (150, 60), 2: walks(2, (0, 60, 100), (1.0, 150, 100), (2.5, 60, 100))}

    assert [one for one in watch(engine(), two, last=80) if one.name == "queue"] == []


def test_a_person_on_the_road_begins_and_ends_there_unless_on_the_crossing() -> None:
    over = {1: walks(1, (0, 20, 100), (1.0, 50, 100), (4.0, 80, 100), (6.0, 20, 100))}
    events = watch(engine(), over, last=90, over=STREET)

    assert brief(events) == [("begin", "jaywalk", 1, 1.0, True), ("end", "jaywalk", 1, 4.0, True)]
    assert events[0].evidence is not None
    assert events[1].value == 3.0


def test_a_break_of_the_class_map_of_less_than_half_a_second_ends_nothing() -> None:
    made, events = engine(), []
    for frame in range(60):
        over = OPEN if frame in (30, 31, 32) else STREET
        events += made.step(frame, frame / FPS, step(track(1, (50, 100))), None if frame % 2 else over, None)

    assert brief(events) == [("begin", "jaywalk", 1, 0.0, True)]


def test_who_stays_for_too_long_loiters_from_then_on() -> None:
    made = engine()
    events = watch(made, {1: (150, 60)}, last=70)
    events += made.step(71, 7.1, step(ended=[track(1, (150, 60))]), OPEN, None)

    assert brief([one for one in events if one.name == "loiter"]) == [
        ("begin", "loiter", 1, 5.0, True),
        ("end", "loiter", 1, 7.0, False),
    ]


def test_a_bag_is_left_once_it_is_still_and_nobody_is_near() -> None:
    tremble = np.random.default_rng(1).normal(0, 3, (200, 2))
    both = {
        1: lambda time_s: track(1, tuple(np.array([60, 100]) + tremble[int(time_s * FPS)]), node=BAG),
        2: walks(2, (0, 50, 100), (6.0, 10, 100), (12.0, 50, 100)),
    }
    events = [one for one in watch(engine(), both, last=140) if one.name == "left"]

    assert brief(events) == [("begin", "left", 1, 6.0, True), ("end", "left", 1, 12.0, True)]


def test_who_is_inside_after_a_gap_is_present_without_doubt() -> None:
    made = engine()
    watch(made, {1: (60, 60)}, last=20)

    events = made.gap(21, 2.0, 50.0, "2026-11-30T14:00:50+00:00")
    events += made.step(21, 50.0, step(ended=[track(1, (60, 60))]), OPEN, None)
    events += watch(made, {2: (150, 60)}, first=501, last=520)

    assert brief(events) == [("unseen", None, None, 50.0, True), ("present", "shop", 2, 50.1, True)]
    assert events[0].value == {"from_s": 2.0, "to_s": 50.0}


def test_after_a_restart_of_a_live_source_all_that_was_open_is_closed() -> None:
    made, counts = engine(), Counts()
    counts.add_all(watch(made, {1: (150, 60), 2: (160, 100)}, last=60))
    assert counts.occupancy("shop") == 2

    made, events = EventEngine.after_restart(
        TREE, watch_rules(), size_hw=SIZE_HW, cell=CELL, counts=counts, frame=900, time_s=90.0, utc=None
    )
    counts.add_all(events).add_all(watch(made, {3: (150, 60)}, first=901, last=920))

    closed = [("end", "queue", None), ("end", "loiter", 1), ("end", "loiter", 2)]
    closed += [("leave", "shop", 1), ("leave", "shop", 2), ("unseen", None, None)]
    assert [(one.kind, one.name or one.zone, one.track) for one in events] == closed
    assert counts.inside("shop") == {3: "person/adult"}
    assert (counts.entered("shop").in_high, counts.entered("shop").out_low) == (0, 0)


def test_the_clock_of_an_event_is_that_of_its_time_and_may_fall() -> None:
    made, found = engine(), []
    for frame in range(60):
        clock = f"2026-11-30T14:00:{frame // FPS:02d}.{frame % FPS}00+00:00" if frame < 40 else "2026-11-30T13:00:00Z"
        one = walks(1, (0, 60, 60), (2.0, 150, 60), (4.5, 60, 60))(frame / FPS)
        found += made.step(frame, frame / FPS, step(one), OPEN, clock)

    zone = [one for one in found if one.zone]
    assert [one.time_s for one in zone] == [2.0, 4.5]
    assert zone[0].utc == "2026-11-30T14:00:02.000+00:00"
    assert zone[1].utc == "2026-11-30T12:59:59.500+00:00"


def test_the_class_map_must_have_the_cells_of_the_tracks() -> None:
    with pytest.raises(ShapeError, match="cells of 8 px as the class map has, got 4 px"):
        engine().step(0, 0.0, step(track(1, (50, 50))), Ground(classes=np.ones((15, 25), np.uint16), cell=8), None)


@settings(max_examples=25)
@given(seed=st.integers(0, 10**6))
def test_a_fold_over_the_events_gives_the_engine_s_own_occupancy(seed: int) -> None:
    made, counts = engine(), Counts()

    for one in random_steps(seed, 80):
        counts.add_all(made.step(one.frame, one.time_s, one.step, one.ground, None))
        assert {"shop": counts.occupancy("shop")} == made.occupancy()


@settings(max_examples=25)
@given(seed=st.integers(0, 10**6), at=st.integers(0, 79))
def test_an_engine_restored_at_any_step_makes_the_same_events(seed: int, at: int) -> None:
    steps = random_steps(seed, 80)
    whole = list(events_of(engine(), steps))

    before = engine()
    first = list(events_of(before, steps[:at]))
    state = json.loads(json.dumps(before.state()))
    after = EventEngine.restored(TREE, watch_rules(), state, size_hw=SIZE_HW, cell=CELL)

    assert after.state() == before.state()
    assert first + list(events_of(after, steps[at:])) == whole


def test_what_is_remembered_belongs_to_the_tracks_that_live() -> None:
    made = engine()
    for one in random_steps(3, 2000):
        made.step(one.frame, one.time_s, one.step, one.ground, None)
        living = {known.number for known in one.step.tracks}
        assert set(made._followed) <= living

    assert len(json.dumps(made.state())) < 40_000


def test_a_rule_that_holds_for_a_little_less_than_its_time_never_begins() -> None:
    over = {1: walks(1, (0, 20, 100), (1.0, 50, 100), (1.9, 20, 100))}  # 0.9 s on the road, and the rule says 1 s
    two = {1: (150, 60), 2: walks(2, (0, 60, 100), (1.0, 150, 100), (2.9, 60, 100))}  # 1.9 s, and the rule says 2 s

    assert watch(engine(), over, last=60, over=STREET) == []
    assert [one for one in watch(engine(), two, last=60) if one.name == "queue"] == []


def test_what_a_hidden_foot_stands_on_is_not_known() -> None:
    """From 2 s on, something hides the lower half of the person, and other ground lies there."""

    def half_hidden(time_s: float) -> Track:
        whole = track(1, (50, 100))
        if time_s < 2:
            return whole
        upper = Mask(cells=whole.mask.cells[:4], top_left=whole.mask.top_left, cell=CELL)
        return track(1, (50, 100), mask=upper)

    beside = ground([(LANE, 40, 64)])
    beside.classes[: 84 // CELL] = FLOOR  # below the hidden half there is road, beside the upper half there is none

    assert brief(watch(engine(), {1: half_hidden}, last=60, over=beside)) == [("begin", "jaywalk", 1, 0.0, True)]
