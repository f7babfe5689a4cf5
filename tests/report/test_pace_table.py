"""The pace of a video, printed."""

from __future__ import annotations

from dataclasses import replace

from rich.console import Console
from rich.table import Table

from smalta.report.pace_table import pace_sentence, pace_table, parts_table
from smalta.video.pacing import Pace, VideoFacts, pace


def shown(table: Table) -> str:
    console = Console(width=240, no_color=True)
    with console.capture() as capture:
        console.print(table)
    return capture.get()


def made(*, live: bool = False, network_s: float = 0.05) -> Pace:
    facts = VideoFacts(size_hw=(360, 640), fps=25, live=live)
    return pace(facts, stride=4, network_s=lambda size_hw: network_s, cores=2)


def test_each_decision_is_a_row_with_its_reason() -> None:
    text = shown(pace_table(made()))

    assert len(text.splitlines()) == 6
    for name in ("key frames", "between", "region", "working size", "still mode"):
        assert name in text
    assert "every 5th frame  every 5th of 25 frames a second makes 5 key frames a second" in text


def test_parts_have_their_time_for_each_frame_and_for_a_second() -> None:
    rows = {line.split()[0]: " ".join(line.split()) for line in shown(parts_table(made())).splitlines()}

    assert rows.keys() == {"part", "reading", "motion", "flow", "tracking", "rules", "network", "objects"}
    assert rows["network"] == "network 50 ms key frame 250 ms one pass"
    assert rows["tracking"].startswith("tracking 1.5 ms frame 37.5 ms")


def test_the_sentence_says_whether_the_machine_can_follow() -> None:
    # frames: 25 x (1.84 / 2 + 0.35 + 3.17 + 1.5 + 0.5) ms = 161 ms; key frames: 5 x (50 + 6.48) ms = 282 ms
    assert pace_sentence(made()) == "while things move, the work on 2 cores should take 44 % of the video's length"
    assert pace_sentence(made(live=True)).endswith("44 % of the time, so this machine can follow")
    late = replace(made(live=True), milliseconds=made().milliseconds | {"reading": 100.0})
    assert "this machine cannot follow" in pace_sentence(late)
