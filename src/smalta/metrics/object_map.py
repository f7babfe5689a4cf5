"""The objects of a picture with its class map, in the form in which scores of objects compare them.

In:  class maps and instance maps.
Out: `ObjectMap`, at any level of a class tree; as the segments of panoptic quality.

Pure numpy. Must not know: files, networks.
"""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np

from smalta.metrics.instance import object_classes
from smalta.metrics.panoptic import SegmentMap


@dataclass(frozen=True, slots=True, kw_only=True)
class ObjectMap:
    """T objects of things in a class map of K classes.

    Attributes:
        instances: (H, W) int32, 0 = none, 1..T.
        classes: (T,) int64 0..K: class of each object, 0 = unknown.
        labels: (H, W) integers 0..K: class of each pixel, 0 = unlabelled; a pixel of an object has the object's class.
        crowd: (H, W) bool: pixels of things that belong to no object.
    """

    instances: np.ndarray
    classes: np.ndarray
    labels: np.ndarray
    crowd: np.ndarray

    @classmethod
    def from_maps(cls, labels: np.ndarray, instances: np.ndarray, is_thing: np.ndarray) -> ObjectMap:
        """Objects of label files.

        An object has the class of most of its pixels. If that is stuff, there is no object, and its pixels keep their
        classes.

        Args:
            labels: (H, W) integers 0..K, 0 = unlabelled.
            instances: (H, W) integers, 0 = none.
            is_thing: (K + 1,) bool, by class.
        """
        ids, classes = object_classes(instances, labels)
        is_object = is_thing[classes] | (classes == 0)
        place = np.where(is_object, np.cumsum(is_object), 0).astype(np.int32)
        numbers, painted = np.zeros(instances.shape, dtype=np.int32), labels.copy()
        inside = instances != 0
        found = np.searchsorted(ids, instances[inside])
        numbers[inside] = place[found]
        painted[inside] = np.where(is_object[found], classes[found], labels[inside])
        return cls(
            instances=numbers,
            classes=classes[is_object],
            labels=painted,
            crowd=is_thing[painted] & (numbers == 0),
        )

    def seen_by(self, table: np.ndarray) -> ObjectMap:
        """The same objects with other classes.

        Args:
            table: (K + 1,) integers 0..K' by class, 0 for 0, such as `hierarchy.level_index`.
        """
        return replace(self, classes=table[self.classes].astype(np.int64), labels=table[self.labels])

    def segments(self, n_classes: int) -> SegmentMap:
        """Segments: one per object, and one per class for the pixels in no object; of things, these are a crowd.

        Args:
            n_classes: K.
        """
        number = np.concatenate([[0], np.where(self.classes == 0, 0, n_classes + np.arange(1, len(self.classes) + 1))])
        segments = np.take(number.astype(np.int32), self.instances)
        np.copyto(segments, self.labels, where=self.instances == 0)
        present = np.bincount(np.minimum(segments, n_classes + 1).ravel(), minlength=n_classes + 1)[: n_classes + 1]
        rest = np.flatnonzero(present)
        rest = rest[rest != 0]
        things = np.unique(self.labels[self.crowd])
        named = number[1:] != 0
        return SegmentMap(
            segments=segments,
            ids=np.concatenate([rest, number[1:][named]]),
            classes=np.concatenate([rest, self.classes[named]]),
            crowd=np.concatenate([np.isin(rest, things), np.zeros(np.count_nonzero(named), dtype=bool)]),
        )
