"""Trainings that take a moment, and what stops them."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import torch

from plans import a_plan
from smalta.data.any_format import open_dataset
from smalta.data.fingerprint import measure
from smalta.model.storage import load_tensors
from smalta.training import loop
from smalta.training.job import Job
from smalta.training.losses import TreeLoss
from smalta.training.observer import Log, Silent
from smalta.training.recipe import decide
from smalta.training.schedule import Budget
from smalta.training.settings import TrainSettings
from smalta.training.train import build_network


class Killed(BaseException):
    """Stands in for a process that ends on the spot: nothing catches it."""


def settings(**told: Any) -> TrainSettings:
    """The smallest network on the smallest views."""
    return TrainSettings(
        **{"encoder": "plain", "crop": 64, "batch": 2, "width": 12, "stride": 4, "device": "cpu"} | told
    )


def state(run: Path) -> tuple[dict[str, torch.Tensor], dict[str, Any]]:
    """Tensors and counters of a run's last state, without what the clock says."""
    tensors, counters = load_tensors(run / "last.safetensors")
    return tensors, {k: v for k, v in counters.items() if k not in ("elapsed", "training_started", "reserve")}


def events(run: Path, kind: str) -> list[dict[str, Any]]:
    """Events of a kind in a run's log."""
    lines = (run / "log.jsonl").read_text(encoding="utf-8").splitlines()
    return [event for event in map(json.loads, lines) if event["event"] == kind]


def notes(run: Path) -> str:
    """All notes of a run's log."""
    return "\n".join(event["text"] for event in events(run, "note"))


def at_call(number: int, act: Callable[[], Any], wrapped: Callable[..., Any]) -> Callable[..., Any]:
    """`wrapped`, but its call of that number (from 1) acts instead."""
    count = 0

    def call(*args: Any, **kwargs: Any) -> Any:
        nonlocal count
        count += 1
        return act() if count == number else wrapped(*args, **kwargs)

    return call


def raising(error: BaseException) -> Callable[[], Any]:
    def act() -> None:
        raise error

    return act


def assert_same_run(run: Path, expected: Path) -> None:
    """Both runs ended in the same weights, averages, moments, counters and best model, bit by bit."""
    (found, counters), (wanted, wanted_counters) = state(run), state(expected)
    assert counters == wanted_counters
    assert found.keys() == wanted.keys()
    assert [name for name in wanted if not torch.equal(found[name], wanted[name])] == []
    best, best_wanted = (load_tensors(folder / "model.safetensors")[0] for folder in (run, expected))
    assert all(torch.equal(best[name], best_wanted[name]) for name in best_wanted)


def make_trainer(discs: Path, folder: Path, **told: Any) -> loop.Trainer:
    """A trainer of the disc data, without Dice, whose batch normalisation does not depend on the batch."""
    folder.mkdir(exist_ok=True)
    dataset, chosen = open_dataset(discs), settings(**told)
    plan = a_plan(batch=chosen.batch, precision="fp32")
    made = decide(chosen, measure(dataset), 2**32, ("semantic", ""), plan)
    network = build_network(dataset.tree, chosen, made.stride)
    job = Job(
        run=folder,
        dataset=dataset,
        settings=chosen,
        recipe=made,
        plan=plan,
        network=network,
        loss=TreeLoss(dataset.tree, np.array([1.0, 0.5, 2.0])),
        draw_weights=np.ones(len(dataset.split("train"))),
        picture_hw=(72, 96),
    )
    trainer = loop.Trainer(job, Budget(steps=10), Log(folder, Silent()))
    network.eval()
    return trainer
