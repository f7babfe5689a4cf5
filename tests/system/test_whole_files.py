"""A file is written whole or stays as it was."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from smalta.system.whole_files import write_chunks


def test_a_file_of_which_a_part_fails_stays_as_it_was(tmp_path: Path) -> None:
    def parts() -> Iterator[bytes]:
        yield b"new"
        raise KeyboardInterrupt

    write_chunks(tmp_path / "a.csv", [b"old ", b"lines"])

    with pytest.raises(KeyboardInterrupt):
        write_chunks(tmp_path / "a.csv", parts())

    assert [(path.name, path.read_bytes()) for path in tmp_path.iterdir()] == [("a.csv", b"old lines")]
