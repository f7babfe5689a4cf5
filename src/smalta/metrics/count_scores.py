"""Scores of counts over the pictures of a split, for every node of things, and the coverage of their intervals.

In:  true and predicted counts of pictures, the model's calibration.
Out: rows for the headline, and plain data of everything.

Pure numpy. Must not know: files, networks, how objects were found or shown.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

import numpy as np

from smalta.answers.count_intervals import CountCalibration
from smalta.classes import ClassTree
from smalta.metrics import node_counts as counting
from smalta.metrics.headline import Headline, number


class CountScores:
    """Collects the counts of pictures.

    Args:
        tree: the classes.
        calibration: the model's calibration of counts; without it (None) there are no intervals.
        means: mean counts of the training pictures by path of the node, "" for all objects; empty if not known.
    """

    def __init__(
        self, tree: ClassTree, calibration: CountCalibration | None, means: Mapping[str, float] | None = None
    ) -> None:
        self.tree = tree
        self.calibration = calibration
        self._means = np.array([(means or {}).get(path, np.nan) for path in ("", *(node.path for node in tree.nodes))])
        self._predicted: list[np.ndarray] = []
        self._true: list[np.ndarray] = []
        self._known: list[np.ndarray] = []

    def add(self, predicted: np.ndarray, true: np.ndarray, known: np.ndarray) -> None:
        """Add one picture: counts (N + 1,) by node id, index 0 for all objects; whether the true counts are known."""
        self._predicted.append(predicted)
        self._true.append(true)
        self._known.append(known)

    def _sums(self) -> np.ndarray:
        """(pictures, N + 1, 4), 0 if the true count is not known."""
        known = np.array(self._known)
        return counting.count_sums(np.array(self._predicted), np.array(self._true)) * known[..., None]

    def sums_of_mean(self) -> np.ndarray | None:
        """(N + 1, 4) sums for the answer "as many as in a training picture on average"; None if that is not known."""
        if not len(self._true) or np.isnan(self._means).all():
            return None
        known = np.array(self._known)
        means = np.broadcast_to(np.nan_to_num(self._means), known.shape)
        return (counting.count_sums(means, np.array(self._true)) * known[..., None]).sum(axis=0)

    def _intervals(self) -> np.ndarray:
        """(pictures, N + 1, 3)."""
        predicted, true, known = (np.array(counts) for counts in (self._predicted, self._true, self._known))
        if self.calibration is None:
            return np.zeros((*predicted.shape, 3))
        low, high = self.calibration.intervals(self.tree, predicted)
        return counting.interval_sums(low, high, true, known)

    def headlines(self) -> Iterator[Headline]:
        """Rows for the headline: errors over all objects, coverage over all nodes."""
        sums = self._sums()[:, 0]
        yield Headline("count_mae", "counts", sums, counting.mean_absolute_error)
        yield Headline("count_bias", "counts", sums, counting.bias)
        yield Headline("count_relative_error", "counts", sums, counting.relative_error)
        if self.calibration is not None:
            yield Headline("count_coverage", "counts", self._intervals().sum(axis=1), counting.coverage)

    def to_dict(self) -> dict[str, Any]:
        """All numbers, one row per node of things."""
        sums, intervals = self._sums().sum(axis=0), self._intervals().sum(axis=0)
        predicted = np.where(self._known, self._predicted, 0).sum(axis=0)
        by_mean = self.sums_of_mean()
        rows = [
            {
                "class": node.path,
                "known_pictures": int(sums[node.id, 3]),
                "true": int(sums[node.id, 2]),
                "predicted": int(predicted[node.id]),
                "mae": number(counting.mean_absolute_error(sums[node.id])),
                "bias": number(counting.bias(sums[node.id])),
                "relative_error": number(counting.relative_error(sums[node.id])),
                "mean_count_mae": None if by_mean is None else number(counting.mean_absolute_error(by_mean[node.id])),
                "intervals": int(intervals[node.id, 1]),
                "coverage": number(counting.coverage(intervals[node.id])),
                "mean_width": number(counting.mean_width(intervals[node.id])),
            }
            for node in self.tree
            if self.tree.is_thing[node.id]
        ]
        return {
            "nodes": rows,
            "nominal_coverage": self.calibration.coverage if self.calibration else None,
            "shortage": self.calibration.shortage if self.calibration else "the model has no intervals of counts",
        }
