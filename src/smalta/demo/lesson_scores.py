"""How well a model answers scenes with animals: the new class, and all that it knew before.

In:  a model that may have no class for animals, labelled scenes that have one.
Out: `LessonScores`, with the same definitions for every model.

Must not know: how models learn, how scores are shown.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import asdict, dataclass
from typing import Any

import numpy as np

from smalta.answers.objects import Objects
from smalta.classes import ROOT, ClassTree
from smalta.data.sample import Sample
from smalta.inference.predictor import Predictor
from smalta.metrics.instance import f1, match_counts
from smalta.metrics.semantic import confusion, counts_of, iou, mean_of_present
from smalta.scenes.animals import ANIMAL


@dataclass(frozen=True, slots=True, kw_only=True)
class LessonScores:
    """Scores on the same scenes, before or after the lesson.

    Attributes:
        animal_iou: of the class of animals; 0 for a model without that class.
        animals: number of animals in the scenes.
        found: animals that an object of that class covers with an IoU of at least one half.
        known_iou: mean IoU of the finest classes that the model knew before the lesson.
        known_f1: F1 of all people and vehicles as objects, at an IoU of one half.
        instead: share of the animals' pixels by the top class that they are answered as, the largest first.
    """

    animal_iou: float
    animals: int
    found: int
    known_iou: float
    known_f1: float
    instead: Mapping[str, float]

    def to_dict(self) -> dict[str, Any]:
        """The scores as plain data."""
        return asdict(self)


def score_lesson(predictor: Predictor, samples: Iterable[Sample], tree: ClassTree) -> LessonScores:
    """Answer scenes and compare with their labels.

    Args:
        predictor: a model whose classes all occur in `tree`.
        samples: scenes with objects, in the classes of `tree`.
        tree: the classes of the scenes, with one for animals.
    """
    node = tree[ANIMAL].id
    in_tree = np.array([ROOT, *(tree[known.path].id for known in predictor.tree)], dtype=np.uint16)
    matrix = np.zeros((len(tree), len(tree) + 1), dtype=np.int64)
    animals, others = np.zeros(4), np.zeros(4)
    for sample in samples:
        assert sample.instances is not None  # of a scene
        answer = predictor(sample.picture)
        assert answer.objects is not None  # of a model of scenes
        matrix += confusion(sample.classes, in_tree[answer.classes], len(tree))
        is_animal = sample.classes == node
        mine = objects_of(answer.objects, in_tree, node)
        animals += match_counts(np.where(is_animal, sample.instances, 0), mine, (0.5,))[0]
        rest = np.where(mine == 0, answer.objects.instances, 0)
        others += match_counts(np.where(is_animal, 0, sample.instances), rest, (0.5,))[0]
    ious = iou(counts_of(matrix))
    known = [leaf - 1 for leaf in tree.leaves if leaf != node]
    return LessonScores(
        animal_iou=float(np.nan_to_num(ious[node - 1])),
        animals=int(animals[2]),
        found=int(animals[0]),
        known_iou=float(mean_of_present(ious[known])),
        known_f1=float(f1(others)),
        instead=_top_shares(matrix[node - 1, :-1], tree),
    )


def objects_of(objects: Objects, in_tree: np.ndarray, node: int) -> np.ndarray:
    """(H, W) int32 instance map with the objects of one class only; `in_tree` maps the model's ids to the scenes'."""
    kept = np.append(False, in_tree[objects.classes] == node)
    return np.where(kept[objects.instances], objects.instances, 0)


def _top_shares(pixels: np.ndarray, tree: ClassTree) -> dict[str, float]:
    """Shares of pixels (N,) by answered class, as shares of the top classes."""
    by_node = np.append(0, pixels)
    tops = np.bincount(tree.level_table(1), weights=by_node, minlength=len(tree) + 1)
    shares = tops / max(tops.sum(), 1)
    order = np.argsort(-shares, kind="stable")
    return {tree.name(int(top)): round(float(shares[top]), 3) for top in order if shares[top] > 0}
