"""Read, check and number the classes of a nested mapping.

In:  `{name: {kind, color, ids, mirror, attributes, children} | None}`, as parsed from a `classes.yaml`.
Out: `Node` and `Attribute` values in pre-order.

Must not know: pictures, arrays, networks, files. `ClassTree` is the door; other rooms do not import this module.
"""

from __future__ import annotations

import colorsys
from collections.abc import Mapping, Sequence
from typing import Any

from smalta.classes.nodes import ROOT, Attribute, Kind, Node, Stated
from smalta.errors import ClassTreeError
from smalta.system.records import check_keys

MAX_NODES = 4096
MAX_DEPTH = 64
MOST_VALUES = 255  # of an attribute: masks of values have 8 bits, and 0 means unlabelled


def is_value(value: object) -> bool:
    """Whether `value` can stand in a label file: a whole number of at most 32 bits."""
    return isinstance(value, int) and not isinstance(value, bool) and 0 <= value < 2**32


def few(values: Sequence[int], most: int = 12) -> str:
    """The first values of a list, for a sentence."""
    return f"{list(values[:most])}{' ...' if len(values) > most else ''}".replace("] ...", ", ...]")


def as_mapping(spec: object, title: str = "'classes'") -> Mapping[str, Any]:
    """Classes as `{name: fields}`; a flat list gives empty fields. Error messages call the place `title`."""
    if isinstance(spec, Mapping):
        return spec
    if isinstance(spec, Sequence) and not isinstance(spec, str):
        nested = next((name for name in spec if isinstance(name, Mapping | list)), None)
        if nested is not None:
            raise ClassTreeError(
                f"a list of classes must hold names only, got {nested!r}; "
                "to say more about a class, write a mapping such as 'classes: {sky: {}, car: {kind: thing}}'"
            )
        repeated = sorted({str(name) for name in spec if list(spec).count(name) > 1})
        if repeated:
            raise ClassTreeError(f"class {repeated[0]!r} is listed twice at one level; sibling names must differ")
        return dict.fromkeys(spec)
    raise ClassTreeError(f"{title} must be a mapping or a list of names, got {spec!r}")


class Builder:
    """Numbers the nodes of a nested mapping in one pass, in pre-order."""

    known = frozenset({"kind", "color", "children", "attributes", "ids", "mirror"})

    def __init__(self) -> None:
        self.nodes: list[dict[str, Any]] = []
        self._mirrors: dict[str, str] = {}
        self._colors: set[str] = set()
        self._stated_ids: set[str] = set()
        self._n_leaves = 0
        # by identity of a mapping: the parent and the path of the class that it describes
        self._seen: dict[int, tuple[int, str]] = {}
        self._open: list[int] = []

    def add_children(self, spec: Mapping[str, Any], *, parent: int, path: str, depth: int, kind: Kind) -> None:
        """Add the classes of one mapping and all classes below them."""
        for name, fields in spec.items():
            self._add(name, fields, parent=parent, path=path, depth=depth, kind=kind)

    def _add(self, name: object, fields: object, *, parent: int, path: str, depth: int, kind: Kind) -> None:
        if not isinstance(name, str) or not name.strip() or "/" in name:
            raise ClassTreeError(f"class name {name!r} must be text without '/'; quote it in the YAML file")
        where = f"{path}/{name}" if path else name
        if fields is None:
            fields = {}
        elif not isinstance(fields, Mapping):
            raise ClassTreeError(f"class {where!r} must hold a mapping such as {{kind: thing}}, got {fields!r}")
        else:
            self._refuse_shared(fields, parent, where)
        if len(self.nodes) >= MAX_NODES or depth > MAX_DEPTH:
            raise ClassTreeError(
                f"the tree has more than {MAX_NODES} nodes or {MAX_DEPTH} levels at {where[:80]!r}; make it smaller"
            )
        check_keys(fields, self.known, what=f"class {where!r}", fix="correct or remove them", error=ClassTreeError)
        own_kind = self._kind(where, fields, kind)
        children = fields.get("children") or {}
        node: dict[str, Any] = {
            "id": len(self.nodes) + 1,
            "name": name,
            "path": where,
            "parent": parent,
            "depth": depth,
            "kind": own_kind,
            "color": self._color(where, fields),
            "ids": self._ids(where, fields),
            "attributes": _read_attributes(where, fields.get("attributes") or {}),
            "leaf_start": self._n_leaves,
        }
        if fields.get("mirror") is not None:
            self._mirrors[where] = str(fields["mirror"])
        self.nodes.append(node)
        if children:
            named = as_mapping(children, f"children of class {where!r}")
            if named is children:
                self._refuse_shared(children, node["id"], f"{where}/{next(iter(children))}")
            self._open += [id(fields), id(children)]
            self.add_children(named, parent=node["id"], path=where, depth=depth + 1, kind=own_kind)
            del self._open[-2:]
        else:
            self._n_leaves += 1
        node["leaf_stop"] = self._n_leaves

    def _refuse_shared(self, shared: object, parent: int, where: str) -> None:
        """Refuse a mapping that a YAML alias puts below two nodes, or below itself; siblings may share their fields."""
        if id(shared) in self._open:
            raise ClassTreeError(f"class {where!r} is a descendant of itself; a tree has no cycle, so remove the alias")
        other_parent, other = self._seen.setdefault(id(shared), (parent, where))
        if other_parent != parent:
            raise ClassTreeError(f"class {where!r} has two parents (it is also {other!r}); give it one parent")

    @staticmethod
    def _kind(where: str, fields: Mapping[str, Any], inherited: Kind) -> Kind:
        kind = fields.get("kind", inherited)
        if kind not in ("stuff", "thing"):
            raise ClassTreeError(f"kind of class {where!r} must be 'stuff' or 'thing', got {kind!r}")
        if inherited == "thing" and kind == "stuff":
            raise ClassTreeError(
                f"class {where!r} is stuff below a thing; parts of a countable class are countable, so make both things"
            )
        return "thing" if kind == "thing" else "stuff"

    def _ids(self, where: str, fields: Mapping[str, Any]) -> tuple[int, ...] | None:
        if "ids" not in fields:
            return None
        ids = fields["ids"]
        ids = [ids] if isinstance(ids, int) else ids
        if not isinstance(ids, list | tuple) or not all(is_value(value) for value in ids):
            raise ClassTreeError(f"ids of class {where!r} must be whole numbers >= 0, got {fields['ids']!r}")
        self._stated_ids.add(where)
        return tuple(ids)

    def _color(self, where: str, fields: Mapping[str, Any]) -> tuple[int, int, int] | None:
        text = fields.get("color")
        if text is None:
            return None
        try:
            if not isinstance(text, str) or len(text) != 7 or text[0] != "#":
                raise ValueError
            red, green, blue = bytes.fromhex(text[1:])
        except ValueError:
            raise ClassTreeError(f"color of class {where!r} must look like '#3b82f6', got {text!r}") from None
        self._colors.add(where)
        return red, green, blue

    def stated(self) -> Stated:
        """What the mapping states, without defaults."""
        return Stated(ids=frozenset(self._stated_ids), colors=frozenset(self._colors), mirrors=dict(self._mirrors))

    def finish(self) -> tuple[Node, ...]:
        """The nodes with default label values and colours filled in."""
        for index, node in enumerate(self.nodes):
            if node["ids"] is None:  # values in order of appearance, unless the mapping states some
                node["ids"] = () if self._stated_ids else (index,)
            if node["color"] is None:
                node["color"] = _default_color(node["name"], node["parent"], index)
        return tuple(Node(**node) for node in self.nodes)


