"""A picture that makes no progress is reported."""

from __future__ import annotations

import pkgutil
import threading
import time
from pathlib import Path

import numpy as np
import pytest

from smalta.inference.answering import predict_files
from smalta.inference.counting import count_files
from smalta.inference.in_parts import predict_large
from smalta.inference.watchdog import PATIENCE, Stage, Watchdog
from smalta.pictures.large_pictures import ArrayRows
from smalta.pictures.writing import write_picture
from smalta.results.options import OutputOptions
from smalta.results.result_folder import ResultFolder
from stand_ins import balls

A, B = Path("a.png"), Path("b.png")


class Told:
    """What a watchdog reported."""

    def __init__(self) -> None:
        self.reports: list[tuple[Path, Stage, float]] = []

    def __call__(self, picture: Path, stage: Stage, seconds: float) -> None:
        self.reports.append((picture, stage, seconds))

    def wait_for(self, number: int, stage: Stage = "reading") -> None:
        """Wait until there are so many reports of a stage, at most 20 seconds."""
        end = time.monotonic() + 20
        while sum(told == stage for _, told, _ in self.reports) < number:
            assert time.monotonic() < end
            time.sleep(0.005)


def test_a_picture_is_reported_after_a_minute_without_progress_and_after_each_further_one() -> None:
    told, now = Told(), [0.0]
    watchdog = Watchdog(told, patience=60, clock=lambda: now[0])

    def at(second: float) -> float:
        now[0] = second
        return watchdog.look()

    with watchdog.watch(A) as a:
        assert at(59) == 1
        assert at(60) == 60  # reported
        assert at(119) == 1
        assert at(130) == 60  # again
        a("network")
        with watchdog.watch(B) as b:
            now[0] = 150
            b("writing")
            assert at(189) == 1
            b("writing")  # progress in the same stage
            assert at(191) == 58  # A; B is due at 249
            assert at(249) == 2  # B; A is due at 251
    at(1000)

    assert told.reports == [
        (A, "reading", 60),
        (A, "reading", 130),
        (A, "network", 61),
        (B, "writing", 60),
    ]


def test_reports_come_by_themselves() -> None:
    told = Told()

    with Watchdog(told, patience=0.05) as watchdog, watchdog.watch(A):
        told.wait_for(3)

    assert {report[:2] for report in told.reports} == {(A, "reading")}


def test_without_a_listener_nothing_runs() -> None:
    before = threading.active_count()

    with Watchdog() as watchdog, watchdog.watch(A) as reached:
        reached("network")
        assert threading.active_count() == before

    assert PATIENCE == 60


@pytest.fixture
def picture(tmp_path: Path) -> Path:
    write_picture(tmp_path / "a.png", np.zeros((12, 16, 3), np.uint8))
    return tmp_path / "a.png"


HANGS = {
    "reading": "smalta.inference.each_picture.read_picture",
    "network": "smalta.inference.predictor.Predictor.maps",
    "decoding": "smalta.inference.predictor.Predictor.answer",
    "writing": "smalta.results.result_folder.ResultFolder.write",
}


@pytest.mark.parametrize("stage", HANGS)
def test_answering_says_where_a_picture_hangs(
    stage: Stage, picture: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    told = Told()
    hang(monkeypatch, stage, told)

    (outcome,) = predict_files(balls(), [picture], tmp_path / "out", OutputOptions(), stalled=told, patience=0.05)

    assert outcome.error is None
    assert (picture, stage) in {report[:2] for report in told.reports}


@pytest.mark.parametrize("stage", ["reading", "network", "decoding"])
def test_counting_says_where_a_picture_hangs(stage: Stage, picture: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    told = Told()
    hang(monkeypatch, stage, told)

    table = count_files(balls(), [picture], stalled=told, patience=0.05)

    assert not table.failed
    assert (picture, stage) in {report[:2] for report in told.reports}


def hang(monkeypatch: pytest.MonkeyPatch, stage: Stage, told: Told) -> None:
    """Let a stage wait until it is reported."""
    original = pkgutil.resolve_name(HANGS[stage])

    def waits(*arguments: object) -> object:
        told.wait_for(1, stage)
        return original(*arguments)

    monkeypatch.setattr(HANGS[stage], waits)


def test_a_picture_in_parts_makes_progress_with_every_tile(tmp_path: Path) -> None:
    stages: list[Stage] = []
    pixels = np.zeros((40, 900, 3), np.uint8)  # two tiles of 608
    place = ResultFolder(tmp_path, balls().tree, "instance", OutputOptions())
    place.make()

    predict_large(balls(), ArrayRows(pixels), tmp_path / "a.tif", place, (64, 608), stages.append)

    assert stages[:5] == ["network", "decoding", "network", "decoding", "network"]
    assert stages.count("writing") >= 2  # instances, classes
    assert stages[-1] == "writing"
