"""Read pictures and label files as arrays.

In:  paths of PNG, JPEG, TIFF, WebP, BMP, GIF and PNM files.
Out: RGB arrays, arrays of label values.

Pillow decodes most files, because OpenCV fills the rest of a truncated JPEG with grey and turns palette indices into
colours. OpenCV decodes 16-bit and float colour, which Pillow reduces to 8 bits or cannot read.

Must not know: data set layouts, class trees, networks.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import cv2
import numpy as np
from PIL import (
    BmpImagePlugin,
    GifImagePlugin,
    Image,
    JpegImagePlugin,
    MpoImagePlugin,
    PngImagePlugin,
    PpmImagePlugin,
    TiffImagePlugin,
    UnidentifiedImageError,
    WebPImagePlugin,
)

from smalta.errors import DataError

MAX_PIXELS = 20_000 * 20_000
# Pillow warns above 89 million pixels and refuses above 179 million. This allows 400 million in the whole process.
Image.MAX_IMAGE_PIXELS = MAX_PIXELS

# By default Pillow imports a decoder when the first file needs it. Meanwhile another thread may miss the decoder of a
# file whose suffix names a different format. OpenCV would then read that file, and ignore its orientation.
DECODERS = (
    BmpImagePlugin,
    GifImagePlugin,
    JpegImagePlugin,
    MpoImagePlugin,  # JPEG files of some cameras
    PngImagePlugin,
    PpmImagePlugin,
    TiffImagePlugin,
    WebPImagePlugin,
)

_ORIENTATION_TAG = 274


def read_picture(path: str | Path) -> np.ndarray:
    """A picture as people see it: RGB, upright.

    Grey is repeated over the three channels, palettes are looked up, alpha is dropped, and the EXIF orientation is
    applied. If a file has several pages, the first is read. If a picture has more than 8 bits per channel, it is scaled
    so that its own 0.1 and 99.9 percentiles (over all channels) become 0 and 255.

    Args:
        path: the picture's file, of at most 20,000 x 20,000 pixels.

    Returns:
        (H, W, 3) uint8 RGB.

    Raises:
        DataError: if the file does not exist, or is empty, truncated, too large or not a picture.

    Example:
        >>> picture = read_picture(open_dataset("scenes").split("test")[0].picture)
        >>> picture.shape, picture.dtype
        ((64, 96, 3), dtype('uint8'))
    """
    return read_upright(path)[0]


def read_upright(path: str | Path) -> tuple[np.ndarray, int]:
    """The picture as in `read_picture`, and the EXIF orientation (1..8) of the file, which is already applied."""
    pixels, orientation = _decode(Path(path), as_index=False)
    if pixels.dtype != np.uint8:
        pixels = _to_8_bits(pixels, path)
    if pixels.ndim == 2:
        pixels = np.repeat(pixels[:, :, None], 3, axis=2)
    return pixels, orientation or 1


def read_index(path: str | Path, *, orientation: int = 1) -> np.ndarray:
    """The label values of a label file, as they are stored.

    Palette files give their indices, not their colours. 1-bit files give 0 and 255. 2- and 4-bit grey files give the
    numbers stored. Colour files give one channel, if all three are equal. Alpha is dropped.

    Args:
        path: the label file.
        orientation: EXIF orientation (1..8) of the labelled picture, see `read_orientation`. It is applied to the
            labels, unless their own file states an orientation.

    Returns:
        (H, W) integers: uint8, uint16, or int64 if the file holds 32 bits.

    Raises:
        DataError: if the file cannot be read, is a colour picture, or holds values other than whole numbers >= 0.
    """
    pixels, own = _decode(Path(path), as_index=True)
    if own is None:
        pixels = orient(pixels, orientation)
    if pixels.ndim == 3:
        if not (pixels[..., :1] == pixels).all():
            raise DataError(
                f"{path} is a colour picture; a label file holds one number per pixel, "
                "so save it as an index (grey or palette) PNG whose values are class ids"
            )
        pixels = pixels[..., 0]
    if pixels.dtype.kind == "f":
        if not (pixels == np.floor(pixels)).all():
            raise DataError(f"{path} holds fractions; label values are whole numbers, so save it as an index PNG")
        pixels = pixels.astype(np.int64)
    if pixels.dtype.kind == "i":
        if pixels.min() < 0:
            raise DataError(f"{path} holds the label value {pixels.min()}; label values are 0 or more, so correct it")
        pixels = pixels.astype(np.int64)
    return pixels


def read_size(path: str | Path) -> tuple[int, int]:
    """Height and width in pixels of the upright picture, from the file's header if possible."""
    height, width, orientation = _header(Path(path))
    return (width, height) if orientation in (5, 6, 7, 8) else (height, width)


