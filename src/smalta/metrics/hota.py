"""HOTA: finding objects and keeping their ids, weighed alike.

In:  tracked frames of a clip.
Out: `HotaSums`, which add up over clips, and their scores.

numpy and SciPy. Must not know: boxes, masks, class trees, files.

Luiten et al. 2021. For a threshold alpha on the similarity, the pairs of all frames are the true positives (TP), and

    DetA = TP / (true + predicted - TP)
    AssA = mean over the TP of  c / (n + m - c)
    HOTA = sqrt(DetA AssA)
    LocA = mean similarity of the TP

where c is the number of pairs of the two tracks of a TP, and n and m are their numbers of frames. The scores are means
over 19 values of alpha, 0.05 to 0.95. In a frame, the pairs are those with the largest sum of similarity times
alignment. The alignment of two tracks is an overlap of their whole lives, so no frame can be judged before the last one
is known.
"""

from __future__ import annotations

from collections import Counter, defaultdict
from dataclasses import dataclass

import numpy as np
from scipy.optimize import linear_sum_assignment

from smalta.metrics.semantic import ratio
from smalta.metrics.sums import added
from smalta.metrics.tracked_frame import TrackedFrame

ALPHAS = np.arange(1, 20) / 20
_EPSILON = np.finfo(np.float64).eps


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class HotaSums:
    """Sums of one or several clips; add them with `+`.

    Attributes:
        true: true objects, summed over the frames.
        predicted: predicted objects, summed over the frames.
        matched: (19,) float64 TP at each alpha.
        similarity: (19,) float64 summed similarity of the TP.
        association: (19,) float64 sum over the TP of c / (n + m - c).
    """

    true: int
    predicted: int
    matched: np.ndarray
    similarity: np.ndarray
    association: np.ndarray

    def __add__(self, other: HotaSums) -> HotaSums:
        return added(self, other)

    def det_a(self) -> np.ndarray:
        """(19,) DetA at each alpha; nan without any object."""
        return ratio(self.matched, self.true + self.predicted - self.matched)

    def ass_a(self) -> np.ndarray:
        """(19,) AssA at each alpha; 0 where nothing matches, nan without any object."""
        return np.where(self.matched == 0, self.det_a(), ratio(self.association, self.matched))

    def loc_a(self) -> np.ndarray:
        """(19,) LocA at each alpha; 1 where nothing matches, as in TrackEval; nan without any object."""
        return np.where(self.matched == 0, self.det_a() + 1, ratio(self.similarity, self.matched))

    def hota(self) -> np.ndarray:
        """(19,) HOTA at each alpha; nan without any object."""
        return np.sqrt(self.det_a() * self.ass_a())


@dataclass(frozen=True, slots=True, eq=False)
class _Overlapping:
    """The pairs of one frame that overlap: M places in a table of T x P, their ids, their similarity."""

    shape: tuple[int, int]
    rows: np.ndarray
    columns: np.ndarray
    true: np.ndarray
    predicted: np.ndarray
    similarity: np.ndarray


class Hota:
    """Adds up the frames of one clip.

    The memory follows the number of overlapping pairs, summed over the frames, about 40 bytes each: the pairs of a
    frame can be chosen only after the last frame.
    """

    def __init__(self) -> None:
        self._true: Counter[int] = Counter()  # frames, by id
        self._predicted: Counter[int] = Counter()
        self._together: defaultdict[tuple[int, int], float] = defaultdict(float)  # soft number of shared frames
        self._frames: list[_Overlapping] = []

    def add(self, frame: TrackedFrame) -> None:
        """Add a frame."""
        self._true.update(frame.true_ids.tolist())
        self._predicted.update(frame.predicted_ids.tolist())
        rows, columns = np.nonzero(frame.similarity)
        if not len(rows):
            return
        value = frame.similarity[rows, columns]
        union = frame.similarity.sum(axis=1)[rows] + frame.similarity.sum(axis=0)[columns] - value
        shared = np.where(union > _EPSILON, value / union, 0)
        true, predicted = frame.true_ids[rows], frame.predicted_ids[columns]
        for i, j, part in zip(true.tolist(), predicted.tolist(), shared.tolist(), strict=True):
            self._together[i, j] += part
        self._frames.append(_Overlapping(frame.similarity.shape, rows, columns, true, predicted, value))

    def sums(self) -> HotaSums:
        """The sums of the frames so far."""
        true, predicted, similarity = self._matched()
        reached = np.searchsorted(ALPHAS - _EPSILON, similarity, side="right")  # how many alphas count the pair
        pairs, pair = np.unique(np.stack([true, predicted]), axis=1, return_inverse=True)
        counts = np.zeros((pairs.shape[1], len(ALPHAS) + 1))
        np.add.at(counts, (pair.ravel(), reached), 1)
        counts = _from_above(counts)
        n = np.array([self._true[i] for i in pairs[0].tolist()])
        m = np.array([self._predicted[i] for i in pairs[1].tolist()])
        jaccard = counts / (n + m - counts.T).T
        return HotaSums(
            true=self._true.total(),
            predicted=self._predicted.total(),
            matched=counts.sum(axis=0),
            similarity=_from_above(np.bincount(reached, weights=similarity, minlength=len(ALPHAS) + 1)),
            association=(counts * jaccard).sum(axis=0),
        )

    def _matched(self) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
        """True ids, predicted ids and similarity of the pairs of all frames."""
        aligned = {
            (i, j): shared / (self._true[i] + self._predicted[j] - shared) for (i, j), shared in self._together.items()
        }
        chosen: list[tuple[np.ndarray, np.ndarray, np.ndarray]] = []
        for frame in self._frames:
            ids = zip(frame.true.tolist(), frame.predicted.tolist(), strict=True)
            score, place = np.zeros(frame.shape), np.full(frame.shape, -1)
            score[frame.rows, frame.columns] = np.array([aligned[pair] for pair in ids]) * frame.similarity
            place[frame.rows, frame.columns] = np.arange(len(frame.rows))
            best = place[linear_sum_assignment(-score)]
            best = best[best >= 0]
            chosen.append((frame.true[best], frame.predicted[best], frame.similarity[best]))
        if not chosen:
            return np.zeros(0, dtype=np.int64), np.zeros(0, dtype=np.int64), np.zeros(0)
        true, predicted, similarity = (np.concatenate(parts) for parts in zip(*chosen, strict=True))
        return true, predicted, similarity


def _from_above(counts: np.ndarray) -> np.ndarray:
    """(..., 20) of what reaches just k alphas to (..., 19) of what reaches each alpha."""
    return np.cumsum(counts[..., :0:-1], axis=-1)[..., ::-1]
