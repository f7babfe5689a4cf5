from __future__ import annotations

import math
import time
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

from smalta.description.run_folder import MODEL_FILE
from smalta.training import selection as module
from smalta.training.counters import Counters
from smalta.training.observer import Log, Silent
from smalta.training.parts import Parts
from smalta.training.schedule import Budget
from smalta.training.selection import Selection
from smalta.training.validation import Score
from tiny_runs import events, notes, settings


def a_selection(
    folder: Path,
    steps: int | None = 40,
    minutes: float | None = None,
    pictures: int = 9,
    objects: bool = False,
) -> Selection:
    """A selection whose job is only what it asks for."""
    dataset = SimpleNamespace(split=lambda name: ["picture"] * pictures, tree=None)
    job: Any = SimpleNamespace(
        run=folder,
        dataset=dataset,
        settings=settings(steps=steps, minutes=minutes),
        recipe=SimpleNamespace(device="cpu", bf16=False, kind="semantic", batch=8, crop_hw=(320, 320)),
        picture_hw=(320, 640),
        objects=objects,
        network=SimpleNamespace(config=None),
        facts={"data": "discs"},
        trivial=None,
    )
    budget = Budget(steps=steps, minutes=minutes)
    return Selection(job, budget, Log(folder, Silent()), Parts(budget.started, Silent()))


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

    due = [step for step in range(41) if selection.due(Counters(step=step), 1.0)]

    assert due == [5, 10, 15, 20, 25, 30, 35]  # the eighth comes after the last step
    assert not selection.due(Counters(step=5, validated_step=5), 1.0)


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


def test_before_the_first_validation_its_time_follows_from_a_step(tmp_path: Path) -> None:
    # a step of 8 crops of 320 x 320 takes 4.8 s: 0.6 s a crop, 1.2 s for a picture of twice the area, a third of that
    # forward, half as much again for reading and scoring
    each = 0.6

    assert a_selection(tmp_path).validation_seconds(Counters(), 4.8) == pytest.approx(9 * each)
    # two minutes allow 4 s for a validation; four pictures take 2.4 s
    assert a_selection(tmp_path, None, 2.0, 90).validation_seconds(Counters(), 4.8) == pytest.approx(4.0)
    # a tenth of a minute allows 0.2 s, and four pictures are looked at all the same
    assert a_selection(tmp_path, None, 0.1, 90).validation_seconds(Counters(), 4.8) == pytest.approx(4 * each)


def test_the_time_kept_for_the_end_covers_validation_and_the_thresholds_of_objects(tmp_path: Path) -> None:
    selection = a_selection(tmp_path, None, 60.0, objects=True)

    assert selection.ending_seconds(Counters(), 4.8) == pytest.approx(1.1 * (9 * 0.6 + 3 * 9 * 0.6) + 0.5)


def test_a_validation_that_would_eat_the_time_waits_for_the_end(tmp_path: Path) -> None:
    slow, quick = a_selection(tmp_path, None, 1.2, 14), a_selection(tmp_path, None, 1.2, 14)

    # 40 s for a step, and so 20 s for four pictures
    assert not any(slow.due(Counters(step=step), 40.0) for step in range(1, 20))
    quick._budget.started -= 60
    assert quick.due(Counters(step=19), 0.1)


def test_the_time_of_a_validation_is_measured(
    tmp_path: Path, saved: list[Any], monkeypatch: pytest.MonkeyPatch
) -> None:
    selection, counters, now = a_selection(tmp_path), Counters(step=5), 100.0
    monkeypatch.setattr(time, "monotonic", lambda: now)

    def validate(*_: Any, **__: Any) -> Score:
        nonlocal now
        now += 18.0
        return Score(miou=0.5, level=1, ious={}, quality=math.nan, threshold=None, n_pictures=9)

    monkeypatch.setattr(module, "validate", validate)
    selection.look(NETWORK, counters)

    assert selection.validation_seconds(counters, 4.8) == pytest.approx(18.0)


def test_of_equal_scores_the_newest_weights_are_kept(
    tmp_path: Path, saved: list[Any], monkeypatch: pytest.MonkeyPatch
) -> None:
    selection, counters = a_selection(tmp_path), Counters()
    monkeypatch.setattr(module, "validate", scores(0.0, 0.0))

    for step in (5, 10):
        counters.step = step
        selection.look(NETWORK, counters)

    assert counters.best_step == 10
