"""All numbers of one split: takes pictures one by one, gives one report.

In:  per picture a truth and a `Segmentation`.
Out: a plain dict, ready for JSON: numbers are floats, or None where there is nothing to measure.

Pure numpy. Must not know: files, networks, how a report is shown.

Per picture only small counts stay, so memory does not grow with the pixels, and every number is a function of
summed counts, so the bootstrap draws whole pictures without looking at a pixel again.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from smalta.classes import Attribute, ClassTree
from smalta.errors import ShapeError
from smalta.metrics import binary, boundary, hierarchy, semantic
from smalta.metrics.bootstrap import draw_pictures, interval
from smalta.segmentation import Segmentation

TOLERANCE = 2  # pixels: how far beside the thing hand-drawn thin structures are, at most
BOUNDARY_SHARE = 0.02  # of the diagonal

DEFINITIONS = {
    "pooled": "pixels of all pictures are counted together; unlabelled pixels are left out",
    "absent": "a class that no pixel of the split is labelled as: no score, not in any mean",
    "predicted_but_absent": "absent, yet predicted somewhere: no score of its own; it lowers the scores of the others",
    "iou": "right / (truth or predicted)",
    "dice": "2 right / (truth + predicted)",
    "class_accuracy": "share of the pixels of a class that got it",
    "pixel_accuracy": "share of the labelled pixels that are right",
    "boundary_iou": "IoU of the pixels within 2 % of the picture's diagonal of their class's contour",
    "mean": "over the classes that the truth of the split holds",
    "level": "the cut through the class tree at that depth; labels above the cut are unlabelled at that level",
    "precision": "share of the pixels predicted as positive that are right",
    "recall": "share of the positive pixels that are found",
    "f1": "harmonic mean of precision and recall",
    "tolerant": "a pixel counts as right, or as found, if its counterpart lies within 2 pixels (Euclidean)",
    "threshold": "a pixel is positive where P(positive) >= threshold",
    "consistency": "share of pixels whose likeliest leaf lies in the likeliest node of every level above",
    "error_distance": "edges along the tree between truth and prediction, mean over wrong pixels; "
    "below the labelled node is right",
    "attribute": "share of the pixels with a labelled value, inside the attribute's node, that got that value",
    "interval": "95 % percentile bootstrap over whole pictures",
}


@dataclass(frozen=True, slots=True)
class _Headline:
    """A number that gets an interval: `measure` of the summed `counts` (N, ...)."""

    name: str
    scope: str
    counts: np.ndarray
    measure: Callable[[np.ndarray], np.ndarray]

    def to_dict(self, draws: np.ndarray) -> dict[str, Any]:
        ends = interval(self.counts, self.measure, draws)
        return {
            "measure": self.name,
            "scope": self.scope,
            "value": _number(self.measure(self.counts.sum(axis=0))),
            "interval": list(ends) if ends else None,
        }


def _number(value: Any) -> float | None:
    return None if math.isnan(value) else float(value)


class _Confusion:
    """Pooled confusion matrix, and the counts of each picture, of K classes that exclude each other."""

    def __init__(self, n_classes: int) -> None:
        self.n_classes = n_classes
        self.matrix = np.zeros((n_classes, n_classes + 1), dtype=np.int64)
        self._counts: list[np.ndarray] = []

    def add(self, truth: np.ndarray, prediction: np.ndarray) -> None:
        matrix = semantic.confusion(truth, prediction, self.n_classes)
        self.matrix += matrix
        self._counts.append(semantic.counts_of(matrix))

    @property
    def counts(self) -> np.ndarray:
        """(N, K, 3)."""
        return np.array(self._counts)


class _Level:
    """The scores of one level of the tree."""

    def __init__(self, tree: ClassTree, k: int) -> None:
        self.k = k
        self.index = hierarchy.level_index(tree, k)
        self.names = [tree.name(node) for node in tree.level(k)]
        self.confusion = _Confusion(len(self.names))
        self._bands: list[np.ndarray] = []

    def add(self, truth: np.ndarray, prediction: np.ndarray) -> None:
        truth, prediction = self.index[truth], self.index[prediction]
        self.confusion.add(truth, prediction)
        height, width = truth.shape
        distance = boundary.boundary_distance((height, width), BOUNDARY_SHARE)
        self._bands.append(boundary.boundary_counts(truth, prediction, len(self.names), distance))

    def headlines(self) -> Iterator[_Headline]:
        counts = self.confusion.counts
        scope = f"level {self.k}"
        yield _Headline("mean_iou", scope, counts, semantic.mean_iou)
        yield _Headline("mean_dice", scope, counts, semantic.mean_dice)
        yield _Headline("pixel_accuracy", scope, counts, semantic.pixel_accuracy)
        yield _Headline("mean_class_accuracy", scope, counts, semantic.mean_class_accuracy)
        yield _Headline("mean_boundary_iou", scope, np.array(self._bands), semantic.mean_iou)

    def to_dict(self, n_pixels: int) -> dict[str, Any]:
        counts, bands = self.confusion.counts.sum(axis=0), np.sum(self._bands, axis=0)
        scores = {
            "iou": semantic.iou(counts),
            "dice": semantic.dice(counts),
            "accuracy": semantic.class_accuracy(counts),
            "boundary_iou": semantic.iou(bands),
        }
        labelled, predicted = counts[:, 1], counts[:, 2]
        rows: list[dict[str, Any]] = [
            {
                "class": name,
                "state": "present" if labelled[i] else "predicted but absent" if predicted[i] else "absent",
                "truth_share": _number(semantic.ratio(labelled[i], labelled.sum())),
                "predicted_share": _number(semantic.ratio(predicted[i], labelled.sum())),
                **{score: _number(values[i]) for score, values in scores.items()},
                "most_confused_with": self._most_confused_with(i),
            }
            for i, name in enumerate(self.names)
        ]
        return {
            "level": self.k,
            "labelled_share": float(labelled.sum() / n_pixels),
            "mean_iou": _number(semantic.mean_iou(counts)),
            "mean_dice": _number(semantic.mean_dice(counts)),
            "pixel_accuracy": _number(semantic.pixel_accuracy(counts)),
            "mean_class_accuracy": _number(semantic.mean_class_accuracy(counts)),
            "mean_boundary_iou": _number(semantic.mean_iou(bands)),
            "classes": rows,
            "absent": [row["class"] for row in rows if row["state"] == "absent"],
            "predicted_but_absent": [row["class"] for row in rows if row["state"] == "predicted but absent"],
            "confusion": {
                "rows": self.names,
                "columns": [*self.names, "no answer"],
                "pixels": self.confusion.matrix.tolist(),
            },
        }

    def _most_confused_with(self, i: int) -> dict[str, Any] | None:
        row = self.confusion.matrix[i].copy()
        total = row.sum()
        row[i] = 0
        other = int(row.argmax())
        if row[other] == 0:
            return None
        return {"class": [*self.names, "no answer"][other], "share": float(row[other] / total)}


class _Binary:
    """The positive class against the rest at one threshold, strict and tolerant."""

    def __init__(self, threshold: float, chosen: bool) -> None:
        self.threshold = threshold
        self.chosen = chosen
        self._strict: list[np.ndarray] = []
        self._tolerant: list[np.ndarray] = []

    def add(self, labels: np.ndarray, probability: np.ndarray) -> None:
        predicted = probability >= self.threshold
        self._strict.append(binary.binary_counts(labels, predicted))
        self._tolerant.append(binary.binary_counts(labels, predicted, TOLERANCE))

    def headlines(self) -> Iterator[_Headline]:
        scope = f"threshold {self.threshold:g}"
        strict, tolerant = np.array(self._strict), np.array(self._tolerant)
        yield _Headline("f1", scope, strict, binary.f1)
        yield _Headline("precision", scope, strict, binary.precision)
        yield _Headline("recall", scope, strict, binary.recall)
        yield _Headline("iou", scope, strict, binary.binary_iou)
        yield _Headline("tolerant_f1", scope, tolerant, binary.f1)
        yield _Headline("tolerant_precision", scope, tolerant, binary.precision)
        yield _Headline("tolerant_recall", scope, tolerant, binary.recall)

    def to_dict(self) -> dict[str, Any]:
        scores = {h.name: _number(h.measure(h.counts.sum(axis=0))) for h in self.headlines()}
        return {"threshold": self.threshold, "chosen_on_validation": self.chosen, **scores}


class _Hierarchy:
    """What only a tree of several levels has."""

    def __init__(self, tree: ClassTree) -> None:
        self.tree = tree
        self.costs = hierarchy.error_costs(tree)
        self._errors: list[np.ndarray] = []
        self._agreements: list[np.ndarray] = []

    def add(self, truth: np.ndarray, answer: Segmentation) -> None:
        self._errors.append(hierarchy.error_counts(self.costs, truth, answer.classes))
        self._agreements.append(hierarchy.consistency_counts(self.tree, answer.probabilities))

    def headlines(self) -> Iterator[_Headline]:
        yield _Headline("consistency", "tree", np.array(self._agreements), hierarchy.consistency)
        yield _Headline("error_distance", "tree", np.array(self._errors), hierarchy.mean_error_distance)

    def to_dict(self) -> dict[str, Any]:
        agreements, errors = np.sum(self._agreements, axis=0), np.sum(self._errors, axis=0)
        return {
            "consistency": _number(hierarchy.consistency(agreements)),
            "consistency_per_level": [
                {"level": k, "share": _number(agreements[k - 1] / agreements[-1])} for k in range(1, self.tree.n_levels)
            ],
            "error_distance": _number(hierarchy.mean_error_distance(errors)),
            "wrong_share": _number(semantic.ratio(errors[1], errors[2])),
        }


class _Attribute:
    """How often the right value is given inside the attribute's node."""

    def __init__(self, tree: ClassTree, attribute: Attribute) -> None:
        self.attribute = attribute
        self.inside = np.zeros(len(tree) + 1, dtype=bool)
        self.inside[[attribute.node, *tree.descendants(attribute.node)]] = True
        self.confusion = _Confusion(len(attribute.values))

    def add(self, truth: np.ndarray, labels: np.ndarray | None, probabilities: np.ndarray | None) -> None:
        if labels is None:
            labels = np.zeros(truth.shape, dtype=np.uint8)
        asked = np.where(self.inside[truth], labels, 0)
        # an attribute that the model does not answer is wrong everywhere, like a pixel without an answer
        given = np.zeros_like(asked) if probabilities is None else probabilities.argmax(axis=0) + 1
        self.confusion.add(asked, given)

    def headlines(self) -> Iterator[_Headline]:
        scope = f"attribute {self.attribute.name}"
        yield _Headline("accuracy", scope, self.confusion.counts, semantic.pixel_accuracy)
        yield _Headline("mean_value_accuracy", scope, self.confusion.counts, semantic.mean_class_accuracy)

    def to_dict(self) -> dict[str, Any]:
        counts = self.confusion.counts.sum(axis=0)
        accuracy = semantic.class_accuracy(counts)
        return {
            "attribute": self.attribute.name,
            "labelled_pixels": int(counts[:, 1].sum()),
            "accuracy": _number(semantic.pixel_accuracy(counts)),
            "mean_value_accuracy": _number(semantic.mean_class_accuracy(counts)),
            "values": [
                {"value": value, "accuracy": _number(accuracy[i])} for i, value in enumerate(self.attribute.values)
            ],
        }


