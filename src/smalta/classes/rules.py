"""Rules between the classes of a tree: a label value stands for one class, and mirrored classes fit each other.

In:  a `ClassTree` with its nodes.
Out: nothing, or the table of mirrored classes.

Must not know: files, pictures, networks. `ClassTree` is the door; other rooms do not import this module.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING

import numpy as np

from smalta.classes.nodes import Node
from smalta.errors import ClassTreeError

if TYPE_CHECKING:
    from smalta.classes.tree import ClassTree


def check_ids(tree: ClassTree) -> None:
    """Refuse a label value that stands for two classes, or for a class and for "ignore".

    Raises:
        ClassTreeError: names the value and the classes.
    """
    owner: dict[int, str] = {}
    for node in tree:
        for value in node.ids:
            if value in owner:
                raise ClassTreeError(
                    f"label value {value} stands for {owner[value]!r} and for {node.path!r}; give it to one class"
                )
            if value in tree.ignore:
                raise ClassTreeError(f"label value {value} of {node.path!r} is also in 'ignore'; remove one of the two")
            owner[value] = node.path


def mirror_table(tree: ClassTree) -> np.ndarray:
    """(N + 1,) int64: the class that each class becomes in a mirrored picture; itself where no mirror is stated.

    Raises:
        ClassTreeError: if a mirror names no class, or the two do not fit each other.
    """
    table = np.arange(len(tree) + 1)
    paths = {node.path for node in tree}
    for path, name in tree.stated.mirrors.items():
        sibling = f"{path.rpartition('/')[0]}/{name}".lstrip("/")
        for here, there in _mirrored_pairs(tree, tree[path], tree[sibling if sibling in paths else name]):
            for a, b in ((here, there), (there, here)):
                if table[a] not in (a, b):
                    raise ClassTreeError(
                        f"class {tree.name(a)!r} mirrors {tree.name(int(table[a]))!r} and {tree.name(b)!r}; keep one"
                    )
                table[a] = b
    return table


def _mirrored_pairs(tree: ClassTree, source: Node, target: Node) -> Iterator[tuple[int, int]]:
    """Pairs of ids: two classes that mirror each other, then the classes below them, paired by their names."""
    if source.id in tree.ancestors(target.id) or target.id in tree.ancestors(source.id):
        raise ClassTreeError(
            f"the mirror of {source.path!r} is {target.path!r}, and one lies below the other; "
            "name a class that lies beside it"
        )
    below, below_target = (
        {tree.name(node)[len(top.path) + 1 :]: node for node in tree.descendants(top.id)} for top in (source, target)
    )
    if lone := sorted(below.keys() ^ below_target.keys()):
        raise ClassTreeError(
            f"{source.path!r} and {target.path!r} mirror each other, and only one of them has {lone[0]!r}; "
            "give both the same children"
        )
    yield source.id, target.id
    yield from ((below[path], below_target[path]) for path in below)
