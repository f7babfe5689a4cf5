"""The training loop, end to end on a data set of a few discs."""

from __future__ import annotations

import json
import math
import shutil
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import cv2
import numpy as np
import pytest
import torch

from labelled_sets import picture_and_mask, write_picture, write_set
from plans import a_plan
from smalta.data.any_format import open_dataset
from smalta.data.fingerprint import measure
from smalta.description.network_config import DEFAULT_ENCODER
from smalta.errors import ConfigError, DataError, ModelError, SmaltaError, TrainingError
from smalta.model.encoder import load_imagenet_weights
from smalta.model.storage import load_model, load_tensors, save_tensors
from smalta.training import clock, learner, loop, recipe, selection
from smalta.training.head_losses import HeadLoss
from smalta.training.job import Job
from smalta.training.learner import Learner
from smalta.training.losses import TreeLoss
from smalta.training.observer import Log, Silent
from smalta.training.recipe import decide
from smalta.training.schedule import Budget
from smalta.training.settings import TrainSettings
from smalta.training.train import build_network, train
from smalta.training.validation import Score
from tiny_runs import events, notes, settings, state


class Killed(BaseException):
    """Stands in for a process that ends on the spot: nothing catches it."""


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


# -- what a run leaves --------------------------------------------------------------------------------


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
    best = max(validations, key=lambda event: event["score"])
    assert state(run)[1]["best_step"] == best["step"]
    assert load_model(run / "model.safetensors")[1].facts["step"] == best["step"]


def test_the_result_says_what_was_reached(discs: Path, tmp_path: Path) -> None:
    result = train(discs, tmp_path / "run", settings(steps=1))

    assert (result.steps, result.best_step) == (1, 1)
    assert result.model == tmp_path / "run" / "model.safetensors"
    assert result.validation_score is not None
    assert 0 <= result.validation_score <= 1


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

        def on_validation(self, step: int, measure: str, score: float, best: bool) -> None:
            heard.append(("validation", step, best))

        def on_note(self, text: str) -> None:
            heard.append(text)

    train(tmp_path / "data", tmp_path / "run", settings(steps=2), observer=Listener())

    assert heard[0] == "examining 6 pictures and their labels"
    assert "classes inferred" in heard[1]
    assert [item for item in heard if isinstance(item, tuple)][:3] == [(1, 0.5), ("validation", 1, True), (2, 1.0)]


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


# -- stopped and resumed ------------------------------------------------------------------------------


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
    load_imagenet_weights(fresh.encoder, DEFAULT_ENCODER)
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


