"""The demo: its first part answers at once without PyTorch; what is stopped leaves nothing half written."""

from __future__ import annotations

import csv
import json
import os
import subprocess
import sys
import textwrap
from pathlib import Path

import cv2
import pytest

from command_line import assert_refused
from smalta.cli import main
from smalta.data.any_format import open_dataset
from smalta.demo import answering, run
from smalta.demo.answering import most_to_see
from smalta.demo.run import run_demo
from smalta.errors import ConfigError
from smalta.scenes import write_scenes

WITHOUT_PYTORCH = """
    import importlib.abc, sys

    class Blocked(importlib.abc.MetaPathFinder):
        def find_spec(self, name, path=None, target=None):
            if name.partition(".")[0] in ("torch", "torchvision", "timm", "lightning_fabric"):
                raise ModuleNotFoundError(f"No module named {name!r}", name=name)

    sys.meta_path.insert(0, Blocked())
    from smalta.demo import answering
    answering.N_SCENES = 4
    answering.SIZE_HW = (96, 128)
    from smalta.cli import main
    sys.exit(main(sys.argv[1:]))
"""


@pytest.fixture
def few(monkeypatch: pytest.MonkeyPatch) -> None:
    """Few and small scenes, so that the first part takes a second."""
    monkeypatch.setattr(answering, "N_SCENES", 4)
    monkeypatch.setattr(answering, "SIZE_HW", (96, 128))


def test_the_first_part_leaves_answers_scores_and_a_page(
    few: None, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    summary = run_demo(tmp_path / "demo", part="answer")

    root, said = tmp_path / "demo", capsys.readouterr().out
    scenes = sorted(path.stem for path in (root / "scenes/test/images").iterdir())
    assert len(scenes) == 4
    for folder in ("classes", "overlays", "instances", "panoptic"):
        assert sorted(path.stem for path in (root / "answers" / folder).iterdir()) == scenes
    assert (root / "answers/objects.csv").is_file()
    with (root / "counts.csv").open() as file:
        assert {Path(row["picture"]).stem for row in csv.DictReader(file)} == set(scenes)
    assert json.loads((root / "evaluation.json").read_text())["n_pictures"] == 4
    assert json.loads((root / "demo.json").read_text()) == summary
    assert summary["answer"]["scenes"] == 4
    assert cv2.imread(str(root / "side_by_side.png")).shape[1] == 4 * 384
    page = (root / "index.html").read_text()
    assert page.count("<figure>") == 2 * 8
    assert not list(root.glob(".*"))
    for words in ("First part", "semantic, level 3", "panoptic, level 1: PQ", "count of", "vehicle/car", "index.html"):
        assert words in said


def test_a_quiet_demo_prints_nothing(few: None, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    run_demo(tmp_path / "demo", part="answer", quiet=True)

    assert capsys.readouterr().out == ""


def test_without_pytorch_the_demo_answers_and_says_how_to_get_the_rest(tmp_path: Path) -> None:
    done = subprocess.run(
        [sys.executable, "-c", textwrap.dedent(WITHOUT_PYTORCH), "demo", "--out", "demo"],
        cwd=tmp_path,
        env=os.environ | {"NO_COLOR": "1"},
        capture_output=True,
        text=True,
        check=False,
    )

    assert (done.returncode, done.stderr) == (0, "")
    assert "run `pip install 'smalta[train]'`, then `smalta demo --part teach --out demo`" in done.stdout
    assert (tmp_path / "demo/index.html").is_file()


@pytest.mark.parametrize("step", ["write_scenes", "predict_files", "evaluate", "show"])
def test_a_stopped_demo_says_what_is_there_and_leaves_nothing_half_written(
    few: None, step: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    def stop(out: object, *_: object, **__: object) -> None:
        if step == "write_scenes":
            (Path(str(out)) / "train").mkdir(parents=True)  # half of the scenes
        raise KeyboardInterrupt

    monkeypatch.setattr(answering, step, stop)

    with pytest.raises(KeyboardInterrupt):
        run_demo(tmp_path / "demo", part="answer")

    there = {
        "write_scenes": set(),
        "predict_files": {"scenes"},
        "evaluate": {"scenes", "answers", "counts.csv"},
        "show": {"scenes", "answers", "counts.csv", "evaluation.json"},
    }[step]
    found = {path.name for path in (tmp_path / "demo").iterdir()} if (tmp_path / "demo").is_dir() else set()
    assert found == there
    said = capsys.readouterr().out
    assert all(name in said for name in there)
    assert ("stopped before anything was finished" in said) == (step == "write_scenes")


def test_a_demo_does_not_write_into_a_folder_that_holds_files(tmp_path: Path) -> None:
    (tmp_path / "mine.txt").write_text("keep me")

    with pytest.raises(ConfigError, match=r"is not empty; name a new folder with --out"):
        run_demo(tmp_path)

    assert [path.name for path in tmp_path.iterdir()] == ["mine.txt"]


@pytest.mark.parametrize("minutes", [0.0, -1.0, float("nan")])
def test_a_demo_needs_time_and_says_so_before_it_draws_anything(tmp_path: Path, minutes: float) -> None:
    with pytest.raises(ConfigError, match="minutes must be above 0"):
        run_demo(tmp_path / "demo", minutes=minutes)

    assert not (tmp_path / "demo").exists()


def test_the_command_names_its_parts_and_examples(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    def said(*arguments: str) -> tuple[int, str, str]:
        code = main(["demo", *arguments, "--out", str(tmp_path / "demo")])
        captured = capsys.readouterr()
        return code, captured.out, captured.err

    code, listed, _ = said("--list")
    assert code == 0
    assert [line.split()[2] for line in listed.splitlines()][:3] == ["scenes", "text", "cracks"]
    assert_refused(said("bicycles"), "there is no example 'bicycles'; examples are text, cracks, ")
    assert_refused(said("--part", "half"), "part must be one of answer, teach, all, got 'half'")
    assert_refused(said("cracks", "--part", "teach"), "--part is for the demo of scenes, and the example is 'cracks'")
    assert_refused(said("--part", "teach"), "holds no first part of a demo")
    assert_refused(said("cracks", "--minutes", "0"), "minutes must be above 0")


def test_the_first_line_comes_before_heavy_imports() -> None:
    code = "import sys, smalta.demo.run; print(*(name in sys.modules for name in ('numpy', 'cv2', 'torch')))"

    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)

    assert done.stdout.split() == ["False", "False", "False"]


def test_a_street_and_a_car_park_are_shown(tmp_path: Path) -> None:
    write_scenes(tmp_path / "scenes", n_train=0, n_val=0, n_test=6, seed=40, size_hw=(64, 96))

    shown = most_to_see(open_dataset(tmp_path / "scenes"))

    assert [sample.name.partition("_")[0] for sample in shown] == ["street", "parking"]


def test_the_parts_are_those_of_the_type() -> None:
    assert run.get_args(run.Part) == ("answer", "teach", "all")
