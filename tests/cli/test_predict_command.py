"""`smalta predict` in this process."""

from __future__ import annotations

import re
import shutil
import threading
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from command_line import TINY, Cli, assert_refused
from labelled_sets import write_set
from small_models import save_random_model
from smalta.classes import ClassTree
from smalta.inference.predictor import Predictor
from smalta.inference.watchdog import Stalled, Watchdog
from smalta.model.storage import load_tensors, save_tensors
from smalta.pictures.reading import read_index


def test_predict_writes_a_class_map_per_picture_in_the_users_values(cli: Cli, discs: Path, tmp_path: Path) -> None:
    data = write_set(tmp_path / "data", value=200)  # masks hold 0 and 200
    assert cli("train", data, "--out", tmp_path / "run", "--steps", 4, "--quiet", *TINY)[0] == 0

    code, said, error = cli("predict", tmp_path / "run", discs / "val" / "images", "--out", tmp_path / "out")

    assert (code, error) == (0, "")
    assert f"2 of 2 pictures are in {tmp_path / 'out' / 'classes'}" in said
    values = [read_index(tmp_path / "out" / "classes" / name) for name in ("p100.png", "p101.png")]
    assert all(array.shape == (72, 96) for array in values)
    assert set(np.unique(values)) <= {0, 200}


def test_predict_goes_on_past_a_broken_picture_and_ends_with_exit_code_1(
    cli: Cli, run: Path, discs: Path, tmp_path: Path
) -> None:
    pictures = shutil.copytree(discs / "train" / "images", tmp_path / "pictures")
    (pictures / "p1.png").write_bytes(b"\x89PNG\r\n\x1a\n broken")

    code, said, error = cli("predict", run, pictures / "*.png", "--out", tmp_path / "out")

    assert code == 1
    assert error.count("\n") == 1
    assert error.startswith("smalta: ")
    assert "p1.png" in error
    assert "3 of 4 pictures" in said
    assert {p.name for p in (tmp_path / "out" / "classes").iterdir()} == {"p0.png", "p2.png", "p3.png"}


def test_predict_writes_overlays_and_probabilities_where_asked(
    cli: Cli, run: Path, discs: Path, tmp_path: Path
) -> None:
    picture = discs / "val" / "images" / "p100.png"

    said = cli("predict", run, picture, "--out", tmp_path / "a", "--overlay", "--probabilities", "--quiet")
    cli("predict", run, picture, "--out", tmp_path / "b", "--probabilities", "--channels-last", "--quiet")

    assert said == (0, "", "")
    assert (tmp_path / "a" / "overlays" / "p100.png").is_file()
    for folder, shape in (("a", (2, 72, 96)), ("b", (72, 96, 2))):
        with np.load(tmp_path / folder / "probabilities" / "p100.npz") as file:
            assert (file["probabilities"].shape, file["probabilities"].dtype) == (shape, np.float16)
            assert file["classes"].tolist() == ["ground", "disc"]


def test_predict_leaves_unsure_pixels_unlabelled(cli: Cli, run: Path, discs: Path, tmp_path: Path) -> None:
    picture = discs / "val" / "images" / "p100.png"

    assert (
        cli("predict", run, picture, "--out", tmp_path / "out", "--min-confidence", "1.0", "--level", 1, "-q")[0] == 0
    )

    assert set(np.unique(read_index(tmp_path / "out" / "classes" / "p100.png"))) <= {0, 1, 255}
    assert (read_index(tmp_path / "out" / "classes" / "p100.png") == 255).mean() > 0.5


def test_predict_answers_in_the_kind_of_the_model_or_in_the_one_that_is_asked_for(
    cli: Cli, discs: Path, tmp_path: Path
) -> None:
    tree = ClassTree({"ground": {}, "road": {}, "disc": {"kind": "thing"}})
    model = save_random_model(tmp_path / "run", tree, objects=True)
    picture = discs / "val" / "images" / "p100.png"

    for kind, name in (("auto", "own"), ("instance", "instance"), ("semantic", "plain")):
        assert cli("predict", model, picture, "--out", tmp_path / name, "--kind", kind, "-q") == (0, "", "")

    assert "objects.csv lists the objects" in cli("predict", model, picture, "--out", tmp_path / "told")[1]
    plain = {"classes", "classes.json", "manifest.jsonl", "plan.json", "presence.csv"}
    assert {path.name for path in (tmp_path / "plain").iterdir()} == plain
    assert {path.name for path in (tmp_path / "instance").iterdir()} == plain | {"instances", "objects.csv"}
    assert (tmp_path / "own" / "panoptic.json").is_file()


