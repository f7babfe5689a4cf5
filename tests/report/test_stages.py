from __future__ import annotations

import io
import time

import pytest
from rich.console import Console

from smalta.report import stages as module
from smalta.report.stages import Stages, duration


class FakeTime:
    now = 100.0

    def __call__(self) -> float:
        return self.now


@pytest.fixture
def fake(monkeypatch: pytest.MonkeyPatch) -> FakeTime:
    fake = FakeTime()
    monkeypatch.setattr(time, "monotonic", fake)
    return fake


def console(*, terminal: bool) -> Console:
    return Console(file=io.StringIO(), force_terminal=terminal, width=100, _environ={})


def text(to: Console) -> str:
    assert isinstance(to.file, io.StringIO)
    return to.file.getvalue()


def test_a_pipe_gets_a_line_every_ten_seconds_with_count_and_time_left(fake: FakeTime) -> None:
    to = console(terminal=False)
    stages = Stages(to)

    for seconds, done in ((0, 0), (9, 40), (10, 50), (15, 60), (20, 100)):
        fake.now = 100 + seconds
        stages.stage("checking pictures", done, 200)

    assert text(to).splitlines() == [
        "checking pictures: 50 of 200, about 30 s left",
        "checking pictures: 100 of 200, about 20 s left",
    ]


def test_a_stage_that_gives_no_sign_is_shown_with_its_time(fake: FakeTime) -> None:
    to = console(terminal=False)
    stages = Stages(to)
    stages.stage("planning")

    for now in (105, 112, 135):
        fake.now = now
        stages.tick()

    assert text(to).splitlines() == ["planning: 12 s so far", "planning: 35 s so far"]


def test_short_stages_in_a_row_are_not_silent_together(fake: FakeTime) -> None:
    to = console(terminal=False)
    stages = Stages(to)

    for n in range(4):
        fake.now = 100 + 6 * n
        stages.stage(f"stage {n}")
        fake.now += 2
        stages.tick()

    assert text(to).splitlines() == ["stage 2: 2 s so far"]


def test_a_thread_shows_a_silent_stage(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "LINE_SECONDS", 0.0)
    monkeypatch.setattr(module, "YOUNG_SECONDS", 0.0)
    monkeypatch.setattr(module, "REFRESH_SECONDS", 0.005)
    to = console(terminal=False)

    with Stages(to) as stages:
        stages.stage("planning")
        until = time.monotonic() + 5
        while len(text(to).splitlines()) < 3 and time.monotonic() < until:
            time.sleep(0.005)

    assert text(to).splitlines()[:3] == ["planning: 0 s so far"] * 3


def test_a_terminal_gets_a_bar_that_is_gone_at_the_end() -> None:
    to = console(terminal=True)

    with Stages(to) as stages:
        stages.stage("planning")
        stages.stage("checking pictures", 1, 4)
        stages.say("[bold]a line[/]")

    assert "checking pictures: 1 of 4" in text(to)
    assert "a line" in text(to)
    assert not text(to).endswith("\n")  # the bar took its line away


def test_in_quiet_nothing_is_shown(fake: FakeTime) -> None:
    to = console(terminal=True)

    with Stages(to, quiet=True) as stages:
        stages.stage("checking pictures", 1, 4)
        fake.now += 60
        stages.tick()
        stages.say("a line")

    assert text(to) == ""


def test_durations_are_in_minutes_and_seconds() -> None:
    assert [duration(seconds) for seconds in (4.4, 59.6, 125)] == ["4 s", "1 min 00 s", "2 min 05 s"]
