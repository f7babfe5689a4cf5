"""One condition of a rule for video, such as "count in shop of person >= 5".

In:  text; the class tree; names of zones.
Out: `Count`, `On`, `Stays`, `Still`: what must hold, with node ids and seconds.

Must not know: tracks, pictures, files, how long a condition has held.
"""

from __future__ import annotations

import difflib
import operator
import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from typing import Any, Literal

from smalta.classes import ClassTree
from smalta.classes.nodes import ROOT
from smalta.errors import ConfigError
from smalta.video.rulebook.names import cut, hint, stuff_of, thing_of

Sign = Literal[">=", "<=", ">", "<", "="]
FORMS = (
    "count in ZONE of CLASS >= 5",
    "CLASS on STUFF",
    "CLASS stays in ZONE > 60 s",
    "CLASS still > 60 s",
    "CLASS still > 60 s and no CLASS within 80 px",
)
SECONDS = {"s": 1.0, "min": 60.0, "h": 3600.0}
MOST_SECONDS = 31 * 24 * 3600.0
MOST_COUNT = 100_000
MOST_PX = 100_000.0
MOST_LENGTH = 300  # characters of a condition
_COMPARE: dict[str, Callable[[int, int], bool]] = {
    ">=": operator.ge,
    "<=": operator.le,
    ">": operator.gt,
    "<": operator.lt,
    "=": operator.eq,
}
_NUMBER = r"[0-9]+(?:\.[0-9]+)?"
_LONGER = rf" ?>=? ?(?P<time>{_NUMBER} ?[^\W\d]*)"
_COUNT = re.compile(r"count in (?P<zone>.+?) of (?P<node>.+?) ?(?P<sign>>=|<=|==|=|>|<) ?(?P<number>[0-9]+)")
_STAYS = re.compile(rf"(?P<node>.+?) stays in (?P<zone>.+?){_LONGER}")
_STILL = re.compile(
    rf"(?P<node>.+?) still{_LONGER}(?: and no (?P<without>.+?) within (?P<px>{_NUMBER}) ?(?P<unit>[^\W\d]*))?"
)
_ON = re.compile(r"(?P<node>[^<>=]+?) on (?P<stuff>[^<>=]+)")


@dataclass(frozen=True, slots=True, kw_only=True)
class Count:
    """As many sure tracks are in a zone.

    Attributes:
        text: as it is written.
        zone: its name.
        node: id of the class that is counted, with all below it.
        sign: how the count is compared.
        number: to compare with.
    """

    text: str
    zone: str
    node: int
    sign: Sign
    number: int

    def holds(self, count: int) -> bool:
        """Whether a count fulfils the condition."""
        return _COMPARE[self.sign](count, self.number)

    def to_dict(self, tree: ClassTree) -> dict[str, Any]:
        """The meaning as plain data."""
        rule = {"zone": self.zone, "of": tree.name(self.node), "sign": self.sign, "number": self.number}
        return {"count": rule}


@dataclass(frozen=True, slots=True, kw_only=True)
class On:
    """A track stands on stuff (`zones.touches`).

    Attributes:
        text: as it is written.
        node: id of the track's class, or of one above it.
        stuff: id of the class below its foot, or of one above it.
    """

    text: str
    node: int
    stuff: int

    def to_dict(self, tree: ClassTree) -> dict[str, Any]:
        """The meaning as plain data."""
        return {"on": {"of": tree.name(self.node), "stuff": tree.name(self.stuff)}}


@dataclass(frozen=True, slots=True, kw_only=True)
class Stays:
    """A track is in a zone for longer than a time, without a break.

    Attributes:
        text: as it is written.
        node: id of the track's class, or of one above it.
        zone: its name.
        longer_s: seconds.
    """

    text: str
    node: int
    zone: str
    longer_s: float

    def to_dict(self, tree: ClassTree) -> dict[str, Any]:
        """The meaning as plain data."""
        return {"stays": {"of": tree.name(self.node), "zone": self.zone, "longer_s": self.longer_s}}


@dataclass(frozen=True, slots=True, kw_only=True)
class Still:
    """A track does not leave its place for longer than a time, perhaps with no object of a class near it.

    Attributes:
        text: as it is written.
        node: id of the track's class, or of one above it.
        longer_s: seconds.
        without: id of a class; none of its tracks may be near. None without this part.
        within_px: from foot to foot, pixels of the picture; 0 without this part.
    """

    text: str
    node: int
    longer_s: float
    without: int | None
    within_px: float

    def to_dict(self, tree: ClassTree) -> dict[str, Any]:
        """The meaning as plain data."""
        near = None if self.without is None else {"of": tree.name(self.without), "px": self.within_px}
        return {"still": {"of": tree.name(self.node), "longer_s": self.longer_s, "without": near}}

    def scaled(self, factor: float) -> Still:
        """The same condition for a picture that is `factor` times as large."""
        return replace(self, within_px=self.within_px * factor)


Condition = Count | On | Stays | Still


