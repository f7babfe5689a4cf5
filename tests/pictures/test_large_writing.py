"""Large index pictures are written in parts."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import tifffile
import zarr

from smalta.errors import DataError
from smalta.pictures.large_writing import CHUNK, write_large_index

RANDOM = np.random.default_rng(0)


@pytest.mark.parametrize("suffix", [".tif", ".zarr"])
@pytest.mark.parametrize("dtype", [np.uint8, np.uint16, np.uint32])
def test_what_is_written_in_bands_is_read_as_a_whole(suffix: str, dtype: Any, tmp_path: Path) -> None:
    values = RANDOM.integers(0, np.iinfo(dtype).max, (CHUNK + 200, 700), dtype=dtype)
    path = tmp_path / f"a{suffix}"

    for _ in range(2):  # over an earlier one
        write_large_index(path, (values[y : y + 300] for y in range(0, len(values), 300)), values.shape, dtype)

    found = tifffile.imread(path) if suffix == ".tif" else np.asarray(zarr.open(path, mode="r"))
    assert found.dtype == dtype
    np.testing.assert_array_equal(found, values)
    assert [entry.name for entry in tmp_path.iterdir()] == [path.name]


@pytest.mark.parametrize("suffix", [".tif", ".zarr"])
def test_a_stop_in_the_middle_leaves_nothing_behind(suffix: str, tmp_path: Path) -> None:
    def bands() -> Iterator[np.ndarray]:
        yield np.zeros((600, 100), np.uint8)
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        write_large_index(tmp_path / f"a{suffix}", bands(), (1200, 100), np.uint8)

    assert list(tmp_path.iterdir()) == []


def test_a_folder_that_is_missing_is_an_error(tmp_path: Path) -> None:
    with pytest.raises(DataError, match="cannot be written"):
        write_large_index(tmp_path / "no" / "a.tif", iter([np.zeros((1, 1), np.uint8)]), (1, 1), np.uint8)