def read_orientation(path: str | Path) -> int:
    """EXIF orientation of a picture: 1 = stored upright, 2..8 = mirrored or rotated."""
    path = Path(path)
    try:
        with _opened(path) as image:
            return _orientation(image) or 1
    except _UnknownToPillowError:
        return 1


def orient(array: np.ndarray, orientation: int | None) -> np.ndarray:
    """Turn stored pixels (H, W, ...) upright, by EXIF orientation 1..8; None changes nothing."""
    if orientation in (None, 1):
        return array
    if orientation in (2, 3, 7):
        array = array[:, ::-1]
    if orientation in (3, 4, 7):
        array = array[::-1]
    if orientation in (5, 7):
        array = array.swapaxes(0, 1)
    if orientation in (6, 8):
        array = np.rot90(array, k=-1 if orientation == 6 else 1)
    return np.ascontiguousarray(array)


class _UnknownToPillowError(DataError):
    """Pillow does not recognise the file; OpenCV may."""


@contextmanager
def _opened(path: Path) -> Iterator[Image.Image]:
    """Open the file; every error of its decoder becomes a DataError that names the file."""
    try:
        if path.stat().st_size == 0:
            raise DataError(f"{path} is empty (zero bytes); copy or export it again")
        with Image.open(path) as image:
            width, height = image.size
            if width * height > MAX_PIXELS:
                raise DataError(
                    f"{path} has {width} x {height} pixels; at most {MAX_PIXELS:,} are allowed, so cut it into parts"
                )
            yield image
    except (DataError, MemoryError):
        raise
    except FileNotFoundError:
        raise DataError(f"{path} does not exist; check the path") from None
    except (Image.DecompressionBombError, Image.DecompressionBombWarning):
        raise DataError(f"{path} states more than {MAX_PIXELS:,} pixels; cut it into parts") from None
    except UnidentifiedImageError:
        raise _UnknownToPillowError(
            f"{path} is not a picture in a format that smalta reads; save it as PNG, JPEG or TIFF"
        ) from None
    except Exception as error:  # decoders raise struct.error, KeyError, SyntaxError and more on a broken file
        raise DataError(f"{path} cannot be read as a picture ({error}); copy or export it again") from error


def _orientation(image: Image.Image) -> int | None:
    """EXIF orientation that a file states; None if it states no valid orientation."""
    try:
        value = image.getexif().get(_ORIENTATION_TAG)
    except Exception:  # the EXIF block cannot be parsed; the pixels are not affected
        return None
    return value if value in range(1, 9) else None


def _header(path: Path) -> tuple[int, int, int | None]:
    try:
        with _opened(path) as image:
            width, height = image.size
            return height, width, None if image.format == "TIFF" else _orientation(image)
    except _UnknownToPillowError:
        height, width = _decode_by_opencv(path).shape[:2]
        return height, width, None


