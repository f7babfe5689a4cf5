"""Counts of a log again, for each hour or minute.

In:  events.jsonl.
Out: `Replay`: rows per stretch of time, line, zone, rule and node; as CSV or JSON.

The last counts of a replay equal those of the watch, because both are the same fold over the same events. An event
belongs to the stretch in which it happened, also if it was known later.

Stretches follow the time of the stream. For a live source they begin at whole hours (or minutes) of UTC as it was when
the watch began. So a clock that is set back moves no event.

Must not know: tracks, how a table is shown.
"""

from __future__ import annotations

import csv
import io
import json
from array import array
from dataclasses import asdict, dataclass, field, fields, replace
from datetime import datetime, timedelta
from functools import cached_property
from itertools import pairwise
from pathlib import Path
from typing import Any, Literal

import numpy as np

from smalta.errors import ConfigError
from smalta.video.counts import ALL, Counts, Passed, lineage, passage_of
from smalta.video.intervals import WatchIntervals
from smalta.video.logbook.event_lines import DIGITS, Event, Way
from smalta.video.logbook.log_header import LogHeader
from smalta.video.logbook.log_reading import LogReader
from smalta.video.occupancy import occupancy

STRETCHES = {"minute": 60.0, "15min": 900.0, "hour": 3600.0, "day": 86400.0}
MOST_STRETCHES = 200_000
_NEAR = 1e-9  # of a stretch; a moment this close to an edge is at the edge
_PASSAGES: tuple[tuple[Way, bool], ...] = (("in", True), ("in", False), ("out", True), ("out", False))


@dataclass(frozen=True, slots=True, kw_only=True)
class Row:
    """What was counted of one node at one line or zone, or of one rule, in one stretch of time.

    Attributes:
        from_s, to_s: seconds of the stream; the first and the last stretch of a log may be shorter than the others.
        from_utc: ISO 8601, for live sources.
        unseen_s: seconds of it that were not seen.
        of: "line", "zone" or "rule".
        name: of the line, zone or rule.
        node: path of the class; empty for a rule, and for all classes together.
        level: depth of the node in the class tree, 1 at the top; 0 without a node.
        passed: in and out, for lines and zones.
        in_interval, out_interval: ends of the learned interval of `in_high` and `out_high`; None without one.
        inside_mean, inside_most, inside_end: objects inside of a zone.
        begun: how often the rule began to hold.
        lasted_s: seconds that it held; times of several tracks add up.
    """

    from_s: float
    to_s: float
    from_utc: str | None
    unseen_s: float
    of: Literal["line", "zone", "rule"]
    name: str
    node: str = ""
    level: int = 0
    passed: Passed | None = None
    in_interval: tuple[int, int] | None = None
    out_interval: tuple[int, int] | None = None
    inside_mean: float | None = None
    inside_most: int | None = None
    inside_end: int | None = None
    begun: int | None = None
    lasted_s: float | None = None

    def cells(self) -> dict[str, Any]:
        """The columns of the row, flat; None where a column does not apply."""
        flat: dict[str, Any] = {}
        for entry in fields(self):
            value = getattr(self, entry.name)
            if entry.name == "passed":
                flat |= asdict(value) if value is not None else dict.fromkeys(one.name for one in fields(Passed))
            elif entry.name in ("in_interval", "out_interval"):
                name = entry.name.removesuffix("_interval")
                flat[f"{name}_interval_low"], flat[f"{name}_interval_high"] = value or (None, None)
            else:
                flat[entry.name] = value
        return flat


@dataclass(frozen=True, kw_only=True)
class Replay:
    """The counts of a log.

    Attributes:
        header: of the log.
        by_s: seconds of a stretch.
        rows: by stretch, then lines, zones and rules, then nodes with parents first.
        totals: the same for the whole log as one stretch.
        counts: after the last event.
        intervals: that were learned for this camera; None without.
        notes: sentences for the user.

    Example:
        >>> replay("watched", by="hour").to_csv().splitlines()[0][:24]
        'from_s,to_s,from_utc,uns'
    """

    header: LogHeader
    by_s: float
    rows: tuple[Row, ...]
    totals: tuple[Row, ...]
    counts: Counts
    intervals: WatchIntervals | None = None
    notes: tuple[str, ...] = ()

    def to_csv(self) -> str:
        """All rows, with the names of the columns first."""
        buffer = io.StringIO()
        writer = csv.writer(buffer, lineterminator="\n")
        writer.writerow(self._columns)
        for row in self.rows:
            writer.writerow(["" if cell is None else cell for cell in row.cells().values()])
        return buffer.getvalue()

    def to_json(self) -> str:
        """Rows and totals; columns that do not apply are left out."""
        content = {
            "source": self.header.source,
            "by_s": self.by_s,
            "totals": [_present(row) for row in self.totals],
            "rows": [_present(row) for row in self.rows],
            "notes": list(self.notes),
        }
        return json.dumps(content, indent=2, ensure_ascii=False) + "\n"

    @cached_property
    def _columns(self) -> list[str]:
        return list(Row(from_s=0, to_s=0, from_utc=None, unseen_s=0, of="line", name="").cells())


