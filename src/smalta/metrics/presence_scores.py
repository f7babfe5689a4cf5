"""Scores of presence over the pictures of a split: whether each node is found to be there, and how sure that is.

In:  per picture the labels and the presence of the answer.
Out: plain data.

Pure numpy. Must not know: files, networks, how presence is found or shown.
"""

from __future__ import annotations

from typing import Any

import numpy as np

from smalta.answers.presence import Presence
from smalta.answers.presence_calibration import PresenceCalibration
from smalta.classes import ClassTree
from smalta.metrics.node_presence import true_presence
from smalta.metrics.reliability import reliability


class PresenceScores:
    """Collects the presence of pictures.

    Args:
        tree: the classes.
        calibration: of the model; None if it has none.
    """

    def __init__(self, tree: ClassTree, calibration: PresenceCalibration | None) -> None:
        self._tree, self._calibration = tree, calibration
        self._true: list[np.ndarray] = []
        self._known: list[np.ndarray] = []
        self._found: list[np.ndarray] = []
        self._sure: list[np.ndarray] = []

    def add(self, truth: np.ndarray, presence: Presence) -> None:
        """Add one picture: its labels (H, W) node ids, and the presence of the answer."""
        true, known = true_presence(self._tree, truth)
        self._true.append(true[1:])
        self._known.append(known[1:])
        self._found.append(np.array([row.present for row in presence]))
        self._sure.append(np.array([np.nan if row.probability is None else row.probability for row in presence]))

    def to_dict(self) -> dict[str, Any]:
        """Rows of nodes, and reliability of all calibrated nodes together and by level."""
        true, known, found, sure = (np.array(x) for x in (self._true, self._known, self._found, self._sure))
        judged = known & ~np.isnan(sure)
        depth = np.array([node.depth for node in self._tree])
        rows = []
        for k, node in enumerate(self._tree):
            truth, answer = true[known[:, k], k], found[known[:, k], k]
            table = reliability(sure[judged[:, k], k], true[judged[:, k], k])
            rows.append(
                {
                    "class": node.path,
                    "known_pictures": len(truth),
                    "true": int(truth.sum()),
                    "missed": int((truth & ~answer).sum()),
                    "false": int((~truth & answer).sum()),
                    "ece": table["ece"],
                    "ece_if_perfect": table["ece_if_perfect"],
                    "brier": table["brier"],
                    "not_calibrated": self._shortage(node.path),
                }
            )
        return {
            "nodes": rows,
            "reliability": reliability(sure[judged], true[judged]),
            "levels": [
                {"level": k, **reliability(sure[at := judged & (depth == k)], true[at])}
                for k in range(1, self._tree.n_levels + 1)
            ],
        }

    def _shortage(self, path: str) -> str | None:
        if self._calibration is None:
            return "the model has no calibration of presence"
        return self._calibration.shortage(path)
