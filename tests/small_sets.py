"""Pieces of small data sets that tests write by hand."""

from __future__ import annotations

from pathlib import Path

import numpy as np
from PIL import Image

from smalta.data.any_format import open_dataset
from smalta.data.dataset import Dataset
from smalta.data.sample import Sample


def picture(path: Path, size_hw: tuple[int, int] = (4, 6), orientation: int = 1) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    image = Image.fromarray(np.zeros((*size_hw, 3), dtype=np.uint8))
    exif = image.getexif()
    exif[274] = orientation
    image.save(path, exif=exif)


def first(root: Path) -> tuple[Dataset, Sample]:
    data = open_dataset(root)
    return data, data.read(data.entries[0])


def names_at(data: Dataset, sample: Sample, row: int) -> list[str]:
    return [data.tree.name(int(node)) for node in sample.classes[row]]


def square(left: float, top: float, right: float, bottom: float) -> list[float]:
    return [left, top, right, top, right, bottom, left, bottom]
