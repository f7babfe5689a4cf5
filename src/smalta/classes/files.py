"""Read and write a class tree: `classes.yaml`, `classes.txt`, plain data.

In:  a file, its parsed content, or the nodes of a tree.
Out: a nested mapping of classes and the values to ignore, or plain data from which an equal tree is built.

Must not know: pictures, arrays, networks. `ClassTree` is the door; other rooms do not import this module.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import yaml

from smalta.classes.nodes import ROOT, Kind, Node, Stated
from smalta.classes.spec import is_value
from smalta.errors import ClassTreeError
from smalta.system.records import check_keys


def read_class_file(path: Path) -> Mapping[str, Any]:
    """The content of a `classes.yaml` (`.yml`, `.json`), or of a `classes.txt` in the same form.

    Raises:
        ClassTreeError: if the file cannot be read; the message names it.
    """
    return _read_id_name_lines(path) if path.suffix.lower() == ".txt" else _read_yaml(path)


def classes_and_ignored(values: Mapping[str, Any]) -> tuple[Any, list[int]]:
    """The two parts of a `classes.yaml`: the classes, not checked yet, and the values to ignore.

    Raises:
        ClassTreeError: if a key is unknown or missing, or a value to ignore cannot be a label value.
    """
    stated = check_keys(
        values,
        ("classes", "ignore"),
        what="the class tree",
        fix="list the classes under 'classes'",
        required=("classes",),
        error=ClassTreeError,
    )
    ignore = stated.get("ignore", [])
    ignore = [ignore] if isinstance(ignore, int) else ignore
    if not isinstance(ignore, list) or not all(is_value(v) for v in ignore):
        raise ClassTreeError(f"'ignore' must be a list of whole numbers in 0..4294967295, got {ignore!r}")
    return stated["classes"], ignore


def plain_data(nodes: Sequence[Node], ignore: Sequence[int], stated: Stated) -> dict[str, Any]:
    """A tree as the content of a `classes.yaml`; defaults that its spec did not state are omitted.

    Args:
        nodes: of the tree, in pre-order.
        ignore: values of label files that mean "unlabelled".
        stated: what the spec states.
    """
    entries: dict[int, dict[str, Any]] = {ROOT: {}}
    for node in nodes:  # parents before children
        inherited = "stuff" if node.parent == ROOT else nodes[node.parent - 1].kind
        entries[node.id] = _plain_node(node, inherited, stated)
        entries[node.parent].setdefault("children", {})[node.name] = entries[node.id]
    return {"classes": entries[ROOT]["children"]} | ({"ignore": list(ignore)} if ignore else {})


def _plain_node(node: Node, inherited: Kind, stated: Stated) -> dict[str, Any]:
    """What is written of a node, without its children; `inherited` is its parent's kind."""
    fields: dict[str, Any] = {}
    if node.kind != inherited:
        fields["kind"] = node.kind
    if node.path in stated.colors:
        fields["color"] = "#{:02x}{:02x}{:02x}".format(*node.color)
    if node.path in stated.ids:
        fields["ids"] = list(node.ids)
    if node.path in stated.mirrors:
        fields["mirror"] = stated.mirrors[node.path]
    if node.attributes:
        fields["attributes"] = {name: list(values) for name, values in node.attributes.items()}
    return fields


class _StrictLoader(yaml.SafeLoader):
    """YAML without repeated keys, which the standard loader drops silently."""


def _strict_mapping(loader: _StrictLoader, node: yaml.MappingNode) -> Any:
    seen: set[object] = set()
    for key_node, _ in node.value:
        if key_node.tag == "tag:yaml.org,2002:merge":  # <<: *defaults
            continue
        key = loader.construct_object(key_node)
        if isinstance(key, str | int) and key in seen:
            raise ClassTreeError(
                f"{key!r} occurs twice in one mapping (line {key_node.start_mark.line + 1}); sibling names must differ"
            )
        seen.add(key if isinstance(key, str | int) else id(key_node))
    return loader.construct_yaml_map(node)


_StrictLoader.add_constructor(yaml.resolver.BaseResolver.DEFAULT_MAPPING_TAG, _strict_mapping)


def _read_yaml(path: Path) -> Mapping[str, Any]:
    """Parsed content of a `classes.yaml`; repeated keys are refused."""
    try:
        content = yaml.load(path.read_text(encoding="utf-8"), Loader=_StrictLoader)
    except ClassTreeError as error:
        raise ClassTreeError(f"{path}: {error}") from error
    except (OSError, UnicodeDecodeError) as error:
        raise ClassTreeError(f"{path} cannot be read as text: {error}") from error
    except (yaml.YAMLError, ValueError, RecursionError) as error:  # ValueError: text that looks like a date, 2020-13-40
        raise ClassTreeError(f"{path} is not valid YAML: {' '.join(str(error).split())}") from error
    if not isinstance(content, Mapping):
        raise ClassTreeError(f"{path} must hold a mapping with the key 'classes', got {type(content).__name__}")
    return content


def _read_id_name_lines(path: Path) -> Mapping[str, Any]:
    """A `classes.txt` of `id name` lines (or only names, numbered from 0) in the form of a `classes.yaml`.

    A name that contains void, ignore or unlabel is a value to ignore, not a class.
    """
    classes: dict[str, dict[str, list[int]]] = {}
    ignore: list[int] = []
    try:
        lines = path.read_text(encoding="utf-8-sig").splitlines()
    except (OSError, UnicodeDecodeError) as error:
        raise ClassTreeError(f"{path} cannot be read as text: {error}") from error
    rows = [line.split("#")[0].strip() for line in lines]
    numbered = [row.split(None, 1) for row in rows if row]
    with_ids = all(len(row) == 2 and row[0].rstrip(":").isdigit() for row in numbered)
    for index, row in enumerate(numbered):
        value, name = (int(row[0].rstrip(":")), row[1].strip()) if with_ids else (index, " ".join(row))
        name = name.replace("/", "-")
        if re.search(r"(?<![a-z])void(?![a-z])|ignore|unlabel", name, re.IGNORECASE):
            ignore.append(value)
        elif name in classes:
            raise ClassTreeError(f"{path} names class {name!r} twice; sibling names must differ")
        else:
            classes[name] = {"ids": [value]}
    return {"classes": classes, "ignore": ignore}
