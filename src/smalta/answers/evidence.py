"""The evidence that each node is somewhere in a picture, and the shares of its attributes' values.

In:  a network's maps of a picture or of a part of it, or leaf probabilities.
Out: `Evidence`; the evidence of parts adds up to that of the picture.

The evidence of a node is log(1 + sum of P(node)^4 over the pixels). A power of probabilities counts sure pixels and
forgets the faint probability that a network gives to a node everywhere (decision 0044). It is taken on the network's
own maps, each cell standing for its pixels, so it needs no probabilities at full size.

The shares of an attribute's values are means of their probabilities, over the pixels in which the node is more likely
than not.

Pure numpy. Must not know: networks, files, class maps, how maps to probabilities are learned.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

import numpy as np

from smalta.answers.fields import LOGITS, VALUE_LOGITS
from smalta.answers.presence_calibration import PresenceCalibration
from smalta.answers.upscaling import softmax
from smalta.classes import ClassTree

POWER = 4


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Evidence:
    """What a network says about each node in a picture.

    Attributes:
        tree: the classes.
        mass: (N + 1,) float64 pixels by node id: sum of P(node)^4.
        values: by attribute name, (N + 1, V) float64 pixels: sums of the values' probabilities where P(node) >= 0.5;
            0 outside the attribute's node.
        calibration: gives probabilities; None if the model has no calibration.
    """

    tree: ClassTree
    mass: np.ndarray
    values: Mapping[str, np.ndarray] = field(default_factory=dict)
    calibration: PresenceCalibration | None = None

    @classmethod
    def none(cls, tree: ClassTree, calibration: PresenceCalibration | None = None) -> Evidence:
        """The evidence of no pixel, to add others to."""
        n = len(tree) + 1
        values = {a.name: np.zeros((n, len(a.values))) for a in tree.attributes}
        return cls(tree=tree, mass=np.zeros(n), values=values, calibration=calibration)

    @classmethod
    def of_maps(
        cls,
        tree: ClassTree,
        maps: Mapping[str, np.ndarray],
        size_hw: tuple[int, int],
        stride: int,
        calibration: PresenceCalibration | None = None,
    ) -> Evidence:
        """The evidence in a network's maps, as `smalta.answers.fields` lists them, without their first axis.

        Args:
            tree: the classes.
            maps: of a picture, or of a part that begins with a cell.
            size_hw: of the picture or part, pixels; cells may lie beyond it.
            stride: of the maps.
            calibration: gives probabilities.
        """
        sizes = [np.clip(length - np.arange(-(-length // stride)) * stride, 0, stride) for length in size_hw]
        cells = (slice(None), *(slice(len(axis)) for axis in sizes))
        attributes = {}
        for attribute in tree.attributes:
            logits = maps[VALUE_LOGITS][attribute.start : attribute.stop]
            attributes[attribute.name] = softmax(logits[cells].astype(np.float32))
        probabilities = softmax(maps[LOGITS][cells].astype(np.float32))
        return cls._measured(tree, probabilities, attributes, sizes[0][:, None] * sizes[1], calibration)

    @classmethod
    def of_probabilities(
        cls, tree: ClassTree, probabilities: np.ndarray, attributes: Mapping[str, np.ndarray]
    ) -> Evidence:
        """The evidence in probabilities at full size, for an answer that no network's maps are known of.

        Args:
            tree: the classes.
            probabilities: (L, H, W) of the leaves.
            attributes: by attribute name, (V, H, W).
        """
        return cls._measured(tree, probabilities, attributes, np.ones(probabilities.shape[1:]), None)

    @classmethod
    def _measured(
        cls,
        tree: ClassTree,
        probabilities: np.ndarray,
        attributes: Mapping[str, np.ndarray],
        pixels: np.ndarray,
        calibration: PresenceCalibration | None,
    ) -> Evidence:
        """From probabilities (L, h, w) of cells that stand for (h, w) pixels."""
        found = cls.none(tree, calibration)
        asked = {a.name: {a.node, *tree.descendants(a.node)} for a in tree.attributes if a.name in attributes}
        for node in tree:
            p = probabilities[node.leaf_start : node.leaf_stop].sum(axis=0)
            for name, nodes in asked.items():
                if node.id in nodes:
                    likely = p >= 0.5
                    found.values[name][node.id] = attributes[name][:, likely] @ pixels[likely].astype(np.float64)
            np.square(np.square(p, out=p), out=p)
            found.mass[node.id] = np.sum(p * pixels, dtype=np.float64)
        return found

    def __add__(self, other: Evidence) -> Evidence:
        """The evidence of both parts of a picture."""
        return Evidence(
            tree=self.tree,
            mass=self.mass + other.mass,
            values={name: values + other.values[name] for name, values in self.values.items()},
            calibration=self.calibration,
        )

    @property
    def strength(self) -> np.ndarray:
        """(N + 1,) float64 by node id: log(1 + mass), from which a calibration makes probabilities."""
        strength: np.ndarray = np.log1p(self.mass)
        return strength

    @property
    def probabilities(self) -> np.ndarray:
        """(N + 1,) float64 by node id: the calibrated probability that the node is there; nan without one."""
        if self.calibration is None:
            return np.full(len(self.tree) + 1, np.nan)
        return self.calibration.probabilities(self.tree, self.strength)

    def shares(self, node: int) -> dict[str, dict[str, float]]:
        """By attribute of the node, the share of each value; empty where the node is nowhere more likely than not."""
        found = {}
        for attribute in self.tree.attributes:
            sums = self.values.get(attribute.name)
            if sums is not None and sums[node].sum() > 0:
                shares = (sums[node] / sums[node].sum()).tolist()
                found[attribute.name] = dict(zip(attribute.values, shares, strict=True))
        return found
