"""Conformal intervals of counts, from the errors of the counts of validation pictures.

In:  true and predicted counts per picture and node.
Out: `CountCalibration`, which gives a low and a high end for every count of a new picture.

Pure numpy. Must not know: pictures, networks, how objects were found.

The intervals of pictures are split conformal ones (Papadopoulos et al. 2002, "Inductive confidence machines for
regression"; the normalised form: Papadopoulos, Gammerman and Vovk 2008). A picture's score is
|true - predicted| / sqrt(predicted + 1), because the error of a count grows like the root of its size. The interval
reaches as far as the ceil((n + 1) * coverage)-th smallest of n scores. If a new picture is like the validation pictures
(exchangeable), its true count lies inside with at least that probability, whatever the network does.

The scores of a node are split in two: pictures in which something was counted, and pictures in which nothing was (a
Mondrian taxonomy: Vovk, Gammerman and Shafer 2005, section 4.5). Otherwise the many pictures without a lorry, all
counted right, would make the intervals of the few lorries too narrow. If one of the two has fewer pictures than the
coverage needs, it gets no interval.

A node's interval holds for that node, not for all nodes at once. Widening makes the ends agree along the tree, and
widening cannot lower the coverage: neither end of a parent lies below that of a child. Ends of siblings do not add up
to their parent's; counts do.

Sums over pictures get no interval. Their error follows the mean error of all pictures, and a few dozen pictures are too
few to estimate it: in simulations with skewed errors, Student's interval for it held 73 to 95 % of the sums, not 90 %.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import asdict, dataclass, field
from typing import Any, Self

import numpy as np

from smalta.classes import ClassTree
from smalta.errors import ConfigError
from smalta.system.records import read_record

COVERAGE = 0.9
NONE = -1  # replaces both ends if there is no interval
LARGEST = 10**9  # of the numbers of a calibration, so that no count overflows


def least_pictures(coverage: float) -> int:
    """How many pictures a conformal interval of this coverage needs: 9 for 90 %."""
    return math.ceil(coverage / (1 - coverage) - 1e-9)


def conformal_quantile(scores: np.ndarray, coverage: float) -> float | None:
    """The ceil((n + 1) * coverage)-th smallest of n scores; None where n is smaller than that.

    Example:
        >>> conformal_quantile(np.arange(19), 0.9), conformal_quantile(np.arange(8), 0.9)
        (17.0, None)
    """
    place = math.ceil((len(scores) + 1) * coverage - 1e-9)
    return None if place > len(scores) else float(np.sort(scores)[place - 1])


@dataclass(frozen=True, slots=True, kw_only=True)
class NodeErrors:
    """How far the counts of one node were off on validation pictures.

    Attributes:
        pictures: number of pictures whose true count was known.
        found: quantile of the scores of pictures in which something was counted; None if they are too few.
        empty: the same for pictures in which nothing was counted.
    """

    pictures: int
    found: float | None
    empty: float | None

    def __post_init__(self) -> None:
        _check_numbers(self.pictures, self.found, self.empty)

    @classmethod
    def learned(cls, predicted: np.ndarray, true: np.ndarray, coverage: float = COVERAGE) -> Self:
        """Learn from the counts of pictures, or of whatever else is counted one like the other.

        Args:
            predicted: (pictures,) counts.
            true: the same shape.
            coverage: of the intervals.
        """
        scores = np.abs(true - predicted) / np.sqrt(predicted + 1.0)
        return cls(
            pictures=len(scores),
            found=conformal_quantile(scores[predicted > 0], coverage),
            empty=conformal_quantile(scores[predicted == 0], coverage),
        )

    def ends(self, count: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """Interval of each count.

        Args:
            count: (pictures,) predicted counts.

        Returns:
            Two (pictures,) int64: low and high ends, low <= count <= high; -1 without an interval.
        """
        low, high = np.full((2, *count.shape), NONE, dtype=np.int64)
        quantile = np.where(count > 0, _or_nan(self.found), _or_nan(self.empty))
        reach = quantile * np.sqrt(count + 1)
        has = ~np.isnan(quantile)
        low[has] = np.ceil(np.maximum(count - reach, 0) - 1e-9)[has]
        high[has] = np.floor(count + reach + 1e-9)[has]
        return low, high


@dataclass(frozen=True, slots=True, kw_only=True)
class CountCalibration:
    """Errors from which the intervals of counts are computed.

    Attributes:
        pictures: number of validation pictures.
        nodes: errors by path of every node of things.
        coverage: share of the pictures whose true count an interval holds, at least.
    """

    pictures: int
    nodes: Mapping[str, NodeErrors] = field(default_factory=dict)
    coverage: float = COVERAGE

    def __post_init__(self) -> None:
        _check_numbers(self.pictures)
        if not 0 < self.coverage < 1:
            raise ConfigError(f"coverage must be between 0 and 1, got {self.coverage}")

    @classmethod
    def fit(
        cls,
        tree: ClassTree,
        predicted: np.ndarray,
        true: np.ndarray,
        known: np.ndarray,
        coverage: float = COVERAGE,
    ) -> Self:
        """Learn from the counts of validation pictures.

        Args:
            tree: the classes.
            predicted: (pictures, N + 1) counts by node id, of objects found without use of the picture's labels.
            true: the same shape.
            known: (pictures, N + 1) bool: whether the true count is known.
            coverage: of the intervals.
        """
        nodes = {}
        for node in tree:
            if tree.is_thing[node.id]:
                chosen = known[:, node.id]
                nodes[node.path] = NodeErrors.learned(predicted[chosen, node.id], true[chosen, node.id], coverage)
        return cls(pictures=len(predicted), nodes=nodes, coverage=coverage)

    @property
    def shortage(self) -> str | None:
        """Why there are no intervals, as a sentence; None if there may be some."""
        least = least_pictures(self.coverage)
        if self.pictures >= least:
            return None
        return (
            f"no intervals of counts: {self.coverage:.0%} intervals need at least {least} validation pictures with "
            f"labelled objects, and the training had {self.pictures}"
        )

    def intervals(self, tree: ClassTree, counts: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """Interval of every count of some pictures.

        Args:
            tree: the classes of the fit.
            counts: (pictures, N + 1) predicted counts by node id.

        Returns:
            Two (pictures, N + 1) int64: low and high ends, low <= count <= high; -1 without an interval.
        """
        low, high = np.full((2, *counts.shape), NONE, dtype=np.int64)
        for path, errors in self.nodes.items():
            node = tree[path].id
            low[:, node], high[:, node] = errors.ends(counts[:, node])
        return _nested(tree, low, high)

    def to_dict(self) -> dict[str, Any]:
        """The calibration as plain data."""
        return {
            "pictures": self.pictures,
            "coverage": self.coverage,
            "nodes": {path: asdict(errors) for path, errors in self.nodes.items()},
        }

    @classmethod
    def from_dict(cls, values: Mapping[str, Any]) -> Self:
        """Build from parsed JSON.

        Raises:
            ConfigError: if a key is missing or unknown, or a value is not allowed.
        """
        return read_record(
            cls, values, what="the calibration of counts", fix="train or export the model again", complete=True
        )


def _or_nan(value: float | None) -> float:
    return math.nan if value is None else value


def _nested(tree: ClassTree, low: np.ndarray, high: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Widen (pictures, N + 1) ends until a parent's are not below its children's."""
    for node in reversed(tree.nodes):  # children before parents
        for above in tree.ancestors(node.id):
            both = (high[:, node.id] != NONE) & (high[:, above] != NONE)
            high[both, above] = np.maximum(high[both, above], high[both, node.id])
    for node in tree.nodes:
        for above in tree.ancestors(node.id):
            both = (low[:, node.id] != NONE) & (low[:, above] != NONE)
            low[both, node.id] = np.minimum(low[both, node.id], low[both, above])
    return low, high


def _check_numbers(*values: float | None) -> None:
    for value in values:
        if value is not None and not 0 <= value <= LARGEST:
            raise ConfigError(f"a calibration of counts holds {value}; its numbers must lie in 0..{LARGEST}")
