"""Rules about files: whether pictures and labels pair, can be read, and agree in size and orientation.

In:  exams of all entries.
Out: findings.

Must not know: how an entry is read, other rules.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence

import numpy as np

from smalta.data.checks.exam import Exam
from smalta.data.checks.finding import Finding, counted, inside
from smalta.data.dataset import Dataset

MISFIT = 1.15  # labels fit better as stored if the contrast along their borders is higher by more than this factor


def picture_without_label(dataset: Dataset, exams: Sequence[Exam]) -> Iterator[Finding]:
    """Pictures without a label file."""
    if dataset.unpaired_pictures:
        number = counted(len(dataset.unpaired_pictures), "picture")
        yield Finding(
            level="error",
            rule="picture-without-label",
            message=f"{number} without labels; files pair by their stem",
            files=inside(dataset.root, dataset.unpaired_pictures),
            fix="add a label file with the picture's stem, or move the picture out of the data set",
        )


def label_without_picture(dataset: Dataset, exams: Sequence[Exam]) -> Iterator[Finding]:
    """Label files without a picture."""
    if dataset.unpaired_labels:
        number = counted(len(dataset.unpaired_labels), "label file")
        yield Finding(
            level="error",
            rule="label-without-picture",
            message=f"{number} without a picture; files pair by their stem",
            files=inside(dataset.root, dataset.unpaired_labels),
            fix="add a picture with the label file's stem, or move the label file out of the data set",
        )


def unreadable_picture(dataset: Dataset, exams: Sequence[Exam]) -> Iterator[Finding]:
    """Picture files that are truncated, empty or hold something else."""
    broken = [exam for exam in exams if exam.trouble == "picture"]
    if broken:
        yield Finding(
            level="error",
            rule="unreadable-picture",
            message=f"{counted(len(broken), 'picture')} cannot be read; the first: {broken[0].detail}",
            files=inside(dataset.root, (exam.culprit for exam in broken)),
            fix="copy or export the files again, or remove them with their labels",
        )


def unreadable_label(dataset: Dataset, exams: Sequence[Exam]) -> Iterator[Finding]:
    """Label files that are truncated, of the wrong kind, or break a rule of their format."""
    broken = [exam for exam in exams if exam.trouble == "label"]
    if broken:
        yield Finding(
            level="error",
            rule="unreadable-label",
            message=f"{counted(len(broken), 'label file')} cannot be read; the first: {broken[0].detail}",
            files=inside(dataset.root, (exam.culprit for exam in broken)),
            fix="export the labels again as index PNG, or remove them with their pictures",
        )


def size_mismatch(dataset: Dataset, exams: Sequence[Exam]) -> Iterator[Finding]:
    """Labels whose size differs from their picture's."""
    differing = [exam for exam in exams if exam.trouble == "size"]
    if differing:
        yield Finding(
            level="error",
            rule="size-mismatch",
            message=(
                f"{counted(len(differing), 'label file')} with another size than the picture; "
                f"the first: {differing[0].detail}"
            ),
            files=inside(dataset.root, (exam.culprit for exam in differing)),
            fix="export the labels at the size of their pictures; never resize them with interpolation",
        )


def exif_turned_label(dataset: Dataset, exams: Sequence[Exam]) -> Iterator[Finding]:
    """Pictures with an EXIF rotation and labels on the stored pixels: right in smalta, but not in every other tool."""
    as_turned, as_stored = _mean_contrast(exams)
    doubted = as_stored > MISFIT * as_turned
    turned = [exam for exam in exams if exam.orientation != 1 and not (doubted and exam.contrast)]
    if turned:
        yield Finding(
            level="warning",
            rule="exif-turned-label",
            message=(
                f"{counted(len(turned), 'picture')} with an EXIF rotation and labels that lie on the unrotated pixels; "
                "smalta turns both, other tools may not"
            ),
            files=inside(dataset.root, (exam.entry.picture for exam in turned)),
            fix="save the pictures upright without the EXIF tag and turn the labels the same way",
        )


def exif_misfit(dataset: Dataset, exams: Sequence[Exam]) -> Iterator[Finding]:
    """Labels drawn on the upright picture, whose size does not show it: smalta turns them, and they no longer fit."""
    unsure = [exam for exam in exams if exam.contrast]
    as_turned, as_stored = _mean_contrast(exams)
    if as_stored > MISFIT * as_turned:
        yield Finding(
            level="error",
            rule="exif-misfit",
            message=(
                f"{counted(len(unsure), 'picture')} with an EXIF rotation whose labels are turned too, and would fit "
                f"better unturned (contrast along their borders {as_stored:.0f} instead of {as_turned:.0f})"
            ),
            files=inside(dataset.root, (exam.culprit for exam in unsure)),
            fix="save the pictures upright without the EXIF tag; the labels then fit as they are",
        )


def _mean_contrast(exams: Sequence[Exam]) -> tuple[float, float]:
    """Mean contrast along the borders of turned labels and of labels as stored; 0 if no exam has a `contrast`."""
    found = [exam.contrast for exam in exams if exam.contrast]
    as_turned, as_stored = np.mean(found or [(0.0, 0.0)], axis=0)
    return float(as_turned), float(as_stored)
