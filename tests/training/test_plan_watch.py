"""The plan is compared with what happens, and changed where it was made for a machine that is not this one."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
import torch

from loads import QUIET
from machines import TWO_CORES
from plans import a_plan
from smalta.planning.machine import Machine
from smalta.planning.plan import Plan
from smalta.system.load import Load
from smalta.training import loop, plan_watch
from smalta.training.observer import Log, Silent
from smalta.training.plan_watch import MOST_MEASURED, WARM_UP, PlanWatch
from tiny_runs import make_trainer, notes

SLOW = a_plan(task="training", predicted_seconds=1.0, threads=2, precision="bf16")
FAST = a_plan(task="training", predicted_seconds=0.5, threads=2, precision="fp32")


def a_watch(folder: Path, replan: Callable[[Machine], Plan] | None = None, load: Load = QUIET) -> PlanWatch:
    return PlanWatch(SLOW, Log(folder, Silent()), replan, lambda: load)


def surprise(watch: PlanWatch, share: float = 1.0) -> None:
    for _ in range(WARM_UP + 3):
        watch.add(16.0, share)


def measured(patch: pytest.MonkeyPatch, *machines: Machine | None) -> None:
    waiting = iter(machines)
    patch.setattr(plan_watch, "measured_again", lambda: next(waiting))


def test_the_first_steps_build_kernels_and_do_not_count(tmp_path: Path) -> None:
    watch = a_watch(tmp_path)

    for _ in range(3):
        watch.add(60.0, 1.0)
    for _ in range(9):
        watch.add(1.1, 1.0)

    assert watch.plan.during == ()


def test_steps_of_small_crops_are_compared_with_less_than_the_planned_time(tmp_path: Path) -> None:
    usual, slow = a_watch(tmp_path), a_watch(tmp_path)

    for _ in range(WARM_UP + 9):
        usual.add(0.5, 0.4)  # 0.2 + 0.8 * 0.16 = 0.33 is planned
        slow.add(0.9, 0.4)

    assert usual.plan.during == ()
    assert len(slow.plan.during) == 1


def test_steps_that_take_far_longer_are_reported_once_and_in_the_plan(tmp_path: Path) -> None:
    watch = a_watch(tmp_path)

    surprise(watch)
    surprise(watch)

    [sentence] = watch.plan.during
    assert "a step takes 16 s instead of the planned 1 s, probably because the measured speeds" in sentence
    assert notes(tmp_path) == sentence


def test_a_quiet_machine_is_measured_again_and_another_plan_is_followed(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    asked: list[Machine] = []

    def replan(machine: Machine) -> Plan:
        asked.append(machine)
        return FAST

    watch = a_watch(tmp_path, replan)
    measured(monkeypatch, None, TWO_CORES)

    assert watch.between_steps() is None  # nothing is wrong
    surprise(watch)

    assert watch.between_steps() is None  # busy
    assert watch.between_steps() == watch.plan
    assert asked == [TWO_CORES]
    assert watch.plan.precision == "fp32"
    first, second = watch.plan.during
    assert "instead of the planned" in first
    assert "fp32, channels-last should take 500 ms a step, so the run goes on with it instead of bf16" in second


def test_a_plan_that_stays_the_best_is_kept_and_the_machine_is_measured_only_a_few_times(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    watch = a_watch(tmp_path, lambda machine: SLOW)
    measured(monkeypatch, *[TWO_CORES] * MOST_MEASURED)
    surprise(watch)

    for _ in range(9):
        assert watch.between_steps() is None

    assert watch.plan.during[-1].endswith("bf16, channels-last stays the best way")
    assert len(watch.plan.during) == 1 + MOST_MEASURED


def test_short_memory_is_no_reason_to_measure(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    watch = a_watch(tmp_path, lambda machine: FAST, replace(QUIET, faults_per_second=900.0))
    measured(monkeypatch)

    surprise(watch)

    assert "memory is short" in watch.plan.during[0]
    assert watch.between_steps() is None


def test_a_run_follows_the_new_plan_with_its_weights_and_moments(
    discs: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    trainer = make_trainer(discs, tmp_path)
    trainer.job.network.train()
    written: list[Any] = []
    plan = a_plan(task="training", precision="bf16", layout="channels_first", during=("why",))
    monkeypatch.setattr(trainer.watch, "between_steps", lambda: plan)
    monkeypatch.setattr(loop, "write_plan", lambda run, made: written.append(made))
    batches = trainer._batches()
    source = batches.start(0)
    before_loss = trainer.learner.update(next(source), 1)
    weights = {name: tensor.clone() for name, tensor in trainer.learner.network.state_dict().items()}
    moments = len(trainer.learner.optimizer.state)

    trainer._look_at_the_plan()

    assert written == [plan]
    assert trainer.job.recipe.bf16
    assert trainer.job.recipe.layout == "channels_first"
    assert all(torch.equal(tensor, weights[name]) for name, tensor in trainer.learner.network.state_dict().items())
    assert len(trainer.learner.optimizer.state) == moments > 0
    types: list[torch.dtype] = []
    trainer.learner.network.semantic.register_forward_hook(lambda _, __, found: types.append(found.dtype))
    after_loss = trainer.learner.update(next(source), 1)
    assert types == [torch.bfloat16]
    assert 0 < after_loss < 2 * before_loss
    batches.close()
