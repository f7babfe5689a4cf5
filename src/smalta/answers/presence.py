"""What is in a picture: for every node whether it is there, how sure that is, how much of it, and of what character.

In:  the regions of a class map, the evidence of the network, counts of objects.
Out: `Presence`, one row per node.

Pure numpy. Must not know: networks, files, how regions and evidence are measured.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import Self

import numpy as np

from smalta.answers.evidence import Evidence
from smalta.answers.regions import Region, Regions
from smalta.classes import ClassTree

LIKELY = 0.5  # a node is there from this probability on


@dataclass(frozen=True, slots=True, kw_only=True)
class NodePresence:
    """One node in one picture.

    Attributes:
        node: path of the class.
        level: its depth in the class tree, 1 at the top.
        present: whether it is there: a calibrated node from a probability of 0.5 on, another one if it has a pixel. A
            parent is there if a node below it is.
        probability: that it is there, calibrated on validation pictures; None for a node that is not calibrated.
        area: pixels of the class map; a parent's include its children's.
        share: of the picture, 0 to 1.
        region: its largest connected region; None without pixels.
        objects: number of objects; None for stuff, and without objects.
        values: by attribute, the share of each value over the pixels in which the node is more likely than not.
    """

    node: str
    level: int
    present: bool
    probability: float | None
    area: int
    share: float
    region: Region | None
    objects: int | None = None
    values: Mapping[str, Mapping[str, float]] = field(default_factory=dict)


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Presence:
    """All nodes of a class tree in one picture.

    Attributes:
        tree: the classes.
        size_hw: of the picture, pixels.
        nodes: in the order of the tree, parents before children.

    Example:
        >>> presence = load("run")(open_dataset("scenes").split("test")[0].picture).presence()
        >>> presence["road"].present, presence["road"].region.length > 10
        (True, True)
    """

    tree: ClassTree
    size_hw: tuple[int, int]
    nodes: tuple[NodePresence, ...]

    @classmethod
    def of(
        cls,
        tree: ClassTree,
        regions: Regions,
        size_hw: tuple[int, int],
        *,
        evidence: Evidence,
        objects: Mapping[str, int] | None = None,
    ) -> Self:
        """Put together what is known of a picture.

        Args:
            tree: the classes.
            regions: of its class map.
            size_hw: of the picture, pixels.
            evidence: of the network.
            objects: number of objects by path of every node of things; None without objects.
        """
        largest, probabilities = regions.largest(), evidence.probabilities
        present = np.where(np.isnan(probabilities), regions.areas > 0, probabilities >= LIKELY)
        for child in reversed(tree.nodes):  # children before parents
            present[child.parent] |= present[child.id]
        nodes = [
            NodePresence(
                node=node.path,
                level=node.depth,
                present=bool(present[node.id]),
                probability=None if np.isnan(probabilities[node.id]) else float(probabilities[node.id]),
                area=int(regions.areas[node.id]),
                share=int(regions.areas[node.id]) / max(size_hw[0] * size_hw[1], 1),
                region=largest.get(node.id),
                objects=None if objects is None else objects.get(node.path),
                values=evidence.shares(node.id),
            )
            for node in tree
        ]
        return cls(tree=tree, size_hw=size_hw, nodes=tuple(nodes))

    def __getitem__(self, node: int | str) -> NodePresence:
        """The row of a node, by id, path, or a name that only one node has.

        Raises:
            ClassTreeError: if there is no such node, or several nodes have the name.
        """
        return self.nodes[self.tree[node].id - 1]

    def __iter__(self) -> Iterator[NodePresence]:
        return iter(self.nodes)
