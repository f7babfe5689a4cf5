"""Verdicts by the labels of pictures, and how well those of answers agree with them.

In:  rules, per picture labels and the presence of the answer.
Out: true verdicts; scores as plain data.

Must not know: files, networks, how rules are read or scores are shown.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np

from smalta.answers.evidence import Evidence
from smalta.answers.presence import Presence
from smalta.answers.regions import Regions
from smalta.classes import ClassTree
from smalta.metrics.node_counts import true_counts
from smalta.metrics.node_presence import true_presence
from smalta.metrics.object_map import ObjectMap
from smalta.metrics.verdict_scores import at_threshold, threshold_for, verdict_scores
from smalta.verdicts.rules import Rules


def true_verdict(
    rules: Rules,
    tree: ClassTree,
    classes: np.ndarray,
    instances: np.ndarray | None,
    attributes: Mapping[str, np.ndarray],
) -> bool | None:
    """Whether a picture is bad by its labels; None if they do not say.

    The same conditions are applied to the labels; a probability is 1 or 0 there. Labels do not say if a condition's
    class may be there unlabelled (`smalta.metrics.node_presence`), or its number of objects is not known.

    Args:
        rules: for the tree.
        tree: the classes.
        classes: (H, W) node ids of the labels, 0 = unlabelled.
        instances: (H, W) integers, 0 = no object; None if objects are not labelled.
        attributes: by attribute name, (H, W) uint8, 1.. = value, 0 = not labelled.
    """
    size_hw = (classes.shape[0], classes.shape[1])
    known = true_presence(tree, classes)[1]
    counts, counted = None, np.zeros(len(tree) + 1, dtype=bool)
    if instances is not None:
        numbers, counted = true_counts(tree, ObjectMap.from_maps(classes, instances, tree.is_thing))
        counts = {node.path: int(numbers[node.id]) for node in tree if tree.is_thing[node.id]}
    evidence = Evidence(tree=tree, mass=np.zeros(len(tree) + 1), values=_values(tree, classes, attributes))
    presence = Presence.of(tree, Regions.of(tree, classes), size_hw, evidence=evidence, objects=counts)
    readings = rules.judge(presence).readings
    says = [(counted if c.what == "count" else known)[tree[c.node].id] for c in rules.conditions]
    if any(reading.holds and sure for reading, sure in zip(readings, says, strict=True)):
        return True
    return False if all(says) else None


def _values(tree: ClassTree, classes: np.ndarray, attributes: Mapping[str, np.ndarray]) -> dict[str, np.ndarray]:
    """By attribute, (N + 1, V) labelled pixels of each value in each node."""
    found = {}
    for attribute in tree.attributes:
        sums = np.zeros((len(tree) + 1, len(attribute.values)))
        labels = attributes.get(attribute.name)
        if labels is not None:
            for node in (attribute.node, *tree.descendants(attribute.node)):
                inside = np.isin(classes, [node, *tree.descendants(node)]) & (labels > 0)
                sums[node] = np.bincount(labels[inside] - 1, minlength=sums.shape[1])
        found[attribute.name] = sums
    return found


class VerdictScores:
    """Collects the verdicts of the pictures of a split.

    Args:
        rules: for the tree.
        tree: the classes.
    """

    def __init__(self, rules: Rules, tree: ClassTree) -> None:
        self._rules, self._tree = rules, tree
        self._unknown = 0
        self._names: list[str] = []
        self._bad: list[bool] = []
        self._called: list[bool] = []
        self._scores: list[float] = []

    def add(
        self,
        name: str,
        classes: np.ndarray,
        instances: np.ndarray | None,
        attributes: Mapping[str, np.ndarray],
        presence: Presence,
    ) -> None:
        """Add one picture; its labels are those of `true_verdict`."""
        bad = true_verdict(self._rules, self._tree, classes, instances, attributes)
        if bad is None:
            self._unknown += 1
            return
        verdict = self._rules.judge(presence)
        self._names.append(name)
        self._bad.append(bad)
        self._called.append(verdict.bad)
        self._scores.append(verdict.score)

    def to_dict(self) -> dict[str, Any]:
        """Scores, and a row for each picture."""
        rows = zip(self._names, self._bad, self._called, self._scores, strict=True)
        return {
            "rules": [condition.text for condition in self._rules.conditions],
            **verdict_scores(self._bad, self._called, self._scores, self._unknown),
            "verdicts": [{"name": n, "true": b, "answer": c, "score": round(s, 6)} for n, b, c, s in rows],
        }

    def threshold(self, miss: float) -> float | None:
        """The highest threshold on the score that misses at most this share of the bad pictures."""
        return threshold_for(np.array(self._bad, dtype=bool), np.array(self._scores), miss)

    def at(self, threshold: float) -> dict[str, Any]:
        """Missed and rejected pictures at a threshold on the score."""
        return at_threshold(np.array(self._bad, dtype=bool), np.array(self._scores), threshold)
