"""What the doctor reports about one fault.

In:  nothing; rules make these values, and `check` collects them.
Out: `Finding`.

Must not know: how a fault is found, how it is printed.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal

Level = Literal["error", "warning"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Finding:
    """One fault and its fix.

    Attributes:
        level: an "error" would spoil training or evaluation; a "warning" may be intended.
        rule: stable id, such as "size-mismatch".
        message: a sentence with the facts and the rule.
        files: paths inside the data set; none if the fault concerns the whole set or the class tree.
        fix: what to do, in one line.
    """

    level: Level
    rule: str
    message: str
    files: tuple[str, ...] = ()
    fix: str

    def to_dict(self) -> dict[str, Any]:
        """Plain data for JSON."""
        return {
            "level": self.level,
            "rule": self.rule,
            "message": self.message,
            "files": list(self.files),
            "fix": self.fix,
        }


def inside(root: Path, paths: Iterable[Path]) -> tuple[str, ...]:
    """Paths relative to the data set's folder; a path outside of it in full."""
    return tuple((path.relative_to(root) if path.is_relative_to(root) else path).as_posix() for path in paths)


def counted(number: int, noun: str) -> str:
    """Number and noun, such as "1 mask" or "3 classes"."""
    ending = "" if number == 1 else "es" if noun.endswith("s") else "s"
    return f"{number:,} {noun}{ending}"


def listed(names: Iterable[object], most: int = 8) -> str:
    """The first few names of a list, for a sentence."""
    texts = [str(name) for name in names]
    return ", ".join(texts[:most]) + (f" and {len(texts) - most} more" if len(texts) > most else "")
