"""A run in minutes ends in time."""

from __future__ import annotations

import math
import time
from pathlib import Path
from typing import Any

import pytest
import torch

from smalta.training import clock, loop, selection
from smalta.training.schedule import LEAST_STEPS
from smalta.training.validation import Score
from tiny_runs import events, make_trainer


class FakeTime:
    """A clock that only moves when it is told to."""

    now = 1000.0

    def __call__(self) -> float:
        return self.now


def a_run(
    minutes: float,
    step_seconds: float,
    picture_seconds: float,
    n_val: int,
    discs: Path,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> tuple[loop.Trainer, float]:
    """A finished run on a clock that only steps and validations move, and its seconds."""
    fake = FakeTime()
    trainer = make_trainer(discs, tmp_path, minutes=minutes, steps=None)
    entries = trainer.job.dataset.split("val") * (n_val // 2)
    monkeypatch.setattr(type(trainer.job.dataset), "split", lambda self, name: entries)
    monkeypatch.setattr(time, "monotonic", fake)
    monkeypatch.setattr(loop, "save_state", lambda *_: None)
    monkeypatch.setattr(selection, "save_model", lambda *_: None)

    class NoBatches:
        pictures = torch.zeros(2, 3, 64, 64)

        def start(self, step: int) -> Any:
            while True:
                yield self

        def to(self, device: torch.device) -> None:
            pass

        def close(self) -> None:
            pass

    def step(self: loop.Trainer, batch: Any) -> float:
        fake.now += step_seconds
        return 0.5

    def look(network: Any, dataset: Any, chosen: Any, *, most: int, seconds: float, **_: Any) -> Score:
        count = min(most, len(chosen), max(4, math.ceil(seconds / picture_seconds) if seconds < 1e9 else most))
        fake.now += count * picture_seconds
        return Score(miou=0.5, level=1, ious={}, quality=math.nan, threshold=None, n_pictures=count)

    monkeypatch.setattr(trainer, "_batches", NoBatches)
    monkeypatch.setattr(loop.Trainer, "_step", step)

    def calibrate(path: Path, dataset: Any, chosen: Any, *, seconds: float, **_: Any) -> str:
        fake.now += min(len(chosen) * picture_seconds, max(seconds, 9 * picture_seconds))
        return "calibrated"

    monkeypatch.setattr(selection, "validate", look)
    monkeypatch.setattr(selection, "calibrate_model", calibrate)
    trainer.budget.minutes, trainer.budget.steps = minutes, None
    trainer.budget.started = fake.now - 5.0  # reading and measuring took five seconds

    trainer.run(resume=False)
    return trainer, fake.now - trainer.budget.started


@pytest.mark.parametrize(
    ("minutes", "step_seconds", "picture_seconds", "n_val"),
    [
        (2, 0.5, 0.02, 100),
        (2, 5.0, 0.01, 50),  # half a step is 2 % of the run
        (1, 0.1, 0.5, 400),  # all validation pictures would take three times the run
        (3, 0.2, 2.0, 12),
    ],
)
def test_a_run_in_minutes_ends_in_time_with_its_validations(
    minutes: float,
    step_seconds: float,
    picture_seconds: float,
    n_val: int,
    discs: Path,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    trainer, seconds = a_run(minutes, step_seconds, picture_seconds, n_val, discs, tmp_path, monkeypatch)

    assert seconds / (60 * minutes) == pytest.approx(1.0, abs=0.05)
    looks = events(tmp_path, "validation")
    assert len(looks) >= 2
    assert looks[-1]["step"] == trainer.counters.step
    assert trainer.counters.step * step_seconds > 0.6 * 60 * minutes  # most of the time goes to training


@pytest.mark.parametrize("picture_seconds", [0.1, 6.0])
def test_a_slow_machine_makes_the_least_number_of_steps_and_few_validations(
    picture_seconds: float, discs: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    trainer, seconds = a_run(1.2, 8.0, picture_seconds, 14, discs, tmp_path, monkeypatch)

    looks = events(tmp_path, "validation")
    assert trainer.counters.step == LEAST_STEPS
    assert len(looks) <= 2
    assert looks[0]["step"] >= LEAST_STEPS / 2  # none before something is learned
    # two validations of four pictures, and a calibration on nine
    assert seconds <= 5 + LEAST_STEPS * 8.0 + (2 * 4 + 9) * 6.0


def test_the_time_left_is_right_from_the_first_step_on(
    discs: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(clock, "REPORT_SECONDS", 0.0)

    _, seconds = a_run(1.2, 8.0, 3.0, 14, discs, tmp_path, monkeypatch)

    first = events(tmp_path, "progress")[0]
    assert first["seconds_left"] == pytest.approx(seconds - 5 - 8, rel=0.15)
