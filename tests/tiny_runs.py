"""Trainings that take a moment."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import torch

from smalta.model.storage import load_tensors
from smalta.training.settings import TrainSettings


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
