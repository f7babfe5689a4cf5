"""Rules about label values: whether the numbers in the masks are those of the class tree.

In:  exams of all entries.
Out: findings; a mask is in at most one of them, under its likeliest cause.

A value between those of its two neighbours is a sign of interpolation. The rules compare the share of such values with
all steps along borders. It is at most 3 % in hand-drawn masks of real sets, and at least 17 % in masks that were
resized, smoothed or compressed as JPEG. In small pictures more things are one pixel wide. There it is at most 15 % in
exact masks (48 x 64 to 192 x 256 pixels), and at least 22 % after resizing them.

Must not know: how an entry is read, other rules.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence

from smalta.classes import ClassTree
from smalta.data.checks.exam import Exam
from smalta.data.checks.finding import Finding, counted, inside, listed
from smalta.data.dataset import Dataset

SMOOTH_SHARE = 0.1  # of all steps between neighbours
SMOOTH_SHARE_SMALL = 0.2  # in masks of fewer than SMALL pixels whose values are all in the tree
SMALL = 2**16
_FEWEST_STEPS = 30  # with fewer steps a share is not reliable
_FEWEST_MIDDLES = 3  # an outline of one class between two others is not interpolation


def is_smooth(exam: Exam) -> bool:
    """Whether the mask's values change gradually at borders, through the numbers between the two classes."""
    total = exam.steps.ramps + exam.steps.jumps
    is_small = exam.pixels is not None and exam.pixels.sum() < SMALL
    share = SMOOTH_SHARE_SMALL if is_small else SMOOTH_SHARE
    return total >= _FEWEST_STEPS and exam.steps.ramps >= share * total


def lossy_mask(dataset: Dataset, exams: Sequence[Exam]) -> Iterator[Finding]:
    """Masks in JPEG or lossy WebP files, which change values near borders."""
    lossy = [exam for exam in exams if exam.is_lossy]
    if not lossy:
        return
    changed = [exam for exam in lossy if exam.values or is_smooth(exam)]
    yield Finding(
        level="error" if changed else "warning",
        rule="lossy-mask",
        message=(
            f"{counted(len(lossy), 'mask')} in a file type that compresses with loss (JPEG, WebP), "
            + (f"{len(changed)} with values that are not class ids" if changed else "so far with values that fit")
        ),
        files=inside(dataset.root, (exam.culprit for exam in changed or lossy)),
        fix="export the masks as PNG from the labelling tool, or threshold 0/255 masks at 127 and save them as PNG",
    )


def anti_aliased_mask(dataset: Dataset, exams: Sequence[Exam]) -> Iterator[Finding]:
    """Masks of two classes with values between the two."""
    if len(dataset.tree.leaves) == 2:
        smooth = [exam for exam in exams if not exam.is_lossy and exam.values and is_smooth(exam)]
        yield from _smooth_finding(dataset, smooth, "anti-aliased-mask", "anti-aliased or once compressed as JPEG")


def interpolated_mask(dataset: Dataset, exams: Sequence[Exam]) -> Iterator[Finding]:
    """Masks of several classes with values between those of two neighbours."""
    of_many = len(dataset.tree.leaves) > 2
    smooth = [exam for exam in exams if not exam.is_lossy and is_smooth(exam)]
    invented = [exam for exam in smooth if not exam.values and exam.steps.middles >= _FEWEST_MIDDLES]
    unknown = [exam for exam in smooth if exam.values and of_many]
    cause = "resized with interpolation, anti-aliased or once compressed as JPEG"
    yield from _smooth_finding(dataset, [*unknown, *invented], "interpolated-mask", cause)


def _smooth_finding(dataset: Dataset, smooth: Sequence[Exam], rule: str, cause: str) -> Iterator[Finding]:
    if smooth:
        ramps = sum(exam.steps.ramps for exam in smooth)
        share = ramps / (ramps + sum(exam.steps.jumps for exam in smooth))
        yield Finding(
            level="error",
            rule=rule,
            message=(
                f"{counted(len(smooth), 'mask')} with values between those of their neighbours "
                f"({share:.0%} of the steps at borders): {cause}, so values along borders are wrong"
            ),
            files=inside(dataset.root, (exam.culprit for exam in smooth)),
            fix="export them again as PNG with nearest-neighbour resizing, or threshold 0/255 masks at 127",
        )


