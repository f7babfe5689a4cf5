"""The scores of the trivial answers by the measures of a report, on the same pictures.

In:  `TrivialAnswers`; the labels that the parts of an evaluation have counted.
Out: one row per measure, scope and trivial answer; for each headline number the best of them.

Pure numpy. Must not know: files, networks, how a report is shown.

Boundaries and tolerances have no trivial score.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import Any

import numpy as np

from smalta.classes import ClassTree
from smalta.metrics import binary, node_counts, semantic
from smalta.metrics.headline import number
from smalta.metrics.object_scores import ObjectScores
from smalta.metrics.pixel_scores import LevelScores
from smalta.metrics.trivial import (
    BY_BRIGHTNESS,
    MEAN_COUNT,
    NO_OBJECTS,
    TrivialAnswers,
    TrivialScore,
    best_of,
    binary_matrix,
    constant_counts,
)

LOWER_IS_BETTER = frozenset({"count_mae", "count_relative_error"})
_OF_LEVEL = {
    "mean_iou": semantic.mean_iou,
    "mean_dice": semantic.mean_dice,
    "pixel_accuracy": semantic.pixel_accuracy,
    "mean_class_accuracy": semantic.mean_class_accuracy,
}
_OF_TWO = {"f1": binary.f1, "precision": binary.precision, "recall": binary.recall, "iou": binary.binary_iou}
_OF_OBJECTS = {
    "objects, IoU 0.5": ("accuracy", "f1", "recall"),
    "objects, IoU 0.5:0.95": ("mean_accuracy",),
}

Row = dict[str, Any]


class TrivialScores:
    """Collects what the trivial answers score.

    Args:
        tree: the classes.
        answers: chosen on training pictures.
    """

    def __init__(self, tree: ClassTree, answers: TrivialAnswers) -> None:
        self.tree, self.answers = tree, answers
        self._by_brightness = np.zeros((2, 3), dtype=np.int64)

    def add(self, picture: np.ndarray, labels: np.ndarray) -> None:
        """Add one picture.

        Args:
            picture: (H, W, 3) uint8 RGB.
            labels: (H, W) unsigned integers: the place of each pixel's class in the deepest level, 0 = unlabelled.
        """
        if self.answers.brightness is not None:
            self._by_brightness += binary_matrix(picture, labels, self.answers.brightness)

    def rows(self, levels: Sequence[LevelScores], thresholds: Iterable[str], objects: ObjectScores | None) -> list[Row]:
        """All rows: "measure", "scope", "answer" and "value".

        Args:
            levels: of the tree, from the top, with all pictures.
            thresholds: scopes of the scores of two classes.
            objects: with all pictures; None without objects.
        """
        found = [*self._of_levels(levels), *self._of_two(levels[-1], thresholds)]
        if objects is not None:
            found += [*self._of_objects(objects), *self._of_counts(objects)]
        return [
            {"measure": measure, "scope": scope, "answer": answer, "value": value}
            for measure, scope, answer, raw in found
            if (value := number(raw)) is not None
        ]

    def _of_levels(self, levels: Sequence[LevelScores]) -> Iterator[tuple[str, str, str, Any]]:
        for level in levels:
            answer, place = self.answers.constant(self.tree, level.k)
            truth = level.confusion.matrix.sum(axis=1)
            tables = {answer: constant_counts(truth, place)} if place else {}
            if level is levels[-1] and self.answers.brightness is not None:
                tables[BY_BRIGHTNESS] = semantic.counts_of(self._by_brightness)
            for name, counts in tables.items():
                yield from ((measure, f"level {level.k}", name, of(counts)) for measure, of in _OF_LEVEL.items())

    def _of_two(self, leaves: LevelScores, scopes: Iterable[str]) -> Iterator[tuple[str, str, str, Any]]:
        answer, place = self.answers.constant(self.tree, leaves.k)
        for scope in scopes:
            tables = {answer: constant_counts(leaves.confusion.matrix.sum(axis=1), place)} if place else {}
            if self.answers.brightness is not None:
                tables[BY_BRIGHTNESS] = semantic.counts_of(self._by_brightness)
            for name, counts in tables.items():
                right, true, predicted = counts[binary.POSITIVE - 1]
                four = np.array([right, predicted, right, true])
                yield from ((measure, scope, name, of(four)) for measure, of in _OF_TWO.items())

    def _of_objects(self, objects: ObjectScores) -> Iterator[tuple[str, str, str, Any]]:
        if objects.n_true:
            yield from ((m, scope, NO_OBJECTS, 0.0) for scope, names in _OF_OBJECTS.items() for m in names)
        for level in objects.levels:
            scope = f"level {level.k}"
            yield from ((measure, scope, NO_OBJECTS, value) for measure, value in level.without_objects().items())
            yield "ap", scope, NO_OBJECTS, 0.0 if objects.n_true else np.nan

    def _of_counts(self, objects: ObjectScores) -> Iterator[tuple[str, str, str, Any]]:
        sums = objects.counts.sums_of_mean()
        if sums is not None:
            yield "count_mae", "counts", MEAN_COUNT, node_counts.mean_absolute_error(sums[0])
            yield "count_relative_error", "counts", MEAN_COUNT, node_counts.relative_error(sums[0])


def with_trivial(rows: Iterable[Mapping[str, Any]], trivial: Iterable[Mapping[str, Any]]) -> list[Row]:
    """Headline rows, each with its best trivial answer under "trivial" (None if it has none).

    Args:
        rows: of the headline.
        trivial: as `TrivialScores.rows` gives them.
    """
    by_number: dict[tuple[str, str], list[TrivialScore]] = {}
    for one in trivial:
        of = by_number.setdefault((one["measure"], one["scope"]), [])
        of.append(TrivialScore(answer=one["answer"], value=one["value"]))
    found = []
    for row in rows:
        lower = row["measure"] in LOWER_IS_BETTER
        best = best_of(by_number.get((row["measure"], row["scope"]), ()), lower_is_better=lower)
        shown = None
        if best is not None:
            beaten = row["value"] is not None and best.beaten_by(row["value"], lower_is_better=lower)
            shown = {"answer": best.answer, "value": best.value, "beaten": beaten}
        found.append({**row, "trivial": shown})
    return found
