"""Panoptic quality: stuff and objects together, by COCO's rules on void and crowd.

In:  segment maps with the class of each segment, or a class map with an instance map.
Out: (K, 4) counts per picture, scores from summed counts.

Pure numpy. Must not know: class trees, files, networks.

The rules are those of Kirillov et al. 2019 and of the code of the COCO challenge:

- A predicted segment matches a true segment of its class if their IoU is above one half. Pixels that are void in the
  truth do not count for the union.
- A true segment that is a crowd neither matches nor is missed.
- A predicted segment is not false if more than half of it lies on void and on crowds of its class. COCO's own code
  looks only at the last crowd of a class in a picture; here all crowds count.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from smalta.errors import ShapeError
from smalta.metrics.instance import object_classes, shared_pixels
from smalta.metrics.semantic import mean_of_present, ratio


@dataclass(frozen=True, slots=True, kw_only=True)
class SegmentMap:
    """A picture in segments.

    Attributes:
        segments: (H, W) integers in 0..2^31 - 1, 0 = void, other numbers = segments.
        ids: (S,) integers: the segments of the map that count; other numbers are void.
        classes: (S,) integers 1..K: class of each segment.
        crowd: (S,) bool: whether a segment is a crowd, several objects that are not labelled one by one.
    """

    segments: np.ndarray
    ids: np.ndarray
    classes: np.ndarray
    crowd: np.ndarray

    def __post_init__(self) -> None:
        if not len(self.ids) == len(self.classes) == len(self.crowd):
            raise ShapeError(
                "each segment needs an id, a class and a crowd flag, "
                f"got {len(self.ids)}, {len(self.classes)} and {len(self.crowd)}"
            )
        if len(np.unique(self.ids)) < len(self.ids) or np.any(self.ids == 0):
            raise ShapeError(f"segment ids must differ and not be 0, got {self.ids.tolist()}")

    @classmethod
    def from_maps(
        cls, classes: np.ndarray, instances: np.ndarray, is_thing: np.ndarray, pixels: np.ndarray | None = None
    ) -> SegmentMap:
        """Segments of a class map and an instance map.

        An object is a segment of the class of most of its pixels. All other pixels of a stuff class are one segment,
        all other pixels of a thing class are one crowd. An object of class 0 is void. If the class is stuff, there is
        no object, and the pixels keep their classes.

        Args:
            classes: (H, W) unsigned integers 0..K, 0 = unlabelled.
            instances: (H, W) integers, 0 = none.
            is_thing: (K + 1,) bool, by class.
            pixels: of the same shape: for how many pixels each entry of the maps stands; None for one.
        """
        n_classes = len(is_thing) - 1
        objects, class_of = object_classes(instances, classes, pixels)
        is_object = is_thing[class_of]
        place = np.where(is_object, n_classes + 1 + np.arange(len(objects)), 0)
        segments = classes.astype(np.int64)
        inside = instances != 0
        found = np.searchsorted(objects, instances[inside])
        segments[inside] = np.where(is_object[found], place[found], np.where(class_of[found] == 0, 0, segments[inside]))
        rest = np.flatnonzero(np.bincount(segments[segments <= n_classes], minlength=1))
        rest = rest[rest != 0]
        return cls(
            segments=segments,
            ids=np.concatenate([rest, place[is_object]]),
            classes=np.concatenate([rest, class_of[is_object]]),
            crowd=np.concatenate([is_thing[rest], np.zeros(np.count_nonzero(is_object), dtype=bool)]),
        )


def panoptic_counts(
    truth: SegmentMap, prediction: SegmentMap, n_classes: int, pixels: np.ndarray | None = None
) -> np.ndarray:
    """Counts per class of one picture.

    Args:
        truth: its crowds neither match nor are missed.
        prediction: its crowds are void, because a prediction that does not separate objects has not found them.
        n_classes: K.
        pixels: for how many pixels each entry of the maps stands; None for one.

    Returns:
        (K, 4) float64: matched segments, false segments, missed segments, summed IoU of matched segments.
    """
    true_id, predicted_id, pixels = shared_pixels(truth.segments, prediction.segments, pixels)
    true_class, is_crowd = _look_up(truth, true_id)
    predicted_class, unsaid = _look_up(prediction, predicted_id)
    predicted_class[unsaid] = 0

    true_area = _sum_by(true_id, pixels)
    predicted_area = _sum_by(predicted_id, pixels)
    on_void = _sum_by(predicted_id, pixels * (true_class == 0))
    on_crowd = _sum_by(predicted_id, pixels * (is_crowd & (true_class == predicted_class)))

    iou = ratio(pixels, true_area + predicted_area - pixels - on_void)
    matched = (true_class != 0) & (true_class == predicted_class) & ~is_crowd & (iou > 0.5)
    forgiven = on_void + on_crowd > 0.5 * predicted_area

    def per_class(of: np.ndarray, weights: np.ndarray | None = None) -> np.ndarray:
        return np.bincount(of, weights=weights, minlength=n_classes + 1)[1:].astype(np.float64)

    false = np.isin(predicted_id, predicted_id[matched], invert=True) & ~forgiven
    missed = np.isin(true_id, true_id[matched], invert=True) & ~is_crowd
    return np.stack(
        [
            per_class(true_class[matched]),
            per_class(_once(predicted_id, predicted_class, false)),
            per_class(_once(true_id, true_class, missed)),
            per_class(true_class[matched], iou[matched]),
        ],
        axis=-1,
    )


def _look_up(segments: SegmentMap, ids: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Class and crowd flag of segment ids; class 0 for void."""
    order = np.argsort(segments.ids)
    known = np.append(segments.ids[order], np.iinfo(np.int64).max)
    place = np.searchsorted(known, ids)
    hit = known[place] == ids
    classes = np.append(segments.classes[order], 0)[place]
    crowd = np.append(segments.crowd[order], False)[place]
    return np.where(hit, classes, 0).astype(np.int64), crowd & hit


