"""Write label values and pictures as files; a reader never sees a part of a file.

In:  arrays.
Out: PNG files, or 32-bit TIFF files if the values need them.

Must not know: data set layouts, class trees.
"""

from __future__ import annotations

import io
from pathlib import Path
from typing import Literal

import cv2
import numpy as np
from PIL import Image

from smalta.errors import DataError
from smalta.system.whole_files import write_bytes


def write_index(path: str | Path, array: np.ndarray, *, bits: Literal[8, 16] = 8) -> Path:
    """Write label values as one file, whole or not at all.

    Args:
        path: the file; its suffix is replaced by `.png`, or by `.tif` if the values need more than 16 bits.
        array: (H, W) integers in 0..2^31 - 1.
        bits: the least depth of a PNG. Object ids get 16, so that all files of a job have the same depth.

    Returns:
        The path written: an 8- or 16-bit PNG, or a 32-bit TIFF.

    Raises:
        DataError: if the array does not hold such integers in shape (H, W), or the file cannot be written.
    """
    path = Path(path)
    if array.ndim != 2 or array.dtype.kind not in "biu" or array.size == 0:
        raise DataError(f"label values for {path} must be an (H, W) integer array, got {array.shape} {array.dtype}")
    low, high = int(array.min()), int(array.max())
    if low < 0 or high >= 2**31:
        raise DataError(f"label values for {path} must be in 0..2147483647, got {low}..{high}")
    if high < 2**16:
        path = path.with_suffix(".png")
        content = _png(path, array.astype(np.uint8 if high < 2**8 and bits == 8 else np.uint16))
    else:
        path = path.with_suffix(".tif")
        buffer = io.BytesIO()
        Image.fromarray(array.astype(np.int32)).save(buffer, format="TIFF", compression="tiff_deflate")
        content = buffer.getvalue()
    write_bytes(path, content)
    return path


def write_picture(path: str | Path, picture: np.ndarray) -> None:
    """Write a picture as PNG, whole or not at all.

    Args:
        path: the file.
        picture: (H, W, 3) uint8 RGB.

    Raises:
        DataError: if the picture cannot be encoded, or the file cannot be written.
    """
    write_bytes(path, _png(path, cv2.cvtColor(picture, cv2.COLOR_RGB2BGR)))


def _png(path: str | Path, pixels: np.ndarray) -> bytes:
    done, encoded = cv2.imencode(".png", pixels)
    if not done:
        raise DataError(f"{path} cannot be encoded as PNG with {pixels.shape[0]} x {pixels.shape[1]} pixels")
    return bytes(encoded)
