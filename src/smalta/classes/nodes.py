"""The parts of a class tree: its nodes, and the attributes of nodes.

Must not know: files, arrays, pictures.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Literal

from smalta.errors import ClassTreeError

Kind = Literal["stuff", "thing"]
ROOT = 0  # the node above all others; as a label it means "unlabelled"


@dataclass(frozen=True, slots=True, kw_only=True)
class Node:
    """One class. `path` ("car/door") names it uniquely; `name` ("door") may recur in another branch."""

    id: int
    name: str
    path: str
    parent: int
    depth: int
    kind: Kind
    color: tuple[int, int, int]
    ids: tuple[int, ...]
    attributes: Mapping[str, tuple[str, ...]]
    leaf_start: int
    leaf_stop: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Attribute:
    """A question about one node, answered by one of its values; `start:stop` are its channels in a network."""

    name: str
    node: int
    values: tuple[str, ...]
    start: int

    @property
    def stop(self) -> int:
        """One past the last channel of the attribute."""
        return self.start + len(self.values)


@dataclass(frozen=True, slots=True, kw_only=True)
class Stated:
    """What the spec of a tree states, all else being defaults; a tree that is written states the same and no more.

    Attributes:
        ids: paths of the classes with label values of their own.
        colors: paths of the classes with a colour.
        mirrors: by path, the name of the class that mirrors it.
    """

    ids: frozenset[str]
    colors: frozenset[str]
    mirrors: Mapping[str, str]


def find_node(nodes: Sequence[Node], key: str) -> Node:
    """The node with a path, else the only one with a name.

    Raises:
        ClassTreeError: if there is no such node, or several nodes have the name.
    """
    matches = [node for node in nodes if node.path == key] or [node for node in nodes if node.name == key]
    if len(matches) == 1:
        return matches[0]
    if matches:
        paths = ", ".join(node.path for node in matches)
        raise ClassTreeError(f"class name {key!r} is not unique; write one of the paths {paths}")
    raise ClassTreeError(f"there is no class {key!r}; classes are {', '.join(node.path for node in nodes)}")
