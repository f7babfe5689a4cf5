"""The training loop, end to end on a data set of a few discs."""

from __future__ import annotations

import json
import shutil
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch

from labelled_sets import picture_and_mask, write_picture, write_set
from smalta.errors import ConfigError, DataError, SmaltaError, TrainingError
from smalta.metrics.trivial import TrivialAnswers
from smalta.model.storage import load_model
from smalta.training import clock
from smalta.training.observer import Silent
from smalta.training.train import train
from tiny_runs import assert_same_run, events, settings, state


def test_a_run_leaves_a_model_a_state_its_classes_its_settings_and_a_log(run: Path) -> None:
    assert {path.name for path in run.iterdir()} == {
        "model.safetensors",
        "last.safetensors",
        "classes.yaml",
        "settings.json",
        "plan.json",
        "log.jsonl",
    }
    network, info = load_model(run / "model.safetensors")
    told = json.loads((run / "settings.json").read_text())
    assert network.config == info.network
    assert [node.path for node in info.tree] == ["ground", "disc"]
    assert info.threshold is not None
    assert told["settings"]["steps"] == 10
    assert told["weights"] == "none"
    assert set(told["recipe"]["reasons"]) >= {"device", "precision", "crop", "stride", "cache"}


def test_a_run_is_validated_about_eight_times_and_at_its_end(run: Path) -> None:
    validations = events(run, "validation")

    assert [event["step"] for event in validations] == [2, 4, 6, 8, 10]
    assert all(set(event["iou"]) == {"ground", "disc"} for event in validations)
    best = max(validations, key=lambda event: (event["score"], event["step"]))  # of equal scores the newest
    assert state(run)[1]["best_step"] == best["step"]
    assert load_model(run / "model.safetensors")[1].facts["step"] == best["step"]


def test_the_result_says_what_was_reached(discs: Path, tmp_path: Path) -> None:
    result = train(discs, tmp_path / "run", settings(steps=1))

    assert (result.steps, result.best_step) == (1, 1)
    assert result.model == tmp_path / "run" / "model.safetensors"
    assert result.validation_score is not None
    assert 0 <= result.validation_score <= 1
    assert result.trivial is not None
    assert 0 < result.trivial.value <= 1


def test_a_model_states_the_trivial_answers_of_its_training_pictures(run: Path) -> None:
    _, info = load_model(run / "model.safetensors")

    trivial = TrivialAnswers.from_facts(info.facts, info.tree)

    assert trivial is not None
    assert trivial.frequent == ("ground",)
    assert trivial.brightness is not None
    assert info.facts["validation_trivial"].keys() == {"answer", "value"}
    assert all(event["trivial"] == info.facts["validation_trivial"] for event in events(run, "validation"))


def test_the_same_seed_gives_the_same_weights_and_another_one_others(run: Path, discs: Path, tmp_path: Path) -> None:
    train(discs, tmp_path / "same", settings(steps=10))
    train(discs, tmp_path / "other", settings(steps=1, seed=1))

    assert_same_run(tmp_path / "same", run)
    assert not torch.equal(
        state(tmp_path / "other")[0]["network/semantic.weight"], state(run)[0]["network/semantic.weight"]
    )


