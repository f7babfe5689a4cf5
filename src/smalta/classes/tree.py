"""The class tree: which classes there are, how they nest, and which numbers stand for them.

In:  `classes.yaml`, `classes.txt`, or plain names.
Out: `ClassTree`, an immutable value with nodes in pre-order and the arrays that other rooms index with.

Pure numpy. Must not know: pictures, networks, label formats.

Nodes are numbered in pre-order from 1. 0 is the root; as a label it means "unlabelled". In pre-order the leaves of
every node are one contiguous slice, so P(node) is a sum over a slice and needs no gather.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from functools import cached_property
from pathlib import Path
from typing import Any

import numpy as np
import yaml

from smalta.classes.files import classes_and_ignored, plain_data, read_class_file
from smalta.classes.nodes import ROOT, Attribute, Node, Stated, find_node
from smalta.classes.rules import check_ids, mirror_table
from smalta.classes.spec import Builder, as_mapping, few, is_value, number_attributes
from smalta.errors import ClassTreeError


class ClassTree:
    """Classes and their parents, as read-only arrays and look-ups.

    Args:
        spec: nested mapping `{name: {kind, color, ids, mirror, attributes, children} | None}` or a flat list of names.
        ignore: values of label files that mean "unlabelled".

    Raises:
        ClassTreeError: if the tree breaks a rule; the message names the node.

    Example:
        >>> tree = ClassTree({"sky": {}, "car": {"kind": "thing", "children": {"audi": {}, "honda": {}}}})
        >>> [node.path for node in tree.nodes]
        ['sky', 'car', 'car/audi', 'car/honda']
        >>> [tree.nodes[i - 1].path for i in tree.leaves]
        ['sky', 'car/audi', 'car/honda']
    """

    def __init__(self, spec: Mapping[str, Any] | Sequence[str], ignore: Iterable[int] = ()) -> None:
        builder = Builder()
        builder.add_children(as_mapping(spec), parent=ROOT, path="", depth=1, kind="stuff")
        if not builder.nodes:
            raise ClassTreeError("the class tree is empty; name at least two classes")
        self.nodes: tuple[Node, ...] = builder.finish()
        self.ignore: tuple[int, ...] = tuple(sorted(set(ignore)))
        if not all(map(is_value, self.ignore)):
            raise ClassTreeError(f"'ignore' must hold whole numbers in 0..4294967295, got {few(self.ignore)}")
        self.stated: Stated = builder.stated()
        if self.n_leaves < 2:
            raise ClassTreeError(
                f"the tree has one leaf, {self.nodes[-1].path!r}, and needs at least two; "
                "add a class for the other pixels, such as 'background'"
            )
        self._by_path = {node.path: node for node in self.nodes}
        check_ids(self.nodes, self.ignore)
        # (N + 1,) int64: the class that each class becomes in a mirrored picture
        self.mirror: np.ndarray = mirror_table(self.nodes, self.stated.mirrors)
        self.mirror.flags.writeable = False
        self.attributes: tuple[Attribute, ...] = number_attributes(self.nodes)

    # -- identity ---------------------------------------------------------------------------------

    def __eq__(self, other: object) -> bool:
        return (
            isinstance(other, ClassTree)
            and self.nodes == other.nodes
            and self.ignore == other.ignore
            and self.attributes == other.attributes
            and np.array_equal(self.mirror, other.mirror)
        )

    def __hash__(self) -> int:
        return hash(tuple(node.path for node in self.nodes))

    def __repr__(self) -> str:
        return f"ClassTree({', '.join(node.path for node in self.nodes)})"

    def __len__(self) -> int:
        """Number of nodes without the root."""
        return len(self.nodes)

    def __iter__(self) -> Iterator[Node]:
        return iter(self.nodes)

    # -- look-ups ---------------------------------------------------------------------------------

    def __getitem__(self, key: int | str) -> Node:
        """Node by id (1..N), by path, or by a name that only one node has.

        Raises:
            ClassTreeError: if there is no such node, or several nodes have the name.
        """
        if isinstance(key, str):
            return self._by_path.get(key) or find_node(self.nodes, key)
        if not 1 <= key <= len(self.nodes):
            raise ClassTreeError(f"there is no node {key}; node ids are 1..{len(self.nodes)} (0 is the root)")
        return self.nodes[key - 1]

    def name(self, node_id: int) -> str:
        """Path of a node; the root is "unlabelled"."""
        return "unlabelled" if node_id == ROOT else self.nodes[node_id - 1].path

    def children(self, node_id: int) -> tuple[int, ...]:
        """Ids of the direct children, in order; the children of the root are the top-level nodes."""
        return self._children[node_id]

    def ancestors(self, node_id: int) -> tuple[int, ...]:
        """Ids from the parent up to the top level, without the root.

        Example:
            >>> ClassTree({"a": {"children": {"b": {"children": {"c": {}, "d": {}}}}}, "e": {}}).ancestors(3)
            (2, 1)
        """
        found = []
        parent = int(self.parent[node_id])
        while parent != ROOT:
            found.append(parent)
            parent = int(self.parent[parent])
        return tuple(found)

    def descendants(self, node_id: int) -> tuple[int, ...]:
        """Ids of all nodes below, in pre-order; every node lies below the root."""
        if node_id == ROOT:
            return tuple(range(1, len(self.nodes) + 1))
        stop = node_id + 1
        depth = self.nodes[node_id - 1].depth
        while stop <= len(self.nodes) and self.nodes[stop - 1].depth > depth:
            stop += 1
        return tuple(range(node_id + 1, stop))

    # -- arrays -----------------------------------------------------------------------------------

    @cached_property
    def parent(self) -> np.ndarray:
        """(N + 1,) int64: parent id by node id; parent[0] = 0."""
        return np.array([ROOT, *(node.parent for node in self.nodes)])

    @cached_property
    def depth_of(self) -> np.ndarray:
        """(N + 1,) int64: depth by node id; the root has 0, the top level 1."""
        return np.array([0, *(node.depth for node in self.nodes)])

    @cached_property
    def _children(self) -> tuple[tuple[int, ...], ...]:
        found: list[list[int]] = [[] for _ in range(len(self.nodes) + 1)]
        for node in self.nodes:
            found[node.parent].append(node.id)
        return tuple(tuple(ids) for ids in found)

    @cached_property
    def leaves(self) -> tuple[int, ...]:
        """Ids of the leaves in order: channel k of a network scores node leaves[k]."""
        return tuple(node.id for node in self.nodes if not self._children[node.id])

    @property
    def n_leaves(self) -> int:
        """Number of leaves, which is the number of channels of a semantic head."""
        return len(self.leaves)

    @cached_property
    def inner(self) -> tuple[int, ...]:
        """Ids of the nodes that have children, without the root, in pre-order."""
        return tuple(node.id for node in self.nodes if self._children[node.id])

    @cached_property
    def leaf_slices(self) -> np.ndarray:
        """(N + 1, 2) int64: start and stop of each node's leaves among the channels; the root has all."""
        return np.array([(0, self.n_leaves), *((node.leaf_start, node.leaf_stop) for node in self.nodes)])

    @cached_property
    def leaf_matrix(self) -> np.ndarray:
        """(N + 1, L) bool: whether leaf l lies under node n (a leaf under itself, all under the root)."""
        channels = np.arange(self.n_leaves)
        return (channels >= self.leaf_slices[:, :1]) & (channels < self.leaf_slices[:, 1:])

    @property
    def n_levels(self) -> int:
        """Depth of the deepest leaf; levels are 1 (top) to n_levels (leaves)."""
        return int(self.depth_of.max())

    def level(self, k: int) -> tuple[int, ...]:
        """Node ids of the cut at depth k: nodes of that depth, and leaves that end above it.

        Raises:
            ClassTreeError: if k is not in 1..n_levels.

        Example:
            >>> tree = ClassTree({"sky": {}, "car": {"children": {"audi": {}, "honda": {}}}})
            >>> tree.level(1), tree.level(2)
            ((1, 2), (1, 3, 4))
        """
        if not 1 <= k <= self.n_levels:
            raise ClassTreeError(f"level must be in 1..{self.n_levels} for this tree, got {k}")
        return tuple(
            node.id for node in self.nodes if node.depth == k or (node.depth < k and not self._children[node.id])
        )

    def level_table(self, k: int) -> np.ndarray:
        """(N + 1,) int64: by node id, the node of level k that it belongs to; 0 for a node above the cut.

        `table[class_map]` is the map at level k. A node above the cut may mean any of the level's nodes below it, so
        it becomes unlabelled.
        """
        cut = set(self.level(k))
        table = np.zeros(len(self.nodes) + 1, dtype=np.int64)
        for node in self.nodes:
            for candidate in (node.id, *self.ancestors(node.id)):
                if candidate in cut:
                    table[node.id] = candidate
        return table

    @cached_property
    def distance(self) -> np.ndarray:
        """(N + 1, N + 1) int64: edges between two nodes along the tree."""
        lineage = [{ROOT}] + [{ROOT, node.id, *self.ancestors(node.id)} for node in self.nodes]
        shared = np.array([[len(a & b) - 1 for b in lineage] for a in lineage])
        return self.depth_of[:, None] + self.depth_of[None, :] - 2 * shared

    def roll_up(self, own: np.ndarray) -> np.ndarray:
        """(N + 1,) sums over each node and all nodes below it; index 0, the root, is the sum of all.

        Args:
            own: (N + 1,) numbers by node id, such as pixels or objects labelled as that very node.
        """
        total = own.copy()
        for node in reversed(self.nodes):  # children before parents
            total[node.parent] += total[node.id]
        return total

    def attribute(self, name: str) -> Attribute:
        """The attribute with this name.

        Raises:
            ClassTreeError: if no node has such an attribute.
        """
        found = next((attribute for attribute in self.attributes if attribute.name == name), None)
        if found is None:
            known = ", ".join(attribute.name for attribute in self.attributes) or "none"
            raise ClassTreeError(f"there is no attribute {name!r}; the tree's attributes are {known}")
        return found

    @cached_property
    def is_thing(self) -> np.ndarray:
        """(N + 1,) bool: whether a node is countable; the root is not."""
        return np.array([False, *(node.kind == "thing" for node in self.nodes)])

    @cached_property
    def colors(self) -> np.ndarray:
        """(N + 1, 3) uint8 RGB; the root is black."""
        return np.array([(0, 0, 0), *(node.color for node in self.nodes)], dtype=np.uint8)

    # -- label values -----------------------------------------------------------------------------

    @cached_property
    def value_to_node(self) -> Mapping[int, int]:
        """Node id by value of a label file; values to ignore give the root."""
        table = {value: node.id for node in self.nodes for value in node.ids}
        return table | dict.fromkeys(self.ignore, ROOT)

    def nodes_of(self, values: np.ndarray) -> np.ndarray:
        """Class map of a label picture.

        Args:
            values: (H, W) integers of the label file.

        Returns:
            (H, W) uint16 node ids, 0 where the value is to be ignored.

        Raises:
            ClassTreeError: if a value stands for no node.
        """
        small = values.dtype.itemsize <= 2  # counting is much faster than sorting
        present = np.flatnonzero(np.bincount(values.ravel())) if small else np.unique(values)
        unknown = [int(v) for v in present if int(v) not in self.value_to_node]
        if unknown:
            raise ClassTreeError(
                f"label values {few(unknown)} stand for no class; the tree has {few(sorted(self.value_to_node))}; "
                "add them to the 'ids' of a class or to 'ignore' in classes.yaml"
            )
        known = np.array(sorted(self.value_to_node))
        nodes = np.array([self.value_to_node[value] for value in known.tolist()], dtype=np.uint16)
        if known[-1] >= 2**16:  # a table would be too long
            return nodes[np.searchsorted(known, values)]
        table = np.zeros(known[-1] + 1, dtype=np.uint16)
        table[known] = nodes
        return table[values]

    @cached_property
    def node_to_value(self) -> np.ndarray:
        """(N + 1,) int64: the value of each node in the files that smalta writes.

        A node has its own first value. A node without values (an inner node that no label names) gets the next free
        number. The root gets the first value to ignore, otherwise 255 if no class has it.
        """
        taken = {value for node in self.nodes for value in node.ids} | set(self.ignore)
        free = (value for value in range(2**16) if value not in taken and value != 255)
        table = np.zeros(len(self.nodes) + 1, dtype=np.int64)
        for node in self.nodes:
            table[node.id] = node.ids[0] if node.ids else next(free)
        table[ROOT] = self.ignore[0] if self.ignore else (255 if 255 not in taken else next(free))
        return table

    # -- files ------------------------------------------------------------------------------------

    def to_dict(self) -> dict[str, Any]:
        """The tree as plain data, from which `ClassTree.from_dict` builds an equal tree."""
        return plain_data(self.nodes, self.ignore, self.stated)

    @classmethod
    def from_dict(cls, values: Mapping[str, Any]) -> ClassTree:
        """Build from the parsed content of a `classes.yaml`; an unknown key is an error."""
        return cls(*classes_and_ignored(values))

    @classmethod
    def from_file(cls, path: str | Path) -> ClassTree:
        """Read `classes.yaml` (`.yml`, `.json`), or a `classes.txt` of `id name` lines.

        Raises:
            ClassTreeError: if the file cannot be read or breaks a rule; the message names the file.
        """
        path = Path(path)
        content = read_class_file(path)
        try:
            return cls.from_dict(content)
        except ClassTreeError as error:
            raise ClassTreeError(f"{path}: {error}") from error

    def to_yaml(self) -> str:
        """The text of a `classes.yaml`; `from_file` reads an equal tree from it."""
        return yaml.safe_dump(self.to_dict(), sort_keys=False, allow_unicode=True)
