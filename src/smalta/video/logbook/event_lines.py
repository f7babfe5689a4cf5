"""One event of a watch, and its line in the log.

In:  what happened, when, and to which track.
Out: `Event`; a line of JSON, and the event of such a line.

A value that is usual is left out of its line: the line of an event that is sure has no "sure". Numbers and texts come
back from a line exactly as they went in.

Must not know: tracks, rules, files, counts.
"""

from __future__ import annotations

import json
import math
from collections.abc import Callable, Mapping
from dataclasses import dataclass, fields
from typing import Any, Literal, Self, get_args

from smalta.errors import DataError
from smalta.system.records import LARGEST_WHOLE, shown

Kind = Literal[
    "start",
    "crossing",
    "enter",
    "present",
    "leave",
    "renamed",
    "begin",
    "end",
    "unseen",
    "lost",
    "found",
    "note",
    "ended",
    "stop",
]
Way = Literal["in", "out"]
KINDS: frozenset[str] = frozenset(get_args(Kind))
WAYS: frozenset[str] = frozenset(get_args(Way))
DIGITS = 6  # of seconds in the log: microseconds


@dataclass(frozen=True, slots=True, kw_only=True)
class Event:
    """What happened at one moment.

    Kinds: "start" (the log's first line), "crossing" of a line, "enter" and "leave" of a zone, "present" (first seen
    inside of a zone), "renamed" (a track inside of a zone is now seen as another class), "begin" and "end" of a rule,
    "unseen" (a gap), "lost" and "found" (a live source), "note" (a sentence), "ended" (the end of a file), "stop" (the
    watch was stopped).

    Attributes:
        time_s: seconds of the stream when it happened, rounded to microseconds.
        frame: number of the frame by which it is known; it may be later than `time_s`.
        kind: see above.
        name: of the line or the rule; empty for others.
        way: of a crossing.
        track: number; None if no one track is meant.
        node: path of the track's class, or of what a rule counts.
        zone: its name.
        sure: whether it was seen without doubt.
        utc: ISO 8601 in UTC, for live sources.
        evidence: box, mask and the two frames before.
        value: depends on the kind: seconds inside for "leave", seconds for "end", the header for "start", a mapping
            with "from_s" and "to_s" for "unseen", a sentence for "note".

    Example:
        >>> Event(time_s=4.2, frame=105, kind="crossing", name="door", way="in", track=3, node="person").line()
        b'{"time_s":4.2,"frame":105,"kind":"crossing","name":"door","way":"in","track":3,"node":"person"}\\n'
    """

    time_s: float
    frame: int
    kind: Kind
    name: str = ""
    way: Way | None = None
    track: int | None = None
    node: str | None = None
    zone: str | None = None
    sure: bool = True
    utc: str | None = None
    evidence: Mapping[str, Any] | None = None
    value: Any = None

    def to_dict(self) -> dict[str, Any]:
        """Plain data without what is usual."""
        values = {field.name: getattr(self, field.name) for field in _FIELDS}
        return {name: value for name, value in values.items() if name in _ALWAYS or value != _USUAL[name]}

    def line(self) -> bytes:
        """A line of JSON in UTF-8 with its end; text that is not valid Unicode is escaped."""
        text = json.dumps(self.to_dict(), ensure_ascii=False, separators=(",", ":"), allow_nan=False)
        return text.encode("utf-8", "backslashreplace") + b"\n"

    @classmethod
    def of_line(cls, line: bytes, where: str) -> Self:
        """Read a line.

        Args:
            line: with or without its end.
            where: names the line in a sentence, such as "line 7 of door/events.jsonl".

        Raises:
            DataError: if it is not the line of an event.
        """
        try:
            values = json.loads(line)
        except (ValueError, RecursionError) as error:
            raise DataError(f"{where} is not JSON; {_FIX}") from error
        if not isinstance(values, dict):
            raise DataError(f"{where} is {shown(values)}, not an event; {_FIX}")
        for name, value in values.items():
            fits = _FITS.get(name)
            if fits is None:
                raise DataError(f"{where} has the unknown entry {shown(name)}; {_FIX}")
            if not fits(value):
                raise DataError(f"{where} has the {name} {shown(value)}, which no event has; {_FIX}")
        if missing := [name for name in _ALWAYS if name not in values]:
            raise DataError(f"{where} lacks the entry {missing[0]!r}; {_FIX}")
        return cls(**values | {"time_s": float(values["time_s"])})


def log_seconds(time_s: float) -> float:
    """Seconds as the log holds them: a plain number, rounded to microseconds."""
    return round(float(time_s), DIGITS)


def _is_number(value: object) -> bool:
    return math.isfinite(value) if isinstance(value, float) else _is_whole(value)


def _is_whole(value: object) -> bool:
    return isinstance(value, int) and not isinstance(value, bool) and abs(value) <= LARGEST_WHOLE


def _is_text(value: object) -> bool:
    return isinstance(value, str)


_FIX = "the log is damaged there: restore it from a copy, or begin another log with another --out"
_FIELDS = fields(Event)
_ALWAYS = ("time_s", "frame", "kind")
_USUAL = {field.name: field.default for field in _FIELDS}
_FITS: dict[str, Callable[[Any], bool]] = {
    "time_s": _is_number,
    "frame": _is_whole,
    "kind": lambda value: isinstance(value, str) and value in KINDS,
    "name": _is_text,
    "way": lambda value: isinstance(value, str) and value in WAYS,
    "track": _is_whole,
    "node": _is_text,
    "zone": _is_text,
    "sure": lambda value: isinstance(value, bool),
    "utc": _is_text,
    "evidence": lambda value: isinstance(value, dict),
    "value": lambda value: True,
}
