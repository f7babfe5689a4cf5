"""From the evidence of a node in a picture to the probability that the node is there.

In:  the evidence of every node.
Out: `PresenceCalibration`, which gives a probability for every calibrated node.

The map of a node is a logistic function of its evidence (Platt 1999, "Probabilistic outputs for support vector
machines"). `smalta.calibration.presence` learns it on validation pictures. A node that all or none of them hold is not
calibrated, because nothing can be learned from them about the other case.

Pure numpy. Must not know: pictures, networks, how evidence is measured or maps are learned.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, dataclass, field
from typing import Any, Self

import numpy as np

from smalta.classes import ClassTree
from smalta.errors import ConfigError
from smalta.system.records import read_record

LARGEST = 10**9  # of the numbers of a calibration, so that nothing overflows


@dataclass(frozen=True, slots=True, kw_only=True)
class NodeCalibration:
    """The map of one node.

    Attributes:
        pictures: validation pictures whose labels say whether the node is there.
        present: those in which it is there.
        slope: of the logistic function, above 0; None if the node is not calibrated.
        offset: of the logistic function; None if the node is not calibrated.
    """

    pictures: int
    present: int
    slope: float | None = None
    offset: float | None = None

    def __post_init__(self) -> None:
        if not 0 <= self.present <= self.pictures <= LARGEST:
            raise ConfigError(
                f"a calibration of presence has {self.present} of {self.pictures} pictures; the first number must lie "
                "between 0 and the second"
            )
        if (self.slope is None) != (self.offset is None):
            raise ConfigError("a calibration of presence has only one of slope and offset; it must have both or none")
        if self.slope is not None and self.offset is not None and not (0 < self.slope < LARGEST > abs(self.offset)):
            raise ConfigError(
                f"a calibration of presence has slope {self.slope} and offset {self.offset}; the slope must be above "
                f"0, and both below {LARGEST}"
            )

    @property
    def shortage(self) -> str | None:
        """Why the node is not calibrated; None if it is."""
        if self.slope is not None:
            return None
        if self.pictures == 0:
            return "the labels of no validation picture say whether it is there"
        if self.present in (0, self.pictures):
            return f"{'none' if self.present == 0 else 'all'} of {self.pictures} validation pictures have it"
        return f"its evidence does not separate the {self.present} of {self.pictures} validation pictures that have it"


@dataclass(frozen=True, slots=True, kw_only=True)
class PresenceCalibration:
    """Maps from evidence to probability.

    Attributes:
        nodes: by path of the node.
    """

    nodes: Mapping[str, NodeCalibration] = field(default_factory=dict)

    def probabilities(self, tree: ClassTree, evidence: np.ndarray) -> np.ndarray:
        """The probability that each node is there.

        The probability of a parent is never below that of its children, because a child's region is also the parent's.

        Args:
            tree: the classes of the calibration.
            evidence: (N + 1,) by node id.

        Returns:
            (N + 1,) float64 in 0..1 by node id; nan for nodes that are not calibrated, and for the root.
        """
        found = np.full(len(tree) + 1, np.nan)
        for path, node in self.nodes.items():
            if node.slope is not None and node.offset is not None:
                place = tree[path].id
                found[place] = logistic(node.slope * evidence[place] + node.offset)
        for child in reversed(tree.nodes):  # children before parents
            for above in tree.ancestors(child.id):
                if not np.isnan(found[child.id]) and not np.isnan(found[above]):
                    found[above] = max(found[above], found[child.id])
        return found

    def shortage(self, path: str) -> str | None:
        """Why a node is not calibrated; None if it is."""
        node = self.nodes.get(path)
        return "the model was trained without it" if node is None else node.shortage

    def to_dict(self) -> dict[str, Any]:
        """The calibration as plain data."""
        return {"nodes": {path: asdict(node) for path, node in self.nodes.items()}}

    @classmethod
    def from_dict(cls, values: Mapping[str, Any]) -> Self:
        """Build from parsed JSON.

        Raises:
            ConfigError: if a key is missing or unknown, or a value is not allowed.
        """
        return read_record(
            cls, values, what="the calibration of presence", fix="train or export the model again", complete=True
        )


def logistic(values: np.ndarray | float) -> np.ndarray:
    """1 / (1 + exp(-values)), without overflow."""
    return 0.5 * (1 + np.tanh(0.5 * np.asarray(values, dtype=np.float64)))
