"""Categories of a label file to nodes of a class tree, and back.

In:  category ids, names and supercategories.
Out: a class tree and the node of every category id.

Must not know: pictures, one format's files.
"""

from __future__ import annotations

import re
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from smalta.classes import ROOT, ClassTree
from smalta.errors import ClassTreeError, DataError


@dataclass(frozen=True, slots=True, kw_only=True)
class Category:
    """One category of a label file; `group` is its supercategory, empty if it has none."""

    id: int
    name: str
    group: str = ""
    thing: bool = True
    color: str | None = None


def is_background(name: str) -> bool:
    """Whether a class's name says that it is the background."""
    return name.strip("_ ").lower() == "background"


def is_unlabelled(name: str) -> bool:
    """Whether a category's name says that its pixels are unlabelled, such as `unlabelled` or QuPath's `Ignore*`."""
    return re.fullmatch(r"(void|ignored?|unlabell?ed)\W*", name.strip(), re.IGNORECASE) is not None


def name_of_unlabelled(tree: ClassTree) -> str:
    """A name that `is_unlabelled` and that no class has."""
    taken = {node.name.lower() for node in tree}
    return next(name for name in ("unlabelled", "void", "ignored", "ignore") if name not in taken)


def background_of(tree: ClassTree) -> int:
    """Node of pixels that no object covers: the only stuff leaf, else the one named background, else the root."""
    stuff = [node for node in tree.leaves if not tree.is_thing[node]]
    if len(stuff) == 1:
        return stuff[0]
    named = [node for node in stuff if is_background(tree[node].name)]
    return named[0] if len(named) == 1 else ROOT


def tree_of(
    categories: Sequence[Category], *, background: bool, ignore: Collection[int] = ()
) -> tuple[ClassTree, dict[int, int]]:
    """The class tree that categories and their supercategories form.

    A supercategory is the parent of its categories. A category with the name of a supercategory is that parent itself.
    A node's ids are its category ids, so that smalta writes files with the user's own numbers. A category that
    `is_unlabelled` is not a class: its id is ignored, and its node is the root.

    Args:
        categories: in the order of their file; at least one.
        background: add the stuff leaf `background` (id 0 if that is free), unless a category has this name.
        ignore: values for pixels without a label; a value that is a category's id is dropped.

    Returns:
        The tree, and node id by category id.
    """
    paths = {category.id: _path(category, categories, ()) for category in categories}
    if len(paths) < len(categories):
        raise DataError(
            f"category ids must differ, got {sorted(category.id for category in categories)}; give each its own id"
        )
    silent = [category.id for category in categories if is_unlabelled(category.name)]
    categories = [category for category in categories if category.id not in silent]
    spec: dict[str, Any] = {}
    if background and not any(len(path) == 1 and is_background(path[0]) for path in paths.values()):
        spec["background"] = {"ids": [next(i for i in range(len(paths) + 1) if i not in paths)]}
    for category in categories:
        children = spec
        for name in paths[category.id]:
            node = children.setdefault(name, {"children": {}, "leaf_kinds": []})
            node.setdefault("leaf_kinds", []).append(category.thing and not is_background(name))
            children = node.setdefault("children", {})
        node.setdefault("ids", []).append(category.id)
        if category.color:
            node["color"] = category.color
    for fields in spec.values():
        _settle_kind(fields)
    tree = ClassTree(spec, [*silent, *(value for value in ignore if value not in paths)])
    nodes = {category.id: tree["/".join(paths[category.id])].id for category in categories}
    return tree, {**dict.fromkeys(silent, ROOT), **nodes}


def nodes_by_name(tree: ClassTree, categories: Sequence[Category], used: Collection[int], path: Path) -> dict[int, int]:
    """Node of every category by its name in a tree that the user gave.

    Args:
        tree: the user's tree.
        categories: of the label file.
        used: ids that labels use; the tree may lack the other categories.
        path: the label file, for messages.
    """
    nodes: dict[int, int] = {}
    for category in categories:
        name = _clean(category.name)
        full = f"{_clean(category.group)}/{name}"
        try:
            nodes[category.id] = tree[category.name if "/" in category.name else name].id
        except ClassTreeError as error:
            known = {node.path for node in tree}
            if full in known:
                nodes[category.id] = tree[full].id
            elif is_unlabelled(name):
                nodes[category.id] = ROOT
            elif category.id in used:
                raise ClassTreeError(f"{path}, category {category.id}: {error}") from error
    return nodes


def category_names(tree: ClassTree) -> Mapping[int, str]:
    """Name by node for formats without paths: the name if it is unique, else the path."""
    names = [node.name for node in tree]
    return {node.id: node.name if names.count(node.name) == 1 else node.path for node in tree}


def written_categories(tree: ClassTree, used: Collection[int], *, without: int = ROOT) -> list[dict[str, Any]]:
    """Entries of "categories" in a JSON file: leaves, inner nodes that labels use, and inner nodes below the top level.

    Args:
        tree: the classes.
        used: nodes that labels use.
        without: a node to omit, such as the background.
    """
    names = category_names(tree)
    inner = set(tree.inner)
    return [
        {
            "id": int(tree.node_to_value[node.id]),
            "name": names[node.id],
            "supercategory": names[node.parent] if node.parent != ROOT else "",
            "isthing": int(node.kind == "thing"),
            "color": list(node.color),
        }
        for node in tree
        if node.id != without and (node.id not in inner or node.id in used or node.depth > 1)
    ]


def _clean(name: str) -> str:
    return " ".join(name.replace("/", "-").split())


def _path(category: Category, categories: Sequence[Category], below: tuple[int, ...]) -> tuple[str, ...]:
    """Names from the top level down to a category."""
    name, group = _clean(category.name), _clean(category.group)
    if not name:
        raise DataError(f"category {category.id} has no name; give it a name")
    if group.lower() in ("", "none", name.lower()):
        return (name,)
    if category.id in below:
        raise DataError(f"category {name!r} is a supercategory of itself; a tree has no cycle, so change one of them")
    parents = [other for other in categories if _clean(other.name) == group]
    if len(parents) == 1:
        return (*_path(parents[0], categories, (*below, category.id)), name)
    return (group, name)


def _settle_kind(fields: dict[str, Any]) -> None:
    """Set the kind of a node: a thing only if all categories at and below the node are things."""
    kinds = fields.pop("leaf_kinds", [])
    fields["kind"] = "thing" if kinds and all(kinds) else "stuff"
    for child in fields.get("children", {}).values():
        _settle_kind(child)
