"""`smalta count` in this process."""

from __future__ import annotations

import json
import shutil
from pathlib import Path

from command_line import Cli, assert_refused
from small_models import save_random_model
from smalta.classes import ClassTree


def test_count_prints_a_table_or_json_and_writes_a_file(cli: Cli, discs: Path, tmp_path: Path) -> None:
    model = save_random_model(tmp_path / "run", ClassTree({"ground": {}, "disc": {"kind": "thing"}}), objects=True)
    pictures = discs / "val" / "images"

    code, said, error = cli("count", model, pictures, "--out", tmp_path / "counts.csv")
    as_json = cli("count", model, pictures, "--json")

    assert (code, error) == (0, "")
    assert "Objects per picture" in said
    assert "no intervals of counts: the model was trained without" in said
    assert (tmp_path / "counts.csv").read_text().splitlines()[0] == "picture,class,level,count,low,high"
    assert [row["counts"][0]["class"] for row in json.loads(as_json[1])["pictures"]] == ["disc", "disc"]


def test_count_goes_on_past_a_broken_picture_and_refuses_a_model_without_objects(
    cli: Cli, run: Path, discs: Path, tmp_path: Path
) -> None:
    model = save_random_model(tmp_path / "run", ClassTree({"ground": {}, "disc": {"kind": "thing"}}), objects=True)
    pictures = shutil.copytree(discs / "val" / "images", tmp_path / "pictures")
    (pictures / "p1.png").write_bytes(b"\x89PNG\r\n\x1a\n broken")

    code, said, error = cli("count", model, pictures, "--json")

    assert code == 1
    assert error.startswith("smalta: ")
    assert "p1.png" in error
    assert len(json.loads(said)["pictures"]) == 2
    assert_refused(cli("count", run, pictures), "needs a model that was trained on labelled objects")
