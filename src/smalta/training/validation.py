"""Score the current weights on the validation pictures.

In:  a network, entries of a data set.
Out: mean IoU and panoptic quality at the deepest level of the labels, and the threshold of a tree of two leaves.

Must not know: schedules, checkpoints, optimisers.
"""

from __future__ import annotations

import math
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np

from smalta.answers.grouping import GroupingRule
from smalta.answers.segmentation import Segmentation
from smalta.classes import ClassTree
from smalta.data.dataset import Dataset
from smalta.data.sample import Entry, Sample
from smalta.metrics.binary import ThresholdChooser
from smalta.metrics.hierarchy import level_index
from smalta.metrics.panoptic import SegmentMap, mean_quality, panoptic_counts
from smalta.metrics.semantic import confusion, counts_of, iou, mean_iou, mean_of_present
from smalta.metrics.trivial import (
    BY_BRIGHTNESS,
    NO_OBJECTS,
    TrivialAnswers,
    TrivialScore,
    best_of,
    binary_matrix,
    constant_counts,
    empty_segments,
)
from smalta.model.folding import folded
from smalta.model.network import Network
from smalta.model.torch_runtime import TorchRuntime

MOST = 500  # pictures of one validation
LEAST = 4  # even if time is short


@dataclass(frozen=True, slots=True, kw_only=True)
class Score:
    """The result of a validation.

    Attributes:
        miou: mean IoU of the classes in the labels, at `level`; nan if nothing is labelled.
        level: the deepest level of the tree at which a validation pixel is labelled.
        ious: by class path; None if no pixel has that label.
        quality: panoptic quality, mean over all classes, or only over things if there is only one class of stuff; nan
            without heads for objects.
        threshold: for a tree of two leaves, the probability with the best F1; otherwise None.
        n_pictures: number of pictures used.
        trivial: the best trivial answer by `measure`, on the same pictures; None if it is not known.
    """

    miou: float
    level: int
    ious: dict[str, float | None]
    quality: float
    threshold: float | None
    n_pictures: int
    trivial: TrivialScore | None = None

    @property
    def measure(self) -> str:
        """Name of the score by which weights are chosen."""
        return "mIoU" if math.isnan(self.quality) else "PQ"

    @property
    def best_by(self) -> float:
        """That score; nan if nothing is labelled."""
        return self.miou if math.isnan(self.quality) else self.quality


def validate(
    network: Network,
    dataset: Dataset,
    entries: Sequence[Entry],
    *,
    device: str,
    bf16: bool,
    most: int = MOST,
    seconds: float = math.inf,
    trivial: TrivialAnswers | None = None,
    progress: Callable[[int, int], None] | None = None,
) -> Score:
    """Run a copy of a network in evaluation mode over validation pictures.

    Args:
        network: any mode.
        dataset: of the entries.
        entries: validation pictures, at least one.
        device: "cpu" or "cuda".
        bf16: whether to compute in bf16.
        most: largest number of pictures; a smaller number uses a subset of the same pictures.
        seconds: limit for all pictures; at least `LEAST` are used in any case.
        trivial: the trivial answers, to score them too.
        progress: called after each picture with the number of finished and of all pictures.
    """
    tree = dataset.tree
    runtime = TorchRuntime(folded(network), tree.attributes, device=device, bf16=bf16)
    tables = {k: level_index(tree, k) for k in range(1, tree.n_levels + 1)}
    matrices = {k: np.zeros((n := len(tree.level(k)), n + 1), dtype=np.int64) for k in tables}
    rule = GroupingRule() if network.config.objects else None
    segments = {k: np.zeros((len(tree.level(k)), 4)) for k in tables}
    chooser = ThresholdChooser() if tree.n_leaves == 2 else None
    baseline = _Baseline(dataset.tree, trivial) if trivial else None
    chosen = np.random.default_rng(0).permutation(len(entries))[:most]
    started, count = time.monotonic(), 0
    for count, sample in enumerate(dataset.read_many([entries[i] for i in chosen], workers=1), start=1):
        fields = {name: batch[0] for name, batch in runtime(sample.picture[None]).items()}
        answer = Segmentation.from_fields(tree, fields, rule=rule)
        for k, table in tables.items():
            matrices[k] += confusion(table[sample.classes], table[answer.classes], len(matrices[k]))
            if rule is not None and sample.instances is not None:
                segments[k] += _panoptic_counts(sample, answer, table, tree.is_thing[[0, *tree.level(k)]])
        if chooser is not None:
            chooser.add(answer.probabilities[1], tables[tree.n_levels][sample.classes])
        if baseline is not None:
            baseline.add(sample, objects=rule is not None)
        if progress is not None:
            progress(count, len(chosen))
        if count >= LEAST and time.monotonic() - started > seconds:
            break
    level = max((k for k, matrix in matrices.items() if matrix.sum() > 0), default=tree.n_levels)
    ious = iou(counts_of(matrices[level]))
    named = zip(tree.level(level), ious, strict=True)
    things = tree.is_thing[list(tree.level(level))]
    judged = things if np.count_nonzero(~things) <= 1 else np.ones_like(things)
    quality = float(mean_quality(segments[level], judged)) if rule is not None else math.nan
    best_trivial = None
    if baseline is not None:
        best_trivial = baseline.best(level, matrices[level].sum(axis=1), judged, objects=not math.isnan(quality))
    return Score(
        miou=float(mean_of_present(ious)),
        level=level,
        ious={tree.name(node): None if np.isnan(value) else float(value) for node, value in named},
        quality=quality,
        threshold=chooser.best() if chooser is not None else None,
        n_pictures=count,
        trivial=best_trivial,
    )


