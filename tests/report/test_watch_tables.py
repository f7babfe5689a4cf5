"""Counts of a watch in a terminal, and the line that shows how it is doing."""

from __future__ import annotations

import io
from typing import Any

from rich.console import Console, RenderableType

from smalta.report.watch_tables import check_table, counts_table, replay_table, status_text
from smalta.video.counts import Counts, Passed
from smalta.video.intervals import Checked, Compared
from smalta.video.logbook.event_lines import Event
from smalta.video.logbook.log_header import LogHeader
from smalta.video.replay import Replay, Row
from smalta.video.status import Status

HEADER = LogHeader(
    model="m",
    rules="r",
    source="s",
    size_hw=(96, 160),
    lines={"door": "person"},
    zones={"shop": "person"},
    events=("queue",),
)


def shown(what: RenderableType) -> str:
    console = Console(width=140, file=io.StringIO())
    with console.capture() as capture:
        console.print(what)
    return capture.get()


def cells(text: str, *words: str) -> list[str]:
    line = next(line for line in text.splitlines() if all(word in line for word in words))
    return line.replace("│", " ").split()


def event(time_s: float, kind: Any, **more: Any) -> Event:
    return Event(time_s=time_s, frame=0, kind=kind, **more)


COUNTS = Counts().add_all(
    [
        event(0, "start", value=HEADER.to_value()),
        event(1, "crossing", name="door", way="in", track=1, node="person/guest"),
        event(2, "crossing", name="door", way="in", track=2, node="person/guest", sure=False),
        event(2, "enter", zone="shop", track=1, node="person/guest"),
        event(3, "begin", name="queue"),
        event(8, "unseen", value={"from_s": 4.0, "to_s": 8.0}),
    ]
)


def test_lines_zones_and_events_have_their_counts() -> None:
    text = shown(counts_table(COUNTS))

    assert cells(text, "door") == ["door", "person", "1", "to", "2", "0"]
    assert cells(text, "guest", "to") == ["guest", "1", "to", "2", "0"]
    assert cells(text, "shop") == ["shop", "person", "1", "1", "0"]
    assert cells(text, "queue") == ["queue", "1", "0", "s", "(and", "holds", "now)"]
    assert "4 s of the time were not seen" in text


def test_what_was_not_asked_for_is_not_shown() -> None:
    assert shown(counts_table(Counts())) == ""


def row(from_s: float, **more: Any) -> Row:
    return Row(from_s=from_s, to_s=from_s + 60, unseen_s=0, **{"from_utc": None, "of": "line", "name": "door"} | more)


def replayed(*rows: Row) -> Replay:
    return Replay(header=HEADER, by_s=60, rows=rows, totals=(), counts=COUNTS, notes=("half a line",))


def test_a_replay_has_a_row_for_each_stretch_and_class() -> None:
    passed = Passed(in_low=1, in_high=2)
    text = shown(
        replay_table(
            replayed(
                row(0, node="person", passed=passed, in_interval=(0, 4)),
                row(0, node="person/guest", passed=passed),
                row(
                    60,
                    of="zone",
                    name="shop",
                    node="person",
                    passed=passed,
                    inside_mean=1.25,
                    inside_most=2,
                    inside_end=1,
                ),
                row(60, of="rule", name="queue", begun=1, lasted_s=5.0),
            )
        )
    )

    assert cells(text, "door") == ["0:00", "door", "person", "1", "to", "2", "(0", "..", "4)", "0"]
    assert cells(text, "guest") == ["guest", "1", "to", "2", "0"]
    assert cells(text, "shop") == ["1:00", "shop", "person", "1", "to", "2", "0", "1.25", "2", "1"]
    assert cells(text, "queue") == ["1:00", "queue", "1", "5", "s"]
    assert "half a line" in text


def test_a_live_replay_has_the_time_of_the_day_and_a_long_one_is_cut() -> None:
    many = [row(60 * n, from_utc="2027-01-15T08:00:00+00:00", node="person", passed=Passed()) for n in range(205)]

    text = shown(replay_table(replayed(*many)))

    assert "2027-01-15 08:00" in text
    assert "and 5 more rows; --csv FILE or --json FILE writes all" in text


def test_windows_are_shown_beside_the_counts_of_people() -> None:
    one = Compared(row=2, from_s=0, to_s=900, of="line", name="door", node="person", way="in", true=12, low=11, high=13)

    text = shown(check_table(Checked(compared=(one,), intervals=None, notes=("too few windows",))))

    assert cells(text, "door") == ["2", "0:00", "15:00", "door", "person", "in", "12", "11", "to", "13"]
    assert "the counts are off by 8.3% of what people counted" in text
    assert "too few windows" in text


def status(**changes: Any) -> Status:
    usual: dict[str, Any] = {
        "live": False,
        "time_s": 65.0,
        "share": 0.5,
        "seconds_left": 70.0,
        "frames_per_s": 40.0,
        "keys_per_s": 4.94,
        "behind_s": None,
        "dropped": 0,
        "occupancy": {"shop": 3},
        "crossed": {"door": (5, 4)},
    }
    return Status(**usual | changes)


def test_a_file_shows_its_progress_and_a_camera_its_speed() -> None:
    camera = status(live=True, share=None, seconds_left=None, behind_s=0.2)

    assert status_text(status()) == "watch: 50% done, 1 min 10 s left · shop 3 · door 5 in 4 out"
    assert status_text(status(seconds_left=None)) == "watch: 50% done · shop 3 · door 5 in 4 out"
    assert status_text(camera) == "watch: 1:05 · shop 3 · door 5 in 4 out · 4.9 key frames/s"
    late = status(live=True, share=None, behind_s=2.34)
    assert status_text(late).endswith("4.9 key frames/s · 2.3 s behind")
