"""Pictures read some rows at a time give what the whole picture gives."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest
import tifffile
import zarr
from hypothesis import given
from hypothesis import strategies as st

from smalta.errors import DataError
from smalta.pictures.large_pictures import ArrayRows, open_large
from smalta.pictures.reading import read_picture

RANDOM = np.random.default_rng(0)
RGB = RANDOM.integers(0, 256, (150, 90, 3), dtype=np.uint8)
GREY16 = (RANDOM.normal(3000, 500, (150, 90))).astype(np.uint16)


def rows_of(path: Path, step: int = 37) -> np.ndarray:
    """All rows, a few at a time."""
    with open_large(path) as picture:
        height = picture.size_hw[0]
        bands = [picture.rows(y, min(y + step, height)) for y in range(0, height, step)]
    return np.concatenate(bands)


@pytest.mark.parametrize(
    ("values", "settings"),
    [
        (RGB, {}),
        (RGB, {"tile": (64, 32), "compression": "zlib"}),
        (RGB, {"rowsperstrip": 16, "compression": "lzw", "predictor": True}),
        (RGB, {"tile": (64, 64), "bigtiff": True}),
        (RGB, {"byteorder": ">"}),
        (np.moveaxis(RGB, -1, 0), {"photometric": "rgb", "planarconfig": "separate"}),
        (np.moveaxis(RGB, -1, 0), {"photometric": "rgb", "planarconfig": "separate", "tile": (32, 32)}),
        (np.dstack([RGB, RGB[..., 0]]), {"extrasamples": ["unassalpha"]}),
        (RGB[..., 0], {"photometric": "minisblack"}),
        (RGB[..., 0], {"photometric": "miniswhite", "tile": (64, 64)}),
        (GREY16, {"tile": (64, 64)}),
        (GREY16, {"byteorder": ">"}),
        (GREY16.astype(np.float32) / 7, {"tile": (64, 64)}),
    ],
)
def test_a_tiff_read_in_parts_is_what_it_is_as_a_whole(
    values: np.ndarray, settings: dict[str, Any], tmp_path: Path
) -> None:
    order = {"byteorder": settings.pop("byteorder")} if "byteorder" in settings else {}
    bigtiff = settings.pop("bigtiff", False)
    with tifffile.TiffWriter(tmp_path / "a.tif", bigtiff=bigtiff, **order) as file:
        file.write(values, **settings)

    found, expected = rows_of(tmp_path / "a.tif"), read_picture(tmp_path / "a.tif")

    assert found.dtype == np.uint8
    if values.dtype == np.float32:  # percentiles from counts of 65,536 steps
        assert np.abs(found.astype(int) - expected).max() <= 1
    else:
        np.testing.assert_array_equal(found, expected)


def test_a_palette_is_looked_up(tmp_path: Path) -> None:
    colours = RANDOM.integers(0, 256, (3, 256), dtype=np.uint16) * 257
    tifffile.imwrite(tmp_path / "a.tif", RGB[..., 0], photometric="palette", colormap=colours, tile=(64, 64))

    np.testing.assert_array_equal(rows_of(tmp_path / "a.tif"), read_picture(tmp_path / "a.tif"))


@pytest.mark.parametrize(
    "shape", [(150, 90, 3), (3, 150, 90), (1, 3, 1, 150, 90), (1, 1, 3, 150, 90), (1, 1, 150, 90, 3)]
)
def test_zarr_pictures_have_channels_first_or_last(shape: tuple[int, ...], tmp_path: Path) -> None:
    values = RGB if shape[-1] == 3 else np.moveaxis(RGB, -1, 0)
    array = zarr.create_array(
        tmp_path / "a.zarr", shape=shape, dtype=np.uint8, chunks=[min(50, side) for side in shape]
    )
    array[:] = values.reshape(shape)

    np.testing.assert_array_equal(rows_of(tmp_path / "a.zarr"), RGB)


def test_a_grey_zarr_is_repeated_and_a_row_is_a_picture(tmp_path: Path) -> None:
    for name, values in (("grey", RGB[..., 0]), ("row", RGB[:1])):
        zarr.create_array(tmp_path / f"{name}.zarr", data=values, chunks=(40,) * values.ndim)

    np.testing.assert_array_equal(rows_of(tmp_path / "grey.zarr"), np.repeat(RGB[..., :1], 3, axis=2))
    np.testing.assert_array_equal(rows_of(tmp_path / "row.zarr"), RGB[:1])


def test_of_ome_zarr_the_picture_at_full_size_is_taken(tmp_path: Path) -> None:
    group = zarr.create_group(tmp_path / "a.zarr")
    group.create_array("half", data=RGB[::2, ::2], chunks=(40, 40, 3))
    group.create_array("full", data=RGB, chunks=(40, 40, 3))
    group.attrs["multiscales"] = [{"datasets": [{"path": "full"}, {"path": "half"}]}]

    np.testing.assert_array_equal(rows_of(tmp_path / "a.zarr"), RGB)


@given(values=st.lists(st.integers(0, 65_535), min_size=1, max_size=300))
def test_sixteen_bits_are_scaled_by_the_same_percentiles(values: list[int], tmp_path_factory: Any) -> None:
    path = tmp_path_factory.mktemp("deep") / "a.tif"
    tifffile.imwrite(path, np.array([values], np.uint16))

    np.testing.assert_array_equal(rows_of(path), read_picture(path))


def write_refused(folder: Path, name: str) -> Path:
    path = folder / name
    if name == "empty.tif":
        path.touch()
    elif name == "text.tif":
        path.write_text("no picture")
    elif name == "nan.tif":
        tifffile.imwrite(path, np.array([[1, np.nan]], np.float32))
    elif name == "stack.tif":
        tifffile.imwrite(path, np.zeros((5, 5, 5, 7), np.uint8), photometric="minisblack", volumetric=True)
    elif name == "complex.tif":
        tifffile.imwrite(path, np.zeros((5, 5), np.complex64))
    elif name == "cut.tif":
        tifffile.imwrite(path, RGB)
        path.write_bytes(path.read_bytes()[:9000])
    elif name == "stack.zarr":
        zarr.create_array(path, data=np.zeros((9, 9, 9), np.uint8))
    elif name == "line.zarr":
        zarr.create_array(path, data=np.zeros(9, np.uint8))
    elif name == "nothing.zarr":
        path.mkdir()
    elif name == "two.zarr":
        group = zarr.create_group(path)
        group.create_array("a", data=RGB)
        group.create_array("b", data=RGB)
    return path


@pytest.mark.parametrize(
    ("name", "sentence"),
    [
        ("missing.tif", "does not exist"),
        ("missing.zarr", "does not exist"),
        ("picture.png", "save it as a tiled TIFF or as Zarr"),
        ("empty.tif", r"empty \(zero bytes\)"),
        ("text.tif", "cannot be read as a picture"),
        ("nan.tif", "values that are not finite"),
        ("stack.tif", "has the axes"),
        ("complex.tif", "complex64; a picture holds real numbers"),
        ("cut.tif", "cannot be read as a picture"),
        ("stack.zarr", r"has the shape \(9, 9, 9\)"),
        ("line.zarr", r"has the shape \(9,\)"),
        ("nothing.zarr", "cannot be read as a Zarr picture"),
        ("two.zarr", "cannot be read as a Zarr picture"),
    ],
)
def test_what_is_no_picture_is_refused_in_a_sentence(name: str, sentence: str, tmp_path: Path) -> None:
    path = write_refused(tmp_path, name)

    with pytest.raises(DataError, match=sentence) as caught:
        rows_of(path)

    assert str(path) in str(caught.value)


def test_pieces_that_are_too_large_to_decode_are_refused(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("smalta.pictures.large_pictures.MOST_BLOCK_BYTES", 10_000)
    tifffile.imwrite(tmp_path / "a.tif", RGB, compression="zlib", rowsperstrip=150)
    zarr.create_array(tmp_path / "a.zarr", data=RGB, chunks=RGB.shape)

    for name in ("a.tif", "a.zarr"):
        with pytest.raises(DataError, match="pieces of 0 MiB, and at most 0 MiB are read at a time"):
            rows_of(tmp_path / name)


def test_a_picture_stored_turned_or_of_absurd_size_is_refused(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    tifffile.imwrite(tmp_path / "a.tif", RGB, extratags=[(274, "H", 1, 6, True)])
    with pytest.raises(DataError, match="EXIF orientation 6; save it upright"):
        rows_of(tmp_path / "a.tif")
    monkeypatch.setattr("smalta.pictures.large_pictures.MOST_PIXELS", 1000)
    tifffile.imwrite(tmp_path / "b.tif", RGB)
    with pytest.raises(DataError, match="150 x 90 pixels; at most 1,000 are allowed"):
        rows_of(tmp_path / "b.tif")


def test_an_array_is_read_like_a_file() -> None:
    picture = ArrayRows(RGB)

    assert picture.size_hw == (150, 90)
    np.testing.assert_array_equal(picture.rows(3, 9), RGB[3:9])
