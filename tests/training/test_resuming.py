"""A run that was stopped or killed goes on where it was, and a finished one too."""

from __future__ import annotations

import math
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import torch

from smalta.data.any_format import open_dataset
from smalta.description.network_config import DEFAULT_ENCODER
from smalta.errors import ConfigError, ModelError
from smalta.model.storage import load_tensors, save_tensors
from smalta.training import clock, loop, recipe
from smalta.training.learner import Learner
from smalta.training.observer import Silent
from smalta.training.settings import TrainSettings
from smalta.training.train import build_network, train
from tiny_runs import Killed, assert_same_run, at_call, events, raising, settings, state


def stop_in_an_observer(monkeypatch: pytest.MonkeyPatch) -> None:
    """After the step, before the validation that is due at it."""
    monkeypatch.setattr(clock, "REPORT_SECONDS", 0.0)
    monkeypatch.setattr(Silent, "on_progress", at_call(4, raising(KeyboardInterrupt()), Silent.on_progress))


def stop_in_a_validation(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(Silent, "on_validation", at_call(2, raising(KeyboardInterrupt()), Silent.on_validation))


def stop_inside_a_step(monkeypatch: pytest.MonkeyPatch) -> None:
    """After the weights have moved, before the step counts."""
    average = Learner.average_weights
    monkeypatch.setattr(Learner, "average_weights", at_call(6, raising(KeyboardInterrupt()), average))


def kill_between_states(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(loop.Trainer, "_report", at_call(5, raising(Killed()), loop.Trainer._report))


def kill_between_the_best_model_and_the_state(monkeypatch: pytest.MonkeyPatch) -> None:
    # states: at the start, then at steps 2 and 4
    monkeypatch.setattr(loop, "save_state", at_call(3, raising(Killed()), loop.save_state))


def kill_before_the_first_state(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(loop, "save_state", at_call(1, raising(Killed()), loop.save_state))


@pytest.mark.parametrize(
    ("stop", "state_at"),
    [
        (stop_in_an_observer, 4),
        (stop_in_a_validation, 4),
        (stop_inside_a_step, 4),
        (kill_between_states, 4),
        (kill_between_the_best_model_and_the_state, 2),
        (kill_before_the_first_state, None),
    ],
)
def test_a_stopped_and_resumed_run_ends_where_an_uninterrupted_one_does(
    stop: Callable[[pytest.MonkeyPatch], None], state_at: int | None, run: Path, discs: Path, tmp_path: Path
) -> None:
    stopped = tmp_path / "run"
    with pytest.MonkeyPatch.context() as patched:
        stop(patched)
        with pytest.raises((KeyboardInterrupt, Killed)):
            train(discs, stopped, settings(steps=10))
    assert (state(stopped)[1]["step"] if (stopped / "last.safetensors").exists() else None) == state_at

    result = train(discs, stopped, settings(steps=10), resume=True)

    assert result.steps == 10
    assert_same_run(stopped, run)
    assert sorted({event["step"] for event in events(stopped, "validation")}) == [2, 4, 6, 8, 10]


def test_with_layers_that_are_kept_a_resumed_run_ends_where_an_uninterrupted_one_does(
    discs: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    chosen = settings(steps=6, encoder=DEFAULT_ENCODER, first_view=1.0)
    train(discs, tmp_path / "whole", chosen)
    with pytest.MonkeyPatch.context() as patched:
        patched.setattr(Learner, "update", at_call(4, lambda: math.nan, Learner.update))  # steps back, too
        patched.setattr(loop.Trainer, "_report", at_call(5, raising(Killed()), loop.Trainer._report))
        with pytest.raises(Killed):
            train(discs, tmp_path / "stopped", chosen)

    train(discs, tmp_path / "stopped", chosen, resume=True)

    assert state(tmp_path / "stopped")[1]["learning_rate_scale"] == 0.5
    weights, whole = (load_tensors(tmp_path / run / "model.safetensors")[0] for run in ("stopped", "whole"))
    fresh = build_network(open_dataset(discs).tree, chosen, 4)
    fresh.encoder.load_imagenet_weights()
    kept = fresh.state_dict()
    fine = [name for name in weights if name.startswith(("encoder.body.conv_stem", "encoder.body.bn1"))]
    assert len(fine) >= 5
    for name in fine:  # the file has them as they came, folded or not
        assert torch.equal(weights[name], whole[name])
        assert torch.equal(weights[name], kept[name])


def test_a_resumed_run_needs_no_options_told_again(run: Path, discs: Path, tmp_path: Path) -> None:
    with pytest.MonkeyPatch.context() as patched:
        kill_between_states(patched)
        with pytest.raises(Killed):
            train(discs, tmp_path / "run", settings(steps=10))

    train(discs, tmp_path / "run", TrainSettings(), resume=True)

    assert_same_run(tmp_path / "run", run)


def test_a_finished_run_that_is_resumed_stays_as_it_is(run: Path, discs: Path, tmp_path: Path) -> None:
    again = shutil.copytree(run, tmp_path / "run")

    train(discs, again, settings(steps=10), resume=True)

    assert_same_run(again, run)
    assert len(events(again, "validation")) == 5


def test_a_finished_run_goes_on_with_more_steps(run: Path, discs: Path, tmp_path: Path) -> None:
    again = shutil.copytree(run, tmp_path / "run")

    result = train(discs, again, settings(steps=12), resume=True)

    assert result.steps == 12
    assert [event["step"] for event in events(again, "validation")] == [2, 4, 6, 8, 10, 12]


def test_crops_grow_and_a_run_that_is_resumed_sees_the_same_ones(
    discs: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(recipe, "LEAST_CROP", 32)
    monkeypatch.setattr(clock, "REPORT_SECONDS", 0.0)
    sides: list[int] = []
    update = Learner.update

    def noted(self: Learner, batch: Any, parts: int) -> float:
        sides.append(batch.labels.shape[-1])
        return update(self, batch, parts)

    monkeypatch.setattr(Learner, "update", noted)
    grown = settings(steps=8, first_view=0.5)
    train(discs, tmp_path / "whole", grown)
    expected = [64, 32, 32, 32, 64, 64, 64, 64]  # the first is full, to try the memory; 0.67 of 64 px are nearer to 32

    assert sides == expected
    sides.clear()
    with pytest.MonkeyPatch.context() as patched:
        stop_in_an_observer(patched)
        with pytest.raises(KeyboardInterrupt):
            train(discs, tmp_path / "run", grown)
    train(discs, tmp_path / "run", grown, resume=True)
    assert sides == expected
    assert_same_run(tmp_path / "run", tmp_path / "whole")


@pytest.mark.parametrize(
    ("told", "sentence"),
    [
        ({"seed": 5}, "was started with seed 0 and cannot continue with 5; omit that option"),
        ({"encoder": "resnet18"}, "was started with encoder 'plain' and cannot continue with 'resnet18'"),
        ({"crop": 32}, "was started with crop 64"),
    ],
)
def test_a_resumed_run_cannot_become_another(
    told: dict[str, Any], sentence: str, run: Path, discs: Path, tmp_path: Path
) -> None:
    again = shutil.copytree(run, tmp_path / "run")

    with pytest.raises(ConfigError, match=sentence):
        train(discs, again, settings(steps=12, **told), resume=True)


def test_a_resumed_run_cannot_get_other_classes(run: Path, discs: Path, tmp_path: Path) -> None:
    again = shutil.copytree(run, tmp_path / "run")
    other = tmp_path / "classes.yaml"
    other.write_text("classes: {rest: {ids: [0]}, disc: {ids: [1]}}")

    with pytest.raises(ConfigError, match="was started with other classes"):
        train(discs, again, settings(steps=12), resume=True, classes=other)
    train(discs, again, settings(steps=10), resume=True, classes=again / "classes.yaml")


def test_only_a_run_can_be_resumed(discs: Path, tmp_path: Path) -> None:
    with pytest.raises(ModelError, match="holds no run to resume"):
        train(discs, tmp_path / "none", settings(steps=1), resume=True)
    assert not (tmp_path / "none").exists()


@pytest.mark.parametrize(
    "content", ["{", "{}", '{"settings": 3, "fingerprint": {}, "weights": "none"}', "[]", "[" * 100_000]
)
def test_a_run_with_a_damaged_settings_file_is_refused(content: str, run: Path, discs: Path, tmp_path: Path) -> None:
    again = shutil.copytree(run, tmp_path / "run")
    (again / "settings.json").write_text(content)

    with pytest.raises(ModelError, match=r"settings\.json is damaged"):
        train(discs, again, settings(steps=12), resume=True)


def test_the_state_of_another_version_is_refused(run: Path, discs: Path, tmp_path: Path) -> None:
    again = shutil.copytree(run, tmp_path / "run")
    tensors, counters = load_tensors(again / "last.safetensors")
    del counters["accumulate"]
    save_tensors(again / "last.safetensors", tensors, counters)

    with pytest.raises(ModelError, match="lacks the entry 'accumulate'; another version of smalta wrote it"):
        train(discs, again, settings(steps=12), resume=True)
