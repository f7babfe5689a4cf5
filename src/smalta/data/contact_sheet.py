"""Twelve labelled pictures on one page, for faults that only a person sees.

In:  a data set.
Out: a PNG file.

Must not know: formats, rules of the doctor.
"""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import cv2
import numpy as np

from smalta.data.dataset import Dataset
from smalta.data.sample import Sample
from smalta.errors import DataError, SmaltaError
from smalta.pictures.overlay import caption, overlay, with_legend
from smalta.pictures.writing import write_picture

COUNT = 12
COLUMNS = 4
CELL_HW = (270, 360)
_GAP = 6
_PAPER = (24, 24, 28)


def contact_sheet(dataset: Dataset, file: str | Path, seed: int = 0) -> tuple[str, ...]:
    """Draw the labels of twelve pictures, which the seed chooses, into a PNG file with names and a legend.

    Entries that cannot be read are skipped. A smaller data set fills fewer cells.

    Args:
        dataset: the labelled pictures.
        file: where to; its name ends in .png.
        seed: another one chooses other pictures.

    Returns:
        The names of the entries drawn, from left to right and top to bottom.

    Raises:
        DataError: if no entry can be read, the file's name does not end in .png, or it cannot be written.

    Example:
        >>> len(contact_sheet(open_dataset("scenes"), "look.png"))
        8
    """
    file = Path(file)
    if file.suffix.lower() != ".png":
        raise DataError(f"{file.name!r} does not end in .png, and the contact sheet is a PNG picture; name it *.png")
    cells, names, present = [], [], set()
    for split, sample in _readable(dataset, seed):
        cells.append(_cell(dataset, split, sample))
        names.append(sample.name)
        present.update(np.unique(sample.classes).tolist())
        if len(cells) == COUNT:
            break
    if not cells:
        raise DataError(
            f"no picture of {dataset.root} can be read with its labels; 'smalta check' without the sheet gives reasons"
        )
    write_picture(file, with_legend(_page(cells), dataset.tree, sorted(present)))
    return tuple(names)


def _readable(dataset: Dataset, seed: int) -> Iterator[tuple[str, Sample]]:
    """Split and sample of the entries that can be read, in a random order."""
    entries = [(split, entry) for split, members in dataset.splits.items() for entry in members]
    for index in np.random.default_rng(seed).permutation(len(entries)):
        split, entry = entries[index]
        try:
            yield split, dataset.read(entry)
        except SmaltaError:  # the report names this entry
            continue


def _cell(dataset: Dataset, split: str, sample: Sample) -> np.ndarray:
    """(h + 20, w, 3): the overlay fitted into a cell, with its name below."""
    cell_h, cell_w = CELL_HW
    height, width = sample.classes.shape
    scale = min(cell_h / height, cell_w / width)
    size_wh = (max(1, round(width * scale)), max(1, round(height * scale)))
    picture = cv2.resize(sample.picture, size_wh, interpolation=cv2.INTER_AREA if scale < 1 else cv2.INTER_LINEAR)
    maps = [sample.classes, sample.instances if sample.instances is not None else np.zeros_like(sample.classes)]
    classes, instances = (cv2.resize(one, size_wh, interpolation=cv2.INTER_NEAREST_EXACT) for one in maps)
    drawn = overlay(picture, classes, dataset.tree, instances=instances)
    cell = np.full((cell_h, cell_w, 3), _PAPER, dtype=np.uint8)
    top, left = (cell_h - size_wh[1]) // 2, (cell_w - size_wh[0]) // 2
    cell[top : top + size_wh[1], left : left + size_wh[0]] = drawn
    return np.concatenate([cell, caption(f"{sample.name} ({split})", cell_w)])


def _page(cells: list[np.ndarray]) -> np.ndarray:
    """Cells in rows, with gaps."""
    columns = min(COLUMNS, len(cells))
    rows = -(-len(cells) // columns)
    height, width = cells[0].shape[:2]
    page = np.full((rows * (height + _GAP) + _GAP, columns * (width + _GAP) + _GAP, 3), _PAPER, dtype=np.uint8)
    for index, cell in enumerate(cells):
        top, left = (index // columns) * (height + _GAP) + _GAP, (index % columns) * (width + _GAP) + _GAP
        page[top : top + height, left : left + width] = cell
    return page
