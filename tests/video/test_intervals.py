from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from smalta.errors import DataError
from smalta.video.intervals import watch_check
from smalta.video.log import EventLog
from smalta.video.logbook.event_lines import Event
from smalta.video.replay import replay
from watch_steps import header

WINDOW = 60


def logged(
    folder: Path, counted: list[int], *, utc: str | None = None, more: list[Event] | None = None, **changes: Any
) -> Path:
    """A log in which `counted[k]` people go in through the door in minute k, the last of each with doubt."""
    with EventLog.begin(folder, header(live=utc is not None, **changes), utc=utc) as log:
        for minute, number in enumerate(counted):
            log.append(
                [
                    Event(
                        time_s=minute * WINDOW + 1.0 + person,
                        frame=0,
                        kind="crossing",
                        name="door",
                        way="in",
                        node="person/adult" if person % 2 else "person/child",
                        track=1,
                        sure=person < number - 1,
                    )
                    for person in range(number)
                ]
            )
        log.append(more or [])
        log.append([Event(time_s=float(len(counted) * WINDOW), frame=0, kind="stop")])
    return folder


def table(path: Path, rows: list[str], columns: str = "from,to,in") -> Path:
    path.write_text("\n".join([columns, *rows]) + "\n")
    return path


def minutes(true: list[int]) -> list[str]:
    return [f"{minute * WINDOW},{(minute + 1) * WINDOW},{number}" for minute, number in enumerate(true)]


def test_nine_windows_give_intervals_that_replay_shows(tmp_path: Path) -> None:
    # the worst of nine windows counts 8 of 14: its score is 6 / sqrt(9) = 2
    folder = logged(tmp_path / "log", [8] * 9 + [3, 0])
    truth = table(tmp_path / "truth.csv", minutes([8, 8, 9, 8, 7, 8, 8, 10, 14]))

    checked = watch_check(folder, truth)

    assert checked.intervals is not None
    assert checked.intervals.window_s == WINDOW
    assert [(one.name, one.node, one.way, one.errors.pictures) for one in checked.intervals.learned] == [
        ("door", "person", "in", 9)
    ]
    assert [(one.low, one.high, one.true) for one in checked.compared][-1] == (7, 8, 14)
    assert checked.error == pytest.approx((1 + 1 + 2 + 6) / 80)
    assert checked.notes == (
        "no interval for windows in which the watch counts nothing at door in of person: fewer than 9 such windows",
    )
    rows = [row for row in replay(folder, by="minute").rows if (row.of, row.node) == ("line", "person")]
    assert [row.in_interval for row in rows] == [*[(2, 14)] * 9, (0, 7), None]
    assert {row.out_interval for row in rows} == {None}
    other = [row for row in replay(folder, by="15min").rows if row.of == "line"]
    assert {row.in_interval for row in other} == {None}


def test_fewer_than_nine_windows_give_none_and_say_so(tmp_path: Path) -> None:
    folder = logged(tmp_path / "log", [8] * 9)
    checked = watch_check(folder, table(tmp_path / "truth.csv", minutes([8] * 8)))

    assert checked.intervals is None
    assert checked.notes == ("no interval for door in of person: it needs at least 9 windows, and there are 8",)
    assert not (folder / "intervals.json").exists()
    assert checked.error == 0


def test_nine_windows_of_which_one_is_empty_give_none_and_say_so(tmp_path: Path) -> None:
    folder = logged(tmp_path / "log", [8] * 8 + [0])
    checked = watch_check(folder, table(tmp_path / "truth.csv", minutes([8] * 9)))

    assert checked.intervals is None
    assert (
        "at least 9 windows in which the watch counted something, or 9 in which it counted nothing" in checked.notes[0]
    )


def test_nodes_ways_and_zones_are_learned_apart(tmp_path: Path) -> None:
    more = [Event(time_s=5.0, frame=0, kind="enter", zone="shop", track=9, node="person/adult")]
    folder = logged(tmp_path / "log", [4] * 9, more=more)
    rows = [f"{60 * k},{60 * k + 60},door,adult,2,0" for k in range(9)]
    rows = [row.replace("adult", "person/adult") for row in rows] + ["0,60,shop,,1,"]

    checked = watch_check(folder, table(tmp_path / "truth.csv", rows, "from,to,name,node,in,out"))

    assert checked.intervals is not None
    learned = [(one.of, one.name, one.node, one.way) for one in checked.intervals.learned]
    assert learned == [("line", "door", "person/adult", "in"), ("line", "door", "person/adult", "out")]
    assert (checked.compared[-1].of, checked.compared[-1].high) == ("zone", 1)


