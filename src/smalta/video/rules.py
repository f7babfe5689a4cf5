"""The rules of a camera: zones, lines, events, and what is ignored.

In:  a YAML file or its parsed content; the class tree of the model.
Out: `WatchRules`, checked, with node ids; scaled to the size of a video.

    picture: [640, 360]
    zones:
      shop: {polygon: [[40, 90], [600, 90], [620, 350], [20, 350]], point: foot, of: person}
    lines:
      door: {from: [250, 120], to: [390, 120], in: right, of: person}
    events:
      - {name: queue, when: count in shop of person >= 5, for: 20 s}
    ignore: {person: {attribute: clothing, values: [staff]}}

Must not know: tracks, frames, networks, how a rule is evaluated.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping
from dataclasses import dataclass, replace
from functools import cached_property
from pathlib import Path
from typing import Any, Self

from smalta.classes import ClassTree
from smalta.errors import ConfigError
from smalta.video.rulebook.rule_parts import EventRule, Ignored, Line, Zone
from smalta.video.rulebook.rules_file import read_yaml
from smalta.video.rulebook.rules_parsing import parse_rules

__all__ = ["EventRule", "Ignored", "Line", "WatchRules", "Zone"]
MOST_STRETCH = 0.01  # by which the shapes of two pictures may differ


@dataclass(frozen=True, kw_only=True, eq=False)
class WatchRules:
    """What is watched for in a video.

    Attributes:
        tree: classes of the model, to which all node ids belong.
        picture: width and height that all coordinates are meant for, pixels; None if there are no coordinates.
        zones: in the order of the file.
        lines: in the order of the file.
        events: in the order of the file.
        ignore: objects that do not count.
        notes: sentences for the user about what was changed.
        where: the rules are written, for messages.

    Example:
        >>> rules = WatchRules.read("street.yaml", load("run").tree)
        >>> [line.name for line in rules.lines], rules.fitted((192, 320)).picture
        (['kerb'], (320, 192))
    """

    tree: ClassTree
    picture: tuple[int, int] | None = None
    zones: tuple[Zone, ...] = ()
    lines: tuple[Line, ...] = ()
    events: tuple[EventRule, ...] = ()
    ignore: tuple[Ignored, ...] = ()
    notes: tuple[str, ...] = ()
    where: str = "the rules"

    @classmethod
    def read(cls, path: str | Path, tree: ClassTree, *, objects: bool = True) -> Self:
        """Read a file of rules.

        Args:
            path: the YAML file.
            tree: classes of the model.
            objects: whether the model finds objects.

        Raises:
            ConfigError: if the file cannot be read, or as `parse`.
        """
        return cls.parse(read_yaml(path), tree, where=str(path), objects=objects)

    @classmethod
    def parse(cls, content: Any, tree: ClassTree, *, where: str = "the rules", objects: bool = True) -> Self:
        """Read the parsed content of a file of rules.

        Args:
            content: a mapping with the keys picture, zones, lines, events, ignore.
            tree: classes of the model.
            where: the rules are written, for messages.
            objects: whether the model finds objects.

        Raises:
            ConfigError: if a key, a name, a form or a value is wrong. The sentence names the nearest right one.
        """
        parts = parse_rules(content, tree, where=where, objects=objects)
        return cls(tree=tree, where=where, **parts)

    def fitted(self, size_hw: tuple[int, int]) -> Self:
        """The same rules for pictures of another size and the same shape.

        Args:
            size_hw: height and width of the video's pictures, after rotation, pixels.

        Raises:
            ConfigError: if the pictures have another shape.
        """
        if self.picture is None:
            return self
        (width, height), (high, wide) = self.picture, size_hw
        if abs(width * high / (height * wide) - 1) > MOST_STRETCH:
            turned = abs(width * wide / (height * high) - 1) <= MOST_STRETCH
            raise ConfigError(
                f"{self.where} is for pictures of {width}x{height}, and the video has {wide}x{high}"
                f"{', the same turned by 90 degrees' if turned else ', another shape'}; read the coordinates from a "
                "still of this video, which `smalta zones VIDEO --out still.png` writes"
            )
        x, y = wide / width, high / height
        return replace(
            self,
            picture=(wide, high),
            zones=tuple(zone.scaled(x, y) for zone in self.zones),
            lines=tuple(line.scaled(x, y) for line in self.lines),
            events=tuple(event.scaled(min(x, y)) for event in self.events),
        )

    def ignores(self, node: int, attributes: Mapping[str, int]) -> bool:
        """Whether an object does not count, because of the value of an attribute.

        Args:
            node: id of its class.
            attributes: values by name, 1.. as in `Track.attributes`.
        """
        return any(
            attributes.get(rule.attribute) in rule.values and node in (rule.node, *self.tree.descendants(rule.node))
            for rule in self.ignore
        )

    def to_dict(self) -> dict[str, Any]:
        """The meaning as plain data: paths of classes, seconds, pixels; parts by name."""
        return {
            "picture": None if self.picture is None else list(self.picture),
            "zones": {zone.name: zone.to_dict(self.tree) for zone in self.zones},
            "lines": {line.name: line.to_dict(self.tree) for line in self.lines},
            "events": {event.name: event.to_dict(self.tree) for event in self.events},
            "ignore": sorted((rule.to_dict(self.tree) for rule in self.ignore), key=json.dumps),
        }

    @cached_property
    def digest(self) -> str:
        """SHA-256 of the meaning, hexadecimal; order, spelling and comments of the file do not change it."""
        text = json.dumps(self.to_dict(), sort_keys=True, separators=(",", ":"))
        return hashlib.sha256(text.encode("ascii")).hexdigest()
