"""Match predicted objects with true objects, class by class; unlabelled pixels and crowds do not count.

In:  object maps of one level of a class tree.
Out: `Matches` of a picture, (K, thresholds, 4) counts for the scores of `instance`.

Pure numpy. Must not know: class trees, files, networks.

If all pixels are labelled and there is one class, the counts are those of `instance.match_counts`. Two rules of
panoptic quality are added. Predictions on unlabelled pixels do not count for the IoU. A predicted object without a
match is not false if more than half of it lies on unlabelled pixels and on crowds of its class.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from smalta.metrics.instance import THRESHOLDS, Overlaps, matches, overlaps
from smalta.metrics.object_map import ObjectMap


@dataclass(frozen=True, slots=True, kw_only=True)
class Matches:
    """The matches of the objects of one picture.

    Attributes:
        true_classes: (T,) int64 0..K of the true objects; 0 = no class at this level, such an object does not count.
        classes: (P,) int64 0..K of the predicted objects, 0 as above.
        iou: (P,) float64 with the matching true object, at least one half; 0 without a match.
        excused: (P,) bool: without a match, and mostly on unlabelled pixels and crowds of its class.
        unlabelled: (P,) bool: mostly on unlabelled pixels.
    """

    true_classes: np.ndarray
    classes: np.ndarray
    iou: np.ndarray
    excused: np.ndarray
    unlabelled: np.ndarray


def match_objects(truth: ObjectMap, answer: ObjectMap) -> Matches:
    """Match the predicted objects of a picture with the true objects of their class."""
    n = len(answer.classes)
    inside = np.flatnonzero(answer.instances)
    of = answer.instances.ravel()[inside] - 1
    labels = truth.labels.ravel()[inside]
    areas = np.bincount(of, minlength=n)
    on_void = np.bincount(of[labels == 0], minlength=n)
    on_crowd = np.bincount(of[truth.crowd.ravel()[inside] & (labels == answer.classes[of])], minlength=n)

    shown = np.where(truth.labels == 0, 0, answer.instances) if on_void.any() else answer.instances
    pairs = overlaps(truth.instances, shown)
    true, answered = pairs.true_ids[pairs.true] - 1, pairs.predicted_ids[pairs.predicted] - 1
    same = truth.classes[true] == answer.classes[answered]
    pairs = Overlaps(pairs.true[same], pairs.predicted[same], pairs.iou[same], pairs.true_ids, pairs.predicted_ids)
    matched = matches(pairs)
    iou = np.zeros(n)
    iou[answered[same][matched]] = pairs.iou[matched]
    return Matches(
        true_classes=truth.classes,
        classes=answer.classes,
        iou=iou,
        excused=(iou == 0) & (2 * (on_void + on_crowd) > areas),
        unlabelled=2 * on_void > areas,
    )


def class_counts(found: Matches, n_classes: int, thresholds: tuple[float, ...] = THRESHOLDS) -> np.ndarray:
    """Counts per class of one picture.

    Args:
        found: from `match_objects`.
        n_classes: K.
        thresholds: on the IoU, each in [0.5, 1].

    Returns:
        (K, len(thresholds), 4) float64, for each class as in `instance.match_counts`.
    """

    def per_class(classes: np.ndarray, weights: np.ndarray | None = None) -> np.ndarray:
        return np.bincount(classes, weights=weights, minlength=n_classes + 1)[1:].astype(np.float64)

    predicted, true = per_class(found.classes[~found.excused]), per_class(found.true_classes)
    rows = []
    for threshold in thresholds:
        good = found.iou >= threshold
        matched, iou = per_class(found.classes[good]), per_class(found.classes[good], found.iou[good])
        rows.append(np.stack([matched, predicted, true, iou], axis=-1))
    return np.stack(rows, axis=1)
