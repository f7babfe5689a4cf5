from __future__ import annotations

import io
import math
import time
from dataclasses import dataclass

import pytest
from rich.console import Console

from smalta.metrics.trivial import TrivialScore
from smalta.report.training_progress import TrainingProgress


@dataclass
class Step:
    step: int = 30
    done: float = 0.25
    loss: float = 1.23456
    pictures_per_second: float = 11.11
    seconds_left: float = 119.6


def console(*, terminal: bool) -> Console:
    return Console(file=io.StringIO(), force_terminal=terminal, width=120, _environ={})


def text(to: Console) -> str:
    assert isinstance(to.file, io.StringIO)
    return to.file.getvalue()


def test_a_terminal_gets_a_bar_with_loss_score_rate_and_time_left() -> None:
    to = console(terminal=True)

    with TrainingProgress(to) as watcher:
        watcher.on_validation(20, "mIoU", 0.61234, True, TrivialScore(answer="all [b]sky", value=0.4391))
        watcher.on_progress(Step())

    assert "step 20: validation mIoU 0.612 (all [b]sky: 0.439), the best so far" in text(to)
    for part in ("step 30", "25%", "loss 1.235", "val mIoU 0.612", "11.1 pictures/s", "2 min 00 s left"):
        assert part in text(to)


def test_elsewhere_a_line_is_printed_now_and_then(monkeypatch: pytest.MonkeyPatch) -> None:
    now = 0.0
    monkeypatch.setattr(time, "monotonic", lambda: now)
    to = console(terminal=False)

    with TrainingProgress(to) as watcher:
        watcher.on_progress(Step(step=1))
        now = 21.0
        watcher.on_progress(Step(step=2, seconds_left=45.2))
        now = 22.0
        watcher.on_progress(Step(step=3))

    assert text(to).splitlines() == ["step 2  25%  loss 1.235  val -  11.1 pictures/s  45 s left"]


def test_details_are_for_those_who_ask_for_them() -> None:
    to, chatty = console(terminal=False), console(terminal=False)

    for watcher in (TrainingProgress(to), TrainingProgress(chatty, verbose=True)):
        watcher.on_start(["data [b]discs[/]: 4 pictures", "kind binary"])
        watcher.on_detail("the cache fits")

    assert text(to).splitlines() == ["data [b]discs[/]: 4 pictures", "kind binary"]
    assert text(chatty).splitlines()[2:] == ["note the cache fits"]


def test_a_part_of_a_run_is_shown_after_ten_silent_seconds(monkeypatch: pytest.MonkeyPatch) -> None:
    now = 0.0
    monkeypatch.setattr(time, "monotonic", lambda: now)
    to = console(terminal=False)
    watcher = TrainingProgress(to)

    for now in (1.0, 12.0):
        watcher.on_part("checking pictures and labels", int(now), 454)

    assert text(to).splitlines() == ["checking pictures and labels: 12 of 454, about 6 min 45 s left"]


def test_a_score_that_could_not_be_measured_is_a_dash() -> None:
    to = console(terminal=False)

    with TrainingProgress(to) as watcher:
        watcher.on_validation(5, "PQ", math.nan, False, None)

    assert text(to) == "step 5: validation PQ -\n"


def test_notes_are_printed_as_they_stand() -> None:
    to = console(terminal=False)

    with TrainingProgress(to) as watcher:
        watcher.on_note("classes are [bold] and [/]")

    assert text(to) == "note classes are [bold] and [/]\n"
