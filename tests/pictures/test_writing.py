"""Label files hold what was written, in the smallest depth."""

from __future__ import annotations

from pathlib import Path

import cv2
import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp
from PIL import Image

from smalta.errors import DataError
from smalta.pictures.reading import read_index
from smalta.pictures.writing import write_index


@given(
    values=hnp.arrays(
        st.sampled_from([np.bool_, np.uint8, np.int32, np.int64]),
        hnp.array_shapes(min_dims=2, max_dims=2, max_side=6),
        elements=None,
    ).map(np.abs),
    top=st.sampled_from([0, 255, 256, 65535, 65536, 2**31 - 1]),
)
@settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
def test_what_is_written_is_read_back(tmp_path: Path, values: np.ndarray, top: int) -> None:
    values = np.clip(values.astype(np.int64), 0, top)

    path = write_index(tmp_path / "a.png", values)

    np.testing.assert_array_equal(read_index(path), values)
    assert path.suffix == (".png" if values.max() < 65536 else ".tif")


def test_the_smallest_depth_that_holds_the_values_is_written(tmp_path: Path) -> None:
    narrow = write_index(tmp_path / "a.png", np.array([[255]]))
    wide = write_index(tmp_path / "b.png", np.array([[256]]))

    assert cv2.imread(str(narrow), cv2.IMREAD_UNCHANGED).dtype == np.uint8
    assert cv2.imread(str(wide), cv2.IMREAD_UNCHANGED).dtype == np.uint16


def test_object_ids_get_16_bits_however_few_they_are(tmp_path: Path) -> None:
    path = write_index(tmp_path / "a", np.array([[0, 3]]), bits=16)

    with Image.open(path) as image:
        assert image.mode == "I;16"
    assert read_index(path).tolist() == [[0, 3]]


def test_writing_leaves_the_old_file_or_the_new_one_and_nothing_else(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    write_index(tmp_path / "a.png", np.array([[1]]))

    def fail(*_: object) -> None:
        raise OSError("disk full")

    monkeypatch.setattr("smalta.system.whole_files.os.replace", fail)
    with pytest.raises(DataError, match="disk full"):
        write_index(tmp_path / "a.png", np.array([[2]]))

    assert read_index(tmp_path / "a.png").tolist() == [[1]]
    assert [path.name for path in tmp_path.iterdir()] == ["a.png"]


@pytest.mark.parametrize("array", [np.zeros((2, 2)), np.zeros(3, int), np.array([[-1]]), np.array([[2**31]])])
def test_only_integer_maps_in_range_are_written(tmp_path: Path, array: np.ndarray) -> None:
    with pytest.raises(DataError, match="must be"):
        write_index(tmp_path / "a.png", array)
