"""Files, folders, patterns and lists name pictures."""

from __future__ import annotations

from pathlib import Path

import pytest

from smalta.errors import DataError
from smalta.pictures.finding import find_pictures


def test_files_folders_patterns_and_lists_give_pictures_in_the_order_of_input(tmp_path: Path) -> None:
    for name in ("in/b.JPG", "in/a.png", "in/notes.md", "in/.hidden.png", "z.png", "deep/er/c.webp", "odd[1].png"):
        (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / name).touch()
    (tmp_path / "list.txt").write_text("in/a.png\n\nz.png\n")

    def names(*arguments: str) -> list[str]:
        return [path.name for path in find_pictures(tmp_path / argument for argument in arguments)]

    assert names("z.png", "in") == ["z.png", "a.png", "b.JPG"]
    assert names("in", "in/b.JPG") == ["a.png", "b.JPG"]
    assert names("**/*.webp", "*.png") == ["c.webp", "odd[1].png", "z.png"]
    assert names("list.txt") == ["a.png", "z.png"]
    assert names("odd[1].png") == ["odd[1].png"]
    assert names("missing.png", "z.png") == ["missing.png", "z.png"]  # reading it will say so


def test_nothing_to_find_is_an_error(tmp_path: Path) -> None:
    with pytest.raises(DataError, match="no picture in"):
        find_pictures([tmp_path])
    with pytest.raises(DataError, match="no picture in"):
        find_pictures([tmp_path / "*.png"])
    with pytest.raises(DataError, match="no pictures are named"):
        find_pictures([])


def test_zarr_folders_are_pictures_to_find(tmp_path: Path) -> None:
    (tmp_path / "a.zarr").mkdir()
    (tmp_path / "b.png").touch()

    assert find_pictures([tmp_path]) == [tmp_path / "a.zarr", tmp_path / "b.png"]
    assert find_pictures([tmp_path / "a.zarr"]) == [tmp_path / "a.zarr"]
    assert find_pictures([f"{tmp_path}/*"]) == [tmp_path / "a.zarr", tmp_path / "b.png"]
