"""The answer for a picture as one value: classes, probabilities, objects.

In:  the fields of a network's answer, and a class tree.
Out: class maps at any level, probabilities of any node, areas and presence per node, objects, panoptic maps.

Pure numpy. Must not know: networks, files, how the fields were made.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace

import numpy as np

from smalta.answers.decoding import USUAL, Decoding, best_stuff, decode, node_probabilities
from smalta.answers.evidence import Evidence
from smalta.answers.fields import CENTER, OFFSETS, SEMANTIC, attribute_field
from smalta.answers.grouping import GroupingRule, group
from smalta.answers.objects import Objects
from smalta.answers.presence import Presence
from smalta.answers.regions import Regions
from smalta.answers.stuff import without_crumbs
from smalta.classes import ClassTree
from smalta.errors import ShapeError


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Segmentation:
    """The answer for one picture.

    Attributes:
        tree: the classes.
        classes: (H, W) uint16 node ids; 0 where no node reached the requested confidence.
        probabilities: (L, H, W) float of the leaves, in the order of `tree.leaves`; sums to 1 over L.
        attributes: by attribute name, (V, H, W) float that sums to 1 over its values; it means nothing for pixels
            outside the attribute's node.
        objects: None if the model has no heads for objects, or none were requested.
        min_stuff: by node id, least share of the picture that a class of stuff covers in `panoptic`; empty for no
            limits.
        evidence: of the nodes, from the network's maps; None if only probabilities are known.

    Example:
        >>> answer = load("run")(open_dataset("scenes").split("test")[0].picture)
        >>> answer.classes.shape, answer.probability("vehicle").shape, answer.mask("vehicle").dtype
        ((64, 96), (64, 96), dtype('bool'))
    """

    tree: ClassTree
    classes: np.ndarray
    probabilities: np.ndarray
    attributes: Mapping[str, np.ndarray] = field(default_factory=dict)
    objects: Objects | None = None
    min_stuff: tuple[float, ...] = ()
    evidence: Evidence | None = None

    def __post_init__(self) -> None:
        if self.probabilities.shape != (self.tree.n_leaves, *self.classes.shape):
            raise ShapeError(
                f"probabilities must be {(self.tree.n_leaves, *self.classes.shape)}, got {self.probabilities.shape}"
            )

    @classmethod
    def from_probabilities(
        cls,
        tree: ClassTree,
        probabilities: np.ndarray,
        *,
        attributes: Mapping[str, np.ndarray] | None = None,
        objects: Objects | None = None,
        decoding: Decoding = USUAL,
        min_stuff: tuple[float, ...] = (),
        evidence: Evidence | None = None,
    ) -> Segmentation:
        """Decode leaf probabilities (L, H, W), as `smalta.answers.decoding.decode` does."""
        return cls(
            tree=tree,
            classes=decode(tree, probabilities, decoding),
            probabilities=probabilities,
            attributes=attributes or {},
            objects=objects,
            min_stuff=min_stuff,
            evidence=evidence,
        )

    @classmethod
    def from_fields(
        cls,
        tree: ClassTree,
        fields: Mapping[str, np.ndarray],
        *,
        rule: GroupingRule | None = None,
        decoding: Decoding = USUAL,
        evidence: Evidence | None = None,
    ) -> Segmentation:
        """Decode the fields of one picture, as `smalta.answers.fields` lists them, without their first axis.

        Args:
            tree: the classes.
            fields: by name.
            rule: when pixels are an object; None makes no objects.
            decoding: how classes of pixels and of objects are chosen.
            evidence: of the nodes, from the maps that the fields were made of.
        """
        probabilities = fields[SEMANTIC]
        attributes = {a.name: fields[attribute_field(a.name)] for a in tree.attributes}
        objects = None
        if rule is not None:
            is_thing = tree.is_thing[list(tree.leaves)]
            instances, scores = group(probabilities[is_thing].sum(axis=0), fields[CENTER][0], fields[OFFSETS], rule)
            objects = Objects.from_instances(
                tree, instances, probabilities, scores, attributes=attributes, decoding=decoding
            )
        return cls.from_probabilities(
            tree,
            probabilities,
            attributes=attributes,
            objects=objects,
            decoding=decoding,
            min_stuff=() if rule is None else rule.min_stuff,
            evidence=evidence,
        )

    @property
    def size_hw(self) -> tuple[int, int]:
        """Height and width in pixels."""
        height, width = self.classes.shape
        return height, width

    def level(self, k: int) -> np.ndarray:
        """(H, W) uint16 node ids of level k; 0 for pixels whose answer stopped above it."""
        return self.tree.level_table(k).astype(np.uint16)[self.classes]

    def probability(self, node: int | str) -> np.ndarray:
        """(H, W) P(node), the sum over its leaves."""
        return node_probabilities(self.tree, self.probabilities, [self.tree[node].id])[0]

    def mask(self, node: int | str) -> np.ndarray:
        """(H, W) bool: pixels whose class is the node or below it."""
        top = self.tree[node].id
        inside = np.zeros(len(self.tree) + 1, dtype=bool)
        inside[[top, *self.tree.descendants(top)]] = True
        return inside[self.classes]

    def areas(self, nodes: Sequence[int] | None = None) -> dict[str, int]:
        """Pixels per node by path; a parent's area includes its children's."""
        total = self.tree.roll_up(np.bincount(self.classes.ravel(), minlength=len(self.tree) + 1))
        wanted = range(1, len(self.tree) + 1) if nodes is None else nodes
        return {self.tree.name(node): int(total[node]) for node in wanted}

    def agreeing(self) -> np.ndarray:
        """(H, W) uint16 node ids that agree with the objects, if there are any, with small regions of stuff."""
        return self.classes if self.objects is None else replace(self, min_stuff=()).panoptic()

    def presence(self) -> Presence:
        """What is in the picture: for every node whether it is there, how sure that is, how much, and of what kind.

        Regions are those of the class map that `smalta predict` writes.

        Example:
            >>> answer = load("run")(open_dataset("scenes").split("test")[0].picture)
            >>> answer.presence()["road"].present
            True
        """
        evidence = self.evidence
        if evidence is None:
            evidence = Evidence.of_probabilities(self.tree, self.probabilities, self.attributes)
        regions = Regions.of(self.tree, self.agreeing())
        objects = None if self.objects is None else self.objects.counts()
        return Presence.of(self.tree, regions, self.size_hw, evidence=evidence, objects=objects)

    def attribute(self, name: str) -> np.ndarray:
        """(H, W) uint8: 1.. = the likeliest value, 0 outside the attribute's node.

        Raises:
            ClassTreeError: if the tree has no such attribute.
        """
        question = self.tree.attribute(name)
        value = (self.attributes[name].argmax(axis=0) + 1).astype(np.uint8)
        value[~self.mask(question.node)] = 0
        return value

    def panoptic(self, level: int | None = None) -> np.ndarray:
        """(H, W) uint16 node ids that agree with `objects`: pixels of an object have the object's class.

        All other pixels have the likeliest class of stuff, so things occur only in objects. If a class of stuff covers
        less of the picture than `min_stuff`, its pixels get the likeliest of the other classes. With
        `objects.instances` this is the panoptic answer: every pixel has one class, and one object if its class is a
        thing. A pixel is 0 if the tree has no stuff, or if no class reached the requested confidence.

        Args:
            level: of the class tree; None for the depth of the answer.

        Raises:
            ShapeError: if there are no objects.
        """
        if self.objects is None:
            raise ShapeError("this answer has no objects; use a model that was trained with instance labels")
        answer = self.classes.copy()
        loose = self.tree.is_thing[answer] & (self.objects.instances == 0)
        answer[loose] = best_stuff(self.tree, self.probabilities[:, loose])
        inside = self.objects.instances != 0
        if self.min_stuff:
            answer = without_crumbs(self.tree, answer, self.probabilities, ~inside, self.min_stuff)
        answer[inside] = self.objects.classes[self.objects.instances[inside] - 1]
        return answer if level is None else self.tree.level_table(level).astype(np.uint16)[answer]
