"""A file of rules, and the verdict of a picture: good or bad, and by which rule.

In:  a YAML file; an answer, or what is present in a picture.
Out: `Rules`, `Verdict`.

    bad when:
      - defect/crack longer than 12 px
      - defect area > 0.2 %
      - defect/scratch present with probability > 0.5

A picture is bad if one condition holds. Conditions are list items, or stand in one line with "or" between them.

Must not know: networks, how regions and probabilities are made, how verdicts are written.
"""

from __future__ import annotations

import difflib
import re
from collections.abc import Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, Self

import yaml

from smalta.answers.presence import Presence
from smalta.answers.scale import Scale
from smalta.answers.segmentation import Segmentation
from smalta.classes import ClassTree
from smalta.errors import ConfigError
from smalta.verdicts.condition import Condition, Reading

KEY = "bad when"


@dataclass(frozen=True, slots=True, kw_only=True)
class Verdict:
    """The verdict of one picture.

    Attributes:
        bad: whether a condition holds.
        readings: of all conditions, in their order.
        rules: the conditions, as they are written.
    """

    bad: bool
    readings: tuple[Reading, ...]
    rules: tuple[str, ...]

    @property
    def score(self) -> float:
        """0 to 1, the largest of the conditions' scores; from 0.5 on the picture is bad."""
        return max(reading.score for reading in self.readings)

    @property
    def broken(self) -> tuple[str, ...]:
        """The conditions that hold, as they are written."""
        return tuple(rule for rule, reading in zip(self.rules, self.readings, strict=True) if reading.holds)


@dataclass(frozen=True, slots=True, kw_only=True)
class Rules:
    """When a picture is bad.

    Attributes:
        conditions: one of them is enough.
        scale: size of a pixel, for limits in mm; None for limits in pixels only.
        where: the rules are written, for messages.

    Example:
        >>> rules = Rules.parse({"bad when": "vehicle present or road area < 5 %"})
        >>> answer = load("run")(open_dataset("scenes").split("test")[0].picture)
        >>> rules.verdict(answer).rules
        ('vehicle present', 'road area < 5 %')
    """

    conditions: tuple[Condition, ...]
    scale: Scale | None = None
    where: str = "the rules"

    @classmethod
    def read(cls, path: str | Path, *, scale: Scale | str | None = None) -> Self:
        """Read a file of rules.

        Args:
            path: the YAML file.
            scale: size of a pixel, such as "0.05 mm/px", for limits in mm.

        Raises:
            ConfigError: if the file cannot be read, or a condition is wrong.
        """
        try:
            content = yaml.safe_load(Path(path).read_text(encoding="utf-8"))
        except (OSError, UnicodeDecodeError) as error:
            raise ConfigError(f"{path} cannot be read as text: {error}") from error
        except (yaml.YAMLError, ValueError, RecursionError) as error:
            raise ConfigError(f"{path} is not valid YAML: {' '.join(str(error).split())}") from error
        return cls.parse(content, scale=scale, where=str(path))

    @classmethod
    def parse(cls, content: Any, *, scale: Scale | str | None = None, where: str = "the rules") -> Self:
        """Read the parsed content of a file of rules.

        Args:
            content: a mapping with the key "bad when", which holds conditions.
            scale: size of a pixel, for limits in mm.
            where: the rules are written, for messages.

        Raises:
            ConfigError: if the content has another form, or a condition is wrong.
        """
        texts = [text for entry in _stated(content, where) for text in re.split(r"\s+or\s+", entry.strip())]
        conditions = tuple(Condition.parse(text, where) for text in texts)
        size = Scale.parse(scale) if isinstance(scale, str) else scale
        for condition in conditions:
            if condition.unit.startswith("mm") and size is None:
                raise ConfigError(
                    f"{where}: {condition.text!r} is in {condition.unit}, and the size of a pixel is not known; "
                    'add --scale "0.05 mm/px", or write the limit in pixels'
                )
        return cls(conditions=conditions, scale=size, where=where)

    def for_tree(self, tree: ClassTree, *, objects: bool = True) -> Rules:
        """The rules with the paths of their nodes.

        Args:
            tree: the classes of the answers.
            objects: whether the answers have objects.

        Raises:
            ConfigError: if a condition names a node, an attribute or a value that the tree lacks, or counts objects
                and there are none.
        """
        for condition in self.conditions:
            if condition.what == "count" and not objects:
                raise ConfigError(
                    f"{self.where}: {condition.text!r} counts objects, and these answers have none; "
                    "use a model with objects, or a rule about areas"
                )
        return replace(self, conditions=tuple(c.for_tree(tree, self.where) for c in self.conditions))

    def verdict(self, answer: Segmentation | Presence) -> Verdict:
        """Whether a picture is bad, and by which rule.

        Args:
            answer: the answer of a model, or its `presence()`.

        Raises:
            ConfigError: as `for_tree`.
        """
        presence = answer.presence() if isinstance(answer, Segmentation) else answer
        objects = any(row.objects is not None for row in presence)
        return self.for_tree(presence.tree, objects=objects).judge(presence)

    def judge(self, presence: Presence) -> Verdict:
        """The verdict by rules that are `for_tree`."""
        readings = tuple(condition.read(presence, self.scale) for condition in self.conditions)
        return Verdict(
            bad=any(reading.holds for reading in readings),
            readings=readings,
            rules=tuple(condition.text for condition in self.conditions),
        )

    def to_dict(self) -> dict[str, Any]:
        """The rules as plain data, which identify a job."""
        return {KEY: [condition.text for condition in self.conditions]}


def _stated(content: Any, where: str) -> list[str]:
    if not isinstance(content, Mapping):
        raise ConfigError(f"{where} must hold the key {KEY!r} and below it a list of conditions")
    for key in content:
        if key != KEY:
            near = difflib.get_close_matches(str(key), [KEY], n=1)
            hint = f"; did you mean {KEY!r}?" if near else f"; the only key is {KEY!r}"
            raise ConfigError(f"{where} has the key {key!r}, which is unknown{hint}")
    entries = content.get(KEY)
    entries = [entries] if isinstance(entries, str) else entries
    if not isinstance(entries, list) or not entries or not all(isinstance(entry, str) for entry in entries):
        raise ConfigError(
            f"{where}: {KEY!r} must be followed by a condition, or by a list of conditions with at least one"
        )
    return entries
