"""Measure one entry of a data set, once, for all rules.

In:  a data set and an entry.
Out: `Exam`: the fault of its files, or counts and measures of their content. It keeps no array of the picture's size.

Must not know: rules, other entries.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Literal

import cv2
import numpy as np

from smalta.data.checks.likeness import Likeness, likeness
from smalta.data.checks.object_look import ObjectLook, look_at_objects
from smalta.data.dataset import Dataset
from smalta.data.sample import Entry, Sample
from smalta.errors import ClassTreeError, DataError, SmaltaError
from smalta.pictures.finding import is_picture_name
from smalta.pictures.reading import orient, read_orientation, read_picture, read_size

Trouble = Literal["", "picture", "label", "size", "values"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Steps:
    """How label values change between neighbouring pixels, along rows and columns.

    Attributes:
        ramps: pixels whose value lies between the values of the two pixels beside them.
        jumps: pairs of neighbours whose values differ by 2 or more.
        middles: number of different values of the `ramps` pixels.
    """

    ramps: int = 0
    jumps: int = 0
    middles: int = 0


@dataclass(frozen=True, slots=True, kw_only=True)
class Exam:
    """The measures of one entry.

    Attributes:
        split: its split.
        entry: the entry.
        trouble: why it cannot be read: the "picture" or a "label" is broken, the "size" differs, or the label holds
            "values" that the tree lacks. Empty if it can be read.
        culprit: the file with the fault; without a fault, the first label file.
        detail: the reader's message about the fault.
        values: pixels by label value, if the tree lacks one of the values.
        pixels: (N + 1,) pixels by node id; None if the entry cannot be read.
        steps: of the label values.
        is_lossy: whether a label file is compressed with loss.
        orientation: EXIF orientation by which the picture and its labels were turned; 1 if the labels were not turned.
        contrast: if the sizes do not show whether to turn the labels: the picture's contrast along the borders of
            the turned labels, and along those of the labels as stored. Otherwise None.
        likeness: for comparing pictures; None if `examine` does not compare.
        objects: the measures of its objects; None if objects are not labelled.
    """

    split: str
    entry: Entry
    culprit: Path
    trouble: Trouble = ""
    detail: str = ""
    values: Mapping[int, int] = field(default_factory=dict)
    pixels: np.ndarray | None = None
    steps: Steps = field(default_factory=Steps)
    is_lossy: bool = False
    orientation: int = 1
    contrast: tuple[float, float] | None = None
    likeness: Likeness | None = None
    objects: ObjectLook | None = None


def examine(dataset: Dataset, split: str, entry: Entry, *, compare: bool) -> Exam:
    """Read an entry and measure it; with `compare`, also what the search for look-alikes needs."""
    blank = Exam(split=split, entry=entry, culprit=(*entry.labels, entry.picture)[0])
    try:
        sample = dataset.read(entry)
    except SmaltaError as error:
        return _diagnosed(dataset, blank, error)
    exam = replace(
        blank,
        pixels=np.bincount(sample.classes.ravel(), minlength=len(dataset.tree) + 1),
        steps=measure_steps(dataset.tree.node_to_value[sample.classes]),
        is_lossy=any(_is_lossy(path) for path in entry.labels),
        likeness=likeness(sample.picture) if compare else None,
        objects=None if sample.instances is None else look_at_objects(sample.classes, sample.instances, dataset.tree),
    )
    return _with_orientation(exam, sample)


# -- files that cannot be read ------------------------------------------------------------------------


def _diagnosed(dataset: Dataset, blank: Exam, error: SmaltaError) -> Exam:
    """Read the files of an entry one by one, to find the file with the fault."""
    entry = blank.entry
    try:
        size_hw = read_picture(entry.picture).shape[:2]
    except DataError as broken:
        return replace(blank, trouble="picture", culprit=entry.picture, detail=str(broken))
    for path in filter(is_picture_name, entry.labels):
        try:
            label_hw = read_size(path)
        except DataError as broken:
            return replace(blank, trouble="label", culprit=path, detail=str(broken))
        swapped = read_orientation(entry.picture) in (5, 6, 7, 8)
        if label_hw not in (size_hw, size_hw[::-1] if swapped else size_hw):
            sizes = f"{label_hw[1]} x {label_hw[0]} pixels, its picture {size_hw[1]} x {size_hw[0]}"
            return replace(blank, trouble="size", culprit=path, detail=sizes)
    if isinstance(error, ClassTreeError):
        values = dataset.read_values(entry)
        if values is not None:
            found, counts = np.unique(values, return_counts=True)
            return replace(
                blank,
                trouble="values",
                detail=str(error),
                values=dict(zip(found.tolist(), counts.tolist(), strict=True)),
                steps=measure_steps(values),
                is_lossy=_is_lossy(blank.culprit),
            )
    return replace(blank, trouble="label", detail=str(error))


def _is_lossy(path: Path) -> bool:
    """Whether a file is a JPEG or a lossy WebP, by its first bytes."""
    with path.open("rb") as file:
        head = file.read(16)
    return head[:3] == b"\xff\xd8\xff" or (head[8:12] == b"WEBP" and head[12:16] == b"VP8 ")


# -- measures of what can be read ---------------------------------------------------------------------


def measure_steps(values: np.ndarray) -> Steps:
    """Steps of a label map (H, W) of integers."""
    ramps = jumps = 0
    middles: set[int] = set()
    for rows in (values.astype(np.int64), values.T.astype(np.int64)):
        change = np.diff(rows, axis=1)
        jumps += int((np.abs(change) >= 2).sum())
        between = (change[:, 1:] * change[:, :-1]) > 0
        ramps += int(between.sum())
        middles.update(np.unique(rows[:, 1:-1][between]).tolist())
    return Steps(ramps=ramps, jumps=jumps, middles=len(middles))


def _with_orientation(exam: Exam, sample: Sample) -> Exam:
    """Note how a picture was turned upright, and how well its turned labels fit if their size does not show it."""
    orientation = read_orientation(exam.entry.picture)
    if orientation == 1:
        return exam
    height, width = sample.classes.shape
    by_size = orientation in (5, 6, 7, 8) and height != width
    if by_size and is_picture_name(exam.culprit) and read_size(exam.culprit) == (height, width):
        return exam  # the labels were drawn on the upright picture, and are not turned
    exam = replace(exam, orientation=orientation)
    if by_size:
        return exam
    as_stored = orient(sample.classes, {6: 8, 8: 6}.get(orientation, orientation))
    return replace(exam, contrast=(_contrast(sample.picture, sample.classes), _contrast(sample.picture, as_stored)))


def _contrast(picture: np.ndarray, classes: np.ndarray) -> float:
    """Mean gradient of the picture's brightness along the borders of the class map; 0 without borders."""
    grey = cv2.GaussianBlur(cv2.cvtColor(picture, cv2.COLOR_RGB2GRAY).astype(np.float32), (0, 0), 1.0)
    change = np.hypot(cv2.Sobel(grey, cv2.CV_32F, 1, 0), cv2.Sobel(grey, cv2.CV_32F, 0, 1))
    square = np.ones((3, 3), dtype=np.uint8)
    borders = cv2.dilate(classes, square) != cv2.erode(classes, square)
    return float(change[borders].mean()) if borders.any() else 0.0
