"""The lesson: labels at the top level, scores before and after, words about both; and examples that train."""

from __future__ import annotations

import json
import time
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import cv2
import numpy as np
import pytest
from rich.console import Console

from smalta.data.dataset import Dataset
from smalta.demo import answering, example_run, teaching
from smalta.demo.examples import Example
from smalta.demo.folder import DemoFolder
from smalta.demo.lesson_scores import LessonScores
from smalta.demo.run import run_demo
from smalta.demo.teaching import STEPS, Taught, drawn, too_few, what_changed
from smalta.errors import ConfigError
from smalta.inference.predictor import Predictor
from smalta.scenes import scene_tree, write_scenes
from smalta.training.settings import TrainSettings


@pytest.fixture
def few(monkeypatch: pytest.MonkeyPatch) -> None:
    """Few and small scenes, and two steps."""
    monkeypatch.setattr(answering, "N_SCENES", 2)
    monkeypatch.setattr(answering, "SIZE_HW", (96, 128))
    for name, value in {"N_TRAIN": 6, "N_VAL": 2, "N_TEST": 3, "SIZE_HW": (96, 128)}.items():
        monkeypatch.setattr(teaching, name, value)
    for name, value in {"STEPS": 2, "CROP": 64, "BATCH": 2}.items():
        monkeypatch.setattr(teaching, name, value)


