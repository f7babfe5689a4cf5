"""Average precision by COCO's rules, over IoU thresholds 0.5:0.95, by class and by the size of objects.

In:  per picture the true objects, and the predicted objects with scores.
Out: AP per class, for all sizes and for small, medium and large objects.

`faster-coco-eval` matches objects and computes the curves; it gives the numbers of pycocotools. This module passes the
objects to it as run lengths. Must not know: class trees, files, networks.

Two settings differ from COCO's. All predicted objects of a picture count, not only 100, because pictures of cells hold
thousands. Unlabelled pixels are a crowd of every class, so predictions on them are neither right nor wrong.
"""

from __future__ import annotations

from collections.abc import Sequence
from itertools import pairwise
from typing import Any

import cv2
import numpy as np
from pycocotools import mask as coco_mask

from smalta.metrics.object_map import ObjectMap

SIZES = {"all": (0, 1e10), "small": (0, 32**2), "medium": (32**2, 96**2), "large": (96**2, 1e10)}  # square pixels


def run_lengths(instances: np.ndarray) -> list[dict[str, Any]]:
    """COCO's compressed run lengths of every object of an instance map, in the order of their numbers.

    Args:
        instances: (H, W) int32, 0 = none.
    """
    height, width = instances.shape
    flat = cv2.transpose(instances).ravel()
    starts = np.flatnonzero(np.diff(flat, prepend=flat[0] + 1))
    ids, lengths = flat[starts], np.diff(starts, append=flat.size)
    order = np.flatnonzero(ids)[np.argsort(ids[ids != 0], kind="stable")]  # runs of object 1, then of 2, ...
    ids, begins, lengths = ids[order], starts[order], lengths[order]
    ends = begins + lengths
    is_first = np.diff(ids, prepend=0) != 0
    gaps = begins - np.where(is_first, 0, np.roll(ends, 1))
    counts = np.stack([gaps, lengths], axis=1).ravel().tolist()
    splits = [*np.flatnonzero(is_first).tolist(), len(ids)]
    rests = (flat.size - ends).tolist()
    found = []
    for first, beyond in pairwise(splits):
        rest = rests[beyond - 1]
        runs = {"size": [height, width], "counts": counts[2 * first : 2 * beyond] + ([rest] if rest else [])}
        found.append(coco_mask.frPyObjects(runs, height, width))
    return found


class AveragePrecision:
    """Collects the objects of pictures.

    Args:
        n_classes: K.
    """

    def __init__(self, n_classes: int) -> None:
        self.n_classes = n_classes
        self._pictures: list[dict[str, Any]] = []
        self._true: list[dict[str, Any]] = []
        self._answered: list[dict[str, Any]] = []
        self._most = 1

    def add(
        self,
        truth: ObjectMap,
        answer: ObjectMap,
        true_runs: Sequence[dict[str, Any]],
        runs: Sequence[dict[str, Any]],
        scores: np.ndarray,
    ) -> None:
        """Add one picture; objects of class 0 do not count.

        Args:
            truth: of the picture.
            answer: the prediction, with P objects.
            true_runs: run lengths of the true objects.
            runs: run lengths of the predicted objects.
            scores: (P,) float.
        """
        picture = len(self._pictures) + 1
        height, width = truth.labels.shape
        self._pictures.append({"id": picture, "height": height, "width": width})
        for run, of in zip(true_runs, truth.classes.tolist(), strict=True):
            if of:
                self._true.append(self._entry(picture, of, run))
        for run, of, score in zip(runs, answer.classes.tolist(), scores.tolist(), strict=True):
            if of:
                self._answered.append({"image_id": picture, "category_id": of, "segmentation": run, "score": score})
        void, has_void, has_crowd = truth.labels == 0, not truth.labels.all(), truth.crowd.any()
        if has_void or has_crowd:
            for of in np.unique(answer.classes[answer.classes != 0]).tolist():
                region = void | (truth.crowd & (truth.labels == of))
                if region.any():
                    run = coco_mask.encode(np.asfortranarray(region, dtype=np.uint8))
                    self._true.append(self._entry(picture, of, run, crowd=1))
        self._most = max(self._most, len(runs))

    def _entry(self, picture: int, of: int, run: dict[str, Any], crowd: int = 0) -> dict[str, Any]:
        return {
            "id": len(self._true) + 1,
            "image_id": picture,
            "category_id": of,
            "segmentation": run,
            "area": float(coco_mask.area(run)),
            "bbox": coco_mask.toBbox(run).tolist(),
            "iscrowd": crowd,
        }

    def result(self) -> dict[str, np.ndarray]:
        """AP per class, nan for classes without a true object.

        Returns:
            (K,) float64 each. "ap": over the thresholds 0.5:0.95. "ap50" and "ap75": at one threshold. "ap_small",
            "ap_medium" and "ap_large": for objects up to 32 x 32 pixels, up to 96 x 96, and above.
        """
        from faster_coco_eval import COCO, COCOeval_faster

        categories = [{"id": k, "name": str(k)} for k in range(1, self.n_classes + 1)]
        truth = COCO({"images": self._pictures, "annotations": self._true, "categories": categories})
        judge = COCOeval_faster(truth, truth.loadRes(self._answered), "segm")
        judge.params.maxDets = [self._most]
        judge.params.areaRng = [list(ends) for ends in SIZES.values()]
        judge.params.areaRngLbl = list(SIZES)
        judge.evaluate()
        judge.accumulate()
        precision = np.array(judge.eval["precision"])[..., 0]  # (thresholds, recalls, K, sizes), -1 without an object
        precision = np.where(precision < 0, np.nan, precision).mean(axis=1)
        over_thresholds = precision.mean(axis=0)
        by_size = {"ap" if size == "all" else f"ap_{size}": over_thresholds[:, i] for i, size in enumerate(SIZES)}
        return {**by_size, "ap50": precision[0, :, 0], "ap75": precision[5, :, 0]}
