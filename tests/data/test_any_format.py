"""Opening a folder: its format, its classes, its splits, and what is said when it is in no format."""

from __future__ import annotations

from pathlib import Path

import pytest

from folder_sets import pair, picture
from smalta.classes import ClassTree
from smalta.data.any_format import open_dataset
from smalta.errors import DataError


def test_a_folder_of_no_format_says_what_was_looked_for_and_what_is_there(tmp_path: Path) -> None:
    picture(tmp_path / "MT_Crack/a.png")

    with pytest.raises(DataError, match=r"It looked for folder: images/.*The folder holds MT_Crack/"):
        open_dataset(tmp_path)
    with pytest.raises(DataError, match="is not a folder"):
        open_dataset(tmp_path / "none")


def test_the_argument_goes_before_the_file_and_the_file_before_the_guess(tmp_path: Path) -> None:
    pair(tmp_path, "a")
    guess = open_dataset(tmp_path)
    (tmp_path / "classes.txt").write_text("0 road\n1 crack\n")
    by_file = open_dataset(tmp_path)
    (tmp_path / "other.yaml").write_text("classes: [ground, ink]")

    by_argument = open_dataset(tmp_path, classes=tmp_path / "other.yaml")

    assert [node.name for node in guess.tree] == ["background", "foreground"]
    assert [node.name for node in by_file.tree] == ["road", "crack"]
    assert [node.name for node in by_argument.tree] == ["ground", "ink"]
    assert not any("classes" in note for note in (*by_file.notes, *by_argument.notes))
    assert open_dataset(tmp_path, classes=ClassTree(["x", "y"])).tree == ClassTree(["x", "y"])


def test_the_seed_decides_the_split(tmp_path: Path) -> None:
    for i in range(20):
        pair(tmp_path, f"p{i:02}")

    assert open_dataset(tmp_path).splits == open_dataset(tmp_path, seed=0).splits
    assert open_dataset(tmp_path).splits != open_dataset(tmp_path, seed=1).splits