@pytest.mark.parametrize(
    ("told", "sentence"),
    [
        ({"seed": 5}, "was started with seed 0 and cannot go on with 5; omit that option"),
        ({"encoder": "resnet18"}, "was started with encoder 'plain' and cannot go on with 'resnet18'"),
        ({"crop": 32}, "was started with crop 64"),
        ({"minutes": 1.0}, "either minutes or steps"),
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


# -- folders and data that cannot be used -------------------------------------------------------------


def test_a_folder_that_holds_anything_is_refused(discs: Path, tmp_path: Path) -> None:
    (tmp_path / "mine.txt").write_text("keep me")

    with pytest.raises(TrainingError, match="is not empty; name a new folder with --out, or go on with its run"):
        train(discs, tmp_path, settings(steps=1))
    with pytest.raises(TrainingError, match=r"mine\.txt is a file; name a folder"):
        train(discs, tmp_path / "mine.txt", settings(steps=1))
    with pytest.raises(TrainingError, match="cannot be made"):
        train(discs, tmp_path / "mine.txt" / "run", settings(steps=1))
    assert [path.name for path in tmp_path.iterdir()] == ["mine.txt"]


def test_without_minutes_or_steps_a_run_is_refused(discs: Path, tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match="give --minutes M or --steps N"):
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


# -- what goes wrong on the way -----------------------------------------------------------------------


def test_a_loss_that_is_not_finite_steps_back_once_with_half_the_learning_rate(
    discs: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(Learner, "update", at_call(4, lambda: math.nan, Learner.update))

    result = train(discs, tmp_path / "run", settings(steps=10))

    assert result.steps == 10
    assert "not finite at step 3: back to step 2 with half the learning rate" in notes(tmp_path / "run")
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


def test_a_step_whose_loss_is_not_finite_moves_no_weight(discs: Path, tmp_path: Path) -> None:
    trainer = make_trainer(discs, tmp_path)
    trainer.learner.losses["semantic"] = HeadLoss(of=lambda logits, *_: logits.sum() * math.inf)
    before = [parameter.clone() for parameter in trainer.learner.network.parameters()]

    assert not math.isfinite(trainer.learner.update(next(trainer._batches().start(0)), 1))

    assert all(torch.equal(a, b) for a, b in zip(before, trainer.learner.network.parameters(), strict=True))


def test_a_gradient_that_is_not_finite_moves_no_weight(discs: Path, tmp_path: Path) -> None:
    trainer = make_trainer(discs, tmp_path)
    trainer.learner.losses["semantic"] = HeadLoss(of=lambda logits, *_: (logits.float() * 0).abs().sqrt().sum())
    before = [parameter.clone() for parameter in trainer.learner.network.parameters()]

    assert math.isnan(
        trainer.learner.update(next(trainer._batches().start(0)), 1)
    )  # the slope of a root at 0 is infinite

    assert all(torch.equal(a, b) for a, b in zip(before, trainer.learner.network.parameters(), strict=True))


@pytest.mark.parametrize(
    "error", [torch.OutOfMemoryError("CUDA out of memory"), RuntimeError("DefaultCPUAllocator: can't allocate memory")]
)
def test_out_of_memory_halves_the_batch_and_says_so(
    error: RuntimeError, discs: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(Learner, "update", at_call(2, raising(error), Learner.update))

    result = train(discs, tmp_path / "run", settings(steps=4))

    assert result.steps == 4
    assert "out of memory: each step of 2 pictures is now made in 2 parts" in notes(tmp_path / "run")
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


def make_trainer(discs: Path, folder: Path, **told: Any) -> loop.Trainer:
    """A trainer of the disc data, without Dice, whose batch normalisation does not depend on the batch."""
    folder.mkdir(exist_ok=True)
    dataset, chosen = open_dataset(discs), settings(**told)
    made = decide(chosen, measure(dataset), 2**32, ("semantic", ""), a_plan(batch=chosen.batch, precision="fp32"))
    network = build_network(dataset.tree, chosen, made.stride)
    job = Job(
        run=folder,
        dataset=dataset,
        settings=chosen,
        recipe=made,
        network=network,
        loss=TreeLoss(dataset.tree, np.array([1.0, 0.5, 2.0])),
        draw_weights=np.ones(len(dataset.split("train"))),
    )
    trainer = loop.Trainer(job, Budget(steps=10), Log(folder, Silent()))
    network.eval()
    return trainer


def test_the_average_follows_weights_and_running_statistics_by_its_decay(discs: Path, tmp_path: Path) -> None:
    trainer = make_trainer(discs, tmp_path)
    names = ("semantic.weight", "encoder.stages.0.1.running_mean")
    with torch.no_grad():
        for name in names:
            trainer.learner.network.state_dict()[name].fill_(1.0)
            trainer.learner.average.state_dict()[name].fill_(0.0)

    trainer.learner.average_weights(20)

    #                                        decay (1 - 1 / 21)^17 = 0.436
    for name in names:
        torch.testing.assert_close(trainer.learner.average.state_dict()[name].mean().item(), 1 - (20 / 21) ** 17)
        assert (trainer.learner.network.state_dict()[name] == 1).all()


def test_a_step_in_parts_has_the_gradients_of_the_whole_batch(discs: Path, tmp_path: Path) -> None:
    gradients = []
    for parts in (1, 3):
        trainer = make_trainer(discs, tmp_path / str(parts), batch=4)
        batch = next(trainer._batches().start(0))
        batch.labels[0, 8:] = 0  # parts of different numbers of labelled pixels
        trainer.learner.update(batch, parts)
        gradients.append(
            torch.cat([p.grad.ravel() for p in trainer.learner.network.parameters() if p.grad is not None])
        )

    assert gradients[0].abs().max() > 1e-4
    torch.testing.assert_close(gradients[0], gradients[1], rtol=1e-3, atol=1e-5)


# -- time ---------------------------------------------------------------------------------------------


class FakeTime:
    """A clock that only moves when it is told to."""

    now = 1000.0

    def __call__(self) -> float:
        return self.now


@pytest.mark.parametrize(
    ("minutes", "step_seconds", "picture_seconds", "n_val"),
    [
        (2, 0.5, 0.02, 100),
        (1, 5.0, 0.01, 50),  # half a step is nearly 5 % of the run
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
    fake = FakeTime()
    trainer = make_trainer(discs, tmp_path, minutes=minutes, steps=None)
    entries = trainer.job.dataset.split("val") * (n_val // 2)
    monkeypatch.setattr(type(trainer.job.dataset), "split", lambda self, name: entries)
    monkeypatch.setattr(time, "monotonic", fake)
    monkeypatch.setattr(loop, "save_state", lambda *_: None)
    monkeypatch.setattr(selection, "save_model", lambda *_: None)

    class NoBatches:
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
        count = min(most, len(chosen), max(8, math.ceil(seconds / picture_seconds) if seconds < 1e9 else most))
        fake.now += count * picture_seconds
        return Score(miou=0.5, level=1, ious={}, quality=math.nan, threshold=None, n_pictures=count)

    monkeypatch.setattr(trainer, "_batches", NoBatches)
    monkeypatch.setattr(loop.Trainer, "_step", step)
    monkeypatch.setattr(selection, "validate", look)
    trainer.budget.minutes, trainer.budget.steps = minutes, None
    trainer.budget.started = fake.now - 5.0  # reading and measuring took five seconds

    trainer.run(resume=False)

    assert (fake.now - 1000.0 + 5.0) / (60 * minutes) == pytest.approx(1.0, abs=0.05)
    looks = events(tmp_path, "validation")
    assert len(looks) >= 2
    assert looks[-1]["step"] == trainer.counters.step
    assert trainer.counters.step * step_seconds > 0.6 * 60 * minutes  # most of the time goes to training


# -- trees with attributes and partial labels ---------------------------------------------------------


@pytest.fixture(scope="module")
def partial_run(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A run on pictures labelled down to the leaves, pictures with parents alone, and attributes on some."""
    root = tmp_path_factory.mktemp("partial")
    classes = """
    classes:
      ground: {ids: [0]}
      shape: {ids: [9], children: {disc: {ids: [1]}, ring: {ids: [2]}}, attributes: {tone: [light, dark]}}
    ignore: [255]
    """
    for split, seeds in {"train": range(4), "val": range(50, 52)}.items():
        for seed in seeds:
            picture, mask = picture_and_mask(seed)
            mask[:, : int(np.flatnonzero(mask.any(axis=0)).mean())] *= 2  # left halves are rings
            if seed % 2:
                mask[mask > 0] = 9  # only the parent is known
            mask[:3] = 255
            write_picture(root / "data" / split / "images" / f"p{seed}.png", picture)
            write_picture(root / "data" / split / "masks" / f"p{seed}.png", mask)
            if seed % 2 == 0:
                tone = np.where(mask > 0, 1 + seed % 4 // 2, 0).astype(np.uint8)
                write_picture(root / "data" / split / "attributes" / "tone" / f"p{seed}.png", tone)
    (root / "data" / "classes.yaml").write_text(classes)
    train(root / "data", root / "run", settings(steps=4))
    return root / "run"


def test_a_tree_with_partial_labels_and_attributes_trains(partial_run: Path) -> None:
    network, info = load_model(partial_run / "model.safetensors")

    assert info.network.n_leaves == 3
    assert info.network.n_attribute_values == 2
    last = events(partial_run, "validation")[-1]
    assert (last["step"], last["level"]) == (4, 2)
    assert set(last["iou"]) == {"ground", "shape/disc", "shape/ring"}
    start = build_network(open_dataset(partial_run.parent / "data").tree, settings(steps=4), 4)
    assert network.attributes is not None
    assert start.attributes is not None
    assert not torch.equal(network.attributes.weight, start.attributes.weight)


def test_such_a_run_too_goes_on_where_it_stopped(partial_run: Path, tmp_path: Path) -> None:
    with pytest.MonkeyPatch.context() as patched:
        patched.setattr(loop.Trainer, "_report", at_call(3, raising(Killed()), loop.Trainer._report))
        with pytest.raises(Killed):
            train(partial_run.parent / "data", tmp_path / "run", settings(steps=4))

    train(partial_run.parent / "data", tmp_path / "run", settings(steps=4), resume=True)

    assert_same_run(tmp_path / "run", partial_run)


def test_coarse_labels_are_read_from_a_quarter_of_the_run_on_and_in_parts_where_memory_is_short(
    partial_run: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    sizes: list[int] = []

    def deepen(labels: torch.Tensor, logits: torch.Tensor, tree: Any, nodes: Any) -> torch.Tensor:
        assert logits.shape == (len(labels), 3, 64, 64)
        assert nodes == (2,)  # shape
        sizes.append(len(labels))
        return labels

    monkeypatch.setattr(learner, "deepen", deepen)
    error = torch.OutOfMemoryError("no")
    monkeypatch.setattr(Learner, "update", at_call(1, raising(error), Learner.update))

    # two of the four pictures of each batch have coarse labels, where their crops show them
    train(partial_run.parent / "data", tmp_path / "run", settings(steps=8, batch=4))

    assert state(tmp_path / "run")[1]["accumulate"] == 2
    assert set(sizes) == {1}
    assert 6 <= len(sizes) <= 12  # twice in each of the steps 2 to 7


def test_the_model_of_such_a_tree_answers_attributes_too(partial_run: Path) -> None:
    import smalta

    picture = cv2.imread(str(partial_run.parent / "data" / "val" / "images" / "p50.png"))[..., ::-1]

    answer = smalta.load(partial_run)(picture)

    assert answer.attributes["tone"].shape == (2, 72, 96)
    np.testing.assert_allclose(answer.attributes["tone"].sum(axis=0), 1.0, atol=1e-5)
    assert set(np.unique(answer.attribute("tone"))) <= {0, 1, 2}
