"""counts.csv: a row for each second, equal to a fold over the log, also after a restart."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from smalta.video.counts import Counts
from smalta.video.logbook.event_lines import Event
from smalta.video.showing.tables import LATE_S, Names, SecondsTable, read_columns

NAMES = Names(zones=("shop",), places=("place",), lines=("door",), live=False)
HEADER = {"lines": {"door": "person"}, "zones": {"shop": "person", "place": "car"}, "events": []}
START = Event(time_s=0.0, frame=0, kind="start", value=HEADER)


def event(time_s: float, kind: Any, **more: Any) -> Event:
    return Event(time_s=time_s, frame=round(25 * time_s), kind=kind, **more)


EVENTS = [
    START,
    event(0.4, "present", zone="place", track=9, node="car"),
    event(1.2, "enter", zone="shop", track=1, node="person"),
    event(1.1, "crossing", name="door", way="in", track=1, node="person"),  # known later than the one before
    event(2.5, "enter", zone="shop", track=2, node="person"),
    event(2.6, "crossing", name="door", way="in", track=2, node="person", sure=False),
    event(3.9, "leave", zone="shop", track=1, node="person"),
    event(4.0, "crossing", name="door", way="out", track=1, node="person"),
    event(4.5, "leave", zone="place", track=9, node="car"),
]
ROWS = [
    "second,inside:shop,taken:place,taken,in:door,out:door,in_high:door,out_high:door",
    "0,0,1,1,0,0,0,0",
    "1,1,1,1,1,0,1,0",
    "2,2,1,1,1,0,2,0",
    "3,1,1,1,1,0,2,0",
    "4,1,0,0,1,1,2,1",
    "5,1,0,0,1,1,2,1",
]


def rows(folder: Path) -> list[str]:
    return (folder / "counts.csv").read_text(encoding="utf-8").splitlines()


def test_each_row_has_the_counts_at_the_end_of_its_second(tmp_path: Path) -> None:
    table = SecondsTable(tmp_path, NAMES, first_s=0.0)
    for one in EVENTS:
        table.add(one)
    table.reach(6.0, late_s=0)
    table.close()

    assert rows(tmp_path) == ROWS
    whole = Counts().add_all(sorted(EVENTS, key=lambda one: one.time_s))
    assert table.counts == whole


def test_a_row_is_written_when_no_event_of_it_can_be_known_later(tmp_path: Path) -> None:
    table = SecondsTable(tmp_path, NAMES, first_s=0.0)
    table.add(START)
    table.reach(LATE_S + 0.9)
    assert len(rows(tmp_path)) == 1

    table.reach(LATE_S + 1.0)
    assert len(rows(tmp_path)) == 2
    table.close()


@pytest.mark.parametrize("cut", range(len(EVENTS)))
def test_a_table_that_goes_on_is_the_same(tmp_path: Path, cut: int) -> None:
    first = SecondsTable(tmp_path, NAMES, first_s=0.0)
    for one in EVENTS[: cut + 1]:
        first.add(one)
        first.reach(one.time_s, late_s=1)
    state = json.loads(json.dumps(first.state()))
    for one in EVENTS[cut + 1 :]:  # lost with the program
        first.add(one)
        first.reach(one.time_s, late_s=1)
    first.close()

    second = SecondsTable(tmp_path, NAMES, first_s=0.0, state=state)
    for one in EVENTS[cut + 1 :]:
        second.add(one)
        second.reach(one.time_s, late_s=1)
    second.reach(6.0, late_s=0)
    second.close()

    assert rows(tmp_path) == ROWS


def test_a_table_whose_file_is_gone_goes_on_in_a_new_one(tmp_path: Path) -> None:
    first = SecondsTable(tmp_path, NAMES, first_s=0.0)
    first.add(START)
    first.reach(3.0, late_s=0)
    state = first.state()
    first.close()
    (tmp_path / "counts.csv").unlink()

    second = SecondsTable(tmp_path, NAMES, first_s=0.0, state=state)
    second.reach(4.0, late_s=0)
    second.close()

    assert [row.split(",")[0] for row in rows(tmp_path)] == ["second", "3"]


def test_seconds_that_nobody_saw_are_empty(tmp_path: Path) -> None:
    table = SecondsTable(tmp_path, NAMES, first_s=0.0)
    table.add(START)
    table.add(event(4.5, "unseen", value={"from_s": 1.5, "to_s": 4.5}))
    table.reach(6.0, late_s=0)
    table.close()

    assert [row.split(",")[1] for row in rows(tmp_path)[1:]] == ["0", "0", "", "", "0", "0"]


def test_a_live_table_has_the_time_of_each_second(tmp_path: Path) -> None:
    live = Names(zones=("shop",), places=(), lines=(), live=True)
    table = SecondsTable(tmp_path, live, first_s=7.2)
    table.add(START)
    table.reach(9.5, 1_700_000_009.5, late_s=0)
    table.close()

    assert rows(tmp_path) == ["second,utc,inside:shop", "7,2023-11-14T22:13:28Z,0", "8,2023-11-14T22:13:29Z,0"]
    columns = read_columns(tmp_path, live)
    assert (columns.begin_s, columns.of_day) == (22 * 3600 + 13 * 60 + 27, True)


def test_the_columns_are_read_back(tmp_path: Path) -> None:
    table = SecondsTable(tmp_path, NAMES, first_s=0.0)
    for one in EVENTS:
        table.add(one)
    table.reach(6.0, late_s=0)
    table.close()

    columns = read_columns(tmp_path, NAMES)

    assert len(columns) == 6
    assert columns.zones["shop"].tolist() == [0, 1, 2, 1, 1, 1]
    assert columns.places["place"].tolist() == [1, 1, 1, 1, 0, 0]
    assert columns.lines["door"][1].tolist() == [0, 0, 0, 0, 1, 1]