def replay(path: str | Path, *, by: str | float = "hour") -> Replay:
    """Count a log again.

    Args:
        path: events.jsonl, or the folder that holds it; a file of intervals beside it is read too.
        by: "minute", "15min", "hour", "day", or seconds.

    Raises:
        ConfigError: if `by` is none of these, or too short for the log.
        DataError: if the log cannot be read, or a line is damaged.

    Example:
        >>> counted = replay("watched", by="minute")
        >>> counted.by_s, counted.rows[0].name
        (60.0, 'kerb')
    """
    width = seconds_of(by)
    reader = LogReader(path)
    fold = _Fold(width, reader.utc_of_zero)
    for event in reader:
        fold.add(event)
    intervals, notes = WatchIntervals.beside(reader.path, reader.header)
    if reader.note:
        notes.append(reader.note)
    stretches = fold.stretches()
    return Replay(
        header=reader.header,
        by_s=width,
        rows=fold.rows(stretches, intervals if intervals and intervals.window_s == width else None),
        totals=fold.rows(np.array([stretches[0], stretches[-1]]), None),
        counts=fold.counts,
        intervals=intervals,
        notes=tuple(notes),
    )


def seconds_of(by: str | float) -> float:
    """Seconds of a stretch.

    Raises:
        ConfigError: if it is not one of `STRETCHES` and not at least one second.

    Example:
        >>> seconds_of("15min"), seconds_of("90")
        (900.0, 90.0)
    """
    try:
        seconds = STRETCHES[by] if isinstance(by, str) and by in STRETCHES else float(by)
    except ValueError:
        seconds = 0.0
    if not 1 <= seconds < 1e9:
        raise ConfigError(f"by is {by!r}; set one of {', '.join(STRETCHES)}, or seconds from 1 on")
    return seconds


@dataclass(slots=True, kw_only=True)
class _Changes:
    """When a number changed, and by how much."""

    times: array[float] = field(default_factory=lambda: array("d"))
    steps: array[int] = field(default_factory=lambda: array("b"))

    def add(self, time_s: float, step: int) -> None:
        self.times.append(time_s)
        self.steps.append(step)


