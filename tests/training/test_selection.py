from __future__ import annotations

import math
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

from smalta.description.run_folder import MODEL_FILE
from smalta.training import selection as module
from smalta.training.counters import Counters
from smalta.training.observer import Log, Silent
from smalta.training.schedule import Budget
from smalta.training.selection import Selection
from smalta.training.validation import Score
from tiny_runs import events, notes, settings


def a_selection(folder: Path, steps: int | None = 40, minutes: float | None = None, pictures: int = 9) -> Selection:
    """A selection whose job is only what it asks for."""
    dataset = SimpleNamespace(split=lambda name: ["picture"] * pictures, tree=None)
    job: Any = SimpleNamespace(
        run=folder,
        dataset=dataset,
        settings=settings(steps=steps, minutes=minutes),
        recipe=SimpleNamespace(device="cpu", bf16=False, kind="semantic"),
        network=SimpleNamespace(config=None),
        facts={"data": "discs"},
        trivial=None,
    )
    return Selection(job, Budget(steps=steps, minutes=minutes), Log(folder, Silent()))


def scores(*values: float, n_pictures: int = 9) -> Any:
    """Stands in for `validate`: the next of these at every call."""
    waiting = iter(values)

    def validate(*_: Any, **__: Any) -> Score:
        value = next(waiting)
        return Score(miou=value, level=1, ious={}, quality=math.nan, threshold=None, n_pictures=n_pictures)

    return validate


@pytest.fixture
def saved(monkeypatch: pytest.MonkeyPatch) -> list[Any]:
    """What was stored as the best model."""
    infos: list[Any] = []
    monkeypatch.setattr(module, "save_model", lambda path, state, info: infos.append((path, info)))
    return infos


NETWORK: Any = SimpleNamespace(state_dict=dict)


def test_a_run_in_steps_is_validated_eight_times_but_not_at_its_start_nor_twice(tmp_path: Path) -> None:
    selection = a_selection(tmp_path, steps=40)

    due = [step for step in range(41) if selection.due(Counters(step=step))]

    assert due == [5, 10, 15, 20, 25, 30, 35]  # the eighth comes after the last step
    assert not selection.due(Counters(step=5, validated_step=5))


def test_the_best_weights_are_kept_and_those_with_an_undefined_score(
    tmp_path: Path, saved: list[Any], monkeypatch: pytest.MonkeyPatch
) -> None:
    selection, counters = a_selection(tmp_path), Counters()
    monkeypatch.setattr(module, "validate", scores(0.5, 0.4, 0.6, math.nan))

    for step in (5, 10, 15, 20):
        counters.step = step
        selection.look(NETWORK, counters)

    assert [(path, info.facts["step"]) for path, info in saved] == [(tmp_path / MODEL_FILE, n) for n in (5, 15, 20)]
    assert [info.facts["validation_miou"] for _, info in saved] == [0.5, 0.6, None]
    assert saved[0][1].facts["data"] == "discs"
    assert (counters.best_step, counters.best_score, counters.validated_step) == (20, -1.0, 20)
    assert [event["best"] for event in events(tmp_path, "validation")] == [True, False, True, True]


def test_a_validation_that_takes_too_long_makes_the_next_ones_smaller(
    tmp_path: Path, saved: list[Any], monkeypatch: pytest.MonkeyPatch
) -> None:
    selection, counters = a_selection(tmp_path, steps=None, minutes=1.0, pictures=100), Counters(step=3)
    monkeypatch.setattr(module, "validate", scores(0.5, n_pictures=9))

    selection.look(NETWORK, counters)

    assert counters.validation_pictures == 9
    assert "validation uses 9 of 100 pictures" in notes(tmp_path)
