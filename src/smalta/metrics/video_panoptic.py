"""Stuff and tracked objects of a video together: video panoptic quality, and segmentation and tracking quality.

In:  class maps and instance maps, frame by frame; the number of an object is its track id, the same in all frames.
Out: VPQ: (windows, K, 4) counts; STQ: `StqSums`. Both add up over clips.

numpy and SciPy. Must not know: class trees, files, networks.

VPQ (Kim et al. 2020, Video Panoptic Segmentation): every k frames in a row are one picture, in which a track is one
segment, and so are all pixels of a stuff class. VPQ^k is the panoptic quality of these pictures, summed over all places
where k frames fit. VPQ is the mean over several k. VPQ^1 is PQ.

STQ (Weber et al. 2021, STEP: Segmenting and Tracking Every Pixel) = sqrt(AQ SQ). SQ is the mean IoU of the classes. AQ
asks for ids only, whatever the classes:

    AQ = mean over the true tracks g of  1 / |g|  sum over the predicted tracks p of  |p & g| IoU(p, g)

where a track is the set of its pixels in all frames.
"""

from __future__ import annotations

from collections import Counter, deque
from dataclasses import dataclass

import numpy as np

from smalta.errors import ShapeError
from smalta.metrics.panoptic import SegmentMap, mean_quality, panoptic_counts
from smalta.metrics.semantic import confusion, counts_of, mean_of_present, ratio
from smalta.metrics.sums import added

# Kim et al. label every fifth frame of Cityscapes-VPS; their k = 0, 5, 10, 15 are 1 to 4 labelled frames
WINDOWS = (1, 2, 3, 4)


class VideoPanoptic:
    """Adds up the counts of VPQ of one clip. The memory follows the regions of the longest window.

    Args:
        is_thing: (K + 1,) bool, by class; index 0 is unlabelled.
        windows: numbers of frames, each at least 1.

    Raises:
        ValueError: if a window is shorter than one frame.
    """

    def __init__(self, is_thing: np.ndarray, windows: tuple[int, ...] = WINDOWS) -> None:
        if not windows or min(windows) < 1:
            raise ValueError(f"a window must have at least 1 frame, got {windows}")
        self._is_thing, self._windows = is_thing, windows
        self._frames: deque[tuple[np.ndarray, np.ndarray]] = deque(maxlen=max(windows))
        self._counts = np.zeros((len(windows), len(is_thing) - 1, 4))

    def add(
        self, true_classes: np.ndarray, true_instances: np.ndarray, classes: np.ndarray, instances: np.ndarray
    ) -> None:
        """Add the next frame.

        Args:
            true_classes: (H, W) integers 0..K, 0 = unlabelled.
            true_instances: (H, W) integers in 0..2^31 - 1, 0 = none, other numbers are track ids.
            classes: (H, W) predicted, 0 = no answer.
            instances: (H, W) predicted track ids.

        Raises:
            ShapeError: if the maps differ in shape.
        """
        self._frames.append(_regions(true_classes, true_instances, classes, instances))
        for counts, window in zip(self._counts, self._windows, strict=True):
            if len(self._frames) >= window:
                counts += self._counts_of_last(window)

    def _counts_of_last(self, window: int) -> np.ndarray:
        frames = list(self._frames)[-window:]
        true_classes, true_instances, classes, instances = np.concatenate([frame for frame, _ in frames], axis=1)
        pixels = np.concatenate([pixels for _, pixels in frames])
        return panoptic_counts(
            SegmentMap.from_maps(true_classes, true_instances, self._is_thing, pixels),
            SegmentMap.from_maps(classes, instances, self._is_thing, pixels),
            len(self._is_thing) - 1,
            pixels,
        )

    def counts(self) -> np.ndarray:
        """(windows, K, 4) float64, each as of `panoptic.panoptic_counts`; 0 for windows longer than the clip."""
        return self._counts.copy()


