"""IDF1: for how much of their time objects keep one id.

In:  tracked frames of a clip.
Out: `IdentitySums`, which add up over clips, and their scores.

numpy and SciPy. Must not know: boxes, masks, class trees, files.

Ristani et al. 2016: each true track gets at most one predicted track for the whole clip, such that the pairs share as
many frames as possible. A frame is shared if the two objects overlap by at least one half.
"""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass

import numpy as np

from smalta.metrics.assignment import heaviest_pairs
from smalta.metrics.clear_mot import LEAST_SIMILARITY, share
from smalta.metrics.sums import added
from smalta.metrics.tracked_frame import TrackedFrame


@dataclass(frozen=True, slots=True, kw_only=True)
class IdentitySums:
    """Sums of one or several clips; add them with `+`.

    Attributes:
        true: true objects, summed over the frames.
        predicted: predicted objects, summed over the frames.
        shared: IDTP: frames that the tracks share with their partners, summed over the tracks.
    """

    true: int = 0
    predicted: int = 0
    shared: int = 0

    def __add__(self, other: IdentitySums) -> IdentitySums:
        return added(self, other)

    @property
    def idf1(self) -> float:
        """2 IDTP / (true + predicted objects); nan without any object."""
        return share(2 * self.shared, self.true + self.predicted)

    @property
    def idp(self) -> float:
        """IDTP / predicted objects; nan without predicted objects."""
        return share(self.shared, self.predicted)

    @property
    def idr(self) -> float:
        """IDTP / true objects; nan without true objects."""
        return share(self.shared, self.true)


class Identity:
    """Adds up the frames of one clip. The memory follows the number of pairs of tracks that ever overlap."""

    def __init__(self) -> None:
        self._true = self._predicted = 0
        self._shared: Counter[tuple[int, int]] = Counter()  # frames, by true and predicted id

    def add(self, frame: TrackedFrame) -> None:
        """Add a frame."""
        self._true += len(frame.true_ids)
        self._predicted += len(frame.predicted_ids)
        rows, columns = np.nonzero(frame.similarity >= LEAST_SIMILARITY)
        self._shared.update(
            zip(frame.true_ids[rows].tolist(), frame.predicted_ids[columns].tolist(), strict=True),
        )

    def sums(self) -> IdentitySums:
        """The sums of the frames so far."""
        pairs = np.array(list(self._shared), dtype=np.int64).reshape(-1, 2)
        frames = np.array(list(self._shared.values()), dtype=np.int64)
        shared = int(frames[heaviest_pairs(pairs[:, 0], pairs[:, 1], frames)].sum())
        return IdentitySums(true=self._true, predicted=self._predicted, shared=shared)
