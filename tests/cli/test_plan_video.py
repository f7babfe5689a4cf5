"""`smalta plan MODEL --video FILE` in this process."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest

from machines import TWO_CORES
from small_models import save_random_model
from smalta.classes import ClassTree
from smalta.cli import main
from smalta.pictures.writing import write_picture

TREE = ClassTree({"floor": {}, "person": {"kind": "thing"}})


@pytest.fixture(autouse=True)
def round_machine(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("smalta.api.paces.this_machine", lambda: TWO_CORES)


@pytest.fixture(scope="module")
def model(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return save_random_model(tmp_path_factory.mktemp("models") / "run", TREE, objects=True)


@pytest.fixture(scope="module")
def pictures(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("clip")
    for k in range(3):
        write_picture(folder / f"{k}.png", np.full((90, 160, 3), 10 * k, np.uint8))
    return folder


def said(capsys: pytest.CaptureFixture[str], *arguments: object) -> tuple[int, str, str]:
    code = main([str(argument) for argument in arguments])
    told = capsys.readouterr()
    return code, " ".join(told.out.split()), told.err


def test_the_pace_is_printed_with_reasons_and_milliseconds(
    capsys: pytest.CaptureFixture[str], model: Path, pictures: Path
) -> None:
    code, out, _ = said(capsys, "plan", model, "--video", pictures, "--fps", "10")

    assert code == 0
    assert "file of 90 x 160 px, 10 frames a second" in out
    assert "key frames every 2nd frame every 2nd of 10 frames a second makes 5 key frames a second" in out
    assert "network" in out
    assert "of the video's length" in out


def test_rules_cut_the_region(capsys: pytest.CaptureFixture[str], model: Path, pictures: Path, tmp_path: Path) -> None:
    rules = tmp_path / "rules.yaml"
    rules.write_text("picture: [160, 90]\nlines: {door: {from: [20, 20], to: [50, 20], in: right, of: person}}\n")

    code, out, _ = said(capsys, "plan", model, "--video", pictures, "--fps", 10, "--rules", rules, "--json")

    found = json.loads(out)
    assert code == 0
    assert found["region_xyxy"] == [0, 0, 76, 44]  # a margin of 22.5 px, in cells of 4 px
    assert found["milliseconds"]["network"] > 0
    assert [one["name"] for one in found["decided"]][:2] == ["key frames", "between"]


@pytest.mark.parametrize(
    ("options", "why"),
    [
        (["--video", "CLIP", "--fps", "10", "--size", "96"], "--size cannot be combined with --video"),
        (["--key-every", "3"], "--key-every is for --video FILE; add it, or leave this one out"),
        (["--video", "nothing.mp4"], "nothing.mp4 does not exist"),
        (["--video", "CLIP", "--fps", "10", "--key-every", "0"], "--key-every must be at least 1, got 0"),
    ],
)
def test_what_does_not_fit_is_refused_in_one_sentence(
    capsys: pytest.CaptureFixture[str], model: Path, pictures: Path, options: list[str], why: str
) -> None:
    code, _, err = said(capsys, "plan", model, *(str(pictures) if one == "CLIP" else one for one in options))

    assert code == 1
    assert why in err
    assert len(err.splitlines()) == 1


def test_a_data_set_cannot_see_a_video(capsys: pytest.CaptureFixture[str], pictures: Path) -> None:
    code, _, err = said(capsys, "plan", pictures, "--video", pictures, "--fps", 10)

    assert (code, err) == (
        1,
        f"smalta: {pictures} is no trained model; give a run folder or a .onnx file with --video\n",
    )
