"""CLEAR: misses, false alarms, switches of ids, and what MOTA makes of them.

In:  tracked frames of a clip, in order.
Out: `ClearSums`, which add up over clips, and their scores.

numpy and SciPy. Must not know: boxes, masks, class trees, files.

The measure is that of Bernardin and Stiefelhagen 2008, with the rules of the MOT challenge and of TrackEval: a frame
first keeps the pairs of the frame before, then takes those that overlap most. A frame without true or without predicted
objects changes nothing about which pair was kept. Mostly tracked, mostly lost and fragmentations are those of Li, Huang
and Nevatia 2009.
"""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass

import numpy as np
from scipy.optimize import linear_sum_assignment

from smalta.metrics.sums import added
from smalta.metrics.tracked_frame import TrackedFrame

LEAST_SIMILARITY = 0.5
MOSTLY_TRACKED = 0.8  # of its frames; a track above this share is mostly tracked
MOSTLY_LOST = 0.2  # below this share it is mostly lost
_KEPT = 1000.0  # what a pair of the frame before counts more than any overlap
_EPSILON = np.finfo(np.float64).eps
_NOBODY = -1


@dataclass(frozen=True, slots=True, kw_only=True)
class ClearSums:
    """Sums of one or several clips; add them with `+`.

    Attributes:
        frames: number of frames.
        true: true objects, summed over the frames.
        predicted: predicted objects, summed over the frames.
        matched: pairs, summed over the frames.
        similarity: summed similarity of the pairs.
        switches: pairs whose true track was last matched with another predicted track.
        fragmentations: how often a true track is matched again after a frame in which it was not.
        tracks: true tracks.
        mostly_tracked: true tracks that are matched in more than 80 % of their frames.
        mostly_lost: true tracks that are matched in less than 20 % of their frames.
    """

    frames: int = 0
    true: int = 0
    predicted: int = 0
    matched: int = 0
    similarity: float = 0.0
    switches: int = 0
    fragmentations: int = 0
    tracks: int = 0
    mostly_tracked: int = 0
    mostly_lost: int = 0

    def __add__(self, other: ClearSums) -> ClearSums:
        return added(self, other)

    @property
    def misses(self) -> int:
        """FN: true objects without a partner."""
        return self.true - self.matched

    @property
    def false_alarms(self) -> int:
        """FP: predicted objects without a partner."""
        return self.predicted - self.matched

    @property
    def mota(self) -> float:
        """1 - (FN + FP + switches) / true objects, at most 1, perhaps below 0; nan without true objects."""
        return share(self.matched - self.false_alarms - self.switches, self.true)

    @property
    def motp(self) -> float:
        """Mean similarity of the pairs; nan without pairs."""
        return share(self.similarity, self.matched)

    @property
    def smota(self) -> float:
        """MOTA in which each pair counts as much as it overlaps (sMOTSA, Voigtlaender et al. 2019)."""
        return share(self.similarity - self.false_alarms - self.switches, self.true)

    @property
    def recall(self) -> float:
        """Share of the true objects that have a partner; nan without true objects."""
        return share(self.matched, self.true)

    @property
    def precision(self) -> float:
        """Share of the predicted objects that have a partner; nan without predicted objects."""
        return share(self.matched, self.predicted)


class Clear:
    """Adds up the frames of one clip. The memory follows the number of true tracks."""

    def __init__(self) -> None:
        self._sums = ClearSums()
        self._present: Counter[int] = Counter()  # frames, by true id
        self._matched: Counter[int] = Counter()  # frames with a partner
        self._begun: Counter[int] = Counter()  # how often it has got a partner after a frame without
        self._last: dict[int, int] = {}  # the partner that it had last, however long ago
        self._held: dict[int, int] = {}  # the partners of the frame before

    def add(self, frame: TrackedFrame) -> None:
        """Add the next frame."""
        true, predicted = frame.true_ids.tolist(), frame.predicted_ids.tolist()
        self._present.update(true)
        pairs: dict[int, int] = {}
        similarity, switches = 0.0, 0
        if true and predicted:
            rows, columns = self._assigned(frame)
            similarity = float(frame.similarity[rows, columns].sum())
            pairs = {true[i]: predicted[j] for i, j in zip(rows.tolist(), columns.tolist(), strict=True)}
            switches = sum(self._last.get(i, j) != j for i, j in pairs.items())
            self._matched.update(pairs.keys())
            self._begun.update(pairs.keys() - self._held.keys())
            self._last |= pairs
            self._held = pairs
        self._sums += ClearSums(
            frames=1,
            true=len(true),
            predicted=len(predicted),
            matched=len(pairs),
            similarity=similarity,
            switches=switches,
        )

    def _assigned(self, frame: TrackedFrame) -> tuple[np.ndarray, np.ndarray]:
        """Rows and columns of the pairs: as many as possible of the frame before, then those that overlap most."""
        held = np.array([self._held.get(i, _NOBODY) for i in frame.true_ids.tolist()])
        score = _KEPT * (held[:, None] == frame.predicted_ids) + frame.similarity
        score[frame.similarity < LEAST_SIMILARITY - _EPSILON] = 0
        rows, columns = linear_sum_assignment(-score)
        good = score[rows, columns] > _EPSILON
        return rows[good], columns[good]

    def sums(self) -> ClearSums:
        """The sums of the frames so far."""
        shares = np.array([self._matched[i] / frames for i, frames in self._present.items()])
        return self._sums + ClearSums(
            fragmentations=self._begun.total() - len(self._begun),
            tracks=len(shares),
            mostly_tracked=int(np.count_nonzero(shares > MOSTLY_TRACKED)),
            mostly_lost=int(np.count_nonzero(shares < MOSTLY_LOST)),
        )


def share(part: float, whole: float) -> float:
    """Part / whole, nan if the whole is 0."""
    return part / whole if whole else float("nan")
