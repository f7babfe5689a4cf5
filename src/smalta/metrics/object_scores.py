"""Scores of objects over the pictures of a split: matching by IoU, average precision, panoptic quality, counts.

In:  per picture true classes and objects, and an answer with objects.
Out: rows for the headline, and plain data of everything.

Pure numpy. Must not know: files, networks, how a report is shown.

Counts of every picture are kept, and for average precision all objects as run lengths, some hundred bytes each. The
class of an object is decided once, at its own node, and looked up for each level.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from smalta.answers.count_intervals import CountCalibration
from smalta.answers.segmentation import Segmentation
from smalta.classes import ClassTree
from smalta.metrics import instance, panoptic
from smalta.metrics.average_precision import AveragePrecision, run_lengths
from smalta.metrics.count_scores import CountScores
from smalta.metrics.headline import Headline, number
from smalta.metrics.hierarchy import level_index
from smalta.metrics.matching import class_counts, match_objects
from smalta.metrics.node_counts import node_counts, true_counts
from smalta.metrics.object_map import ObjectMap
from smalta.metrics.semantic import mean_of_present
from smalta.metrics.trivial import TrivialAnswers, empty_segments

Runs = Sequence[dict[str, Any]]
_STUFF, _THING = 1, 2


class LevelObjects:
    """The scores of objects at one level of the tree.

    Args:
        tree: the classes.
        k: the level.
        backdrop: place 1..K of the class that is everywhere in the trivial answer without objects; 0 for none.
    """

    def __init__(self, tree: ClassTree, k: int, backdrop: int = 0) -> None:
        self.k = k
        self.index = level_index(tree, k)
        self.names = [tree.name(node) for node in tree.level(k)]
        self.is_thing = tree.is_thing[list(tree.level(k))]
        self.precision = AveragePrecision(len(self.names))
        self._matched: list[np.ndarray] = []
        self._segments: list[np.ndarray] = []
        self._backdrop = backdrop
        self._empty: list[np.ndarray] = []

    def add(self, truth: ObjectMap, answer: ObjectMap, true_runs: Runs, runs: Runs, scores: np.ndarray) -> None:
        """Add one picture, whose classes are node ids."""
        n_classes = len(self.names)
        truth, answer = truth.seen_by(self.index), answer.seen_by(self.index)
        self._matched.append(class_counts(match_objects(truth, answer), n_classes))
        pair = truth.segments(n_classes), answer.segments(n_classes)
        self._segments.append(panoptic.panoptic_counts(*pair, n_classes))
        if self._backdrop:
            empty = empty_segments(truth.labels.shape, self._backdrop)
            self._empty.append(panoptic.panoptic_counts(pair[0], empty, n_classes))
        self.precision.add(truth, answer, true_runs, runs, scores)

    def headlines(self) -> Iterator[Headline]:
        """Rows for the headline that are functions of summed counts."""
        scope, segments = f"level {self.k}", np.array(self._segments)
        things, stuff = self.is_thing, ~self.is_thing
        yield Headline("pq", scope, segments, panoptic.mean_quality)
        if things.any() and stuff.any():
            yield Headline("pq_things", scope, segments, lambda counts: panoptic.mean_quality(counts, things))
            yield Headline("pq_stuff", scope, segments, lambda counts: panoptic.mean_quality(counts, stuff))

    def without_objects(self) -> dict[str, float]:
        """Panoptic quality of the trivial answer without objects, by measure; empty without a backdrop."""
        if not self._empty:
            return {}
        counts = np.sum(self._empty, axis=0)
        groups = {"pq": np.ones_like(self.is_thing), "pq_things": self.is_thing, "pq_stuff": ~self.is_thing}
        return {name: float(panoptic.mean_quality(counts, chosen)) for name, chosen in groups.items()}

    def to_dict(self, precision: Mapping[str, np.ndarray]) -> dict[str, Any]:
        """All scores of the level; `precision` is the result of `AveragePrecision.result`."""
        segments, matched = np.sum(self._segments, axis=0), np.sum(self._matched, axis=0)
        per_class = {
            "pq": panoptic.panoptic_quality(segments),
            "sq": panoptic.segmentation_quality(segments),
            "rq": panoptic.recognition_quality(segments),
        }
        of_things = {
            **precision,
            "accuracy": instance.accuracy(matched[:, 0]),
            "mean_accuracy": instance.mean_accuracy(matched),
            "f1": instance.f1(matched[:, 0]),
        }
        groups = {"all": np.ones_like(self.is_thing), "things": self.is_thing, "stuff": ~self.is_thing}
        return {
            "level": self.k,
            **{name: number(mean_of_present(values)) for name, values in precision.items()},
            "panoptic": {
                group: {name: number(mean_of_present(values[chosen])) for name, values in per_class.items()}
                for group, chosen in groups.items()
            },
            "classes": [
                {
                    "class": name,
                    "kind": "thing" if thing else "stuff",
                    "true": int(matched[i, 0, 2]) if thing else None,
                    "predicted": int(matched[i, 0, 1]) if thing else None,
                    **{score: number(values[i]) for score, values in per_class.items()},
                    **{score: number(values[i]) if thing else None for score, values in of_things.items()},
                }
                for i, (name, thing) in enumerate(zip(self.names, self.is_thing.tolist(), strict=True))
            ],
        }


@dataclass(frozen=True, slots=True)
class ObjectReport:
    """The scores of objects in a report: rows for its headline, its "objects" and its "counts"."""

    headline: list[dict[str, Any]]
    scores: dict[str, Any]
    counts: dict[str, Any]


class ObjectScores:
    """Collects the objects of pictures.

    Args:
        tree: the classes.
        calibration: the model's calibration of counts.
        trivial: the trivial answers; None if they are not known.
    """

    def __init__(
        self, tree: ClassTree, calibration: CountCalibration | None, trivial: TrivialAnswers | None = None
    ) -> None:
        self.tree = tree
        self.counts = CountScores(tree, calibration, trivial.counts if trivial else None)
        self.levels = [
            LevelObjects(tree, k, trivial.backdrop(tree, k) if trivial else 0) for k in range(1, tree.n_levels + 1)
        ]
        self._kinds = np.where(tree.is_thing, _THING, _STUFF).astype(np.uint8)
        self._kinds[0] = 0
        self._matched: list[np.ndarray] = []

    def add(self, classes: np.ndarray, instances: np.ndarray, answer: Segmentation) -> None:
        """Add one picture.

        Args:
            classes: (H, W) uint16 node ids, 0 = unlabelled.
            instances: (H, W) integers, 0 = none.
            answer: with objects.
        """
        found = answer.objects
        if found is None:
            raise ValueError("the answer has no objects; scores of objects need an answer with objects")
        truth = ObjectMap.from_maps(classes, instances, self.tree.is_thing)
        labels, nodes = answer.panoptic(), found.classes.astype(np.int64)
        crowd = self.tree.is_thing[labels] & (found.instances == 0)
        answered = ObjectMap(instances=found.instances, classes=nodes, labels=labels, crowd=crowd)

        matched = match_objects(truth.seen_by(self._kinds), answered.seen_by(self._kinds))
        self._matched.append(class_counts(matched, _THING)[_THING - 1])
        self.counts.add(node_counts(self.tree, nodes[~matched.unlabelled]), *true_counts(self.tree, truth))
        runs = run_lengths(truth.instances), run_lengths(found.instances)
        for level in self.levels:
            level.add(truth, answered, *runs, found.scores)

    @property
    def n_true(self) -> int:
        """Number of true objects so far."""
        return int(sum(matched[0, 2] for matched in self._matched))

    def report(self, draws: np.ndarray) -> ObjectReport:
        """All scores; intervals come from the resamples of `bootstrap.draw_pictures`."""
        matched, total = np.array(self._matched), np.sum(self._matched, axis=0)
        levels = [level.to_dict(level.precision.result()) for level in self.levels]
        halves, range_ = "objects, IoU 0.5", "objects, IoU 0.5:0.95"
        rows = [
            Headline("accuracy", halves, matched[:, 0], instance.accuracy).to_dict(draws),
            Headline("f1", halves, matched[:, 0], instance.f1).to_dict(draws),
            Headline("precision", halves, matched[:, 0], instance.precision).to_dict(draws),
            Headline("recall", halves, matched[:, 0], instance.recall).to_dict(draws),
            Headline("mean_accuracy", range_, matched, instance.mean_accuracy).to_dict(draws),
        ]
        for level, numbers in zip(reversed(self.levels), reversed(levels), strict=True):
            rows += [headline.to_dict(draws) for headline in level.headlines()]
            # AP is not a function of summed counts, so it cannot be resampled
            rows.append({"measure": "ap", "scope": f"level {level.k}", "value": numbers["ap"], "interval": None})
        rows += [headline.to_dict(draws) for headline in self.counts.headlines()]
        return ObjectReport(
            headline=[{"part": "objects", **row} for row in rows],
            scores={
                "true": int(total[0, 2]),
                "predicted": int(total[0, 1]),
                "thresholds": list(instance.THRESHOLDS),
                "accuracy": [number(value) for value in instance.accuracy(total)],
                "f1": [number(value) for value in instance.f1(total)],
                "matched_iou": number(instance.matched_iou(total[0])),
                "levels": levels,
            },
            counts=self.counts.to_dict(),
        )

    def pictures(self) -> list[dict[str, Any]]:
        """For each picture the numbers of objects and their accuracy."""
        return [
            {
                "true_objects": int(matched[0, 2]),
                "predicted_objects": int(matched[0, 1]),
                "accuracy": number(instance.accuracy(matched[0])),
            }
            for matched in self._matched
        ]
