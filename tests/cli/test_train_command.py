"""`smalta train` in this process."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from command_line import TINY, Cli, assert_refused
from labelled_sets import picture_and_mask, write_picture, write_set
from smalta.errors import TrainingError
from smalta.scenes import write_scenes
from smalta.training.first_lines import MOST_LINES
from smalta.training.settings import TrainSettings
from tiny_runs import events, state


def test_train_says_what_it_reached_and_what_to_do_next(cli: Cli, discs: Path, tmp_path: Path) -> None:
    code, said, error = cli("train", discs, "--out", tmp_path / "run", "--steps", 2, *TINY)

    assert (code, error) == (0, "")
    assert "step 1: validation mIoU 0." in said
    assert "2 steps in" in said
    assert f"the model is {tmp_path / 'run' / 'model.safetensors'}" in said
    assert f"next: smalta evaluate {tmp_path / 'run'} {discs} --split val" in said


def test_train_in_quiet_says_nothing_and_resumes(cli: Cli, run: Path, discs: Path, tmp_path: Path) -> None:
    assert cli("train", discs, "--out", tmp_path / "run", "--steps", 2, "--quiet", *TINY) == (0, "", "")
    assert cli("train", discs, "--out", tmp_path / "run", "--steps", 3, "--resume", "-q") == (0, "", "")

    assert state(tmp_path / "run")[1]["step"] == 3


def test_train_in_minutes_makes_at_least_twenty_steps_and_a_model(cli: Cli, discs: Path, tmp_path: Path) -> None:
    assert cli("train", discs, "--out", tmp_path / "run", "--minutes", 0.02, "--quiet", *TINY) == (0, "", "")

    assert state(tmp_path / "run")[1]["step"] >= 20
    assert (tmp_path / "run" / "model.safetensors").is_file()
    assert events(tmp_path / "run", "validation")


def test_train_without_options_has_the_settings_of_the_library(
    cli: Cli, discs: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    asked: list[TrainSettings] = []

    def stop(data: Path, run: Path, settings: TrainSettings, **_: Any) -> None:
        asked.append(settings)
        raise TrainingError("enough")

    monkeypatch.setattr("smalta.training.train.train", stop)

    assert cli("train", discs, "--out", tmp_path / "run") == (1, "", "smalta: enough\n")
    assert asked == [TrainSettings()]


def test_train_takes_a_classes_file_and_a_seed(cli: Cli, discs: Path, tmp_path: Path) -> None:
    classes = tmp_path / "mine.yaml"
    classes.write_text("classes: {rest: {ids: [0]}, thing: {ids: [1]}}")

    arguments = ["--steps", 1, "--classes", classes, "--seed", 5, "--no-pretrained", "--quiet"]
    assert cli("train", discs, "--out", tmp_path / "run", *arguments, *TINY)[0] == 0

    assert "thing" in (tmp_path / "run" / "classes.yaml").read_text()
    told = json.loads((tmp_path / "run" / "settings.json").read_text())["settings"]
    assert (told["seed"], told["pretrained"]) == (5, False)


@pytest.mark.parametrize(
    ("arguments", "sentence"),
    [
        ([], "give --minutes M, --steps N, or both"),
        (["--steps", "0"], "steps must be at least 1, got 0"),
        (["--steps", "1", "--device", "gpu"], "device must be 'auto', 'cpu' or 'cuda', got 'gpu'"),
        (["--steps", "1", "--crop", "50"], "crop must be a multiple of 32 pixels"),
        (["--steps", "1", "--stride", "0"], "stride must be 1, 2 or 4, got 0"),
        (["--steps", "1", "--encoder", "resnt18"], "similar names are resnet18"),
        (["--steps", "1", "--resume"], "holds no run to resume"),
        (["--steps", "1", "--classes", "none.yaml"], "none.yaml cannot be read as text"),
    ],
)
def test_train_refuses_what_cannot_be(
    arguments: list[str], sentence: str, cli: Cli, discs: Path, tmp_path: Path
) -> None:
    assert_refused(cli("train", discs, "--out", tmp_path / "run", "--quiet", *arguments), sentence)


def test_train_refuses_folders_and_data_that_cannot_be_used(cli: Cli, run: Path, discs: Path, tmp_path: Path) -> None:
    broken = write_set(tmp_path / "data")
    write_picture(broken / "train" / "masks" / "p0.png", np.full((72, 96), 200, np.uint8))

    steps = ["--steps", 1, "--quiet", *TINY]
    assert_refused(cli("train", discs, "--out", run, *steps), "is not empty; name a new folder with --out")
    assert_refused(cli("train", tmp_path / "none", "--out", tmp_path / "run", *steps), "is not a folder")
    assert_refused(cli("train", broken, "--out", tmp_path / "run", *steps), "would teach a wrong model")


def scenes(folder: Path) -> Path:
    return write_scenes(folder, n_train=4, n_val=2, n_test=1, size_hw=(64, 96))


def coarse(folder: Path) -> Path:
    tree = "{ground: {ids: [0]}, disc: {ids: [1], children: {big: {ids: [2]}, small: {ids: [3]}}}}"
    write_set(folder, classes=f"classes: {tree}")
    write_picture(folder / "train" / "masks" / "p0.png", picture_and_mask(0, 2)[1])
    return folder


def inferred(folder: Path) -> Path:
    write_set(folder)
    (folder / "classes.yaml").unlink()
    return folder


@pytest.mark.parametrize("made", [scenes, coarse, inferred])
def test_no_data_set_prints_more_than_eight_lines_before_the_first_step(
    made: Callable[[Path], Path], cli: Cli, tmp_path: Path
) -> None:
    data = made(tmp_path / "data")

    _, said, _ = cli("train", data, "--out", tmp_path / "run", "--steps", 1, *TINY)

    first = said[: said.index("step 1: validation")].splitlines()
    assert 5 <= len(first) <= MOST_LINES
    [start] = events(tmp_path / "run", "start")
    assert start["lines"] == first
    assert len(events(tmp_path / "run", "detail")) > MOST_LINES  # all the rest is kept


def test_verbose_prints_every_decision(cli: Cli, discs: Path, tmp_path: Path) -> None:
    _, said, _ = cli("train", discs, "--out", tmp_path / "run", "--steps", 1, "--verbose", *TINY)

    assert all(event["text"] in said for event in events(tmp_path / "run", "detail"))