class _Baseline:
    """What the trivial answers score on the pictures of a validation."""

    def __init__(self, tree: ClassTree, answers: TrivialAnswers) -> None:
        self._tree, self._answers = tree, answers
        self._tables = {k: level_index(tree, k) for k in range(1, tree.n_levels + 1)}
        self._by_brightness = np.zeros((2, 3), dtype=np.int64)
        self._empty = {k: np.zeros((len(tree.level(k)), 4)) for k in self._tables}

    def add(self, sample: Sample, *, objects: bool) -> None:
        """Add one picture; with `objects`, also the answer that there are none."""
        if self._answers.brightness is not None:
            labels = self._tables[self._tree.n_levels][sample.classes]
            self._by_brightness += binary_matrix(sample.picture, labels, self._answers.brightness)
        if objects and sample.instances is not None:
            for k, table in self._tables.items():
                is_thing = self._tree.is_thing[[0, *self._tree.level(k)]]
                truth = SegmentMap.from_maps(table[sample.classes], sample.instances, is_thing)
                empty = empty_segments(sample.classes.shape, self._answers.backdrop(self._tree, k))
                self._empty[k] += panoptic_counts(truth, empty, len(is_thing) - 1)

    def best(self, level: int, truth: np.ndarray, judged: np.ndarray, *, objects: bool) -> TrivialScore | None:
        """The best trivial answer at a level, by panoptic quality of the `judged` classes or by mean IoU.

        Args:
            level: of the tree.
            truth: (K,) labelled pixels by class of the level.
            judged: (K,) bool.
            objects: whether panoptic quality counts.
        """
        if objects:
            quality = float(mean_quality(self._empty[level], judged))
            return best_of([TrivialScore(answer=NO_OBJECTS, value=quality)])
        answer, place = self._answers.constant(self._tree, level)
        scores = [TrivialScore(answer=answer, value=float(mean_iou(constant_counts(truth, place))))] if place else []
        if self._answers.brightness is not None and level == self._tree.n_levels:
            value = float(mean_iou(counts_of(self._by_brightness)))
            scores.append(TrivialScore(answer=BY_BRIGHTNESS, value=value))
        return best_of(scores)


def _panoptic_counts(sample: Sample, answer: Segmentation, table: np.ndarray, is_thing: np.ndarray) -> np.ndarray:
    """(K, 4) counts of one picture at one level of the tree."""
    assert sample.instances is not None
    assert answer.objects is not None
    truth = SegmentMap.from_maps(table[sample.classes], sample.instances, is_thing)
    found = SegmentMap.from_maps(table[answer.panoptic()], answer.objects.instances, is_thing)
    return panoptic_counts(truth, found, len(is_thing) - 1)
