"""The doctor's rules. A new rule is a function in the module of its kind and a line in `RULES`.

In:  a data set and the exams of its entries.
Out: findings, in the order of `RULES`.

A rule takes all exams at once, so it can judge one file, one split or the whole set.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence

from smalta.data.checks import class_rules as classes
from smalta.data.checks import file_rules as files
from smalta.data.checks import leak_rules as leaks
from smalta.data.checks import object_rules as objects
from smalta.data.checks import value_rules as values
from smalta.data.checks.exam import Exam
from smalta.data.checks.finding import Finding
from smalta.data.dataset import Dataset

Rule = Callable[[Dataset, Sequence[Exam]], Iterator[Finding]]

RULES: tuple[Rule, ...] = (
    files.unreadable_picture,
    files.unreadable_label,
    files.picture_without_label,
    files.label_without_picture,
    files.size_mismatch,
    files.exif_misfit,
    values.mask_0_255,
    values.off_by_one,
    values.lossy_mask,
    values.anti_aliased_mask,
    values.interpolated_mask,
    values.unknown_ids,
    objects.wrapped_ids,
    leaks.look_alikes,
    files.exif_turned_label,
    classes.inverted_polarity,
    classes.missing_mirror,
    classes.absent_class,
    classes.empty_mask,
    objects.merged_objects,
    objects.reused_ids,
    objects.object_specks,
    objects.objects_on_stuff,
    objects.objects_without_class,
    objects.things_without_objects,
)
