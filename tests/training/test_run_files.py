from __future__ import annotations

import json
import shutil
from pathlib import Path
from typing import Any

import pytest

from smalta.data.any_format import open_dataset
from smalta.description.run_folder import SETTINGS_FILE, read_settings
from smalta.errors import ModelError
from smalta.training.run_files import StoredRun
from smalta.training.settings import TrainSettings


def change(run: Path, **entries: Any) -> None:
    (run / SETTINGS_FILE).write_text(json.dumps({**read_settings(run), **entries}))


def test_a_stored_run_has_its_settings_its_data_and_its_classes(run: Path, discs: Path) -> None:
    stored = StoredRun.read(run)

    assert (stored.settings.steps, stored.settings.crop, stored.weights) == (10, 64, "none")
    assert stored.fingerprint.n_pictures == {"train": 4, "val": 2}
    assert stored.tree == open_dataset(discs).tree


def test_a_run_of_a_device_that_is_gone_goes_on_with_the_one_that_is_wanted_now(run: Path, tmp_path: Path) -> None:
    again = shutil.copytree(run, tmp_path / "run")
    change(again, settings={**read_settings(run)["settings"], "device": "cuda"})

    assert StoredRun.read(again).settings_for(TrainSettings()).device == "auto"
    assert StoredRun.read(again).settings_for(TrainSettings(device="cpu")).device == "cpu"


@pytest.mark.parametrize(
    ("entries", "why"),
    [
        ({"weights": 3}, "the entry 'weights' of the file is 3, not text"),
        ({"fingerprint": {}}, "the fingerprint lacks the entry 'n_pictures'"),
        ({"settings": {"croop": 64}}, r"unknown keys \['croop'\] in the training settings"),
        ({"settings": {"crop": 65}}, "crop must be a multiple of 32 pixels, got 65"),
        (
            {"settings": {"batch": True}},
            "the entry 'batch' of the training settings is true, not a whole number",
        ),
    ],
)
def test_a_damaged_entry_is_named_with_the_file(entries: dict[str, Any], why: str, run: Path, tmp_path: Path) -> None:
    again = shutil.copytree(run, tmp_path / "run")
    change(again, **entries)

    with pytest.raises(ModelError, match=rf"settings\.json is damaged \({why}.*\); start a new run in another folder$"):
        StoredRun.read(again)