class Evaluation:
    """Collects the pictures of a split and makes the report.

    A tree with two leaves is also scored as binary; its second leaf is the positive class.

    Args:
        tree: the classes of truth and answers.
        threshold: on P(positive), chosen on validation pictures; None where none was chosen.
    """

    def __init__(self, tree: ClassTree, threshold: float | None = None) -> None:
        self.tree = tree
        self._names: list[str] = []
        self._n_pixels = 0
        self._n_labelled = 0
        self._levels = [_Level(tree, k) for k in range(1, tree.n_levels + 1)]
        self._binary = [_Binary(0.5, threshold == 0.5)] if tree.n_leaves == 2 else []
        if self._binary and threshold not in (None, 0.5):
            self._binary.insert(0, _Binary(threshold, True))
        self._hierarchy = _Hierarchy(tree) if tree.n_levels > 1 else None
        self._attributes = [_Attribute(tree, attribute) for attribute in tree.attributes]

    def add(
        self,
        name: str,
        truth: np.ndarray,
        answer: Segmentation,
        attributes: Mapping[str, np.ndarray] | None = None,
    ) -> None:
        """Take in one picture.

        Args:
            name: of the picture.
            truth: (H, W) uint16 node ids, 0 = unlabelled.
            answer: the segmentation to judge, of the same size.
            attributes: by attribute name, (H, W) uint8, 1.. = value, 0 = not labelled.

        Raises:
            ShapeError: if truth and answer differ in size.
        """
        if truth.shape != answer.size_hw:
            raise ShapeError(f"the answer for {name!r} must be {truth.shape} like its truth, got {answer.size_hw}")
        self._names.append(name)
        self._n_pixels += truth.size
        self._n_labelled += int(np.count_nonzero(truth))
        for level in self._levels:
            level.add(truth, answer.classes)
        for part in self._binary:
            part.add(self._levels[-1].index[truth], answer.probabilities[1])
        if self._hierarchy:
            self._hierarchy.add(truth, answer)
        for question in self._attributes:
            key = question.attribute.name
            question.add(truth, (attributes or {}).get(key), answer.attributes.get(key))

    def report(
        self,
        *,
        dataset: str,
        split: str,
        unreadable: Sequence[Mapping[str, str]] = (),
        n_resamples: int = 2000,
        seed: int = 0,
    ) -> dict[str, Any]:
        """All numbers of the pictures taken in.

        Args:
            dataset: its name.
            split: "train", "val" or "test".
            unreadable: `{"name", "reason"}` of the pictures that could not be read.
            n_resamples: of the bootstrap.
            seed: of the bootstrap.

        Returns:
            Plain data: what was measured, "headline" numbers with their intervals, "levels" from the top to the
            leaves, "binary" (None unless the tree has two leaves), "hierarchy" (None for one level), "attributes",
            "pictures" and "definitions".

        Raises:
            ShapeError: if no picture was taken in.
        """
        if not self._names:
            raise ShapeError("an evaluation needs at least one picture, got none")
        draws = draw_pictures(len(self._names), n_resamples, seed)
        tree_parts = [self._hierarchy] if self._hierarchy else []
        parts: list[_Binary | _Level | _Hierarchy | _Attribute] = [
            *self._binary,
            *reversed(self._levels),
            *tree_parts,
            *self._attributes,
        ]
        return {
            "dataset": dataset,
            "split": split,
            "n_pictures": len(self._names),
            "n_pixels": self._n_pixels,
            "labelled_share": self._n_labelled / self._n_pixels,
            "unreadable": [dict(entry) for entry in unreadable],
            "headline": [headline.to_dict(draws) for part in parts for headline in part.headlines()],
            "bootstrap": {"coverage": 0.95, "resamples": n_resamples, "seed": seed},
            "levels": [level.to_dict(self._n_pixels) for level in self._levels],
            "binary": self._binary_dict(),
            "hierarchy": self._hierarchy.to_dict() if self._hierarchy else None,
            "attributes": [question.to_dict() for question in self._attributes],
            "pictures": self._pictures(),
            "definitions": DEFINITIONS,
        }

    def _binary_dict(self) -> dict[str, Any] | None:
        if not self._binary:
            return None
        return {
            "positive": self.tree.name(self.tree.leaves[1]),
            "tolerance_pixels": TOLERANCE,
            "thresholds": [part.to_dict() for part in self._binary],
        }

    def _pictures(self) -> list[dict[str, Any]]:
        counts = self._levels[-1].confusion.counts
        means, accuracies = semantic.mean_iou(counts), semantic.pixel_accuracy(counts)
        return [
            {"name": name, "mean_iou": _number(means[i]), "pixel_accuracy": _number(accuracies[i])}
            for i, name in enumerate(self._names)
        ]
