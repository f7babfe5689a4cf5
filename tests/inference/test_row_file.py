"""A map on the disk is what was written of it."""

from __future__ import annotations

from pathlib import Path

import numpy as np

from smalta.inference.row_file import RowFile


def test_a_row_file_gives_back_what_was_put_in_parts(tmp_path: Path) -> None:
    values = np.arange(35, dtype=np.float32).reshape(5, 7)
    file = RowFile(tmp_path / "a", (5, 7), np.float32)

    file.write(2, 3, values[2:, 3:])
    file.write(2, 0, values[2:, :3])
    file.write(0, 0, values[:2])

    np.testing.assert_array_equal(file.read(0, 5), values)
    np.testing.assert_array_equal(file.read(1, 3), values[1:3])