def test_predict_takes_a_list_of_pictures(cli: Cli, run: Path, discs: Path, tmp_path: Path) -> None:
    names = [str(discs / "val" / "images" / name) for name in ("p101.png", "p100.png")]
    (tmp_path / "list.txt").write_text("\n".join(names))

    assert cli("predict", run, tmp_path / "list.txt", "--out", tmp_path / "out", "-q") == (0, "", "")

    assert len(list((tmp_path / "out" / "classes").iterdir())) == 2


@pytest.mark.parametrize(
    ("options", "sentence"),
    [
        (["--level", "2"], "level must be in 1..1 for this tree, got 2"),
        (["--min-confidence", "2"], "min_confidence must be in [0, 1], got 2.0"),
        (["--device", "tpu"], "device must be 'auto', 'cpu' or 'cuda', got 'tpu'"),
        (["--kind", "panoptic"], "kind 'panoptic' needs a model that was trained on labelled objects"),
        (["--kind", "things"], "kind must be one of binary, semantic, instance, panoptic, got 'things'"),
    ],
)
def test_predict_refuses_what_cannot_be(
    options: list[str], sentence: str, cli: Cli, run: Path, discs: Path, tmp_path: Path
) -> None:
    picture = discs / "val" / "images" / "p100.png"

    assert_refused(cli("predict", run, picture, "--out", tmp_path / "out", "-q", *options), sentence)
    assert not (tmp_path / "out").exists()


def test_predict_refuses_pictures_that_would_overwrite_each_other(
    cli: Cli, run: Path, discs: Path, tmp_path: Path
) -> None:
    shutil.copy(discs / "val" / "images" / "p100.png", tmp_path / "p100.png")

    result = cli("predict", run, discs / "val" / "images", tmp_path / "p100.png", "--out", tmp_path / "out", "-q")

    assert_refused(result, "would both write p100.png")


def test_predict_refuses_models_that_are_missing_damaged_or_newer(
    cli: Cli, run: Path, discs: Path, tmp_path: Path
) -> None:
    picture = discs / "val" / "images" / "p100.png"
    out = ["--out", tmp_path / "out", "-q"]
    content = (run / "model.safetensors").read_bytes()
    (tmp_path / "cut.safetensors").write_bytes(content[: len(content) // 2])
    tensors, header = load_tensors(run / "model.safetensors")
    save_tensors(tmp_path / "newer.safetensors", tensors, header | {"format_version": 2})

    assert_refused(cli("predict", tmp_path / "none", picture, *out), "does not exist; name a folder that")
    assert_refused(cli("predict", tmp_path / "cut.safetensors", picture, *out), "or it is damaged")
    assert_refused(
        cli("predict", tmp_path / "newer.safetensors", picture, *out), "this smalta reads at most 1; update smalta"
    )
    assert not (tmp_path / "out").exists()


def test_predict_refuses_to_do_nothing(cli: Cli, run: Path, tmp_path: Path) -> None:
    (tmp_path / "empty").mkdir()

    assert_refused(cli("predict", run, tmp_path / "empty", "--out", tmp_path / "out"), "there is no picture in")


@pytest.mark.parametrize("command", ["predict", "count"])
def test_a_picture_that_makes_no_progress_is_printed(
    command: str, cli: Cli, discs: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    model = save_random_model(tmp_path / "run", ClassTree({"ground": {}, "disc": {"kind": "thing"}}), objects=True)
    picture = discs / "val" / "images" / "p100.png"
    printed = threading.Event()

    def impatient(stalled: Stalled, patience: float) -> Watchdog:
        def told(*report: Any) -> None:
            stalled(*report)
            printed.set()

        return Watchdog(told, patience / 6000)

    def hanging(*arguments: Any) -> Any:
        assert printed.wait(20)
        return maps(*arguments)

    maps = Predictor.maps
    monkeypatch.setattr(Predictor, "maps", hanging)
    monkeypatch.setattr(f"smalta.inference.{'answering' if command == 'predict' else 'counting'}.Watchdog", impatient)
    out = tmp_path / ("out" if command == "predict" else "out.csv")

    code, _, error = cli(command, model, picture, "--out", out, "--quiet")

    assert code == 0
    assert re.search(
        rf"^smalta: {picture} has made no progress for \d+ s in stage \w+; if this continues, stop", error, re.M
    )
