"""From the parsed content of a file of rules to its checked parts.

In:  plain data; the class tree of the model.
Out: the arguments of `WatchRules`; one sentence if something is wrong.

Must not know: files, tracks, frames. `WatchRules` is the door.
"""

from __future__ import annotations

import math
import re
from collections.abc import Iterable, Mapping
from typing import Any

import numpy as np

from smalta.classes import ClassTree
from smalta.classes.nodes import ROOT
from smalta.errors import ConfigError
from smalta.system.records import shown
from smalta.video.rulebook.conditions import Condition, Count, Stays, Still, parse_condition, parse_seconds
from smalta.video.rulebook.names import cut, entries, hint, listed, stuff_of, thing_of
from smalta.video.rulebook.rule_parts import EventRule, Ignored, Line, Point, Side, Zone, fixed
from smalta.video.zones import area, crosses_itself, cut_to_picture, is_flat

KEYS = ("picture", "zones", "lines", "events", "ignore")
POINTS: tuple[Point, ...] = ("foot", "centre", "overlap")
SIDES: tuple[Side, ...] = ("left", "right")
MOST_PARTS = 1000  # zones, lines or events
MOST_CORNERS = 500
MOST_SIDE = 65_536  # pixels of a picture
MOST_PLACE = 1e6  # pixels, of a coordinate
SHORTEST_LINE = 2.0  # pixels
EDGE_PX = 6.0  # a line so near to the picture's edge has one side only


def parse_rules(content: Any, tree: ClassTree, *, where: str, objects: bool) -> dict[str, Any]:
    """The parts of the rules; see `WatchRules.parse` for arguments and errors."""
    if content is None:
        raise ConfigError(f"{where} is empty; write zones, lines or events")
    stated = entries(content, KEYS, where)
    places = {key: _named(stated.get(key), f"{where}: {key!r}") for key in ("zones", "lines")}
    picture = _picture(stated.get("picture"), places, where)
    notes: list[str] = []
    has_things = objects and bool(tree.is_thing.any())
    if not has_things:
        _refuse_without_objects(stated, places, where)
    zones = tuple(_zone(name, values, tree, picture, notes, where) for name, values in places["zones"].items())
    lines = tuple(_line(name, values, tree, picture, notes, where) for name, values in places["lines"].items())
    held = {zone.name: zone.of for zone in zones}
    events = tuple(_events(stated.get("events"), tree, held, where))
    if not (zones or lines or events):
        raise ConfigError(f"{where} has no zone, no line and no event; write at least one")
    ignore = tuple(_ignored(stated.get("ignore"), tree, where))
    parts = {"picture": picture, "zones": zones, "lines": lines, "events": events, "ignore": ignore}
    return parts | {"notes": tuple(notes)}


def _refuse_without_objects(stated: Mapping[str, Any], places: Mapping[str, Mapping[str, Any]], where: str) -> None:
    """Refuse rules about objects for a model that has none; zones of stuff alone still work."""
    works = [name for name, zone in places["zones"].items() if isinstance(zone, Mapping) and "stuff" in zone]
    fails = [f"zone {cut(name)}" for name in places["zones"] if name not in works]
    fails += [f"line {cut(name)}" for name in places["lines"]]
    fails += [key for key in ("events", "ignore") if stated.get(key)]
    if fails:
        raise ConfigError(
            f"{where}: this model has no objects, so these rules cannot work: {listed(fails)}; zones of stuff alone do "
            f"({listed(works)}); remove the others, or use a model with objects"
        )


# -- picture and names --------------------------------------------------------------------------------


def _picture(value: Any, places: Mapping[str, Mapping[str, Any]], where: str) -> tuple[int, int] | None:
    """Width and height; None if they are not stated and no coordinate needs them."""
    if value is None:
        if places["lines"] or any(isinstance(zone, Mapping) and "polygon" in zone for zone in places["zones"].values()):
            raise ConfigError(
                f"{where} lacks the key 'picture'; write the size that the coordinates are meant for, such as "
                "'picture: [640, 360]'"
            )
        return None
    pair = isinstance(value, list | tuple) and len(value) == 2
    if not pair or not all(isinstance(side, int) and not isinstance(side, bool) for side in value):
        raise ConfigError(f"{where}: 'picture' must be [width, height] in pixels, got {_few(value)}")
    width, height = value
    if not (1 <= width <= MOST_SIDE and 1 <= height <= MOST_SIDE):
        raise ConfigError(
            f"{where}: 'picture' is [{shown(width)}, {shown(height)}]; sides are 1 to {MOST_SIDE} pixels long"
        )
    return width, height


