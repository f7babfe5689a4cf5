"""Steps that fail: losses that are not finite, and too little memory."""

from __future__ import annotations

import math
from pathlib import Path
from typing import Any

import pytest
import torch

from smalta.errors import TrainingError
from smalta.training.learner import Learner
from smalta.training.train import train
from tiny_runs import at_call, notes, raising, settings, state


def test_a_loss_that_is_not_finite_steps_back_once_with_half_the_learning_rate(
    discs: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(Learner, "update", at_call(4, lambda: math.nan, Learner.update))

    result = train(discs, tmp_path / "run", settings(steps=10))

    assert result.steps == 10
    assert "not finite at step 3; training continues from step 2 with half the learning rate" in notes(tmp_path / "run")
    assert state(tmp_path / "run")[1]["learning_rate_scale"] == 0.5


def test_after_a_step_back_the_same_batches_come_at_half_the_learning_rate_of_the_schedule(
    discs: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    rates: list[float] = []
    batches: list[int] = []
    update = Learner.update

    def spy(self: Learner, batch: Any, parts: int) -> float:
        rates.append(self.optimizer.param_groups[0]["lr"])
        batches.append(int(batch.pictures.sum()))
        return math.nan if len(rates) == 4 else update(self, batch, parts)

    monkeypatch.setattr(Learner, "update", spy)

    train(discs, tmp_path / "run", settings(steps=10))

    # steps 0, 1, 2, 3 (not finite), then again from step 2
    assert rates[4] == pytest.approx(rates[2] / 2)
    assert rates[5] == pytest.approx(rates[3] / 2)
    assert batches[4:6] == batches[2:4]
    assert len(set(batches[:4])) == 4


def test_a_second_loss_that_is_not_finite_ends_the_run_also_after_a_resume(
    discs: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    count = 0
    update = Learner.update

    def break_down(self: Learner, batch: Any, parts: int) -> float:
        nonlocal count
        count += 1
        return math.inf if count in (4, 6, 9) else update(self, batch, parts)

    monkeypatch.setattr(Learner, "update", break_down)
    sentence = r"infinite or undefined again at step \d, at half the learning rate; .* lower --learning-rate"

    with pytest.raises(TrainingError, match=sentence):
        train(discs, tmp_path / "run", settings(steps=10))
    with pytest.raises(TrainingError, match=sentence):
        train(discs, tmp_path / "run", settings(steps=10), resume=True)


@pytest.mark.parametrize(
    "error", [torch.OutOfMemoryError("CUDA out of memory"), RuntimeError("DefaultCPUAllocator: can't allocate memory")]
)
def test_out_of_memory_halves_the_batch_and_says_so(
    error: RuntimeError, discs: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(Learner, "update", at_call(2, raising(error), Learner.update))

    result = train(discs, tmp_path / "run", settings(steps=4))

    assert result.steps == 4
    assert "out of memory: each step of 2 pictures now runs in 2 parts" in notes(tmp_path / "run")
    assert state(tmp_path / "run")[1]["accumulate"] == 2


def test_a_single_crop_that_does_not_fit_in_memory_ends_the_run(
    discs: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(Learner, "update", lambda *_: raising(torch.OutOfMemoryError("no"))())

    with pytest.raises(TrainingError, match=r"one crop of .* does not fit in memory; use a smaller --crop or --width"):
        train(discs, tmp_path / "run", settings(steps=4, batch=4))


def test_another_error_inside_a_step_is_no_lack_of_memory(
    discs: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(Learner, "update", lambda *_: raising(RuntimeError("shapes differ"))())

    with pytest.raises(RuntimeError, match="shapes differ"):
        train(discs, tmp_path / "run", settings(steps=4))
