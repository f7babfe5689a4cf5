"""The rule about look-alikes: a picture for training must not be used for evaluation too.

In:  exams with likenesses.
Out: findings.

Must not know: how pictures are compared, other rules.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from itertools import combinations

from smalta.data.checks.exam import Exam
from smalta.data.checks.finding import Finding, Level, counted, inside, listed
from smalta.data.checks.likeness import alike, same_pixels
from smalta.data.dataset import Dataset
from smalta.pictures.reading import read_picture


def look_alikes(dataset: Dataset, exams: Sequence[Exam]) -> Iterator[Finding]:
    """Pictures of two splits that show the same, even if turned or mirrored."""
    by_split = {name: [exam for exam in exams if exam.split == name and exam.likeness] for name in dataset.splits}
    same: list[tuple[Exam, Exam]] = []
    near: list[tuple[Exam, Exam]] = []
    for first, second in combinations(by_split.values(), 2):
        likenesses = [[exam.likeness for exam in exams if exam.likeness] for exams in (first, second)]
        for i, j in alike(*likenesses):
            pair = (first[i], second[j])
            (same if _is_same(*pair) else near).append(pair)
    if same:
        # if smalta dealt the splits, the data set has no error, although its scores would be too high
        level: Level = "warning" if dataset.dealt else "error"
        yield _finding(dataset, level, "identical-pictures", "the same picture as", same)
    if near:
        yield _finding(dataset, "warning", "near-identical-pictures", "nearly the same picture as", near)


def _is_same(first: Exam, second: Exam) -> bool:
    if not (first.likeness and second.likeness and first.likeness.colors == second.likeness.colors):
        return False
    return same_pixels(read_picture(first.entry.picture), read_picture(second.entry.picture))


def _finding(dataset: Dataset, level: Level, rule: str, how: str, pairs: Sequence[tuple[Exam, Exam]]) -> Finding:
    later = list(dict.fromkeys(second.entry.picture for _, second in pairs))
    examples = (" = ".join(inside(dataset.root, (a.entry.picture, b.entry.picture))) for a, b in pairs)
    between = sorted({f"{first.split} and {second.split}" for first, second in pairs})
    return Finding(
        level=level,
        rule=rule,
        message=(
            f"{counted(len(later), 'picture')} {how} one of another split ({listed(between)}): "
            f"{listed(examples, most=2)}; pictures for training must not be used for evaluation"
        ),
        files=inside(dataset.root, later),
        fix=(
            "list pictures of one scene under one group in groups.txt, so that they stay in one split"
            if dataset.dealt
            else "keep all pictures of one scene in one split"
        ),
    )
