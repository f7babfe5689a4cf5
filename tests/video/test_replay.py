from __future__ import annotations

import csv
import io
import json
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from smalta.errors import ConfigError, DataError
from smalta.video.counts import Counts, Passed
from smalta.video.log import EventLog
from smalta.video.logbook.event_lines import Event
from smalta.video.replay import Replay, Row, replay, seconds_of
from watch_steps import engine, events_of, header, random_steps


def event(kind: Any, time_s: float, **more: Any) -> Event:
    return Event(time_s=time_s, frame=0, kind=kind, **more)


def crossing(time_s: float, way: Any = "in", *, sure: bool = True, node: str = "person/adult") -> Event:
    return event("crossing", time_s, name="door", way=way, node=node, track=1, sure=sure)


def logged(folder: Path, events: list[Event], *, time_s: float = 0.0, utc: str | None = None, **changes: Any) -> Path:
    with EventLog.begin(folder, header(**changes), time_s=time_s, utc=utc) as log:
        log.append(events)
    return folder


def only(found: Replay, of: str, name: str, node: str = "") -> list[Row]:
    return [row for row in found.rows if (row.of, row.name, row.node) == (of, name, node)]


def test_crossings_belong_to_the_stretch_in_which_they_happened(tmp_path: Path) -> None:
    events = [crossing(10), crossing(70), crossing(59.99, sure=False), crossing(130, "out"), event("ended", 150)]
    found = replay(logged(tmp_path, events), by="minute")
    rows = only(found, "line", "door", "person")

    assert [(row.from_s, row.to_s) for row in rows] == [(0, 60), (60, 120), (120, 150)]
    assert [row.passed for row in rows] == [
        Passed(in_low=1, in_high=2),
        Passed(in_low=1, in_high=1),
        Passed(out_low=1, out_high=1),
    ]
    assert only(found, "line", "door", "person/adult")[0].level == 2


def test_zones_have_mean_most_and_end(tmp_path: Path) -> None:
    events = [
        event("present", 0.0, zone="shop", track=1, node="person/adult"),
        event("enter", 30.0, zone="shop", track=2, node="person/child"),
        event("leave", 75.0, zone="shop", track=1, node="person/adult"),
        event("ended", 120.0),
    ]
    first, second = only(replay(logged(tmp_path, events), by="minute"), "zone", "shop", "person")

    assert (first.inside_mean, first.inside_most, first.inside_end) == (1.5, 2, 2)
    assert (second.inside_mean, second.inside_most, second.inside_end) == (1.25, 2, 1)
    assert (first.passed, second.passed) == (Passed(in_low=1, in_high=1), Passed(out_low=1, out_high=1))


def test_rules_have_how_often_and_how_long_also_while_they_still_hold(tmp_path: Path) -> None:
    events = [
        event("begin", 50.0, name="queue", value=2),
        event("end", 70.0, name="queue", value=20.0),
        event("begin", 90.0, name="queue", value=2),
        event("ended", 120.0),
    ]
    rows = only(replay(logged(tmp_path, events), by="minute"), "rule", "queue")

    assert [(row.begun, row.lasted_s) for row in rows] == [(1, 10.0), (1, 40.0)]


def test_gaps_are_reported_and_have_no_part_in_the_mean(tmp_path: Path) -> None:
    events = [
        event("enter", 0.0, zone="shop", track=1, node="person"),
        event("leave", 30.0, zone="shop", track=1, node="person", sure=False),
        event("unseen", 90.0, value={"from_s": 30.0, "to_s": 90.0}),
        event("ended", 120.0),
    ]
    first, second = only(replay(logged(tmp_path, events), by="minute"), "zone", "shop", "person")

    assert (first.unseen_s, first.inside_mean) == (30.0, 1.0)
    assert (second.unseen_s, second.inside_mean) == (30.0, 0.0)


def test_hours_of_a_live_source_begin_on_the_hour_and_a_clock_set_back_moves_no_event(tmp_path: Path) -> None:
    events = [crossing(60), crossing(1000), event("stop", 1200, utc="2026-11-30T12:00:00+00:00")]
    found = replay(logged(tmp_path, events, time_s=5.0, utc="2026-11-30T14:50:05+00:00", live=True))
    rows = only(found, "line", "door", "person")

    assert [row.from_utc for row in rows] == ["2026-11-30T14:50:05.000+00:00", "2026-11-30T15:00:00.000+00:00"]
    assert [row.passed.in_low for row in rows if row.passed] == [1, 1]


def test_a_stream_that_begins_at_five_seconds_has_no_seconds_before(tmp_path: Path) -> None:
    rows = only(replay(logged(tmp_path, [event("ended", 70.0)], time_s=5.0), by="minute"), "line", "door", "person")

    assert [(row.from_s, row.to_s) for row in rows] == [(5.0, 60.0), (60.0, 70.0)]