def mask_0_255(dataset: Dataset, exams: Sequence[Exam]) -> Iterator[Finding]:
    """Masks of 0 and 255 for a tree with 0 and 1."""
    black_white = [exam for exam in _unexplained(exams) if _is_black_white(exam, dataset.tree)]
    if black_white:
        yield Finding(
            level="error",
            rule="mask-0-255",
            message=(
                f"{counted(len(black_white), 'mask')} with the values 0 and 255, and the class tree has "
                f"{_value_list(dataset.tree)}"
            ),
            files=inside(dataset.root, (exam.culprit for exam in black_white)),
            fix=f"write 'ids: [255]' at class {dataset.tree.name(dataset.tree.value_to_node[1])!r} in classes.yaml",
        )


def off_by_one(dataset: Dataset, exams: Sequence[Exam]) -> Iterator[Finding]:
    """Masks that count from 1 where the tree counts from 0, or the reverse."""
    shifted = _shifted(dataset, exams)
    if shifted:
        known = sorted(dataset.tree.value_to_node)
        found = sorted({value for exam in shifted for value in exam.values})
        yield Finding(
            level="error",
            rule="off-by-one",
            message=(
                f"the masks hold values {found[0]} to {found[-1]}, and the class tree has {known[0]} to {known[-1]}; "
                "each class would be confused with the next"
            ),
            files=inside(dataset.root, (exam.culprit for exam in shifted)),
            fix=f"state the 'ids' of all classes in classes.yaml, counted from {found[0]}",
        )


def unknown_ids(dataset: Dataset, exams: Sequence[Exam]) -> Iterator[Finding]:
    """Masks with values that the tree does not have, and that no other rule explains."""
    explained = {id(exam) for exam in _shifted(dataset, exams)}
    unknown = [
        exam for exam in _unexplained(exams) if id(exam) not in explained and not _is_black_white(exam, dataset.tree)
    ]
    if unknown:
        counts: dict[int, int] = {}
        for exam in unknown:
            for value in _strange(exam, dataset.tree):
                counts[value] = counts.get(value, 0) + exam.values[value]
        total = sum(sum(exam.values.values()) for exam in unknown)
        shares = [f"{value} ({_percent(counts[value] / total)})" for value in sorted(counts)]
        yield Finding(
            level="error",
            rule="unknown-ids",
            message=(
                f"{counted(len(unknown), 'mask')} with values that stand for no class (share of their pixels): "
                f"{listed(shares)}; the class tree has {_value_list(dataset.tree)}"
            ),
            files=inside(dataset.root, (exam.culprit for exam in unknown)),
            fix="add the values to 'ids' of a class, or to 'ignore' in classes.yaml",
        )


# -- shared by the rules above ------------------------------------------------------------------------


def _unexplained(exams: Iterable[Exam]) -> list[Exam]:
    """Masks with unknown values that are neither compressed with loss nor smooth."""
    return [exam for exam in exams if exam.values and not exam.is_lossy and not is_smooth(exam)]


def _strange(exam: Exam, tree: ClassTree) -> list[int]:
    return [value for value in exam.values if value not in tree.value_to_node]


def _is_black_white(exam: Exam, tree: ClassTree) -> bool:
    known = tree.value_to_node
    return 255 in exam.values and exam.values.keys() <= {0, 255} and 255 not in known and {0, 1} <= known.keys()


def _shifted(dataset: Dataset, exams: Sequence[Exam]) -> list[Exam]:
    """All masks with unknown values, if these look shifted by one.

    That is so if only one value is unknown, it is next to one end of the tree's values, and the other end never occurs.
    """
    known = dataset.tree.value_to_node
    unknown = [exam for exam in _unexplained(exams) if not _is_black_white(exam, dataset.tree)]
    strange = {value for exam in unknown for value in _strange(exam, dataset.tree)}
    low, high = min(known), max(known)
    ends = {high + 1: low, low - 1: high}
    if len(strange) != 1 or not strange <= ends.keys():
        return []
    unused = ends[strange.pop()]
    in_unknown = any(unused in exam.values for exam in unknown)
    node = known[unused]
    in_others = any(exam.pixels is not None and exam.pixels[node] > 0 for exam in exams)
    return [] if in_unknown or in_others else unknown


def _value_list(tree: ClassTree) -> str:
    return listed(sorted(tree.value_to_node), most=12)


def _percent(share: float) -> str:
    return f"{share:.1%}" if share >= 0.001 else "under 0.1%"