def _named(value: Any, where: str) -> Mapping[str, Any]:
    """A mapping whose keys can be names of zones or lines."""
    if value is None:
        return {}
    if not isinstance(value, Mapping):
        raise ConfigError(f"{where} is {shown(value)}, not a mapping of names, such as 'shop: {{...}}'")
    for name in value:
        _check_name(name, where)
    _check_number(value, where)
    return value


def _check_name(name: object, where: str) -> str:
    if not isinstance(name, str):  # YAML reads yes and no, on and off as true and false
        raise ConfigError(f"{where} has the name {shown(name)}, which is not text; quote it")
    if not re.fullmatch(r"\w(?:[\w .-]{0,58}\w)?", name):
        raise ConfigError(
            f"{where} has the name {cut(name)}; a name has 1 to 60 letters, digits and '_', with ' ', '.', '-' inside"
        )
    if re.search(r" (?:of|in|on) ", name):
        raise ConfigError(
            f"{where} has the name {cut(name)}; write '_' around 'of', 'in' and 'on', so that rules can name it"
        )
    return name


def _check_number(parts: Mapping[str, Any] | list[Any], where: str) -> None:
    if len(parts) > MOST_PARTS:
        raise ConfigError(f"{where} has {len(parts)} entries; {MOST_PARTS} are the most")


# -- zones --------------------------------------------------------------------------------------------


def _zone(
    name: str, values: Any, tree: ClassTree, picture: tuple[int, int] | None, notes: list[str], where: str
) -> Zone:
    at = f"{where}: zone {name!r}"
    stated = entries(values, ("polygon", "stuff", "point", "of"), at)
    of = ROOT if stated.get("of") is None else thing_of(tree, stated["of"], at)
    if (stated.get("polygon") is None) == (stated.get("stuff") is None):
        both = "both 'polygon' and 'stuff'" if stated.get("polygon") is not None else "neither 'polygon' nor 'stuff'"
        raise ConfigError(f"{at} has {both}; a zone is a polygon, or the stuff of a class")
    if stated.get("stuff") is not None:
        if stated.get("point") is not None:
            raise ConfigError(f"{at} is stuff, on which objects stand with their foot; remove 'point'")
        node = stuff_of(tree, stated["stuff"], at)
        return Zone(name=name, polygon=None, stuff=node, point="foot", share=0.0, of=of)
    point, share = _point("foot" if stated.get("point") is None else stated["point"], at)
    polygon = _polygon(stated["polygon"], picture or (0, 0), notes, at)
    return Zone(name=name, polygon=polygon, stuff=None, point=point, share=share, of=of)


def _point(value: Any, where: str) -> tuple[Point, float]:
    """What of an object must be inside, and the share of its mask."""
    words = value.split() if isinstance(value, str) else []
    if len(words) == 1 and words[0] in ("foot", "centre"):
        return ("foot" if words[0] == "foot" else "centre"), 0.0
    if words and words[0] == "overlap":
        share = _number(words[1]) if len(words) == 2 else None
        if share is None or not 0 < share <= 1:
            raise ConfigError(
                f"{where}: {cut(value)} needs a share of the object's mask above 0 and up to 1, such as 'overlap 0.4'"
            )
        return "overlap", share
    raise ConfigError(f"{where} has the point {shown(value)}{hint(words[0] if words else value, POINTS, 'points')}")


def _number(text: str) -> float | None:
    return float(text) if re.fullmatch(r"[0-9]{1,6}(?:\.[0-9]{1,12})?", text) else None