def test_the_lesson_follows_the_answers_and_joins_their_page(
    few: None, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    root = tmp_path / "demo"
    run_demo(root, part="answer", quiet=True)

    summary = run_demo(root, part="teach")

    said = capsys.readouterr().out
    taught = summary["teach"]
    assert (taught["steps"], taught["wanted_steps"]) == (2, 2)
    assert taught["before"]["animal_iou"] == 0.0
    assert taught["before"]["animals"] == taught["after"]["animals"] > 0
    assert "answer" in summary
    assert (root / "lesson/run/model.safetensors").is_file()
    assert json.loads((root / "lesson/run/settings.json").read_text())["settings"]["initial"].endswith("scenes.onnx")
    assert cv2.imread(str(root / "before_after.png")).shape[1] == 4 * 384
    assert "<h2>A lesson</h2>" in (root / "index.html").read_text()
    for words in ("Second part", "before: ", "animals: IoU of their pixels", "Look at", "before_after.png"):
        assert words in said
    with pytest.raises(ConfigError, match="lesson/run is there already"):
        run_demo(root, part="teach")


def test_a_stopped_lesson_leaves_the_answers_and_no_half_of_a_run(
    few: None, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    def stop(data: Path, run: Path, *_: object, **__: object) -> None:
        (run / "half").mkdir(parents=True)
        raise KeyboardInterrupt

    monkeypatch.setattr(teaching, "train", stop)

    with pytest.raises(KeyboardInterrupt):
        run_demo(tmp_path / "demo")

    assert [path.name for path in (tmp_path / "demo/lesson").iterdir()] == ["scenes"]
    assert not (tmp_path / "demo/.unfinished").exists()
    said = capsys.readouterr().out
    assert "these are finished, and nothing is half written: answers/, counts.csv, demo.json" in said
    assert f"`smalta demo --part teach --out {tmp_path / 'demo'}` goes on" in said

    monkeypatch.undo()
    with pytest.raises(ConfigError, match="holds no first part"):
        run_demo(tmp_path / "elsewhere", part="teach")


def test_scenes_to_learn_from_are_labelled_at_the_top_level_and_those_to_judge_in_full() -> None:
    tree = scene_tree(animals=True)
    top = set(tree.level(1))

    learned = drawn(teaching.FIRST_SEED)
    judged = drawn(teaching.FIRST_SEED + teaching.N_TRAIN + teaching.N_VAL)

    assert set(np.unique(learned.classes)) <= {0, *top}
    assert not learned.attributes["body"].any()
    assert not set(np.unique(judged.classes)) <= {0, *top}


def scores(**changes: Any) -> LessonScores:
    usual = {"animal_iou": 0.0, "animals": 9, "found": 0, "known_iou": 0.7, "known_f1": 0.8}
    return LessonScores(**(usual | {"instead": {"vehicle": 0.6, "road": 0.3, "sky": 0.06, "sign": 0.04}} | changes))


def test_two_sentences_say_what_was_learned_and_what_was_kept_or_lost() -> None:
    after = scores(animal_iou=0.5, found=6, known_iou=0.69)

    kept = what_changed(Taught(steps=STEPS, before=scores(), after=after, n_known=17))
    lost = what_changed(Taught(steps=STEPS, before=scores(), after=scores(known_iou=0.6), n_known=17))

    assert kept.startswith(
        "The model had no word for animals and answered them as vehicle (60%), road (30%), sky (6%); after "
        f"{STEPS} steps their IoU is 0.50, and it finds 6 of 9 as whole objects. It kept what it knew (mean IoU 0.70"
    )
    assert "It lost 0.10 of what it knew" in lost


def test_too_few_steps_are_named() -> None:
    def said(steps: int) -> str | None:
        return too_few(Taught(steps=steps, before=scores(), after=scores(), n_known=17))

    assert said(STEPS) is None
    assert f"Only 7 of {STEPS} steps fitted into the time" in (said(7) or "")


def example(settings: TrainSettings | None) -> Example:
    def picture(predictor: Predictor, dataset: Dataset) -> np.ndarray:
        return predictor(dataset.split("test")[0].picture, kind="semantic").classes[..., None].repeat(3, 2).astype("u1")

    return Example(
        name="tiny",
        question="What is [here]?",
        kind="semantic",
        write=lambda folder: write_scenes(folder, n_train=2, n_val=1, n_test=2, size_hw=(64, 96)),
        settings=settings,
        start="shipped",
        picture=picture,
        score=lambda report, dataset: f"{report['n_pictures']} pictures",
        commands=lambda folder: f"smalta predict {folder}/run mine",
    )


def test_an_example_of_the_shipped_model_ends_with_a_picture_and_commands(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(example_run, "EXAMPLES", {"tiny": example(None)})

    facts = example_run.run_example("tiny", tmp_path / "out")

    said = capsys.readouterr().out
    assert (facts["steps"], facts["wanted_steps"], facts["score"]) == (None, None, "2 pictures")
    assert cv2.imread(str(tmp_path / "out/picture.png")).shape == (64, 96, 3)
    for words in ("What is [here]?", "2 pictures", "Look at", f"smalta predict {tmp_path}/out/run mine"):
        assert words in said


def test_an_example_trains_from_the_shipped_model_until_its_steps_or_the_minutes_are_over(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    asked: list[TrainSettings] = []

    def train(data: Path, out: Path, settings: TrainSettings, **_: object) -> SimpleNamespace:
        asked.append(settings)
        out.mkdir()
        return SimpleNamespace(steps=3)

    monkeypatch.setattr("smalta.training.train.train", train)
    monkeypatch.setattr(example_run, "EXAMPLES", {"tiny": example(TrainSettings(steps=50))})
    real, shipped = example_run.remembering, example_run.shipped_model()
    monkeypatch.setattr(example_run, "remembering", lambda model: real(shipped))

    example_run.run_example("tiny", tmp_path / "out", minutes=0.5)

    assert (asked[0].steps, asked[0].minutes, asked[0].initial) == (50, 0.5, str(shipped))
    assert "Only 3 of 50 training steps fitted into the time" in capsys.readouterr().out


def test_an_item_that_fails_is_removed_and_those_before_it_stay(tmp_path: Path) -> None:
    folder = DemoFolder(tmp_path / "demo", Console(quiet=True), time.monotonic())
    with folder.item("a/first") as draft:
        draft.write_text("whole")

    def fail() -> None:
        with folder.item("second") as draft:
            draft.write_text("half")
            raise ValueError("broken")

    with pytest.raises(ValueError, match="broken"):
        fail()

    assert sorted(str(path.relative_to(folder.root)) for path in folder.root.rglob("*")) == ["a", "a/first"]