def _sum_by(ids: np.ndarray, values: np.ndarray) -> np.ndarray:
    """(M,): for each entry the sum of the values of all entries with the same id."""
    _, place = np.unique(ids, return_inverse=True)
    return np.bincount(place, weights=values)[place]


def _once(ids: np.ndarray, classes: np.ndarray, chosen: np.ndarray) -> np.ndarray:
    """Classes of the chosen entries, each id once."""
    return classes[chosen][np.unique(ids[chosen], return_index=True)[1]]


def panoptic_quality(counts: np.ndarray) -> np.ndarray:
    """PQ per class: (..., K, 4) counts to (..., K), nan for classes without any segment."""
    matched, false, missed, iou = np.moveaxis(counts, -1, 0)
    return ratio(iou, matched + (false + missed) / 2)


def segmentation_quality(counts: np.ndarray) -> np.ndarray:
    """SQ, mean IoU of matched segments: (..., K, 4) to (..., K); 0 without a match, nan without any segment."""
    matched, _, _, iou = np.moveaxis(counts, -1, 0)
    return np.where(counts[..., :3].any(axis=-1), np.nan_to_num(ratio(iou, matched)), np.nan)


def recognition_quality(counts: np.ndarray) -> np.ndarray:
    """RQ, the F1 of the segments: (..., K, 4) to (..., K), nan for classes without any segment."""
    matched, false, missed, _ = np.moveaxis(counts, -1, 0)
    return ratio(matched, matched + (false + missed) / 2)


def mean_quality(counts: np.ndarray, classes: np.ndarray | None = None) -> np.ndarray:
    """Mean PQ over classes with segments: (..., K, 4) to (...).

    Args:
        counts: summed over pictures.
        classes: (K,) bool: the classes to include, such as the things; all by default.
    """
    quality = panoptic_quality(counts)
    return mean_of_present(quality if classes is None else quality[..., classes])