def test_training_lowers_the_loss(discs: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(clock, "REPORT_SECONDS", 0.0)

    train(discs, tmp_path / "run", settings(steps=30))

    losses = [event["loss"] for event in events(tmp_path / "run", "progress")]
    assert len(losses) == 30
    assert np.mean(losses[-5:]) < 0.8 * np.mean(losses[:5])


def test_observers_hear_of_progress_validations_and_notes(
    discs: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(clock, "REPORT_SECONDS", 0.0)
    shutil.copytree(discs, tmp_path / "data")
    (tmp_path / "data" / "classes.yaml").unlink()  # classes are then guessed, which is worth a note
    heard: list[Any] = []

    class Listener(Silent):
        def on_progress(self, progress: Any) -> None:
            heard.append((progress.step, progress.done))

        def on_validation(self, step: int, measure: str, score: float, best: bool, trivial: Any) -> None:
            heard.append(("validation", step, best))

        def on_detail(self, text: str) -> None:
            heard.append(text)

        def on_part(self, title: str, done: int, total: int | None) -> None:
            if total is None:
                heard.append(title)

    train(tmp_path / "data", tmp_path / "run", settings(steps=2), observer=Listener())

    assert heard[:3] == ["checking pictures and labels", "measuring pictures", "planning"]
    assert any("classes inferred" in item for item in heard if isinstance(item, str))
    assert [item for item in heard if isinstance(item, tuple)][:3] == [(1, 0.5), ("validation", 1, True), (2, 1.0)]


def test_a_finished_model_states_its_steps_and_how_many_would_do(run: Path) -> None:
    facts = load_model(run / "model.safetensors")[1].facts

    assert (facts["steps"], facts["enough_steps"]) == (10, 150)
    assert facts["enough_minutes"] >= 1
    assert facts["step"] == state(run)[1]["best_step"]


def test_the_log_says_how_long_each_part_took(run: Path) -> None:
    [parts] = events(run, "time")

    assert list(parts)[1:] == ["start", "check", "measure", "plan", "build", "steps", "validation", "calibration"]
    assert parts["steps"] > 0


# -- folders and data that cannot be used -------------------------------------------------------------


def test_a_folder_that_holds_anything_is_refused(discs: Path, tmp_path: Path) -> None:
    (tmp_path / "mine.txt").write_text("keep me")

    with pytest.raises(TrainingError, match="is not empty; name a new folder with --out, or continue its run"):
        train(discs, tmp_path, settings(steps=1))
    with pytest.raises(TrainingError, match=r"mine\.txt is a file; name a folder"):
        train(discs, tmp_path / "mine.txt", settings(steps=1))
    with pytest.raises(TrainingError, match="cannot be made"):
        train(discs, tmp_path / "mine.txt" / "run", settings(steps=1))
    assert [path.name for path in tmp_path.iterdir()] == ["mine.txt"]


def test_without_minutes_or_steps_a_run_is_refused(discs: Path, tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match="give --minutes M, --steps N, or both"):
        train(discs, tmp_path / "run", settings())


def test_data_with_errors_are_refused_by_the_first_and_the_number_of_the_others(tmp_path: Path) -> None:
    data = write_set(tmp_path / "data")
    write_picture(data / "train" / "masks" / "p0.png", np.ones((72, 95), np.uint8))
    (data / "val" / "images" / "p100.png").write_bytes(b"no picture")

    with pytest.raises(DataError) as caught:
        train(data, tmp_path / "run", settings(steps=1))

    sentence = str(caught.value)
    assert "would teach a wrong model" in sentence
    assert "images/p100.png" in sentence  # broken files come first
    assert f"`smalta check {data}` reports 1 more error" in sentence
    assert "\n" not in sentence
    assert list((tmp_path / "run").iterdir()) == []


def test_after_the_data_are_corrected_the_same_folder_serves(tmp_path: Path) -> None:
    data = write_set(tmp_path / "data")
    write_picture(data / "train" / "masks" / "p0.png", np.full((72, 96), 7, np.uint8))
    with pytest.raises(SmaltaError, match="7"):
        train(data, tmp_path / "run", settings(steps=1))
    write_picture(data / "train" / "masks" / "p0.png", picture_and_mask(0)[1])

    assert train(data, tmp_path / "run", settings(steps=1)).steps == 1


@pytest.mark.parametrize(("n_train", "n_val", "missing"), [(1, 0, "val"), (0, 2, "train")])
def test_data_without_pictures_to_learn_from_or_to_choose_by_are_refused(
    n_train: int, n_val: int, missing: str, tmp_path: Path
) -> None:
    data = write_set(tmp_path / "data", n_train, n_val)

    with pytest.raises(DataError, match=f"has no pictures in the split '{missing}'"):
        train(data, tmp_path / "run", settings(steps=1))


# -- time ---------------------------------------------------------------------------------------------
