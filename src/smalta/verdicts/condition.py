"""One condition of a rule file, such as "defect/crack longer than 12 px".

In:  text; the presence of nodes in a picture.
Out: `Condition`, and the `Reading` of a picture: its value, whether the condition holds, and a score.

The score of a picture orders pictures from surely good to surely bad. It lies in 0..1, and from 0.5 on the condition
holds:

- For a condition on the probability, r is the odds of the probability divided by the odds of the limit.
- For any other one r is value / limit; for "less than", limit / value.
- Where the condition holds, the score is r / (1 + r). Where it does not, it is (r + p) / 4; p is the probability that
  the node is there (r without one). So of two pictures without a long crack, the one that may hold a crack is nearer
  to bad.

Must not know: files, pictures, networks.
"""

from __future__ import annotations

import difflib
import math
import re
from dataclasses import dataclass, replace
from typing import Literal

from smalta.answers.presence import NodePresence, Presence
from smalta.answers.scale import Scale
from smalta.classes import ClassTree
from smalta.errors import ClassTreeError, ConfigError

What = Literal["present", "absent", "probability", "length", "width", "region", "area", "count", "value"]
FORMS = (
    "NODE present",
    "NODE absent",
    "NODE present with probability > 0.5",
    "NODE longer than 12 px",
    "NODE wider than 3 px",
    "NODE larger than 50 px2",
    "NODE area > 0.2 %",
    "more than 3 NODE",
    "NODE ATTRIBUTE VALUE > 50 %",
)
UNITS: dict[What, tuple[str, ...]] = {
    "length": ("px", "mm"),
    "width": ("px", "mm"),
    "region": ("px2", "mm2", "%"),
    "area": ("px2", "mm2", "%"),
    "value": ("%",),
}
_NUMBER = r"(?P<limit>[0-9]+(?:\.[0-9]+)?)"
_UNIT = r"(?:\s*(?P<unit>[A-Za-zµ%²0-9]+))?"
_SIGN = r"(?P<sign>>=|<=|>|<)"
_COMPARED: dict[str, What] = {"longer": "length", "wider": "width", "larger": "region"}
_SMALLER: dict[str, What] = {"shorter": "length", "narrower": "width", "smaller": "region"}
_PATTERNS = [
    rf"(?P<node>.+?) present with probability {_SIGN} {_NUMBER}",
    r"(?P<node>.+?) (?P<is>present|absent)",
    rf"(?P<node>.+?) (?P<compared>{'|'.join([*_COMPARED, *_SMALLER])}) than {_NUMBER}{_UNIT}",
    rf"(?P<node>.+?) area {_SIGN} {_NUMBER}{_UNIT}",
    rf"(?P<more>more|fewer) than {_NUMBER} (?P<node>.+)",
    rf"(?P<attribute>.+) {_SIGN} {_NUMBER}{_UNIT}",
]


@dataclass(frozen=True, slots=True, kw_only=True)
class Reading:
    """What a condition finds in a picture.

    Attributes:
        holds: whether the picture is bad by this condition.
        value: that was compared, in the unit of the condition; None for a node that is not there.
        score: 0 to 1, from 0.5 on where it holds.
    """

    holds: bool
    value: float | None
    score: float


