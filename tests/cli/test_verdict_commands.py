"""`smalta predict --good` and `smalta evaluate --good`, from the training's calibration to the printed sentences."""

from __future__ import annotations

import csv
import json
from pathlib import Path

import pytest

from command_line import Cli
from smalta.model.storage import load_model


def test_a_run_is_calibrated_or_says_why_not(run: Path) -> None:
    calibration = load_model(run / "model.safetensors")[1].presence

    assert calibration is not None
    assert {node.shortage for node in calibration.nodes.values()} == {"all of 2 validation pictures have it"}


def test_predict_writes_verdicts_and_prints_how_many_are_bad(cli: Cli, run: Path, discs: Path, tmp_path: Path) -> None:
    rules = tmp_path / "good.yaml"
    rules.write_text("bad when: ground area >= 0 %\n")

    code, printed, _ = cli("predict", run, discs / "val/images", "--out", tmp_path / "out", "--good", rules)

    assert code == 0
    assert "2 of 2 pictures are bad: 2 by 'ground area >= 0 %';" in " ".join(printed.split())
    with (tmp_path / "out/verdicts.csv").open(newline="") as file:
        assert [line["verdict"] for line in csv.DictReader(file)] == ["bad", "bad"]


def test_evaluate_compares_verdicts_and_chooses_a_threshold(cli: Cli, run: Path, discs: Path, tmp_path: Path) -> None:
    rules, report = tmp_path / "good.yaml", tmp_path / "report.json"
    rules.write_text("bad when: disc longer than 3 px\n")

    told = ("--split", "val", "--good", rules, "--miss", "1%", "--json", report)
    code, printed, _ = cli("evaluate", run, discs, *told)

    found = json.loads(report.read_text())["verdicts"]
    assert code == 0
    assert (found["pictures"], found["missed"]["of"], found["rejected"]["of"]) == (2, 2, 0)
    assert found["chosen"]["validation"]["missed"]["n"] == 0
    assert "Verdicts: bad when disc longer than 3 px" in printed


@pytest.mark.parametrize(
    ("command", "words", "sentence"),
    [
        ("predict", ("--good", "wrong.yaml"), "wrong.yaml: 'disk present' names a class that the model does not have"),
        ("predict", ("--good", "none.yaml"), "none.yaml cannot be read as text"),
        ("predict", ("--scale", "5"), "the scale '5' is not a size of a pixel"),
        ("evaluate", ("--miss", "1%"), "it needs rules (--good)"),
        ("evaluate", ("--good", "wrong.yaml"), "did you mean 'disc'?"),
        ("evaluate", ("--miss", "few"), "the share 'few' is not a number; write it as 1% or 0.01"),
    ],
)
def test_a_wrong_option_is_one_sentence(
    command: str,
    words: tuple[str, ...],
    sentence: str,
    cli: Cli,
    run: Path,
    discs: Path,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.chdir(tmp_path)
    Path("wrong.yaml").write_text("bad when: disk present\n")
    target = (discs / "val/images", "--out", "out") if command == "predict" else (discs,)

    code, _, error = cli(command, run, *target, *words)

    assert (code, error.count("\n")) == (1, 1)
    assert sentence in error
    assert not Path("out").exists()
