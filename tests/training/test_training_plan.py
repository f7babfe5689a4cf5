from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path

import pytest

from machines import TWO_CORES, WITH_CARD
from plans import a_plan
from smalta.data.any_format import open_dataset
from smalta.data.fingerprint import measure
from smalta.errors import ConfigError
from smalta.planning.plan import Plan
from smalta.planning.plan_file import write_plan
from smalta.training.train import train
from smalta.training.training_plan import plan_training, stored_plan, training_work, with_measured, work_of
from tiny_runs import events, settings, state


def test_a_run_leaves_the_plan_that_it_obeyed_and_what_its_steps_took(run: Path) -> None:
    made = Plan.from_dict(json.loads((run / "plan.json").read_text()))
    recipe = json.loads((run / "settings.json").read_text())["recipe"]

    assert (made.task, made.device, made.size_hw) == ("training", "cpu", (64, 64))
    assert recipe["batch"] == made.batch == 2
    assert recipe["bf16"] == (made.precision == "bf16")
    assert recipe["layout"] == made.layout
    assert made.predicted_seconds > 0
    assert 0 < made.measured["views"] < made.measured["step"]


def test_a_resumed_run_keeps_the_plan_that_it_was_started_with(discs: Path, tmp_path: Path) -> None:
    train(discs, tmp_path, settings(steps=2))
    made = Plan.from_dict(json.loads((tmp_path / "plan.json").read_text()))
    other = replace(made, layout="channels_first", reasons={"layout": "told by a test"})
    write_plan(tmp_path, other)

    train(discs, tmp_path, settings(steps=3), resume=True)

    assert stored_plan(tmp_path, settings()).reasons == {"layout": "told by a test"}  # type: ignore[union-attr]
    assert state(tmp_path)[1]["step"] == 3
    assert len(events(tmp_path, "validation")) >= 2


def test_a_stored_plan_is_used_on_its_own_device_alone(tmp_path: Path) -> None:
    write_plan(tmp_path, a_plan(device="cpu"))

    assert stored_plan(tmp_path, settings(device="auto")) == stored_plan(tmp_path, settings(device="cpu"))
    write_plan(tmp_path, a_plan(device="cuda"))
    assert stored_plan(tmp_path, settings(device="cpu")) is None
    (tmp_path / "plan.json").write_text("{")
    assert stored_plan(tmp_path, settings()) is None
    assert stored_plan(tmp_path / "nowhere", settings()) is None


def test_free_memory_is_a_wish_and_what_the_machine_has_a_limit(discs: Path) -> None:
    dataset, told = open_dataset(discs), settings(batch=None)
    work = work_of(told, dataset.tree, measure(dataset), objects=False)

    roomy, tight = (plan_training(work, told, TWO_CORES, free) for free in (2**33, 1))

    assert tight.batch == roomy.batch == 4  # as many as there are pictures; a step that does not fit is made in parts


def test_memory_that_is_told_is_a_limit(discs: Path) -> None:
    work = training_work(discs, (512, 512))
    free = plan_training(work, settings(batch=None), TWO_CORES, 2**40)
    less = free.memory_bytes - 1

    bound = plan_training(work, settings(batch=None, memory_bytes=less), TWO_CORES, less)

    assert bound.batch < free.batch
    assert bound.memory_bytes <= less
    with pytest.raises(ConfigError, match=r"a memory limit of .* is too low: .* needs the least"):
        plan_training(work, settings(batch=None, memory_bytes=2**20), TWO_CORES, 2**20)


def test_a_device_that_is_told_is_planned_for(discs: Path) -> None:
    work = training_work(discs, (512, 512))

    assert work.size_hw == (512, 512)
    assert plan_training(work, settings(device="cpu"), WITH_CARD, 2**34).device == "cpu"
    assert plan_training(work, settings(device="auto"), WITH_CARD, 2**34).device == "cuda"


def test_measured_seconds_stand_beside_the_prediction() -> None:
    made = with_measured(a_plan(measured={}), {"step": 0.25, "views": 0.05})

    assert made.measured == {"step": 0.25, "views": 0.05}
    assert made.predicted_seconds == a_plan().predicted_seconds
