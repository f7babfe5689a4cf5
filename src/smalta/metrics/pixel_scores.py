"""Scores of pixels over the pictures of a split: of levels, of two classes, of the tree, of attributes.

In:  per picture a truth and an answer.
Out: rows for the headline, and plain data of everything.

Pure numpy. Must not know: files, networks, how a report is shown.

Each part keeps small counts of every picture, and every number is a function of summed counts.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import numpy as np

from smalta.answers.segmentation import Segmentation
from smalta.classes import Attribute, ClassTree
from smalta.metrics import binary, boundary, hierarchy, semantic
from smalta.metrics.headline import Headline, number

TOLERANCE = 2  # pixels: hand-drawn labels of thin structures lie at most this far beside the structure
BOUNDARY_SHARE = 0.02  # of the diagonal


class Confusion:
    """Confusion matrix over all pictures, and counts of each picture, for K classes that exclude each other."""

    def __init__(self, n_classes: int) -> None:
        self.n_classes = n_classes
        self.matrix = np.zeros((n_classes, n_classes + 1), dtype=np.int64)
        self._counts: list[np.ndarray] = []

    def add(self, truth: np.ndarray, prediction: np.ndarray) -> None:
        """Add one picture: label maps (H, W) 0..K."""
        matrix = semantic.confusion(truth, prediction, self.n_classes)
        self.matrix += matrix
        self._counts.append(semantic.counts_of(matrix))

    @property
    def counts(self) -> np.ndarray:
        """(N, K, 3)."""
        return np.array(self._counts)


class LevelScores:
    """The scores of one level of the tree."""

    def __init__(self, tree: ClassTree, k: int) -> None:
        self.k = k
        self.index = hierarchy.level_index(tree, k)
        self.names = [tree.name(node) for node in tree.level(k)]
        self.confusion = Confusion(len(self.names))
        self._bands: list[np.ndarray] = []

    def add(self, truth: np.ndarray, prediction: np.ndarray) -> None:
        """Add one picture: node ids (H, W)."""
        truth, prediction = self.index[truth], self.index[prediction]
        self.confusion.add(truth, prediction)
        height, width = truth.shape
        distance = boundary.boundary_distance((height, width), BOUNDARY_SHARE)
        self._bands.append(boundary.boundary_counts(truth, prediction, len(self.names), distance))

    def headlines(self) -> Iterator[Headline]:
        """Rows for the headline."""
        counts = self.confusion.counts
        scope = f"level {self.k}"
        yield Headline("mean_iou", scope, counts, semantic.mean_iou)
        yield Headline("mean_dice", scope, counts, semantic.mean_dice)
        yield Headline("pixel_accuracy", scope, counts, semantic.pixel_accuracy)
        yield Headline("mean_class_accuracy", scope, counts, semantic.mean_class_accuracy)
        yield Headline("mean_boundary_iou", scope, np.array(self._bands), semantic.mean_iou)

    def to_dict(self, n_pixels: int) -> dict[str, Any]:
        """All scores of the level; the split has `n_pixels` pixels."""
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
                "truth_share": number(semantic.ratio(labelled[i], labelled.sum())),
                "predicted_share": number(semantic.ratio(predicted[i], labelled.sum())),
                **{score: number(values[i]) for score, values in scores.items()},
                "most_confused_with": self._most_confused_with(i),
            }
            for i, name in enumerate(self.names)
        ]
        return {
            "level": self.k,
            "labelled_share": float(labelled.sum() / n_pixels),
            "mean_iou": number(semantic.mean_iou(counts)),
            "mean_dice": number(semantic.mean_dice(counts)),
            "pixel_accuracy": number(semantic.pixel_accuracy(counts)),
            "mean_class_accuracy": number(semantic.mean_class_accuracy(counts)),
            "mean_boundary_iou": number(semantic.mean_iou(bands)),
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


class BinaryScores:
    """The positive class against the rest at one threshold, strict and tolerant."""

    def __init__(self, threshold: float, chosen: bool) -> None:
        self.threshold = threshold
        self.chosen = chosen
        self._strict: list[np.ndarray] = []
        self._tolerant: list[np.ndarray] = []

    def add(self, labels: np.ndarray, probability: np.ndarray) -> None:
        """Add one picture: label map (H, W) 0..2 and P(positive) (H, W)."""
        predicted = probability >= self.threshold
        self._strict.append(binary.binary_counts(labels, predicted))
        self._tolerant.append(binary.binary_counts(labels, predicted, TOLERANCE))

    def headlines(self) -> Iterator[Headline]:
        """Rows for the headline."""
        scope = f"threshold {self.threshold:g}"
        strict, tolerant = np.array(self._strict), np.array(self._tolerant)
        yield Headline("f1", scope, strict, binary.f1)
        yield Headline("precision", scope, strict, binary.precision)
        yield Headline("recall", scope, strict, binary.recall)
        yield Headline("iou", scope, strict, binary.binary_iou)
        yield Headline("tolerant_f1", scope, tolerant, binary.f1)
        yield Headline("tolerant_precision", scope, tolerant, binary.precision)
        yield Headline("tolerant_recall", scope, tolerant, binary.recall)

    def to_dict(self) -> dict[str, Any]:
        """All scores at the threshold."""
        scores = {headline.name: headline.value for headline in self.headlines()}
        return {"threshold": self.threshold, "chosen_on_validation": self.chosen, **scores}


class TreeScores:
    """Scores that only a tree of several levels has."""

    def __init__(self, tree: ClassTree) -> None:
        self.tree = tree
        self.costs = hierarchy.error_costs(tree)
        self._errors: list[np.ndarray] = []
        self._agreements: list[np.ndarray] = []

    def add(self, truth: np.ndarray, answer: Segmentation) -> None:
        """Add one picture: node ids (H, W) and the answer."""
        self._errors.append(hierarchy.error_counts(self.costs, truth, answer.classes))
        self._agreements.append(hierarchy.consistency_counts(self.tree, answer.probabilities))

    def headlines(self) -> Iterator[Headline]:
        """Rows for the headline."""
        yield Headline("consistency", "tree", np.array(self._agreements), hierarchy.consistency)
        yield Headline("error_distance", "tree", np.array(self._errors), hierarchy.mean_error_distance)

    def to_dict(self) -> dict[str, Any]:
        """All scores of the tree."""
        agreements, errors = np.sum(self._agreements, axis=0), np.sum(self._errors, axis=0)
        return {
            "consistency": number(hierarchy.consistency(agreements)),
            "consistency_per_level": [
                {"level": k, "share": number(agreements[k - 1] / agreements[-1])} for k in range(1, self.tree.n_levels)
            ],
            "error_distance": number(hierarchy.mean_error_distance(errors)),
            "wrong_share": number(semantic.ratio(errors[1], errors[2])),
        }


class AttributeScores:
    """How often the right value is predicted inside the attribute's node."""

    def __init__(self, tree: ClassTree, attribute: Attribute) -> None:
        self.attribute = attribute
        self.inside = np.zeros(len(tree) + 1, dtype=bool)
        self.inside[[attribute.node, *tree.descendants(attribute.node)]] = True
        self.confusion = Confusion(len(attribute.values))

    def add(self, truth: np.ndarray, labels: np.ndarray | None, probabilities: np.ndarray | None) -> None:
        """Add one picture: node ids (H, W), values (H, W) 0.., probabilities (V, H, W)."""
        if labels is None:
            labels = np.zeros(truth.shape, dtype=np.uint8)
        asked = np.where(self.inside[truth], labels, 0)
        # if the model does not predict the attribute, it is wrong everywhere, like a pixel without an answer
        given = np.zeros_like(asked) if probabilities is None else probabilities.argmax(axis=0) + 1
        self.confusion.add(asked, given)

    def headlines(self) -> Iterator[Headline]:
        """Rows for the headline."""
        scope = f"attribute {self.attribute.name}"
        yield Headline("accuracy", scope, self.confusion.counts, semantic.pixel_accuracy)
        yield Headline("mean_value_accuracy", scope, self.confusion.counts, semantic.mean_class_accuracy)

    def to_dict(self) -> dict[str, Any]:
        """All scores of the attribute."""
        counts = self.confusion.counts.sum(axis=0)
        accuracy = semantic.class_accuracy(counts)
        return {
            "attribute": self.attribute.name,
            "labelled_pixels": int(counts[:, 1].sum()),
            "accuracy": number(semantic.pixel_accuracy(counts)),
            "mean_value_accuracy": number(semantic.mean_class_accuracy(counts)),
            "values": [
                {"value": value, "accuracy": number(accuracy[i])} for i, value in enumerate(self.attribute.values)
            ],
        }
