"""Read label files that are pictures, turn them like the picture that they label, and map their values to nodes.

In:  paths of label files, label values.
Out: maps (H, W) of label values, object ids or nodes, upright.

Must not know: any one format, folders.
"""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import numpy as np

from smalta.classes import ClassTree
from smalta.data.settle import without_gaps
from smalta.errors import ClassTreeError, DataError
from smalta.pictures.reading import orient, read_index, read_size


def read_labels(path: Path, *, orientation: int, size_hw: tuple[int, int]) -> np.ndarray:
    """Label values (H, W) of a label file, upright like its picture.

    Labels on the stored pixels are turned with the picture. Labels on the upright picture, as far as the sizes show
    it, are not turned.
    """
    if orientation in (5, 6, 7, 8) and size_hw[0] != size_hw[1] and read_size(path) == size_hw:
        orientation = 1
    values = read_index(path, orientation=orientation)
    return turn_labels(values, orientation=1, size_hw=size_hw, name=str(path))


def read_objects(path: Path, *, orientation: int, size_hw: tuple[int, int]) -> np.ndarray:
    """Object ids (H, W) int32 of a label file, by the rules of `read_labels`; ids above 2^31 - 1 are renumbered."""
    values = read_labels(path, orientation=orientation, size_hw=size_hw)
    return (without_gaps(values)[1] if values.max() >= 2**31 else values).astype(np.int32)


def turn_labels(values: np.ndarray, *, orientation: int, size_hw: tuple[int, int], name: str) -> np.ndarray:
    """Labels (H, W) turned upright like their picture, by the rule of `read_labels`.

    Raises:
        DataError: if their size differs from the picture's.
    """
    upright = size_hw[0] != size_hw[1] and values.shape == size_hw
    if not (orientation in (5, 6, 7, 8) and upright):
        values = orient(values, orientation)
    if values.shape != size_hw:
        raise wrong_size(values.shape, size_hw, name)
    return values


def wrong_size(label_hw: Sequence[int], size_hw: Sequence[int], name: str) -> DataError:
    """The error that labels called `name` have another size than their picture."""
    return DataError(
        f"{name} is {label_hw[1]} x {label_hw[0]} pixels and its picture {size_hw[1]} x {size_hw[0]}; "
        "labels must have the size of their picture, so export them again without resizing"
    )


def nodes_of(tree: ClassTree, values: np.ndarray, path: Path) -> np.ndarray:
    """Class map (H, W) uint16 of label values; an unknown value is an error that names the file."""
    try:
        return tree.nodes_of(values)
    except ClassTreeError as error:
        raise ClassTreeError(f"{path}: {error}") from error


def present_values(values: np.ndarray) -> list[int]:
    """The different values of a label array, in order."""
    if values.dtype.itemsize <= 2:  # counting is much faster than sorting
        return np.flatnonzero(np.bincount(values.ravel())).tolist()
    return np.unique(values).tolist()