def test_an_empty_log_counts_zero(tmp_path: Path) -> None:
    found = replay(logged(tmp_path, []))

    assert [(row.of, row.name, row.passed, row.begun) for row in found.rows] == [
        ("line", "door", Passed(), None),
        ("zone", "shop", Passed(), None),
        ("rule", "queue", None, 0),
        ("rule", "jaywalk", None, 0),
        ("rule", "loiter", None, 0),
        ("rule", "left", None, 0),
    ]


def test_csv_and_json_hold_the_rows(tmp_path: Path) -> None:
    found = replay(logged(tmp_path, [crossing(10), event("ended", 150)]), by="minute")
    table = list(csv.DictReader(io.StringIO(found.to_csv())))
    content = json.loads(found.to_json())

    assert len(table) == len(content["rows"]) == len(found.rows)
    assert table[0] | {"from_utc": ""} == table[0]
    row = {name: table[1][name] for name in ("from_s", "to_s", "of", "name", "node", "level", "in_low", "inside_mean")}
    assert row == {
        "from_s": "0.0",
        "to_s": "60.0",
        "of": "line",
        "name": "door",
        "node": "person/adult",
        "level": "2",
        "in_low": "1",
        "inside_mean": "",
    }
    assert content["totals"][1]["in_low"] == 1
    assert "begun" not in content["rows"][0]


def test_stretches_are_named_or_seconds(tmp_path: Path) -> None:
    assert [seconds_of(by) for by in ("hour", "minute", "15min", "day", 90, "30")] == [3600, 60, 900, 86400, 90, 30]
    for wrong in ("week", "0", "nan", -5, "1e300"):
        with pytest.raises(ConfigError, match="set one of minute, 15min, hour, day, or seconds"):
            seconds_of(wrong)
    with pytest.raises(ConfigError, match="count by longer ones"):
        replay(logged(tmp_path, [event("ended", 1e7)]), by=1)


def test_no_log_is_one_sentence(tmp_path: Path) -> None:
    with pytest.raises(DataError, match=r"events\.jsonl cannot be read \(No such file"):
        replay(tmp_path)
    (tmp_path / "counts.csv").write_text("a,b\n1,2\n")
    with pytest.raises(DataError, match=r"line 1 of .* is not JSON"):
        replay(tmp_path / "counts.csv")


@settings(max_examples=30)
@given(seed=st.integers(0, 10**6), by=st.sampled_from([1, 2, 7, "minute"]))
def test_a_replay_equals_the_live_counts_and_its_rows_add_up(
    tmp_path_factory: pytest.TempPathFactory, seed: int, by: str | float
) -> None:
    events = list(events_of(engine(), random_steps(seed, 80)))
    folder = logged(tmp_path_factory.mktemp("log"), events)
    start = event("start", 0.0, value=header().to_value())
    live = Counts().add_all([start, *events])

    found = replay(folder, by=by)

    assert found.counts == live
    for total in found.totals:
        rows = only(found, total.of, total.name, total.node)
        if total.of == "rule":
            assert total.begun == live.begun(total.name) == sum(row.begun or 0 for row in rows)
            assert sum(row.lasted_s or 0 for row in rows) == pytest.approx(total.lasted_s, abs=1e-4)
            continue
        of = live.passed if total.of == "line" else live.entered
        summed = [
            sum(getattr(row.passed, name) for row in rows) for name in ("in_low", "in_high", "out_low", "out_high")
        ]
        assert total.passed == of(total.name, total.node)
        assert Passed(in_low=summed[0], in_high=summed[1], out_low=summed[2], out_high=summed[3]) == total.passed
        if total.of == "zone":
            assert rows[-1].inside_end == total.inside_end == live.occupancy(total.name, total.node)


def test_all_classes_together_have_rows_where_no_topmost_one_has_all(tmp_path: Path) -> None:
    anything: dict[str, Any] = {"lines": {"door": ""}, "zones": {"shop": ""}}
    events = [
        crossing(10, node="person/adult"),
        event("crossing", 20.0, name="door", way="in", track=2),  # its class is not known
        event("present", 0.0, zone="shop", track=1, node="bag"),
        event("enter", 30.0, zone="shop", track=2, node="person"),
        event("ended", 60.0),
    ]
    found = replay(logged(tmp_path, events, **anything), by="minute")

    assert [row.node for row in found.rows if row.of == "line"] == ["", "person", "person/adult"]
    assert [row.passed for row in only(found, "line", "door")] == [Passed(in_low=2, in_high=2)]
    (together,) = only(found, "zone", "shop")
    assert (together.inside_mean, together.inside_most, together.level) == (1.5, 2, 0)
