"""The parts of the rules of a camera: zones, lines, events, ignored objects.

In:  checked values.
Out: `Zone`, `Line`, `EventRule`, `Ignored`: scaled, and as plain data.

Must not know: text, files, tracks, frames.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Any, Literal

import numpy as np

from smalta.classes import ClassTree
from smalta.video.rulebook.conditions import Condition, Still

Point = Literal["foot", "centre", "overlap"]
Side = Literal["left", "right"]


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Zone:
    """A part of the picture, or the stuff of a class wherever the map shows it.

    Attributes:
        name: of the zone.
        polygon: (k, 2) float64 corners, order (x, y), pixels; None for a zone of stuff.
        stuff: id of the class whose stuff it is; None for a polygon.
        point: what of an object must be inside: its foot, the centre of its box, or a share of its visible mask. A
            zone of stuff has "foot": the object is on the stuff (`zones.touches`).
        share: of the mask, 0..1; 0 unless `point` is "overlap".
        of: id of the class that it holds, with all below it; 0 for all objects.
    """

    name: str
    polygon: np.ndarray | None
    stuff: int | None
    point: Point
    share: float
    of: int

    def scaled(self, x: float, y: float) -> Zone:
        """The same zone of a picture that is `x` times as wide and `y` times as high."""
        return self if self.polygon is None else replace(self, polygon=fixed(self.polygon * (x, y)))

    def to_dict(self, tree: ClassTree) -> dict[str, Any]:
        """The meaning as plain data."""
        polygon = None if self.polygon is None else self.polygon.tolist()
        return {"polygon": polygon, "stuff": path(tree, self.stuff), "point": self.point, "share": self.share} | {
            "of": path(tree, self.of)
        }


@dataclass(frozen=True, slots=True, kw_only=True)
class Line:
    """A segment that objects cross.

    Attributes:
        name: of the line.
        start_xy: where it begins, pixels.
        end_xy: where it ends, pixels.
        in_side: the side that an object comes to when it goes in, seen along the line from start to end.
        of: id of the class that is counted, with all below it; 0 for all objects.
    """

    name: str
    start_xy: tuple[float, float]
    end_xy: tuple[float, float]
    in_side: Side
    of: int

    def scaled(self, x: float, y: float) -> Line:
        """The same line of a picture that is `x` times as wide and `y` times as high."""
        start, end = ((px * x, py * y) for px, py in (self.start_xy, self.end_xy))
        return replace(self, start_xy=start, end_xy=end)

    def to_dict(self, tree: ClassTree) -> dict[str, Any]:
        """The meaning as plain data."""
        ends = {"from": list(self.start_xy), "to": list(self.end_xy)}
        return ends | {"in": self.in_side, "of": path(tree, self.of)}


@dataclass(frozen=True, slots=True, kw_only=True)
class EventRule:
    """Something that begins and ends.

    Attributes:
        name: of the event.
        when: the condition that must hold.
        for_s: seconds for which it must hold without a break before the event begins; 0 if it begins at once.
        unless: a condition under which `when` does not count, for the same track or for the same moment; None without
            one.
    """

    name: str
    when: Condition
    for_s: float
    unless: Condition | None

    def scaled(self, factor: float) -> EventRule:
        """The same rule for a picture that is `factor` times as large."""
        when = self.when.scaled(factor) if isinstance(self.when, Still) else self.when
        unless = self.unless.scaled(factor) if isinstance(self.unless, Still) else self.unless
        return replace(self, when=when, unless=unless)

    def to_dict(self, tree: ClassTree) -> dict[str, Any]:
        """The meaning as plain data."""
        unless = None if self.unless is None else self.unless.to_dict(tree)
        return {"when": self.when.to_dict(tree), "for_s": self.for_s, "unless": unless}


@dataclass(frozen=True, slots=True, kw_only=True)
class Ignored:
    """Objects that no rule counts.

    Attributes:
        node: id of their class, with all below it.
        attribute: name of the attribute.
        values: of the attribute, 1.. as in `Track.attributes`.
    """

    node: int
    attribute: str
    values: tuple[int, ...]

    def to_dict(self, tree: ClassTree) -> dict[str, Any]:
        """The meaning as plain data."""
        names = tree.attribute(self.attribute).values
        values = sorted(names[value - 1] for value in self.values)
        return {"of": path(tree, self.node), "attribute": self.attribute, "values": values}


def path(tree: ClassTree, node: int | None) -> str | None:
    """Path of a class; None for no class and for the root, which stands for all."""
    return tree.name(node) if node else None


def fixed(polygon: np.ndarray) -> np.ndarray:
    """A read-only copy as float64."""
    copy = np.array(polygon, dtype=np.float64)
    copy.flags.writeable = False
    return copy
