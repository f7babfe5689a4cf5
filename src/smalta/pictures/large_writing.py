"""Write index pictures that do not fit in memory, some rows at a time: TIFF, BigTIFF and Zarr.

In:  an index picture as bands of rows from top to bottom.
Out: a file (a folder, for Zarr), written whole or not at all.

tifffile and zarr (extra `large`) know the formats. Must not know: class trees, networks, tiles of networks.
"""

from __future__ import annotations

import os
import shutil
import threading
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np

from smalta.errors import DataError
from smalta.pictures.large_pictures import format_module

CHUNK = 512  # pixels: side of the tiles of a file


def write_large_index(
    path: Path, bands: Iterator[np.ndarray], size_hw: tuple[int, int], dtype: type[np.unsignedinteger[Any]]
) -> None:
    """Write an index picture, whole or not at all, as a tiled TIFF (BigTIFF where it must be) or as Zarr.

    Args:
        path: where to, ending in `.tif` or `.zarr`.
        bands: (any number of rows, W) each, from top to bottom.
        size_hw: H and W.
        dtype: of the values.

    Raises:
        DataError: if the file cannot be written, or what writes it is not installed.
    """
    draft = path.with_name(f".{path.stem}.{os.getpid()}.{threading.get_ident()}{path.suffix}")
    try:
        if path.suffix == ".zarr":
            _write_zarr(draft, _in_chunks(bands), size_hw, dtype)
            shutil.rmtree(path, ignore_errors=True)
        else:
            _write_tiff(draft, _in_chunks(bands), size_hw, dtype)
        os.replace(draft, path)
    except BaseException as error:  # Ctrl-C leaves no draft behind
        if path.suffix == ".zarr":
            shutil.rmtree(draft, ignore_errors=True)
        else:
            draft.unlink(missing_ok=True)
        if isinstance(error, OSError):
            raise DataError(f"{path} cannot be written: {error}") from error
        raise


def _in_chunks(bands: Iterator[np.ndarray]) -> Iterator[np.ndarray]:
    """The rows again, as many at a time as a chunk has, the last fewer."""
    waiting: list[np.ndarray] = []
    for band in bands:
        waiting.append(band)
        while sum(map(len, waiting)) >= CHUNK:
            joined = np.concatenate(waiting)
            yield joined[:CHUNK]
            waiting = [joined[CHUNK:]]
    rest = np.concatenate(waiting)
    if len(rest):
        yield rest


def _write_tiff(path: Path, bands: Iterator[np.ndarray], size_hw: tuple[int, int], dtype: Any) -> None:
    tifffile = format_module("tifffile", path)

    def tiles() -> Iterator[np.ndarray]:
        for band in bands:
            for x in range(0, size_hw[1], CHUNK):
                tile = band[:, x : x + CHUNK].astype(dtype, copy=False)
                yield np.pad(tile, ((0, CHUNK - tile.shape[0]), (0, CHUNK - tile.shape[1])))

    big = size_hw[0] * size_hw[1] * np.dtype(dtype).itemsize >= 2**31
    with tifffile.TiffWriter(path, bigtiff=big) as file:
        file.write(
            tiles(),
            shape=size_hw,
            dtype=dtype,
            tile=(CHUNK, CHUNK),
            compression="zlib",
            compressionargs={"level": 1},
            photometric="minisblack",
            metadata=None,
            maxworkers=1,
        )


def _write_zarr(path: Path, bands: Iterator[np.ndarray], size_hw: tuple[int, int], dtype: Any) -> None:
    zarr = format_module("zarr", path)
    array = zarr.create_array(path, shape=size_hw, chunks=(CHUNK, CHUNK), dtype=dtype)
    y = 0
    for band in bands:
        array[y : y + len(band)] = band
        y += len(band)