def _read_attributes(where: str, attributes: object) -> dict[str, tuple[str, ...]]:
    if not isinstance(attributes, Mapping):
        raise ClassTreeError(f"attributes of class {where!r} must be a mapping of name to values, got {attributes!r}")
    read = {}
    for name, values in attributes.items():
        named = isinstance(values, list | tuple) and all(
            isinstance(value, str | int) and not isinstance(value, bool) for value in values
        )
        if not named:  # YAML reads yes and no, on and off as true and false
            raise ClassTreeError(
                f"attribute {name!r} of class {where!r} must be a list of names, got {values!r}; "
                "quote words such as 'yes' and 'off'"
            )
        texts = tuple(str(value) for value in values)
        if len(set(texts)) < 2 or len(set(texts)) < len(texts):
            raise ClassTreeError(
                f"attribute {name!r} of class {where!r} has values {list(texts)}; "
                "it needs at least two values, each different"
            )
        if len(texts) > MOST_VALUES:
            raise ClassTreeError(
                f"attribute {name!r} of class {where!r} has {len(texts)} values, more than {MOST_VALUES}; "
                "make them classes below this one"
            )
        read[str(name)] = texts
    return read


def number_attributes(nodes: Sequence[Node]) -> tuple[Attribute, ...]:
    """The attributes of all nodes with their network channels; only one node may have an attribute of a given name."""
    found: list[Attribute] = []
    for node in nodes:
        for name, values in node.attributes.items():
            twin = next((a for a in found if a.name == name), None)
            if twin is not None:
                raise ClassTreeError(
                    f"attribute {name!r} belongs to {nodes[twin.node - 1].path!r} and to {node.path!r}; "
                    "move it to their common parent, or use two names"
                )
            found.append(Attribute(name=name, node=node.id, values=values, start=found[-1].stop if found else 0))
    return tuple(found)


def _default_color(name: str, parent: int, index: int) -> tuple[int, int, int]:
    if parent == ROOT and index == 0 and name.strip("_").lower() in {"background", "ground", "other", "none"}:
        return (40, 40, 46)
    hue = (0.58 + index * 0.61803398875) % 1.0  # steps of the golden angle keep neighbouring classes apart
    value = (0.95, 0.72, 0.85)[index % 3]
    saturation = (0.75, 0.6, 0.9)[(index // 3) % 3]
    red, green, blue = colorsys.hsv_to_rgb(hue, saturation, value)
    return round(red * 255), round(green * 255), round(blue * 255)
