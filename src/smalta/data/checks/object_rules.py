"""Rules about object labels: whether each id is one object, each object a thing, and each thing has an object.

In:  exams of all entries.
Out: findings; a file with wrapped or merged ids is not reported for reused ids too.

The limits come from real sets (nuclei, photographs of streets and rooms, parts of cars). There at most a fifth of a
picture's objects have two distant parts of similar size, no object has ten such parts, and one object in seven hundred
has 4 pixels or fewer.

Must not know: how an entry is read, other rules.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence

import numpy as np

from smalta.data.checks.exam import Exam
from smalta.data.checks.finding import Finding, counted, inside
from smalta.data.checks.object_look import SPECK, STREWN, ObjectLook
from smalta.data.dataset import Dataset

NEARLY_FULL = 250  # ids of the 255 that 8 bits hold
REUSED_SHARE, REUSED_FEWEST = 0.4, 4  # scattered objects: share of a picture's objects, number
MERGED_SHARE, MERGED_FEWEST = 0.9, 3  # pictures with one object per class: share of those with objects, number
MERGED_PARTS = 3
SPECK_SHARE, SPECK_FEWEST = 0.1, 10  # of all objects
STRAY_SHARE = 0.2  # of the pixels of a picture's objects
CROWD_SHARE = 0.5  # of the pixels of things


def wrapped_ids(dataset: Dataset, exams: Sequence[Exam]) -> Iterator[Finding]:
    """Object ids that overflow 8 bits: those above 255 continue from 0, or are all 255."""
    wrapped = _those(exams, _is_wrapped)
    if wrapped:
        yield Finding(
            level="error",
            rule="wrapped-ids",
            message=(
                f"{counted(len(wrapped), 'file')} of objects with nearly all ids up to 255 in use, some of them for "
                "several objects far apart: the ids overflowed 8 bits"
            ),
            files=_files(dataset, wrapped),
            fix="export the object ids again as 16-bit PNG or 32-bit TIFF",
        )


def merged_objects(dataset: Dataset, exams: Sequence[Exam]) -> Iterator[Finding]:
    """A mask of classes instead of object ids: one object per class and picture, in many parts."""
    if _is_merged(exams):
        some = _those(exams, lambda look: look.n > 0)
        median = np.median([exam.objects.parts for exam in some if exam.objects])
        yield Finding(
            level="warning",
            rule="merged-objects",
            message=(
                f"{counted(len(some), 'picture')} with at most one object of each class in nearly all of them, and "
                f"{median:.0f} parts of similar size per object: instances/ may hold masks of classes, not of objects"
            ),
            files=_files(dataset, some),
            fix="give every object an id of its own, or omit instances/ if objects are not labelled one by one",
        )


def reused_ids(dataset: Dataset, exams: Sequence[Exam]) -> Iterator[Finding]:
    """One id for several objects far apart, for example after labelling tile by tile."""
    reused = [] if _is_merged(exams) else _those(exams, lambda look: _is_reused(look) and not _is_wrapped(look))
    if reused:
        n = sum(exam.objects.scattered for exam in reused if exam.objects)
        yield Finding(
            level="warning",
            rule="reused-ids",
            message=(
                f"{counted(len(reused), 'picture')} with ids that are used twice: {counted(n, 'object')} in parts of "
                f"similar size that lie far apart, or an object in at least {STREWN} parts"
            ),
            files=_files(dataset, reused),
            fix="give every object of a picture an id of its own",
        )


def object_specks(dataset: Dataset, exams: Sequence[Exam]) -> Iterator[Finding]:
    """Objects of a few pixels, such as the connected regions of a noisy mask."""
    looks = [exam.objects for exam in exams if exam.objects]
    specks, n = sum(look.specks for look in looks), sum(look.n for look in looks)
    if specks >= max(SPECK_FEWEST, SPECK_SHARE * n):
        yield Finding(
            level="warning",
            rule="object-specks",
            message=f"{specks:,} of {counted(n, 'object')} have at most {SPECK} pixels, which is noise for training "
            "and counting",
            files=_files(dataset, _those(exams, lambda look: look.specks >= max(1, SPECK_SHARE * look.n))),
            fix="remove ids that are not objects, such as small regions of a mask that was cut into connected regions",
        )


def objects_on_stuff(dataset: Dataset, exams: Sequence[Exam]) -> Iterator[Finding]:
    """Object ids on pixels of stuff; such objects are ignored."""
    strange = _those(exams, lambda look: look.on_stuff > 0 or look.stray_pixels > STRAY_SHARE * look.pixels)
    if strange:
        looks = [exam.objects for exam in exams if exam.objects]
        n = sum(look.on_stuff for look in looks)
        if n == sum(look.n for look in looks):
            fix = "write 'kind: thing' at the classes of the objects in classes.yaml"
        else:
            fix = "check that object ids and classes belong to the same picture, and that things have 'kind: thing'"
        yield Finding(
            level="warning",
            rule="objects-on-stuff",
            message=(
                f"{counted(len(strange), 'picture')} with object ids on stuff; smalta ignores {counted(n, 'object')} "
                "whose pixels are mostly stuff"
            ),
            files=_files(dataset, strange),
            fix=fix,
        )


def objects_without_class(dataset: Dataset, exams: Sequence[Exam]) -> Iterator[Finding]:
    """Objects whose pixels are unlabelled, so that they have no class."""
    bare = _those(exams, lambda look: look.without_class > 0)
    if bare:
        n = sum(exam.objects.without_class for exam in bare if exam.objects)
        yield Finding(
            level="warning",
            rule="objects-without-class",
            message=f"{counted(n, 'object')} without a class in {counted(len(bare), 'picture')}; training skips them",
            files=_files(dataset, bare),
            fix="label their pixels with a class, or remove their ids",
        )


def things_without_objects(dataset: Dataset, exams: Sequence[Exam]) -> Iterator[Finding]:
    """Most pixels of things belong to no object; they count as crowds."""
    looks = [exam.objects for exam in exams if exam.objects]
    crowd, things = sum(look.crowd_pixels for look in looks), sum(look.thing_pixels for look in looks)
    if crowd > CROWD_SHARE * things:
        yield Finding(
            level="warning",
            rule="things-without-objects",
            message=(
                f"{crowd / things:.0%} of the pixels of things belong to no object; they count as crowds, from which "
                "training learns the class and no objects"
            ),
            files=_files(dataset, _those(exams, lambda look: look.crowd_pixels > CROWD_SHARE * look.thing_pixels)),
            fix="give every thing an object id, or omit instances/ if objects are not labelled one by one",
        )


# -- shared by the rules above ------------------------------------------------------------------------


def _those(exams: Sequence[Exam], fits: Callable[[ObjectLook], bool]) -> list[Exam]:
    return [exam for exam in exams if exam.objects and fits(exam.objects)]


def _files(dataset: Dataset, exams: Sequence[Exam]) -> tuple[str, ...]:
    """The file of each entry's objects; its picture if one file holds the labels of all entries."""
    paths = []
    for exam in exams:
        own = [path for path in exam.entry.labels if "attributes" not in path.parts[-4:-1]]
        paths.append(exam.entry.picture if own[-1].suffix == ".json" else own[-1])
    return inside(dataset.root, paths)


def _is_wrapped(look: ObjectLook) -> bool:
    return look.highest == 255 and look.n >= NEARLY_FULL and look.scattered + look.strewn > 0


def _is_reused(look: ObjectLook) -> bool:
    return look.strewn > 0 or look.scattered >= max(REUSED_FEWEST, REUSED_SHARE * look.n)


def _is_merged(exams: Sequence[Exam]) -> bool:
    looks = [exam.objects for exam in exams if exam.objects and exam.objects.n > 0]
    one_each = sum(look.one_per_class for look in looks) >= MERGED_SHARE * len(looks)
    return len(looks) >= MERGED_FEWEST and one_each and float(np.median([look.parts for look in looks])) >= MERGED_PARTS