@dataclass(frozen=True, slots=True, kw_only=True)
class Condition:
    """A condition.

    Attributes:
        text: as it is written.
        what: is compared.
        node: path or name of the class, as it is written.
        limit: to compare with, in `unit`.
        unit: "px", "mm", "px2", "mm2", "%"; empty for probabilities, counts, and whether a node is there.
        above: whether values above the limit are bad; otherwise those below.
        equal: whether the limit itself is bad.
        attribute: name of the attribute; empty unless `what` is "value".
        of: the value of the attribute.
    """

    text: str
    what: What
    node: str
    limit: float = 0.0
    unit: str = ""
    above: bool = True
    equal: bool = False
    attribute: str = ""
    of: str = ""

    @classmethod
    def parse(cls, text: str, where: str) -> Condition:
        """Read a condition.

        Args:
            text: of the condition.
            where: it is written, for messages.

        Raises:
            ConfigError: if it has none of the `FORMS`, or a unit that does not fit.
        """
        words = " ".join(text.split())
        for pattern in _PATTERNS:
            found = re.fullmatch(pattern, words)
            if found is not None:
                return _condition(words, found, where)
        near = difflib.get_close_matches(words, FORMS, n=1, cutoff=0.0)
        raise ConfigError(
            f"{where}: {words!r} is not a condition; the nearest form is {near[0]!r}, and all forms are "
            f"{', '.join(map(repr, FORMS))}"
        )

    def for_tree(self, tree: ClassTree, where: str) -> Condition:
        """The condition with the path of its node, and its attribute.

        Raises:
            ConfigError: if the tree has no such node, attribute or value, or objects of stuff would be counted.
        """
        if self.what == "value":
            return self._with_attribute(tree, where)
        path = _path_of(tree, self.node, f"{where}: {self.text!r}")
        if self.what == "count" and not tree.is_thing[tree[path].id]:
            things = [node.path for node in tree if tree.is_thing[node.id]]
            raise ConfigError(
                f"{where}: {self.text!r} counts {path!r}, which has no objects; "
                f"classes with objects are {', '.join(things) or 'none in this model'}"
            )
        return replace(self, node=path)

    def _with_attribute(self, tree: ClassTree, where: str) -> Condition:
        for attribute in tree.attributes:
            for value in attribute.values:
                if self.node.endswith(f" {attribute.name} {value}"):
                    node = self.node.removesuffix(f" {attribute.name} {value}")
                    path = _path_of(tree, node, f"{where}: {self.text!r}")
                    below = {attribute.node, *tree.descendants(attribute.node)}
                    if tree[path].id not in below:
                        raise ConfigError(
                            f"{where}: {self.text!r} asks for {attribute.name!r} of {path!r}, and only "
                            f"{tree.name(attribute.node)!r} has it"
                        )
                    return replace(self, node=path, attribute=attribute.name, of=value)
        known = [f"{tree.name(a.node)} {a.name} {value}" for a in tree.attributes for value in a.values]
        near = difflib.get_close_matches(self.node, known, n=1)
        raise ConfigError(
            f"{where}: {self.text!r} names no attribute of this model"
            + (f"; did you mean {near[0]!r}?" if near else f"; a condition has a form of {', '.join(map(repr, FORMS))}")
        )

    def read(self, presence: Presence, scale: Scale | None) -> Reading:
        """Compare a picture; the condition must be `for_tree`."""
        row = presence[self.node]
        if self.what in ("present", "absent"):
            return self._there(row)
        value = self._value(row, presence, scale)
        if value is None:
            return Reading(holds=False, value=None, score=0.0)
        holds = value > self.limit if self.above else value < self.limit
        holds |= self.equal and value == self.limit
        ratio = self._ratio(value)
        p = min(ratio, 1.0) if row.probability is None else row.probability
        below = (min(ratio, 1.0) + p) / 4
        if self.what == "probability":
            below = _share(min(ratio, 1.0))
        score = max(_share(ratio), 0.5) if holds else min(below, _JUST_BELOW)
        return Reading(holds=holds, value=value, score=score)

    def _there(self, row: NodePresence) -> Reading:
        p = float(row.present) if row.probability is None else row.probability
        wanted = self.what == "present"
        holds = row.present == wanted
        score = p if wanted else 1 - p
        score = max(score, 0.5) if holds else min(score, _JUST_BELOW)
        return Reading(holds=holds, value=row.probability, score=score)

    def _value(self, row: NodePresence, presence: Presence, scale: Scale | None) -> float | None:
        """The value in the unit of the condition; None if there is none to compare."""
        mm = 1.0 if scale is None else scale.mm_per_px
        factors = {"mm": mm, "mm2": mm * mm, "%": 100 / max(presence.size_hw[0] * presence.size_hw[1], 1)}
        one, region = factors.get(self.unit, 1.0), row.region
        if self.what == "probability":
            return float(row.present) if row.probability is None else row.probability
        if self.what == "area":
            return row.area * one
        if self.what == "count":
            return None if row.objects is None else float(row.objects)
        if self.what == "value":
            return 100 * row.values[self.attribute][self.of] if self.attribute in row.values else None
        if region is None:
            return 0.0 if self.above else None
        return {"length": region.length, "width": region.width, "region": float(region.area)}[self.what] * one

    def _ratio(self, value: float) -> float:
        """At least 1 where the value is beyond the limit."""
        limit = self.limit
        if self.what == "probability":
            value, limit = _odds(value), _odds(limit)
        elif self.what == "count":
            value, limit = (value + 0.5, limit + 1) if self.above else (value + 0.5, limit)
        up, down = (value, limit) if self.above else (limit, value)
        return up / down if down else (math.inf if up else 0.0)


_JUST_BELOW = math.nextafter(0.5, 0)


def _share(ratio: float) -> float:
    return 1.0 if math.isinf(ratio) else ratio / (1 + ratio)


def _odds(p: float) -> float:
    return math.inf if p >= 1 else p / (1 - p)


def _condition(text: str, found: re.Match[str], where: str) -> Condition:
    groups = found.groupdict()
    limit = float(groups.get("limit") or 0)
    sign = groups.get("sign") or ">"
    node = groups.get("node") or groups.get("attribute") or ""
    what: What
    above, equal = sign[0] == ">", sign.endswith("=")
    if groups.get("is"):
        what = "present" if groups["is"] == "present" else "absent"
    elif groups.get("compared"):
        word = groups["compared"]
        above = word in _COMPARED
        what = (_COMPARED | _SMALLER)[word]
    elif groups.get("more"):
        what, above = "count", groups["more"] == "more"
    elif groups.get("attribute"):
        what = "value"
    else:
        what = "area" if " area " in found[0][len(node) :] else "probability"
    unit = _unit(groups.get("unit"), what, text, where)
    if what == "probability" and limit > 1:
        raise ConfigError(f"{where}: {text!r} compares a probability with {limit:g}; it must lie between 0 and 1")
    return Condition(text=text, what=what, node=node, limit=limit, unit=unit, above=above, equal=equal)


def _unit(stated: str | None, what: What, text: str, where: str) -> str:
    unit = (stated or "").replace("²", "2").replace("^2", "2")
    allowed = UNITS.get(what, ())
    if unit in allowed or (not unit and not allowed):
        return unit
    wrong = "has no unit for its limit" if not unit else f"has the unit {stated!r}"
    raise ConfigError(f"{where}: {text!r} {wrong}; use {' or '.join(allowed)}")


def _path_of(tree: ClassTree, name: str, where: str) -> str:
    try:
        return tree[name].path
    except ClassTreeError as error:
        known = [node.path for node in tree] + [node.name for node in tree]
        near = difflib.get_close_matches(name, known, n=1, cutoff=0.5)
        hint = f"; did you mean {near[0]!r}?" if near else ""
        raise ConfigError(f"{where} names a class that the model does not have: {error}{hint}") from error