def _decode(path: Path, *, as_index: bool) -> tuple[np.ndarray, int | None]:
    """Upright pixels (H, W) or (H, W, 3) in the depth of the file, and the EXIF orientation that was applied."""
    try:
        with _opened(path) as image:
            is_tiff = image.format == "TIFF"
            raw_mode = _raw_mode(image)
            orientation = _orientation(image) if is_tiff else None  # loading turns a TIFF and drops the tag
            image.load()  # reads the whole file, so that a truncated file is noticed even if OpenCV decodes it
            is_deep_colour = image.mode in ("RGB", "RGBA", "LA") and "16" in raw_mode
            if is_tiff and is_deep_colour and orientation in (5, 6, 7, 8):
                raise DataError(f"{path} is a 16-bit colour TIFF with EXIF orientation {orientation}; save it upright")
            pixels = _decode_by_opencv(path) if is_deep_colour else _pixels(image, raw_mode, as_index=as_index)
            if is_tiff:
                return pixels, orientation
            orientation = _orientation(image)
            return orient(pixels, orientation), orientation
    except _UnknownToPillowError:
        return _decode_by_opencv(path), None


def _raw_mode(image: Image.Image) -> str:
    """How pixels lie in the file, such as "RGB;16B" for 16-bit colour or "L;4" for 4-bit grey."""
    tiles = getattr(image, "tile", None)
    args = tiles[0].args if tiles else ""
    return str(args[0] if isinstance(args, tuple) else args)


def _pixels(image: Image.Image, raw_mode: str, *, as_index: bool) -> np.ndarray:
    mode = image.mode
    if mode == "1":
        return np.asarray(image.convert("L"))
    if mode == "L":
        grey = np.asarray(image)
        if as_index and raw_mode in ("L;2", "L;4"):  # Pillow scales the values to 0..255
            return grey // np.uint8(85 if raw_mode == "L;2" else 17)
        return grey
    if mode == "P" and as_index:
        return np.asarray(image)
    if mode == "PA" and as_index:
        return np.asarray(image.convert("P"))
    if mode.startswith("I;16"):
        return np.asarray(image).astype(np.uint16)
    if mode == "I":
        wide = np.asarray(image)
        unsigned = image.format == "TIFF" and getattr(image, "tag_v2", {}).get(339, (1,))[0] == 1
        return wide.view(np.uint32).astype(np.int64) if unsigned else wide
    if mode == "F":
        return np.asarray(image)
    if mode == "LA":
        return np.asarray(image)[..., 0]
    return np.asarray(image.convert("RGB"))


def _decode_by_opencv(path: Path) -> np.ndarray:
    """Pixels (H, W) or (H, W, 3) RGB, in the depth of the file."""
    try:
        pixels = cv2.imread(str(path), cv2.IMREAD_UNCHANGED)
    except cv2.error as error:
        raise DataError(f"{path} cannot be read as a picture ({error.err}); copy or export it again") from error
    if pixels is None:
        raise DataError(f"{path} is not a picture in a format that smalta reads; save it as PNG, JPEG or TIFF")
    if pixels.ndim == 3:
        pixels = pixels[..., :3][..., ::-1] if pixels.shape[2] >= 3 else pixels[..., 0]
    return pixels


def _to_8_bits(pixels: np.ndarray, path: str | Path) -> np.ndarray:
    values = pixels.astype(np.float32)
    if not np.isfinite(values).all():
        raise DataError(f"{path} holds values that are not finite numbers; replace them by numbers")
    low, high = np.percentile(values, (0.1, 99.9))
    if high <= low:  # nearly all pixels are equal, so the others decide the scale
        low, high = float(values.min()), float(values.max())
    return to_8_bits(values, low, high)


def to_8_bits(values: np.ndarray, low: float, high: float) -> np.ndarray:
    """Scale float32 values so that `low` becomes 0 and `high` 255; values outside are clipped."""
    scale = 255.0 / (high - low) if high > low else 0.0
    return np.rint(np.clip((values - low) * scale, 0.0, 255.0)).astype(np.uint8)
