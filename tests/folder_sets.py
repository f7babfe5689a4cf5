"""Pictures and masks of a few pixels in the folders of a data set."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import numpy as np
from PIL import Image

from smalta.pictures.writing import write_index

SIZE_HW = (4, 6)


def picture(path: Path, size_hw: tuple[int, int] = SIZE_HW) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    Image.fromarray(np.zeros((*size_hw, 3), dtype=np.uint8)).save(path)


def labels(path: Path, values: Sequence[int], size_hw: tuple[int, int] = SIZE_HW) -> None:
    """A label file that repeats `values` from its first pixel on."""
    path.parent.mkdir(parents=True, exist_ok=True)
    write_index(path, np.resize(values, size_hw))


def pair(root: Path, stem: str, values: Sequence[int] = (0, 1)) -> None:
    picture(root / "images" / f"{stem}.png")
    labels(root / "masks" / f"{stem}.png", values)
