"""Names that a user writes: the nearest right one where a name is wrong.

In:  names and keys of a file of rules, a class tree.
Out: node ids, and sentences about unknown names.

Must not know: what rules mean, geometry, files.
"""

from __future__ import annotations

import difflib
from collections.abc import Collection, Iterable, Mapping
from typing import Any

from smalta.classes import ClassTree
from smalta.errors import ConfigError
from smalta.system.records import shown

MOST_LISTED = 12  # names in a sentence
MOST_TEXT = 120  # characters of the user's text in a sentence


def cut(text: str) -> str:
    """A text in quotes for a sentence, with `MOST_TEXT` characters at most."""
    return repr(text[:MOST_TEXT]) + ("..." if len(text) > MOST_TEXT else "")


def listed(names: Iterable[str]) -> str:
    """The first names of a list for a sentence, or "none"."""
    every = list(names)
    few = ", ".join(name[:MOST_TEXT] for name in every[:MOST_LISTED])
    return (few or "none") + (", ..." if len(every) > MOST_LISTED else "")


def nearest(name: object, known: Collection[str]) -> str | None:
    """The known name that is spelt most like `name`, upper and lower case alike; None if none is near."""
    if not isinstance(name, str):
        return None
    lower = {other.lower(): other for other in reversed(list(known))}
    found = difflib.get_close_matches(name[:MOST_TEXT].lower(), lower, n=1, cutoff=0.5)
    return lower[found[0]] if found else None


def hint(name: object, known: Collection[str], what: str) -> str:
    """The end of a sentence: the nearest known name, or all of them.

    Example:
        >>> hint("polygn", ("polygon", "stuff"), "keys")
        "; did you mean 'polygon'?"
        >>> hint("x", ("polygon", "stuff"), "keys")
        '; keys are polygon, stuff'
    """
    near = nearest(name, known)
    return f"; did you mean {near!r}?" if near else f"; {what} are {listed(known)}"


def entries(values: object, known: Collection[str], where: str, required: Collection[str] = ()) -> Mapping[str, Any]:
    """The values, if they are a mapping with only known keys and with all required ones.

    Args:
        values: from a parser.
        known: keys that are allowed, in the order in which a sentence lists them.
        where: names the mapping in a sentence.
        required: keys that must be present.

    Raises:
        ConfigError: if they are not.
    """
    if not isinstance(values, Mapping):
        raise ConfigError(f"{where} is {shown(values)}, not a mapping; its keys are {listed(known)}")
    for key in values:
        if key not in known:
            raise ConfigError(f"{where} has the key {shown(key)}, which is unknown{hint(key, known, 'its keys')}")
    for key in required:
        if values.get(key) is None:
            raise ConfigError(f"{where} lacks the key {key!r}; its keys are {listed(known)}")
    return values


def node_of(tree: ClassTree, name: object, where: str) -> int:
    """The id of a class by its path, or by a name that only one class has.

    Raises:
        ConfigError: if the tree has no such class, or several have the name.
    """
    if not isinstance(name, str):
        raise ConfigError(f"{where} names the class {shown(name)}, which is not text; quote it")
    found = [node for node in tree if node.path == name] or [node for node in tree if node.name == name]
    if len(found) == 1:
        return found[0].id
    if found:
        paths = listed(node.path for node in found)
        raise ConfigError(f"{where} names the class {cut(name)}, and several have that name; write a path: {paths}")
    known = [node.path for node in tree] + [node.name for node in tree]
    near = nearest(name, known)
    end = f"; did you mean {near!r}?" if near else f"; its classes are {listed(node.path for node in tree)}"
    raise ConfigError(f"{where} names the class {cut(name)}, which the model does not have{end}")


def thing_of(tree: ClassTree, name: object, where: str) -> int:
    """The id of a class whose objects can be counted.

    Raises:
        ConfigError: as `node_of`, and if the class is stuff.
    """
    node = node_of(tree, name, where)
    if not tree.is_thing[node]:
        things = listed(other.path for other in tree if tree.is_thing[other.id])
        raise ConfigError(
            f"{where} counts {tree.name(node)!r}, which is stuff and has no objects; classes with objects are {things}"
        )
    return node


def stuff_of(tree: ClassTree, name: object, where: str) -> int:
    """The id of a class that is stuff, which objects can stand on.

    Raises:
        ConfigError: as `node_of`, and if the class is a thing.
    """
    node = node_of(tree, name, where)
    if tree.is_thing[node]:
        stuff = listed(other.path for other in tree if not tree.is_thing[other.id])
        raise ConfigError(
            f"{where} names the ground {tree.name(node)!r}, which is a thing; classes that are stuff are {stuff}"
        )
    return node