def _polygon(value: Any, picture: tuple[int, int], notes: list[str], where: str) -> np.ndarray:
    """The corners inside the picture, checked."""
    if not isinstance(value, list | tuple):
        raise ConfigError(
            f"{where}: 'polygon' is {shown(value)}, not a list of corners such as [[0, 0], [9, 0], [9, 9]]"
        )
    if len(value) > MOST_CORNERS:
        raise ConfigError(f"{where} has {len(value)} corners; {MOST_CORNERS} are the most")
    corners: list[tuple[float, float]] = []
    for number, pair in enumerate(value, start=1):
        corner = _place(pair, f"{where}: corner {number}")
        if not corners or corners[-1] != corner:
            corners.append(corner)
    if len(corners) > 1 and corners[0] == corners[-1]:
        corners.pop()
    if len(corners) < 3:
        raise ConfigError(f"{where} has {len(corners)} different corners; a polygon has at least 3")
    polygon = np.array(corners)
    if is_flat(polygon):
        raise ConfigError(f"{where} has no area, because its corners lie on one line; move a corner")
    if crosses_itself(polygon):
        raise ConfigError(f"{where} crosses itself; list its corners in order around it")
    kept = cut_to_picture(polygon, picture)
    part = area(kept) / area(polygon) if len(kept) >= 3 else 0.0
    size = f"{picture[0]}x{picture[1]}"
    if part <= 0 or area(kept) < 1:
        raise ConfigError(f"{where} lies outside the picture of {size}; its coordinates are [x, y] in pixels")
    if not (np.all(polygon >= 0) and np.all(polygon <= picture)):
        notes.append(f"{where} reaches beyond the picture of {size} and is cut; {100 * part:.0f} % of it is left.")
        return fixed(kept)
    return fixed(polygon)


def _place(value: Any, where: str) -> tuple[float, float]:
    """A pair of finite numbers, order (x, y)."""
    pair = isinstance(value, list | tuple) and len(value) == 2
    if not pair or not all(isinstance(side, int | float) and not isinstance(side, bool) for side in value):
        raise ConfigError(f"{where} is {_few(value)}, not [x, y] in pixels")
    if not all(abs(side) <= MOST_PLACE for side in value):  # not a number compares as False
        raise ConfigError(f"{where} is {_few(value)}; coordinates are pixels of the picture")
    return float(value[0]), float(value[1])


def _few(value: Any) -> str:
    """A short list as it is written, anything else as `shown`."""
    if isinstance(value, list | tuple) and 0 < len(value) <= 4 and not any(isinstance(v, list | dict) for v in value):
        return f"[{', '.join(map(shown, value))}]"
    return shown(value)


# -- lines --------------------------------------------------------------------------------------------


def _line(
    name: str, values: Any, tree: ClassTree, picture: tuple[int, int] | None, notes: list[str], where: str
) -> Line:
    at = f"{where}: line {name!r}"
    stated = entries(values, ("from", "to", "in", "of"), at, required=("from", "to", "in"))
    start, end = (_place(stated[key], f"{at}: {key!r}") for key in ("from", "to"))
    side = stated["in"]
    if side not in SIDES:
        raise ConfigError(f"{at} has 'in' on the side {shown(side)}{hint(side, SIDES, 'sides')}")
    if math.dist(start, end) < SHORTEST_LINE:
        raise ConfigError(f"{at} has no length: it goes from {_few(start)} to {_few(end)}; move one end")
    size = picture or (0, 0)
    if not _meets_picture(start, end, size):
        raise ConfigError(f"{at} lies outside the picture of {size[0]}x{size[1]}; its coordinates are [x, y] in pixels")
    for axis, edge in ((0, "left"), (1, "upper"), (0, "right"), (1, "lower")):
        limit = 0 if edge in ("left", "upper") else size[axis]
        if max(abs(start[axis] - limit), abs(end[axis] - limit)) <= EDGE_PX:
            notes.append(
                f"{at} lies on the {edge} edge of the picture, so no object is seen on both sides of it; move it in."
            )
    of = ROOT if stated.get("of") is None else thing_of(tree, stated["of"], at)
    return Line(name=name, start_xy=start, end_xy=end, in_side=side, of=of)


