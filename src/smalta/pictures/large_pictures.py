"""Read pictures that do not fit in memory, some rows at a time: TIFF, BigTIFF and Zarr.

In:  paths of files (folders, for Zarr).
Out: rows as RGB.

tifffile and zarr (extra `large`) read the formats. Must not know: class trees, networks, tiles of networks.
"""

from __future__ import annotations

import importlib
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from functools import cached_property
from pathlib import Path
from typing import Any, Protocol

import numpy as np

from smalta.errors import DataError
from smalta.pictures.reading import to_8_bits

SUFFIXES = (".tif", ".tiff", ".zarr")
MOST_PIXELS = 10**10
MOST_BLOCK_BYTES = 2**28  # the largest piece that is decoded at a time; a file in larger pieces is refused
BINS = 2**16
_INSTALL = "pip install 'smalta[large]'"


class Rows(Protocol):
    """A picture that is read some rows at a time."""

    @property
    def size_hw(self) -> tuple[int, int]:
        """Height and width in pixels."""
        ...

    def rows(self, y0: int, y1: int, /) -> np.ndarray:
        """(y1 - y0, W, 3) uint8 RGB."""
        ...


class LargePicture:
    """A picture in a file that stores it in pieces.

    Args:
        path: of the file, for messages.
        read: gives the stored values of rows y0..y1, (y1 - y0, W, C).
        shape: H, W and C.
        dtype: of the stored values.
        table: colours by index, (K, 3) uint8, if the picture has a palette.
        inverted: whether 0 is white.
    """

    def __init__(
        self,
        path: Path,
        read: Callable[[int, int], np.ndarray],
        shape: tuple[int, int, int],
        dtype: np.dtype[Any],
        *,
        table: np.ndarray | None = None,
        inverted: bool = False,
    ) -> None:
        self._path, self._read, self._table, self._inverted, self._dtype = path, read, table, inverted, dtype
        height, width, channels = shape
        if 0 in shape or channels > 4:
            raise DataError(
                f"{path} has {height} x {width} pixels with {channels} channels; "
                "a picture has at least one pixel and 1 to 4 channels, so export it again"
            )
        if height * width > MOST_PIXELS:
            raise DataError(
                f"{path} has {height} x {width} pixels; at most {MOST_PIXELS:,} are allowed, so cut it into parts"
            )
        if dtype.kind not in "buif":
            raise DataError(
                f"{path} holds values of type {dtype}; a picture holds real numbers, so save it with 8 or 16 bits"
            )
        self.size_hw = (height, width)

    def rows(self, y0: int, y1: int) -> np.ndarray:
        """(y1 - y0, W, 3) uint8 RGB; pictures of more than 8 bits are scaled as in `read_picture`."""
        stored = self._stored(y0, y1)
        if self._table is not None:
            return self._table[stored[..., 0]]
        if stored.dtype != np.uint8:
            stored = to_8_bits(stored.astype(np.float32), *self._ends)
        return np.repeat(stored, 3, axis=2) if stored.shape[2] == 1 else stored

    def _stored(self, y0: int, y1: int) -> np.ndarray:
        """Stored values (y1 - y0, W, 1 or 3) without alpha; 0 is black."""
        try:
            stored = self._read(y0, y1)
        except MemoryError:
            raise
        except Exception as error:  # decoders raise all kinds of errors on a broken file
            raise DataError(f"{self._path} cannot be read as a picture ({error}); copy or export it again") from error
        stored = stored[..., :3] if stored.shape[2] >= 3 else stored[..., :1]
        if stored.dtype == bool:
            stored = stored.astype(np.uint8) * np.uint8(255)
        return np.iinfo(stored.dtype).max - stored if self._inverted and stored.dtype.kind == "u" else stored

    @cached_property
    def _ends(self) -> tuple[float, float]:
        """The 0.1 and 99.9 percentiles of all values, for scaling as in `read_picture`; exact for up to 16 bits."""
        height, width = self.size_hw
        step = max(1, 2**24 // width)
        bands = [(y, min(y + step, height)) for y in range(0, height, step)]
        if self._dtype.kind in "ui" and self._dtype.itemsize <= 2:
            low, high, scale = float(np.iinfo(self._dtype).min), float(np.iinfo(self._dtype).max), 1.0
        else:
            low, high = np.inf, -np.inf
            for band in bands:
                values = self._stored(*band)
                if not np.isfinite(values).all():
                    raise DataError(f"{self._path} holds values that are not finite numbers; replace them by numbers")
                low, high = min(low, float(values.min())), max(high, float(values.max()))
            scale = (BINS - 1) / (high - low) if high > low else 1.0
        counts = np.zeros(BINS, dtype=np.int64)
        for band in bands:
            places = np.rint((self._stored(*band).astype(np.float64) - low) * scale)
            counts += np.bincount(places.astype(np.int64).ravel(), minlength=BINS)
        ends = [low + _quantile(counts, q) / scale for q in (0.001, 0.999)]
        if ends[1] <= ends[0]:  # nearly all pixels are equal, so the others decide the scale
            found = np.flatnonzero(counts)
            ends = [low + int(place) / scale for place in (found[0], found[-1])]
        return ends[0], ends[1]


class ArrayRows:
    """A picture in memory, as `Rows`."""

    def __init__(self, picture: np.ndarray) -> None:
        self._picture = picture
        self.size_hw = (picture.shape[0], picture.shape[1])

    def rows(self, y0: int, y1: int) -> np.ndarray:
        """(y1 - y0, W, 3) uint8 RGB."""
        return self._picture[y0:y1]


def _quantile(counts: np.ndarray, q: float) -> float:
    """`numpy.quantile` of whole numbers 0..; `counts` is how often each occurs."""
    ends = np.cumsum(counts)
    rank = q * (ends[-1] - 1)
    below, above = np.searchsorted(ends, [np.floor(rank), np.ceil(rank)], side="right")
    return float(below + (rank - np.floor(rank)) * (above - below))


# -- opening ------------------------------------------------------------------------------------------


@contextmanager
def open_large(path: Path) -> Iterator[LargePicture]:
    """Open a TIFF, BigTIFF or Zarr picture for reading rows.

    If a file has several pages, or is an OME-Zarr group, the first picture at full size is read.

    Raises:
        DataError: if the file has another format, cannot be read, holds no picture of 1 to 4 channels, is too large, or
            is stored in pieces that are too large to decode one by one; or if the package that reads it is not
            installed.
    """
    suffix = path.suffix.lower()
    if suffix not in SUFFIXES:
        raise DataError(f"{path} cannot be read in parts; save it as a tiled TIFF or as Zarr")
    if not path.exists():
        raise DataError(f"{path} does not exist; check the path")
    if suffix == ".zarr":
        yield _open_zarr(path)
        return
    if path.stat().st_size == 0:
        raise DataError(f"{path} is empty (zero bytes); copy or export it again")
    tifffile = format_module("tifffile", path)
    try:
        file = tifffile.TiffFile(path)
    except Exception as error:  # a broken header raises all kinds of errors
        raise DataError(f"{path} cannot be read as a picture ({error}); copy or export it again") from error
    with file:
        yield _open_tiff(path, file)


def read_size(path: Path) -> tuple[int, int]:
    """Height and width in pixels of a picture that `open_large` opens.

    Raises:
        DataError: as in `open_large`.
    """
    with open_large(path) as picture:
        return picture.size_hw


def _open_tiff(path: Path, file: Any) -> LargePicture:
    try:
        page = file.pages[0]
        axes, shape = page.axes, page.shape
        orientation = page.tags.get("Orientation")
        photometric = getattr(page.photometric, "name", str(page.photometric))
        piece = int(np.prod(page.chunks)) * page.dtype.itemsize
        compressed = not page.is_contiguous
    except Exception as error:  # and so does a broken page
        raise DataError(f"{path} cannot be read as a picture ({error}); copy or export it again") from error
    if axes not in ("YX", "YXS", "SYX"):
        raise DataError(
            f"{path} has the axes {axes} {shape}; a picture has Y and X, and optionally S for its channels, "
            "so save one plane of it"
        )
    if orientation is not None and orientation.value != 1:
        raise DataError(f"{path} has the EXIF orientation {orientation.value}; save it upright")
    if photometric not in ("MINISBLACK", "MINISWHITE", "RGB", "YCBCR", "PALETTE"):
        raise DataError(f"{path} stores colours as {photometric}; save it as RGB or grey")
    if compressed and piece > MOST_BLOCK_BYTES:
        raise DataError(
            f"{path} is stored in pieces of {piece / 2**20:.0f} MiB, and at most {MOST_BLOCK_BYTES / 2**20:.0f} MiB "
            "are read at a time; save it as a tiled TIFF"
        )
    table = None
    if photometric == "PALETTE":
        table = (np.asarray(page.colormap) >> 8).astype(np.uint8).T
    height, width = shape[1:] if axes == "SYX" else shape[:2]
    channels = {"YX": 1, "YXS": shape[-1], "SYX": shape[0]}[axes]
    return LargePicture(
        path,
        _plain_reader(path, page, axes) if page.is_contiguous else _piece_reader(path, page, axes),
        (height, width, channels),
        np.dtype(page.dtype),
        table=table,
        inverted=photometric == "MINISWHITE",
    )


def _plain_reader(path: Path, page: Any, axes: str) -> Callable[[int, int], np.ndarray]:
    """A reader of rows of an uncompressed page that is stored in one piece."""
    begin = page.dataoffsets[0]
    dtype = np.dtype(page.dtype).newbyteorder(page.parent.byteorder)
    if axes == "SYX":
        channels, height, width = page.shape
    else:
        height, width = page.shape[:2]
        channels = page.shape[2] if axes == "YXS" else 1

    def read(y0: int, y1: int) -> np.ndarray:
        def values(first: int, count: int) -> np.ndarray:
            found = np.fromfile(path, dtype, count, offset=begin + first * dtype.itemsize)
            if len(found) < count:
                raise ValueError("the file ends too early")
            return found.astype(dtype.newbyteorder("="), copy=False)

        if axes == "SYX":
            planes = [values((c * height + y0) * width, (y1 - y0) * width) for c in range(channels)]
            return np.stack(planes, axis=-1).reshape(y1 - y0, width, channels)
        return values(y0 * width * channels, (y1 - y0) * width * channels).reshape(y1 - y0, width, channels)

    return read


def _piece_reader(path: Path, page: Any, axes: str) -> Callable[[int, int], np.ndarray]:
    """A reader of rows of a page that is stored in tiles or strips."""
    zarr = format_module("zarr", path)
    array = zarr.open(page.aszarr(), mode="r")

    def read(y0: int, y1: int) -> np.ndarray:
        if axes == "SYX":
            return np.moveaxis(np.asarray(array[:, y0:y1]), 0, -1)
        found = np.asarray(array[y0:y1])
        return found[..., None] if axes == "YX" else found

    return read


def _open_zarr(path: Path) -> LargePicture:
    zarr = format_module("zarr", path)
    try:
        node = zarr.open(path, mode="r")
        array = node if isinstance(node, zarr.Array) else node[_first_array(node)]
        shape, piece = array.shape, int(np.prod(array.chunks)) * array.dtype.itemsize
    except Exception as error:  # missing or broken metadata raise all kinds of errors
        raise DataError(f"{path} cannot be read as a Zarr picture ({error}); export it again") from error
    if piece > MOST_BLOCK_BYTES:
        raise DataError(
            f"{path} is stored in pieces of {piece / 2**20:.0f} MiB, and at most {MOST_BLOCK_BYTES / 2**20:.0f} MiB "
            "are read at a time; store it in smaller pieces"
        )
    # if there are more than three axes, axes of length 1, such as time and depth, are dropped
    kept = [k for k in range(len(shape)) if len(shape) <= 3 or shape[k] > 1 or k >= len(shape) - 2]
    sides = [shape[k] for k in kept]
    channels_last = len(sides) == 3 and sides[2] <= 4
    if not (len(sides) == 2 or channels_last or (len(sides) == 3 and sides[0] <= 4)):
        raise DataError(
            f"{path} has the shape {shape}; a picture has (H, W), (H, W, channels) or (channels, H, W) "
            "with at most 4 channels"
        )

    flat = len(sides) == 2

    def read(y0: int, y1: int) -> np.ndarray:
        wanted: list[int | slice] = [slice(None) if k in kept else 0 for k in range(len(shape))]
        wanted[kept[0 if channels_last or flat else 1]] = slice(y0, y1)
        found = np.asarray(array[tuple(wanted)])
        if flat:
            return found[..., None]
        return found if channels_last else np.moveaxis(found, 0, -1)

    if len(sides) == 2:
        sides.append(1)
    elif not channels_last:
        sides.append(sides.pop(0))
    return LargePicture(path, read, (sides[0], sides[1], sides[2]), np.dtype(array.dtype))


def _first_array(group: Any) -> str:
    """Path of the picture at full size in a group: the first of OME-Zarr's scales, or the only array."""
    attributes = dict(group.attrs)
    scales = attributes.get("ome", attributes).get("multiscales")
    if scales:
        return str(scales[0]["datasets"][0]["path"])
    (only,) = group.array_keys()
    return str(only)


def format_module(name: str, path: Path) -> Any:
    """The package that reads the format of a file.

    Raises:
        DataError: if it is not installed.
    """
    try:
        return importlib.import_module(name)
    except ImportError as error:
        raise DataError(f"{path} cannot be read in parts without the package {name}; run `{_INSTALL}`") from error
