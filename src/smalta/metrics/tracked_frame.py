"""The tracks of one frame beside the true ones: ids and how well each pair overlaps.

In:  ids with boxes, or instance maps whose numbers are track ids.
Out: `TrackedFrame`, which the measures of tracking add one by one.

Pure numpy. Must not know: class trees, files, networks, any one measure.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from smalta.errors import ShapeError
from smalta.metrics.instance import overlaps
from smalta.metrics.semantic import ratio


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class TrackedFrame:
    """T true and P predicted objects of one frame.

    Attributes:
        true_ids: (T,) integers of at least 0, all different; one object has one id in all frames of a clip.
        predicted_ids: (P,), the same rules.
        similarity: (T, P) float64 in 0..1, such as the IoU; 0 = they do not overlap.

    Raises:
        ShapeError: if the shapes do not fit, an id is below 0 or an id occurs twice.
    """

    true_ids: np.ndarray
    predicted_ids: np.ndarray
    similarity: np.ndarray

    def __post_init__(self) -> None:
        wanted = (len(self.true_ids), len(self.predicted_ids))
        if self.similarity.shape != wanted:
            raise ShapeError(f"similarity must have shape {wanted} as there are ids, got {self.similarity.shape}")
        for whose, ids in (("true", self.true_ids), ("predicted", self.predicted_ids)):
            if len(np.unique(ids)) < len(ids) or np.any(ids < 0):
                raise ShapeError(f"the {whose} ids of a frame must differ and be 0 or more, got {ids.tolist()}")

    @classmethod
    def of_boxes(
        cls, true_ids: np.ndarray, true_xyxy: np.ndarray, predicted_ids: np.ndarray, predicted_xyxy: np.ndarray
    ) -> TrackedFrame:
        """A frame whose objects are boxes; their similarity is the IoU.

        Args:
            true_ids: (T,) integers.
            true_xyxy: (T, 4) pixels: left, top, right, bottom; a box without area overlaps nothing.
            predicted_ids: (P,) integers.
            predicted_xyxy: (P, 4).
        """
        true, predicted = (np.asarray(b, np.float64).reshape(-1, 1, 4) for b in (true_xyxy, predicted_xyxy))
        predicted = predicted.swapaxes(0, 1)
        sides = np.minimum(true[..., 2:], predicted[..., 2:]) - np.maximum(true[..., :2], predicted[..., :2])
        shared = np.maximum(sides, 0).prod(axis=-1)
        union = _areas(true) + _areas(predicted) - shared
        return cls(true_ids=true_ids, predicted_ids=predicted_ids, similarity=np.nan_to_num(ratio(shared, union)))

    @classmethod
    def of_maps(cls, truth: np.ndarray, prediction: np.ndarray) -> TrackedFrame:
        """A frame whose objects are masks, as in MOTS (Voigtlaender et al. 2019); their similarity is the IoU.

        Args:
            truth: (H, W) integers in 0..2^31 - 1, 0 = none, other numbers are track ids.
            prediction: the same.

        Raises:
            ShapeError: if the maps differ in shape.
        """
        pairs = overlaps(truth, prediction)
        similarity = np.zeros((len(pairs.true_ids), len(pairs.predicted_ids)))
        similarity[pairs.true, pairs.predicted] = pairs.iou
        return cls(true_ids=pairs.true_ids, predicted_ids=pairs.predicted_ids, similarity=similarity)


def _areas(boxes: np.ndarray) -> np.ndarray:
    return np.maximum(boxes[..., 2:] - boxes[..., :2], 0).prod(axis=-1)