def parse_condition(text: object, tree: ClassTree, zones: Mapping[str, int], where: str) -> Condition:
    """Read a condition.

    Args:
        text: of the condition.
        tree: classes of the model.
        zones: by name, the id of the class that a zone holds; 0 for all objects.
        where: the condition is written, for messages.

    Raises:
        ConfigError: if it has none of the `FORMS`, names a class or zone that is not there or does not fit, or can
            never or must always hold.
    """
    if not isinstance(text, str):
        raise ConfigError(f"{where} is no text; write a condition such as {FORMS[0]!r}")
    words = " ".join(text.split())
    at = f"{where}: {cut(words)}"
    if len(words) > MOST_LENGTH:
        raise ConfigError(f"{at} has {len(words)} characters; a condition has at most {MOST_LENGTH}")
    if found := _COUNT.fullmatch(words):
        return _count(words, found, tree, zones, at)
    if found := _STAYS.fullmatch(words):
        node = thing_of(tree, found["node"], at)
        zone = _zone(found["zone"], node, tree, zones, at)
        return Stays(text=words, node=node, zone=zone, longer_s=parse_seconds(found["time"], at))
    if found := _STILL.fullmatch(words):
        return _still(words, found, tree, at)
    if found := _ON.fullmatch(words):
        return _on(words, found, tree, zones, at)
    near = difflib.get_close_matches(words, FORMS, n=1, cutoff=0.0)
    raise ConfigError(
        f"{at} is not a condition; the nearest form is {near[0]!r}, and all forms are {', '.join(map(repr, FORMS))}"
    )


def parse_seconds(text: object, where: str) -> float:
    """A time such as "20 s", "1.5 min" or "2 h", seconds.

    Raises:
        ConfigError: if it has another form, no unit or another one, or is zero or longer than 31 days.
    """
    found = re.fullmatch(rf"({_NUMBER})\s*([^\W\d]*)", text.strip()) if isinstance(text, str) else None
    if found is None:
        given = cut(text) if isinstance(text, str) else repr(text) if isinstance(text, int | float) else "no text"
        raise ConfigError(f"{where} has the time {given}; write a number and a unit, such as '20 s' or '5 min'")
    number, unit = found.groups()
    if unit not in SECONDS:
        wrong = f"has the unit {cut(unit)}" if unit else "has no unit"
        raise ConfigError(f"{where}: the time {cut(found[0])} {wrong}; use s, min or h")
    seconds = float(number) * SECONDS[unit]
    if not 0 < seconds <= MOST_SECONDS:
        raise ConfigError(f"{where}: the time {cut(found[0])} must be longer than 0 s, and 31 days at most")
    return seconds


def _count(words: str, found: re.Match[str], tree: ClassTree, zones: Mapping[str, int], where: str) -> Count:
    node = thing_of(tree, found["node"], where)
    zone = _zone(found["zone"], node, tree, zones, where)
    sign: Sign = "=" if found["sign"] == "==" else found["sign"]  # type: ignore[assignment]
    if len(found["number"]) > 6 or int(found["number"]) > MOST_COUNT:
        raise ConfigError(f"{where} counts to more than {MOST_COUNT}; write a smaller number")
    number = int(found["number"])
    if number == 0 and sign in (">=", "<"):
        holds = "always" if sign == ">=" else "never"
        raise ConfigError(f"{where} {holds} holds, because a count is at least 0; use '> 0' or '= 0'")
    return Count(text=words, zone=zone, node=node, sign=sign, number=number)


def _still(words: str, found: re.Match[str], tree: ClassTree, where: str) -> Still:
    node = thing_of(tree, found["node"], where)
    longer_s = parse_seconds(found["time"], where)
    if found["without"] is None:
        return Still(text=words, node=node, longer_s=longer_s, without=None, within_px=0.0)
    if found["unit"] != "px":
        wrong = f"has the unit {cut(found['unit'])}" if found["unit"] else "has no unit"
        raise ConfigError(f"{where}: the distance {cut(found['px'])} {wrong}; write it in px")
    distance = float(found["px"])
    if not 0 < distance <= MOST_PX:
        raise ConfigError(f"{where}: the distance must be more than 0 px, and {MOST_PX:g} px at most")
    without = thing_of(tree, found["without"], where)
    return Still(text=words, node=node, longer_s=longer_s, without=without, within_px=distance)


def _on(words: str, found: re.Match[str], tree: ClassTree, zones: Mapping[str, int], where: str) -> On:
    node = thing_of(tree, found["node"], where)
    if found["stuff"] in zones and not any(found["stuff"] in (other.path, other.name) for other in tree):
        raise ConfigError(
            f"{where} names the zone {found['stuff']!r}, and objects are on stuff; "
            f"write '{found['node']} stays in {found['stuff']} > 1 s'"
        )
    return On(text=words, node=node, stuff=stuff_of(tree, found["stuff"], where))


def _zone(name: str, node: int, tree: ClassTree, zones: Mapping[str, int], where: str) -> str:
    """The name of a zone, if it exists and can hold objects of the class."""
    if name not in zones:
        raise ConfigError(f"{where} names the zone {cut(name)}, which is not there{hint(name, zones, 'zones')}")
    held = zones[name]
    if held != ROOT and held not in (node, *tree.ancestors(node), *tree.descendants(node)):
        raise ConfigError(
            f"{where} never holds, because the zone {name!r} has only objects of {tree.name(held)!r}; "
            f"count {tree.name(held)!r}, or remove 'of' from the zone"
        )
    return name