class _Fold:
    """All events of a log by the stretch in which they happened; memory grows by a few bytes an event."""

    def __init__(self, width: float, utc_of_zero: datetime | None) -> None:
        self.counts = Counts()
        self._width = width
        self._start = self._end = 0.0
        self._utc = utc_of_zero
        self._passages: dict[tuple[str, str, str], _Changes] = {}  # steps are places in `_PASSAGES`
        self._inside: dict[tuple[str, str], _Changes] = {}
        self._nodes: dict[tuple[str, str], str] = {}  # zone, track: node
        self._began: dict[str, array[float]] = {}
        self._holding: dict[str, _Changes] = {}
        self._gaps: list[tuple[float, float]] = []

    def add(self, event: Event) -> None:
        """Take the next event."""
        self.counts.add(event)
        if event.kind == "start":
            self._start = self._end = event.time_s
        self._end = max(self._end, event.time_s)
        if (passage := passage_of(event)) is not None:
            for path in (ALL, *lineage(event.node)):
                key = (passage.of, passage.name, path)
                self._passages.setdefault(key, _Changes()).add(
                    event.time_s, _PASSAGES.index((passage.way, passage.sure))
                )
        match event.kind:
            case "enter" | "present":
                self._put(event, 1)
            case "leave":
                self._put(event, -1)
            case "renamed":
                self._put(event, -1)
                self._put(event, 1)
            case "begin":
                self._began.setdefault(event.name, array("d")).append(event.time_s)
                self._holding.setdefault(event.name, _Changes()).add(event.time_s, 1)
            case "end":
                self._holding[event.name].add(event.time_s, -1)
            case "unseen":
                self._gaps.append((float(event.value["from_s"]), float(event.value["to_s"])))

    def _put(self, event: Event, step: int) -> None:
        zone, track = event.zone or "", str(event.track)
        if step > 0:
            self._nodes[zone, track] = event.node or ""
        node = self._nodes[zone, track] if step > 0 else self._nodes.pop((zone, track))
        for path in (ALL, *lineage(node)):
            self._inside.setdefault((zone, path), _Changes()).add(event.time_s, step)

    # -- stretches ------------------------------------------------------------------------------------

    def stretches(self) -> np.ndarray:
        """(S + 1,) edges in seconds of the stream; the first and the last one are those of the log."""
        shift = 0.0 if self._utc is None else self._utc.timestamp() % self._width
        first = int(np.floor((self._start + shift) / self._width + _NEAR))
        last = max(int(np.ceil((self._end + shift) / self._width - _NEAR)), first + 1)
        if last - first > MOST_STRETCHES:
            raise ConfigError(
                f"the log lasts {self._end - self._start:.0f} s, more than {MOST_STRETCHES} stretches of "
                f"{self._width:g} s; count by longer ones"
            )
        edges = np.arange(first, last + 1) * self._width - shift
        edges[0], edges[-1] = self._start, max(self._end, self._start)
        return edges

    def rows(self, edges: np.ndarray, intervals: WatchIntervals | None) -> tuple[Row, ...]:
        """The rows of all stretches."""
        empty = [self._empty(first, last) for first, last in pairwise(edges.tolist())]
        counts, columns = self.counts, []
        for name in counts.lines:
            nodes = self._nodes_of("line", name)
            columns += [self._passed(empty, edges, "line", name, node, intervals) for node in nodes]
        for name in counts.zones:
            nodes = self._nodes_of("zone", name)
            columns += [self._zone(empty, edges, name, node, intervals) for node in nodes]
        columns += [self._rule(empty, edges, name) for name in counts.rules]
        return tuple(column[place] for place in range(len(empty)) for column in columns)

    def _nodes_of(self, of: Literal["line", "zone"], name: str) -> list[str]:
        """The nodes that have rows, parents first; all together too, unless one topmost node has all there is."""
        nodes, none = self.counts.nodes(of, name), _Changes()

        def changes(node: str) -> tuple[int, int]:
            inside = self._inside.get((name, node), none) if of == "zone" else none
            return len(self._passages.get((of, name, node), none).times), len(inside.times)

        if any(changes(node) == changes(ALL) for node in nodes):
            return list(nodes)
        return [ALL, *nodes]

    def _empty(self, first: float, last: float) -> Row:
        unseen = sum(max(min(last, to) - max(first, since), 0.0) for since, to in self._gaps)
        utc = None if self._utc is None else (self._utc + timedelta(seconds=first)).isoformat(timespec="milliseconds")
        return Row(
            from_s=round(first, DIGITS),
            to_s=round(last, DIGITS),
            from_utc=utc,
            unseen_s=round(unseen, DIGITS),
            of="line",
            name="",
        )

    def _passed(
        self,
        empty: list[Row],
        edges: np.ndarray,
        of: Literal["line", "zone"],
        name: str,
        node: str,
        intervals: WatchIntervals | None,
    ) -> list[Row]:
        changes = self._passages.get((of, name, node), _Changes())
        kinds = np.array(changes.steps, dtype=np.int64)
        stretches = _stretches(edges, changes.times)
        counts = np.zeros((len(_PASSAGES), len(empty)), dtype=np.int64)
        np.add.at(counts, (kinds, stretches), 1)
        passed = [
            Passed(in_low=in_sure, in_high=in_sure + in_doubtful, out_low=out_sure, out_high=out_sure + out_doubtful)
            for in_sure, in_doubtful, out_sure, out_doubtful in counts.T.tolist()
        ]
        level = len(lineage(node))
        rows = [
            replace(row, of=of, name=name, node=node, level=level, passed=one)
            for row, one in zip(empty, passed, strict=True)
        ]
        if intervals is None:
            return rows
        return [_with_intervals(row, one, intervals) for row, one in zip(rows, passed, strict=True)]

    def _zone(
        self, empty: list[Row], edges: np.ndarray, name: str, node: str, intervals: WatchIntervals | None
    ) -> list[Row]:
        changes = self._inside.get((name, node), _Changes())
        inside = occupancy(changes.times, changes.steps, edges, self._gaps)
        rows = self._passed(empty, edges, "zone", name, node, intervals)
        return [
            replace(row, inside_mean=round(mean, DIGITS), inside_most=most, inside_end=end)
            for row, mean, most, end in zip(
                rows, inside.mean.tolist(), inside.most.tolist(), inside.end.tolist(), strict=True
            )
        ]

    def _rule(self, empty: list[Row], edges: np.ndarray, name: str) -> list[Row]:
        changes = self._holding.get(name, _Changes())
        begun = np.bincount(_stretches(edges, self._began.get(name, array("d"))), minlength=len(empty))
        lasted = occupancy(changes.times, changes.steps, edges).mean * np.diff(edges)
        return [
            replace(row, of="rule", name=name, begun=times, lasted_s=round(seconds, DIGITS))
            for row, times, seconds in zip(empty, begun.tolist(), lasted.tolist(), strict=True)
        ]


def _stretches(edges: np.ndarray, times: array[float]) -> np.ndarray:
    """The stretches in which moments lie; the last one holds its own end."""
    places = np.searchsorted(edges, np.array(times, dtype=np.float64), side="right") - 1
    return np.clip(places, 0, len(edges) - 2)


def _with_intervals(row: Row, passed: Passed, intervals: WatchIntervals) -> Row:
    """A row with the learned intervals, if it was seen from end to end and is as long as what they hold for."""
    if row.unseen_s or abs(row.to_s - row.from_s - intervals.window_s) > 0.01 * intervals.window_s:
        return row
    inwards = intervals.ends(row.of, row.name, row.node, "in", passed.in_high)
    outwards = intervals.ends(row.of, row.name, row.node, "out", passed.out_high)
    return replace(row, in_interval=inwards, out_interval=outwards)


def _present(row: Row) -> dict[str, Any]:
    return {name: cell for name, cell in row.cells().items() if cell is not None}