def video_panoptic_quality(counts: np.ndarray, classes: np.ndarray | None = None) -> float:
    """VPQ: mean over the windows of the mean PQ over classes; nan without any segment.

    Args:
        counts: (windows, K, 4), summed over clips.
        classes: (K,) bool: the classes to include, such as the things; all by default.
    """
    return float(mean_of_present(mean_quality(counts, classes)))


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class StqSums:
    """Sums of one or several clips; add them with `+`.

    Attributes:
        confusion: (K, K + 1) int64, as from `semantic.confusion`.
        tracks: number of true tracks.
        association: summed over the true tracks, each in 0..1.
    """

    confusion: np.ndarray
    tracks: int
    association: float

    def __add__(self, other: StqSums) -> StqSums:
        return added(self, other)

    @property
    def association_quality(self) -> float:
        """AQ in 0..1; nan without true tracks."""
        return self.association / self.tracks if self.tracks else float("nan")

    @property
    def segmentation_quality(self) -> float:
        """SQ in 0..1: mean IoU over the classes that are labelled or predicted on labelled pixels; nan without any.

        `semantic.mean_iou` leaves out classes that are predicted only; the authors of STQ count them as 0.
        """
        right, labelled, predicted = np.moveaxis(counts_of(self.confusion), -1, 0)
        return float(mean_of_present(ratio(right, labelled + predicted - right)))

    @property
    def quality(self) -> float:
        """STQ in 0..1; nan if AQ or SQ is."""
        return float(np.sqrt(self.association_quality * self.segmentation_quality))


class SegmentationTracking:
    """Adds up one clip for STQ. The memory follows the number of pairs of tracks that ever overlap.

    Unlabelled pixels, and pixels of things that belong to no true object (a crowd), count neither for nor against a
    track. The authors' code counts unlabelled pixels against predicted tracks.

    Args:
        is_thing: (K + 1,) bool, by class; index 0 is unlabelled.
    """

    def __init__(self, is_thing: np.ndarray) -> None:
        self._is_thing = is_thing
        n_classes = len(is_thing) - 1
        self._confusion = np.zeros((n_classes, n_classes + 1), dtype=np.int64)
        self._true: Counter[int] = Counter()  # pixels, by track id
        self._predicted: Counter[int] = Counter()
        self._shared: Counter[tuple[int, int]] = Counter()

    def add(
        self, true_classes: np.ndarray, true_instances: np.ndarray, classes: np.ndarray, instances: np.ndarray
    ) -> None:
        """Add a frame; arguments and errors as in `VideoPanoptic.add`."""
        self._confusion += confusion(true_classes, classes, len(self._is_thing) - 1)
        (true_class, true_id, found_class, found_id), pixels = _regions(
            true_classes, true_instances, classes, instances
        )
        counts = (true_class != 0) & ~(self._is_thing[true_class] & (true_id == 0))
        true = np.where(counts & self._is_thing[true_class], true_id, 0).tolist()
        found = np.where(counts & self._is_thing[found_class], found_id, 0).tolist()
        for i, j, number in zip(true, found, pixels.tolist(), strict=True):
            if i:
                self._true[i] += number
            if j:
                self._predicted[j] += number
            if i and j:
                self._shared[i, j] += number

    def sums(self) -> StqSums:
        """The sums of the frames so far."""
        association = sum(
            pixels / self._true[i] * pixels / (self._true[i] + self._predicted[j] - pixels)
            for (i, j), pixels in self._shared.items()
        )
        return StqSums(confusion=self._confusion.copy(), tracks=len(self._true), association=float(association))


def _regions(*maps: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """The combinations of values of M maps (H, W): (M, R) int64, and (R,) int64 pixels of each."""
    if len({part.shape for part in maps}) > 1:
        raise ShapeError(f"the maps of a frame must have the same shape, got {[part.shape for part in maps]}")
    values = np.stack([part.ravel().astype(np.int64) for part in maps])
    begins = np.ones(values.shape[1], dtype=bool)  # a run of equal combinations
    begins[1:] = (values[:, 1:] != values[:, :-1]).any(axis=0)
    starts = np.flatnonzero(begins)
    found, where = np.unique(values[:, starts], axis=1, return_inverse=True)
    lengths = np.diff(starts, append=values.shape[1])
    return found, np.bincount(where.ravel(), weights=lengths, minlength=found.shape[1]).astype(np.int64)
