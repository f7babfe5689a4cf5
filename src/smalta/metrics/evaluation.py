"""All scores of a split: pictures are added one by one and give one report.

In:  per picture a truth and a `Segmentation`.
Out: a plain dict, ready for JSON: numbers are floats, or None if a score is not defined.

Pure numpy. Must not know: files, networks, how a report is shown.

Only small counts of each picture are kept, so memory does not grow with the pixels. Every score except average
precision is a function of summed counts, so the bootstrap can draw whole pictures without reading a pixel again.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

from smalta.answers.count_intervals import CountCalibration
from smalta.answers.presence_calibration import PresenceCalibration
from smalta.answers.segmentation import Segmentation
from smalta.classes import ClassTree
from smalta.errors import ShapeError
from smalta.metrics import semantic
from smalta.metrics.bootstrap import draw_pictures
from smalta.metrics.headline import number
from smalta.metrics.object_scores import ObjectScores
from smalta.metrics.pixel_scores import TOLERANCE, AttributeScores, BinaryScores, LevelScores, TreeScores
from smalta.metrics.presence_scores import PresenceScores
from smalta.metrics.trivial import TrivialAnswers
from smalta.metrics.trivial_scores import TrivialScores, with_trivial

DEFINITIONS = {
    "pooled": "pixels of all pictures are counted together; unlabelled pixels do not count",
    "absent": "a class without a labelled pixel in the split: it has no score and is in no mean",
    "predicted_but_absent": "absent, and predicted somewhere: it has no score, and lowers the scores of other classes",
    "iou": "right / (truth or predicted)",
    "dice": "2 right / (truth + predicted)",
    "class_accuracy": "share of the pixels of a class that are predicted as this class",
    "pixel_accuracy": "share of the labelled pixels that are right",
    "boundary_iou": "IoU of the pixels within 2 % of the picture's diagonal of their class's contour",
    "mean": "over the classes that are labelled in the split",
    "level": "the cut through the class tree at that depth; labels above the cut are unlabelled at that level",
    "precision": "share of the pixels predicted as positive that are right",
    "recall": "share of the positive pixels that are found",
    "f1": "harmonic mean of precision and recall",
    "tolerant": "a pixel counts as right, or as found, if its counterpart lies within 2 pixels (Euclidean)",
    "threshold": "a pixel is positive if P(positive) >= threshold",
    "consistency": "share of pixels whose likeliest leaf lies in the likeliest node of every level above",
    "error_distance": "edges along the tree between truth and prediction, mean over wrong pixels; "
    "a node below the labelled node is right",
    "attribute": "share of the pixels with a labelled value, inside the attribute's node, with this value predicted",
    "interval": "95 % percentile bootstrap over whole pictures",
    "object": "has the class of most of its pixels, and matches a true object of its class from an IoU of 0.5 on",
    "crowd": "pixels of things without an object: neither found nor missed; a predicted object that lies mostly on "
    "them, or on unlabelled pixels, is not false",
    "object_accuracy": "matched / (matched + false + missed objects), with all classes of things as one",
    "mean_accuracy": "mean of object_accuracy over the IoU thresholds 0.5, 0.55 .. 0.95",
    "ap": "COCO's average precision over IoU 0.5:0.95, mean over classes; all predicted objects of a picture count",
    "ap_sizes": "small: up to 32 x 32 pixels, medium: up to 96 x 96, large: above",
    "pq": "panoptic quality, sq times rq: IoU summed over the matched segments / (matched + (false + missed) / 2)",
    "count": "objects of a node and below it; error = predicted - true, over the pictures whose true count is known",
    "trivial": "the best answer that learns nothing from the pictures' content, chosen on the training pictures: the "
    "most frequent class everywhere, a threshold on brightness (for two classes), no objects, the mean count",
    "presence": "a node is there if a pixel is labelled as it or as a node below it; a picture whose labels do not say "
    "is in no number of the node",
    "ece": "expected calibration error: mean of |mean probability - share that is there| over ten bins of probability; "
    "ece_if_perfect is what probabilities that are right would have with as many pictures",
    "count_coverage": "share of the model's intervals of counts, over pictures and nodes, that hold the true count",
}


class Evaluation:
    """Collects the pictures of a split and makes the report.

    A tree with two leaves is also scored as binary; its second leaf is the positive class.

    Args:
        tree: the classes of truth and answers.
        threshold: on P(positive), chosen on validation pictures; None if it was not chosen.
        calibration: of counts, learned on validation pictures; None if the model has no calibration.
        trivial: chosen on the model's training pictures; None if the model does not state them.
        presence: of the model, learned on validation pictures; None if the model has none.
    """

    def __init__(
        self,
        tree: ClassTree,
        threshold: float | None = None,
        calibration: CountCalibration | None = None,
        trivial: TrivialAnswers | None = None,
        presence: PresenceCalibration | None = None,
    ) -> None:
        self.tree = tree
        self._trivial = TrivialScores(tree, trivial) if trivial else None
        self._calibration = calibration
        self._presence = PresenceScores(tree, presence)
        self._objects: ObjectScores | None = None
        self._names: list[str] = []
        self._n_pixels = 0
        self._n_labelled = 0
        self._levels = [LevelScores(tree, k) for k in range(1, tree.n_levels + 1)]
        self._binary = [BinaryScores(0.5, threshold == 0.5)] if tree.n_leaves == 2 else []
        if self._binary and threshold not in (None, 0.5):
            self._binary.insert(0, BinaryScores(threshold, True))
        self._hierarchy = TreeScores(tree) if tree.n_levels > 1 else None
        self._attributes = [AttributeScores(tree, attribute) for attribute in tree.attributes]

    def add(
        self,
        name: str,
        truth: np.ndarray,
        answer: Segmentation,
        attributes: Mapping[str, np.ndarray] | None = None,
        instances: np.ndarray | None = None,
        picture: np.ndarray | None = None,
    ) -> None:
        """Add one picture; objects are scored if truth and answer have objects.

        Args:
            name: of the picture.
            truth: (H, W) uint16 node ids, 0 = unlabelled.
            answer: the segmentation to judge, of the same size.
            attributes: by attribute name, (H, W) uint8, 1.. = value, 0 = not labelled.
            instances: (H, W) int32 object ids, 0 = none; None if the data set has no objects.
            picture: (H, W, 3) uint8 RGB, for the trivial answer by brightness; None if there is none.

        Raises:
            ShapeError: if truth and answer differ in size, or only some of the pictures have objects to score.
        """
        if truth.shape != answer.size_hw:
            raise ShapeError(f"the answer for {name!r} must be {truth.shape} like its truth, got {answer.size_hw}")
        has_objects = instances is not None and answer.objects is not None
        if not self._names and has_objects:
            self._objects = ObjectScores(self.tree, self._calibration, self._trivial.answers if self._trivial else None)
        if has_objects != (self._objects is not None):
            raise ShapeError(
                f"either all pictures of an evaluation have objects, or none; {name!r} differs from the first picture"
            )
        self._names.append(name)
        self._n_pixels += truth.size
        self._n_labelled += int(np.count_nonzero(truth))
        self._presence.add(truth, answer.presence())
        for level in self._levels:
            level.add(truth, answer.classes)
        for part in self._binary:
            part.add(self._levels[-1].index[truth], answer.probabilities[1])
        if self._trivial is not None and picture is not None:
            self._trivial.add(picture, self._levels[-1].index[truth])
        if self._hierarchy:
            self._hierarchy.add(truth, answer)
        for question in self._attributes:
            key = question.attribute.name
            question.add(truth, (attributes or {}).get(key), answer.attributes.get(key))
        if self._objects is not None and instances is not None:
            self._objects.add(truth, instances, answer)

    def report(
        self,
        *,
        dataset: str,
        split: str,
        unreadable: Sequence[Mapping[str, str]] = (),
        shortfall: str | None = None,
        n_resamples: int = 2000,
        seed: int = 0,
    ) -> dict[str, Any]:
        """All scores of the pictures added.

        Args:
            dataset: the data set's name.
            split: "train", "val" or "test".
            unreadable: `{"name", "reason"}` of the pictures that cannot be read.
            shortfall: that the model made too few steps; None if it did not.
            n_resamples: of the bootstrap.
            seed: of the bootstrap.

        Returns:
            Plain data: what was measured, "headline" numbers with their intervals and their best trivial answer, all
            "trivial" answers, "levels" from the top to the
            leaves, "binary" (None unless the tree has two leaves), "hierarchy" (None for one level), "attributes",
            "objects" and "counts" (None without objects), "presence", "pictures" and "definitions".

        Raises:
            ShapeError: if no picture was added.
        """
        if not self._names:
            raise ShapeError("an evaluation needs at least one picture, got none")
        draws = draw_pictures(len(self._names), n_resamples, seed)
        tree_parts = [self._hierarchy] if self._hierarchy else []
        parts: list[BinaryScores | LevelScores | TreeScores | AttributeScores] = [
            *self._binary,
            *reversed(self._levels),
            *tree_parts,
            *self._attributes,
        ]
        rows = [{"part": "pixels", **h.to_dict(draws)} for part in parts for h in part.headlines()]
        objects = self._objects.report(draws) if self._objects else None
        scopes = [f"threshold {part.threshold:g}" for part in self._binary]
        trivial = self._trivial.rows(self._levels, scopes, self._objects) if self._trivial else []
        return {
            "dataset": dataset,
            "split": split,
            "n_pictures": len(self._names),
            "n_pixels": self._n_pixels,
            "labelled_share": self._n_labelled / self._n_pixels,
            "unreadable": [dict(entry) for entry in unreadable],
            "shortfall": shortfall,
            "headline": with_trivial([*(objects.headline if objects else []), *rows], trivial),
            "trivial": trivial,
            "bootstrap": {"coverage": 0.95, "resamples": n_resamples, "seed": seed},
            "levels": [level.to_dict(self._n_pixels) for level in self._levels],
            "binary": self._binary_dict(),
            "hierarchy": self._hierarchy.to_dict() if self._hierarchy else None,
            "attributes": [question.to_dict() for question in self._attributes],
            "objects": objects.scores if objects else None,
            "counts": objects.counts if objects else None,
            "presence": self._presence.to_dict(),
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
        rows = [
            {"name": name, "mean_iou": number(means[i]), "pixel_accuracy": number(accuracies[i])}
            for i, name in enumerate(self._names)
        ]
        if self._objects is None:
            return rows
        return [{**row, **found} for row, found in zip(rows, self._objects.pictures(), strict=True)]
