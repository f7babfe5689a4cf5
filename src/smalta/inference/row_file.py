"""A map on disk, written in rectangles and read in rows.

In:  arrays and their positions on the map.
Out: rows of the map.

Must not know: what the values mean.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np


class RowFile:
    """A map on disk; values that are never written are 0.

    Args:
        path: of the file; an existing file is replaced.
        size_hw: of the map.
        dtype: of its values.
    """

    def __init__(self, path: Path, size_hw: tuple[int, int], dtype: Any) -> None:
        self._path, self._width, self._dtype = path, size_hw[1], np.dtype(dtype)
        with path.open("wb") as file:
            file.truncate(size_hw[0] * size_hw[1] * self._dtype.itemsize)

    def write(self, y: int, x: int, values: np.ndarray) -> None:
        """Write an array (h, w) at a position."""
        with self._path.open("r+b") as file:
            for k, row in enumerate(np.ascontiguousarray(values, self._dtype)):
                file.seek(((y + k) * self._width + x) * self._dtype.itemsize)
                file.write(row.tobytes())

    def read(self, y0: int, y1: int) -> np.ndarray:
        """Read rows y0 to y1, (y1 - y0, W)."""
        offset = y0 * self._width * self._dtype.itemsize
        values = np.fromfile(self._path, self._dtype, (y1 - y0) * self._width, offset=offset)
        return values.reshape(y1 - y0, self._width)
