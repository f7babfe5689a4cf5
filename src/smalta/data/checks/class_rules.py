"""Rules about classes: whether each has pixels, whether foreground and background are swapped, whether mirrors fit.

In:  exams of all entries.
Out: findings.

Must not know: how an entry is read, other rules.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence

import numpy as np

from smalta.classes import ClassTree
from smalta.data.checks.exam import Exam
from smalta.data.checks.finding import Finding, counted, inside, listed
from smalta.data.dataset import Dataset

_GROUND = re.compile(r"back|ground|free|none|normal|other|paper|good|intact|^ok$|^no[_ -]", re.IGNORECASE)
_SIDES = re.compile(r"left|(?<!b)right")


def absent_class(dataset: Dataset, exams: Sequence[Exam]) -> Iterator[Finding]:
    """Classes without a labelled pixel, in the whole data set or in one split."""
    tree = dataset.tree
    by_split: dict[str, np.ndarray] = {}
    for exam in exams:
        if exam.pixels is not None:
            by_split[exam.split] = by_split.get(exam.split, np.zeros(len(tree) + 1, dtype=np.int64)) + exam.pixels
    total = np.sum(list(by_split.values()), axis=0) if by_split else None
    if total is None:
        return
    nowhere = [leaf for leaf in tree.leaves if total[leaf] == 0]
    if nowhere:
        yield Finding(
            level="warning",
            rule="absent-class",
            message=f"{counted(len(nowhere), 'class')} without a labelled pixel in any split: {_names(tree, nowhere)}",
            fix="label pixels of the class, or remove it from classes.yaml",
        )
    for split, pixels in by_split.items():
        missing = [leaf for leaf in tree.leaves if pixels[leaf] == 0 and total[leaf] > 0]
        if missing:
            effect = "the model cannot learn them" if split == "train" else "they are not evaluated there"
            yield Finding(
                level="warning",
                rule="absent-class",
                message=f"split {split!r} has no pixel of {_names(tree, missing)}, so {effect}",
                fix="move a picture with the class into the split, or label more pixels",
            )


def empty_mask(dataset: Dataset, exams: Sequence[Exam]) -> Iterator[Finding]:
    """Masks of one class only, or without any label."""
    tree = dataset.tree
    found: dict[int, list[Exam]] = {}
    for exam in exams:
        if exam.pixels is not None and len(present := np.flatnonzero(exam.pixels)) == 1:
            found.setdefault(int(present[0]), []).append(exam)
    if found:
        count = sum(map(len, found.values()))
        what = listed(f"{len(some)} only {tree.name(node)!r}" for node, some in sorted(found.items()))
        yield Finding(
            level="warning",
            rule="empty-mask",
            message=f"{counted(count, 'mask')} of {len(exams):,} with only one value: {what}",
            files=inside(dataset.root, (exam.culprit for some in found.values() for exam in some)),
            fix="leave it if the picture shows no object; otherwise label the picture, or remove it",
        )


def inverted_polarity(dataset: Dataset, exams: Sequence[Exam]) -> Iterator[Finding]:
    """Of two classes the foreground covers most of the pixels: black and white may be swapped."""
    tree = dataset.tree
    counts = [exam.pixels for exam in exams if exam.pixels is not None]
    if len(tree.leaves) != 2 or not counts:
        return
    ground, thing = tree.leaves
    if _GROUND.search(tree[thing].name) and not _GROUND.search(tree[ground].name):
        ground, thing = thing, ground
    total = np.sum(counts, axis=0)
    share = total[thing] / max(1, total[ground] + total[thing])
    if share > 0.5:
        ids = tree.node_to_value
        yield Finding(
            level="warning",
            rule="inverted-polarity",
            message=(
                f"class {tree.name(thing)!r} (value {ids[thing]}) covers {share:.0%} of the pixels and "
                f"{tree.name(ground)!r} (value {ids[ground]}) the rest; objects usually cover less than half"
            ),
            fix=f"if black and white are swapped, write 'ids: [{ids[ground]}]' at {tree.name(thing)!r} and "
            f"'ids: [{ids[thing]}]' at {tree.name(ground)!r} in classes.yaml",
        )


def missing_mirror(dataset: Dataset, exams: Sequence[Exam]) -> Iterator[Finding]:
    """Pairs of classes for left and right without 'mirror', which are wrong in mirrored pictures."""
    tree = dataset.tree
    paths = {node.path.lower(): node for node in tree.nodes}
    pairs = []
    for node in tree.nodes:
        other = paths.get(_SIDES.sub(_other_side, node.path.lower()))
        if other is not None and other.id > node.id and tree.mirror[node.id] == node.id:
            pairs.append(f"{node.path} and {other.path}")
    if pairs:
        yield Finding(
            level="warning",
            rule="missing-mirror",
            message=(
                f"{counted(len(pairs), 'pair')} of classes for left and right without 'mirror': {listed(pairs, most=3)}"
                "; training on mirrored pictures would confuse left and right"
            ),
            fix="write 'mirror: NAME_OF_THE_OTHER_CLASS' at one class of each pair in classes.yaml",
        )


def _other_side(match: re.Match[str]) -> str:
    return "right" if match.group() == "left" else "left"


def _names(tree: ClassTree, nodes: Sequence[int]) -> str:
    return listed(tree.name(node) for node in nodes)