def _meets_picture(start: tuple[float, float], end: tuple[float, float], size_wh: tuple[int, int]) -> bool:
    """Whether a part of a segment lies in the picture (Liang and Barsky 1984)."""
    low, high = 0.0, 1.0
    for here, there, limit in zip(start, end, size_wh, strict=True):
        step = there - here
        if step == 0:
            if not 0 <= here <= limit:
                return False
            continue
        first, last = sorted((-here / step, (limit - here) / step))
        low, high = max(low, first), min(high, last)
    return low < high


# -- events and what is ignored -----------------------------------------------------------------------


def _events(value: Any, tree: ClassTree, zones: Mapping[str, int], where: str) -> Iterable[EventRule]:
    if value is None:
        return
    if not isinstance(value, list):
        raise ConfigError(f"{where}: 'events' is {shown(value)}, not a list such as '- {{name: ..., when: ...}}'")
    _check_number(value, f"{where}: 'events'")
    seen: set[str] = set()
    for number, values in enumerate(value, start=1):
        event = _event(values, tree, zones, f"{where}: event {number}", where)
        if event.name in seen:
            raise ConfigError(f"{where}: two events have the name {event.name!r}; names must differ")
        seen.add(event.name)
        yield event


def _event(values: Any, tree: ClassTree, zones: Mapping[str, int], at: str, where: str) -> EventRule:
    stated = entries(values, ("name", "when", "for", "unless"), at, required=("name", "when"))
    name = _check_name(stated["name"], at)
    at = f"{where}: event {name!r}"
    when = parse_condition(stated["when"], tree, zones, at)
    unless = None
    if stated.get("unless") is not None:
        unless = parse_condition(stated["unless"], tree, zones, f"{at}: 'unless'")
        _check_unless(when, unless, tree, at)
    if stated.get("for") is None:
        return EventRule(name=name, when=when, for_s=0.0, unless=unless)
    if isinstance(when, Stays | Still):
        raise ConfigError(f"{at} has a time in {cut(when.text)} and in 'for'; remove 'for'")
    return EventRule(name=name, when=when, for_s=parse_seconds(stated["for"], f"{at}: 'for'"), unless=unless)


def _check_unless(when: Condition, unless: Condition, tree: ClassTree, where: str) -> None:
    """Refuse an exception about another object than that of the condition."""
    if isinstance(when, Count) or isinstance(unless, Count):
        return
    related = (when.node, *tree.ancestors(when.node), *tree.descendants(when.node))
    if unless.node not in related:
        raise ConfigError(
            f"{where}: 'unless' is about {tree.name(unless.node)!r} and 'when' about {tree.name(when.node)!r}; "
            "both are about the same object"
        )


def _ignored(value: Any, tree: ClassTree, where: str) -> Iterable[Ignored]:
    at = f"{where}: 'ignore'"
    if value is None:
        return
    if not isinstance(value, Mapping):
        raise ConfigError(f"{at} is {shown(value)}, not a mapping such as 'person: {{attribute: ..., values: [...]}}'")
    _check_number(value, at)
    for name, values in value.items():
        node = thing_of(tree, name, at)
        stated = entries(values, ("attribute", "values"), f"{at}: {cut(name)}", required=("attribute", "values"))
        found = next((a for a in tree.attributes if a.name == stated["attribute"]), None)
        if found is None:
            known = [a.name for a in tree.attributes]
            raise ConfigError(
                f"{at} names the attribute {shown(stated['attribute'])}, which the model does not have"
                f"{hint(stated['attribute'], known, 'its attributes')}"
            )
        if node not in (found.node, *tree.descendants(found.node)):
            raise ConfigError(f"{at}: {tree.name(found.node)!r} has the attribute {found.name!r}, {cut(name)} does not")
        given = stated["values"] if isinstance(stated["values"], list) else [stated["values"]]
        if not given:
            raise ConfigError(f"{at}: {cut(name)} has no values; write at least one of {listed(found.values)}")
        for one in given:
            is_name = isinstance(one, str | int) and not isinstance(one, bool) and one not in ("", 2**63)
            if not is_name or str(one) not in found.values:
                raise ConfigError(
                    f"{at}: {found.name!r} has no value {shown(one)}{hint(one, found.values, 'its values')}"
                )
        numbers = sorted({found.values.index(str(one)) + 1 for one in given})
        yield Ignored(node=node, attribute=found.name, values=tuple(numbers))
