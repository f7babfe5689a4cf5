"""Rules between the classes of a tree: a label value stands for one class, and mirrored classes fit each other.

In:  the nodes of a tree in pre-order.
Out: nothing, or the table of mirrored classes.

Must not know: files, pictures, networks. `ClassTree` is the door; other rooms do not import this module.
"""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping, Sequence

import numpy as np

from smalta.classes.nodes import Node, find_node
from smalta.errors import ClassTreeError


def check_ids(nodes: Sequence[Node], ignore: Collection[int]) -> None:
    """Refuse a label value that stands for two classes, or for a class and for "ignore".

    Raises:
        ClassTreeError: names the value and the classes.
    """
    owner: dict[int, str] = {}
    for node in nodes:
        for value in node.ids:
            if value in owner:
                raise ClassTreeError(
                    f"label value {value} stands for {owner[value]!r} and for {node.path!r}; give it to one class"
                )
            if value in ignore:
                raise ClassTreeError(f"label value {value} of {node.path!r} is also in 'ignore'; remove one of the two")
            owner[value] = node.path


def mirror_table(nodes: Sequence[Node], mirrors: Mapping[str, str]) -> np.ndarray:
    """(N + 1,) int64: the class that each class becomes in a mirrored picture; itself where no mirror is stated.

    Args:
        nodes: of the tree.
        mirrors: by path of a class, the name or path of the class that mirrors it; a name means a sibling first.

    Raises:
        ClassTreeError: if a mirror names no class, or the two do not fit each other.
    """
    table = np.arange(len(nodes) + 1)
    by_path = {node.path: node for node in nodes}
    for path, name in mirrors.items():
        sibling = by_path.get(f"{path.rpartition('/')[0]}/{name}".lstrip("/"))
        for here, there in _mirrored_pairs(nodes, by_path[path], sibling or find_node(nodes, name)):
            for a, b in ((here, there), (there, here)):
                now = int(table[a.id])
                if now not in (a.id, b.id):
                    raise ClassTreeError(f"class {a.path!r} mirrors {nodes[now - 1].path!r} and {b.path!r}; keep one")
                table[a.id] = b.id
    return table


def _mirrored_pairs(nodes: Sequence[Node], source: Node, target: Node) -> Iterator[tuple[Node, Node]]:
    """Two classes that mirror each other, then the classes below them, paired by their names."""
    below, below_target = (
        {node.path.removeprefix(f"{top.path}/"): node for node in nodes if node.path.startswith(f"{top.path}/")}
        for top in (source, target)
    )
    if source in below_target.values() or target in below.values():
        raise ClassTreeError(
            f"the mirror of {source.path!r} is {target.path!r}, and one lies below the other; "
            "name a class that lies beside it"
        )
    if lone := sorted(below.keys() ^ below_target.keys()):
        raise ClassTreeError(
            f"{source.path!r} and {target.path!r} mirror each other, and only one of them has {lone[0]!r}; "
            "give both the same children"
        )
    yield source, target
    yield from ((below[path], below_target[path]) for path in below)
