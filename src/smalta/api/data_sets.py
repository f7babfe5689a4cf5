"""Convert labelled pictures to another format.

In:  a data set, a new folder, the name of a format.
Out: files, and notes about labels that the format cannot hold.

Must not know: any one format, command lines.
"""

from __future__ import annotations

from pathlib import Path

from smalta.classes import ClassTree
from smalta.data.any_format import open_dataset
from smalta.data.convert import Converted
from smalta.data.convert import convert as write_set
from smalta.data.dataset import Dataset


def convert(
    data: str | Path | Dataset,
    out: str | Path,
    format: str = "folder",  # noqa: A002
    *,
    classes: ClassTree | str | Path | None = None,
    seed: int = 0,
) -> Converted:
    """Write a data set in another format, as `smalta convert` does; the folder appears when it is complete.

    Args:
        data: the labelled pictures, or their folder.
        out: a folder that does not exist, or is empty.
        format: "folder", "coco", "coco-panoptic", "yolo" or "geojson".
        classes: a class tree or its file, instead of the data set's own.
        seed: of the splits that smalta makes.

    Raises:
        SmaltaError: if the data set cannot be read, the format is unknown, or `out` is not empty.

    Example:
        >>> convert("scenes", "scenes_coco", "coco").pictures
        8
    """
    dataset = data if isinstance(data, Dataset) else open_dataset(data, classes=classes, seed=seed)
    return write_set(dataset, out, format)
