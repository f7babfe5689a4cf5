from __future__ import annotations

import json
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from smalta.errors import DataError
from smalta.video.counts import Counts, Passed, lineage
from smalta.video.logbook.event_lines import Event
from watch_steps import engine, events_of, header, random_steps


def event(kind: Any, time_s: float = 0.0, **more: Any) -> Event:
    return Event(time_s=time_s, frame=0, kind=kind, **more)


START = event("start", value=header().to_value())


def crossing(node: str | None, way: Any = "in", *, sure: bool = True) -> Event:
    return event("crossing", name="door", way=way, node=node, track=1, sure=sure)


def test_low_counts_what_is_sure_and_high_adds_what_is_doubtful() -> None:
    counts = Counts().add_all([crossing("person"), crossing("person", sure=False), crossing("person", "out")])

    assert counts.passed("door") == Passed(in_low=1, in_high=2, out_low=1, out_high=1)


def test_a_parent_is_the_sum_of_its_children_and_of_what_is_known_only_as_the_parent() -> None:
    nodes = ["person/adult", "person/adult", "person/child", "person", "bag", None]
    counts = Counts().add_all(crossing(node) for node in nodes)

    assert {node: counts.passed("door", node).in_low for node in ("person/adult", "person/child", "person", "bag")} == {
        "person/adult": 2,
        "person/child": 1,
        "person": 4,
        "bag": 1,
    }
    assert counts.passed("door").in_low == 6
    assert counts.nodes("line", "door") == ("bag", "person", "person/adult", "person/child")


def test_who_is_present_at_the_start_is_inside_and_did_not_come_in() -> None:
    counts = Counts().add_all(
        [
            event("present", zone="shop", track=1, node="person/adult"),
            event("present", 9.0, zone="shop", track=2, node="person/child", sure=False),
            event("enter", 9.5, zone="shop", track=3, node="person/child"),
            event("leave", 12.0, zone="shop", track=1, node="person/adult"),
        ]
    )

    assert counts.entered("shop") == Passed(in_low=1, in_high=2, out_low=1, out_high=1)
    assert counts.entered("shop", "person/adult") == Passed(out_low=1, out_high=1)
    assert (counts.occupancy("shop"), counts.occupancy("shop", "person/child")) == (2, 2)
    assert counts.inside("shop") == {2: "person/child", 3: "person/child"}


def test_a_track_that_is_renamed_moves_to_its_other_class() -> None:
    counts = Counts().add_all(
        [
            event("enter", zone="shop", track=1, node="person/adult"),
            event("renamed", zone="shop", track=1, node="person/child"),
        ]
    )

    assert [counts.occupancy("shop", node) for node in ("person", "person/adult", "person/child")] == [1, 0, 1]


def test_rules_count_how_often_and_how_long_they_held() -> None:
    counts = Counts().add_all(
        [
            event("begin", 2.0, name="jaywalk", track=1),
            event("begin", 3.0, name="jaywalk", track=2),
            event("end", 5.0, name="jaywalk", track=1),
            event("begin", 6.0, name="queue", value=5),
        ]
    )

    assert (counts.begun("jaywalk"), counts.lasted_s("jaywalk"), counts.holding("jaywalk")) == (2, 3.0, {2: 3.0})
    assert counts.holding("queue") == {None: 6.0}


def test_lines_zones_and_rules_of_the_header_count_zero() -> None:
    counts = Counts().add_all([START])

    assert (counts.lines, counts.zones, counts.rules) == (("door",), ("shop",), ("queue", "jaywalk", "loiter", "left"))
    assert (counts.nodes("line", "door"), counts.nodes("zone", "shop")) == (("person",), ("person",))
    assert (counts.passed("door"), counts.occupancy("shop"), counts.begun("queue")) == (Passed(), 0, 0)


def test_gaps_add_up() -> None:
    gaps = [
        event("unseen", 9.0, value={"from_s": 4.0, "to_s": 9.0}),
        event("unseen", 20, value={"from_s": 19, "to_s": 20}),
    ]

    assert Counts().add_all(gaps).unseen_s == 6.0


@pytest.mark.parametrize(
    ("events", "why"),
    [
        ([event("leave", zone="shop", track=1)], "'leave' of 'shop' and track 1 at 0 s, and it is not inside"),
        ([event("enter", zone="shop", track=1, node="bag")] * 2, "and it is inside already"),
        ([event("renamed", zone="shop", track=1)], "is not inside"),
        ([event("end", name="queue")], "'end' of 'queue' and track None at 0 s, and it does not hold"),
        ([event("begin", name="queue")] * 2, "holds already"),
    ],
)
def test_an_event_that_cannot_follow_is_refused(events: list[Event], why: str) -> None:
    with pytest.raises(DataError, match=why):
        Counts().add_all(events)


def test_lineage_names_all_levels() -> None:
    assert lineage("a/b/c") == ("a", "a/b", "a/b/c")
    assert lineage("") == lineage(None) == ()


@settings(max_examples=25)
@given(seed=st.integers(0, 10**6), at=st.integers(0, 60))
def test_counts_restored_in_the_middle_end_as_those_without_a_break(seed: int, at: int) -> None:
    events = [START, *events_of(engine(), random_steps(seed, 60))]
    whole = Counts().add_all(events)

    state = json.loads(json.dumps(Counts().add_all(events[:at]).state()))
    again = Counts.restored(state).add_all(events[at:])

    assert again == whole
    assert again.state() == whole.state()


@settings(max_examples=25)
@given(seed=st.integers(0, 10**6))
def test_a_fold_over_the_log_equals_the_live_counts(seed: int) -> None:
    events = [START, *events_of(engine(), random_steps(seed, 80))]
    live, lines = Counts(), []
    for one in events:
        live.add(one)
        lines.append(one.line())

    assert Counts().add_all(Event.of_line(line, "it") for line in lines) == live


@settings(max_examples=25)
@given(seed=st.integers(0, 10**6))
def test_every_parent_counts_at_least_what_its_children_count(seed: int) -> None:
    counts = Counts().add_all([START, *events_of(engine(), random_steps(seed, 80))])

    for name, of in (("door", counts.passed), ("shop", counts.entered)):
        adults, children, people = (of(name, node) for node in ("person/adult", "person/child", "person"))
        assert people.in_high >= adults.in_high + children.in_high
        assert people.in_low <= people.in_high
    inside = [counts.occupancy("shop", node) for node in ("person/adult", "person/child", "person", "")]
    assert inside[0] + inside[1] <= inside[2] == inside[3]


def test_the_state_does_not_grow_with_the_number_of_events() -> None:
    counts = Counts().add_all([START])
    sizes = []
    for number in range(1, 1001):
        counts.add(event("enter", number, zone="shop", track=number, node="person/adult"))
        counts.add(event("begin", number, name="loiter", track=number))
        counts.add(event("end", number + 0.5, name="loiter", track=number))
        counts.add(event("leave", number + 0.5, zone="shop", track=number, node="person/adult"))
        counts.add(crossing("person/adult"))
        sizes.append(len(json.dumps(counts.state())))

    assert sizes[-1] < sizes[0] + 100  # longer numbers