def test_times_may_be_clock_times(tmp_path: Path) -> None:
    folder = logged(tmp_path / "log", [1, 2, 3], utc="2026-11-30T14:00:00+00:00")
    rows = ["2026-11-30T14:01:00Z,2026-11-30T15:02:00+01:00,2", "00:02:00,00:03:00,3", "0,60,1"]

    checked = watch_check(folder, table(tmp_path / "truth.csv", rows))

    assert [(one.from_s, one.to_s, one.high) for one in checked.compared] == [(60, 120, 2), (120, 180, 3), (0, 60, 1)]


def test_a_window_that_was_not_seen_is_not_used_and_this_is_said(tmp_path: Path) -> None:
    gap = [Event(time_s=100.0, frame=0, kind="unseen", value={"from_s": 70.0, "to_s": 100.0})]
    checked = watch_check(
        logged(tmp_path / "log", [1, 2, 3], more=gap), table(tmp_path / "truth.csv", minutes([1, 2, 3]))
    )

    assert [one.row for one in checked.compared] == [2, 4]
    assert checked.notes[0] == "row 3 was not used, because the watch did not see all of it"


def test_intervals_of_another_model_or_a_broken_file_are_not_used(tmp_path: Path) -> None:
    folder = logged(tmp_path / "log", [8] * 9)
    watch_check(folder, table(tmp_path / "truth.csv", minutes([8] * 9)))
    file = folder / "intervals.json"
    right = json.loads(file.read_text())
    assert replay(folder, by="minute").intervals is not None

    for content, sentence in (
        (right | {"model": "other"}, "about another model or other rules"),
        (right | {"learned": 3}, "cannot be used"),
        ([], "cannot be used"),
    ):
        file.write_text(json.dumps(content))
        found = replay(folder, by="minute")
        assert found.intervals is None
        assert sentence in found.notes[0]


@pytest.mark.parametrize(
    ("columns", "rows", "sentence"),
    [
        ("from,to,in", [], "has no windows"),
        ("from,until,in", ["0,60,1"], "the column 'until'; its columns are from, to, name, node, in, out"),
        ("from,in", ["0,1"], "lacks the column 'to'"),
        ("from,to", ["0,60"], "neither the column 'in' nor 'out'"),
        ("from,to,in,in", ["0,60,1,1"], "has a column twice"),
        ("from,to,in", ["0,60"], "row 2 of .* has 2 cells, and there are 3 columns"),
        ("from,to,in", ["0,60,"], "row 2 of .* has no count"),
        ("from,to,in", ["0,60,many"], "row 2 of .*: 'in' is 'many'; write a whole number"),
        ("from,to,in", ["0,60,-1"], "write a whole number"),
        ("from,to,in", ["60,60,1"], "row 2 of .* ends at 60, and it begins at 60; 'to' must be later"),
        ("from,to,in", ["noon,60,1"], "row 2 of .*: 'from' is 'noon', which is no time"),
        ("from,to,in", ["2026-11-30T14:00:00Z,60,1"], "the log of a file has no clock"),
        ("from,to,in", ["0,60,1", "60,180,1"], "row 3 of .* lasts 120 s, and row 2 lasts 60 s"),
        ("from,to,in", ["0,60,1", "30,90,1"], "rows 2 and 3 of .* overlap"),
        ("from,to,in", ["120,180,1"], "row 2 of .* lies outside of the log, which has the seconds 0 to 120"),
        ("from,to,name,in", ["0,60,gate,1"], "names 'gate', which the log does not count; it has door, shop"),
        ("from,to,node,in", ["0,60,bag,1"], "counts 'bag', and door counts 'person'"),
    ],
)
def test_a_wrong_table_is_one_sentence(tmp_path: Path, columns: str, rows: list[str], sentence: str) -> None:
    folder = logged(tmp_path / "log", [1, 1])

    with pytest.raises(DataError, match=sentence):
        watch_check(folder, table(tmp_path / "truth.csv", rows, columns))


def test_a_table_that_is_no_text_is_one_sentence(tmp_path: Path) -> None:
    folder = logged(tmp_path / "log", [1, 1])
    (tmp_path / "truth.csv").write_bytes(b"from,to,in\n\xff,1,1\n")

    with pytest.raises(DataError, match="cannot be read as text"):
        watch_check(folder, tmp_path / "truth.csv")
    with pytest.raises(DataError, match="cannot be read as text"):
        watch_check(folder, tmp_path / "none.csv")
