"""`smalta evaluate` in this process."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from command_line import Cli, assert_refused
from small_models import save_random_model
from smalta.model.storage import load_tensors, save_tensors


def test_evaluate_prints_a_table_and_writes_all_numbers(cli: Cli, run: Path, discs: Path, tmp_path: Path) -> None:
    file = tmp_path / "new" / "numbers.json"

    code, said, error = cli("evaluate", run, discs, "--split", "val", "--json", file)

    assert (code, error) == (0, "")
    assert "disc" in said
    numbers = json.loads(file.read_text())
    assert (numbers["split"], numbers["n_pictures"]) == ("val", 2)
    assert 0 <= numbers["binary"]["thresholds"][0]["f1"] <= 1


def test_evaluate_refuses_a_split_or_a_model_that_is_not_there(
    cli: Cli, run: Path, discs: Path, tmp_path: Path
) -> None:
    assert_refused(cli("evaluate", run, discs), "has no split 'test'; its splits are train, val")
    assert_refused(cli("evaluate", tmp_path, discs, "--split", "val"), "does not exist; name a folder that")


@pytest.mark.parametrize("settings", [{"seed": "seven"}, {"seed": None}, {"seed": 1.5}, [7], "seed"])
def test_evaluate_refuses_a_model_whose_seed_is_no_number(
    cli: Cli, discs: Path, tmp_path: Path, settings: object
) -> None:
    file = save_random_model(tmp_path) / "model.safetensors"
    tensors, header = load_tensors(file)
    save_tensors(file, tensors, header | {"facts": {"settings": settings}})

    assert_refused(
        cli("evaluate", tmp_path, discs, "--split", "val"), "not a whole number; set that of the training with --seed"
    )
