"""Show what a watch found, and how it is doing.

In:  `Counts`, `Replay`, `Checked`, `Status`.
Out: something that a rich console prints; a line of text.

Must not know: how anything is counted.
"""

from __future__ import annotations

from datetime import datetime

from rich.console import Group, RenderableType
from rich.markup import escape
from rich.table import Table

from smalta.report.stages import duration
from smalta.video.counts import Counts, Passed
from smalta.video.intervals import Checked
from smalta.video.replay import Replay, Row
from smalta.video.showing.charts import clock
from smalta.video.status import Status

MOST_LISTED = 200
BEHIND_S = 1.0  # seconds of which the line speaks


def status_text(status: Status) -> str:
    """One line about a watch that goes on."""
    parts = []
    if status.share is not None:
        left = "" if status.seconds_left is None else f", {duration(status.seconds_left)} left"
        parts.append(f"watch: {status.share:.0%} done{left}")
    else:
        parts.append(f"watch: {clock(int(status.time_s), of_day=False)}")
    parts += [f"{zone} {number}" for zone, number in status.occupancy.items()]
    parts += [f"{line} {ins} in {outs} out" for line, (ins, outs) in status.crossed.items()]
    if status.live:
        parts.append(f"{status.keys_per_s:.1f} key frames/s")
        if status.behind_s is not None and status.behind_s >= BEHIND_S:
            parts.append(f"{status.behind_s:.1f} s behind")
    return " · ".join(parts)


def counts_table(counts: Counts) -> RenderableType:
    """The counts of a watch: lines, zones, rules; each class that occurs."""
    parts: list[RenderableType] = []
    if counts.lines:
        table = _table("Lines", "line", "class", "in", "out")
        for line in counts.lines:
            for place, node in enumerate(counts.nodes("line", line) or ("",)):
                passed = counts.passed(line, node)
                table.add_row(escape(line) if place == 0 else "", _indented(node), *_both(passed))
        parts.append(table)
    if counts.zones:
        table = _table("Zones", "zone", "class", "inside now", "came in", "left")
        for zone in counts.zones:
            for place, node in enumerate(counts.nodes("zone", zone) or ("",)):
                inside = str(counts.occupancy(zone, node))
                row = (inside, *_both(counts.entered(zone, node)))
                table.add_row(escape(zone) if place == 0 else "", _indented(node), *row)
        parts.append(table)
    if counts.rules:
        table = _table("Events", "event", "times", "together")
        for rule in counts.rules:
            holds = " (and holds now)" if counts.holding(rule) else ""
            table.add_row(escape(rule), str(counts.begun(rule)), f"{duration(counts.lasted_s(rule))}{holds}")
        parts.append(table)
    if counts.unseen_s:
        parts.append(f"{duration(counts.unseen_s)} of the time were not seen")
    return Group(*parts)


def replay_table(replay: Replay) -> RenderableType:
    """The rows of a replay: a table for lines, one for zones, one for rules."""
    shown = replay.rows[:MOST_LISTED]
    tables = [
        ("line", _table("Lines", "from", "line", "class", "in", "out")),
        (
            "zone",
            _table(
                "Zones; mean, most, end: objects inside",
                "from",
                "zone",
                "class",
                "came in",
                "left",
                "mean",
                "most",
                "end",
            ),
        ),
        ("rule", _table("Events", "from", "event", "times", "together")),
    ]
    parts: list[RenderableType] = []
    for of, table in tables:
        before: tuple[float, str] | None = None
        for row in shown:
            if row.of != of:
                continue
            time = _moment(row) if before is None or before[0] != row.from_s else ""
            name = escape(row.name) if before != (row.from_s, row.name) else ""
            table.add_row(time, name, *_cells(row))
            before = (row.from_s, row.name)
        if table.row_count:
            parts.append(table)
    if len(replay.rows) > MOST_LISTED:
        parts.append(f"and {len(replay.rows) - MOST_LISTED} more rows; --csv FILE or --json FILE writes all")
    parts += [escape(note) for note in replay.notes]
    return Group(*parts)


def check_table(checked: Checked) -> RenderableType:
    """The windows that people counted beside the counts of the watch."""
    table = _table(None, "row", "from", "to", "what", "class", "way", "people", "watch")
    for one in checked.compared[:MOST_LISTED]:
        counted = str(one.high) if one.low == one.high else f"{one.low} to {one.high}"
        span = (clock(int(one.from_s), of_day=False), clock(int(one.to_s), of_day=False))
        name = (escape(one.name), escape(one.node) or "all", one.way)
        table.add_row(str(one.row), *span, *name, str(one.true), counted)
    parts: list[RenderableType] = [table]
    if checked.error is not None:
        parts.append(f"the counts are off by {checked.error:.1%} of what people counted")
    parts += [escape(note) for note in checked.notes]
    return Group(*parts)


def _table(title: str | None, *columns: str) -> Table:
    table = Table(title=title, title_justify="left")
    for column in columns:
        text = column in ("line", "zone", "event", "what", "class", "way", "from", "to")
        table.add_column(column, justify="left" if text else "right", overflow="fold")
    return table


def _both(passed: Passed) -> tuple[str, str]:
    """In and out: what is sure, and with the doubtful ones where there are any."""
    pairs = ((passed.in_low, passed.in_high), (passed.out_low, passed.out_high))
    found = [str(low) if low == high else f"{low} to {high}" for low, high in pairs]
    return found[0], found[1]


def _cells(row: Row) -> tuple[str, ...]:
    """What a row counts, in the columns of its table."""
    if row.passed is None:
        return str(row.begun), duration(row.lasted_s or 0.0)
    ins, outs = _both(row.passed)
    if row.in_interval is not None:
        ins += f" ({row.in_interval[0]} .. {row.in_interval[1]})"
    if row.out_interval is not None:
        outs += f" ({row.out_interval[0]} .. {row.out_interval[1]})"
    inside = (f"{row.inside_mean or 0.0:.2f}", str(row.inside_most), str(row.inside_end)) if row.of == "zone" else ()
    return _indented(row.node), ins, outs, *inside


def _moment(row: Row) -> str:
    """When a row begins."""
    if row.from_utc is not None:
        return datetime.fromisoformat(row.from_utc).strftime("%Y-%m-%d %H:%M")
    return clock(int(row.from_s), of_day=False)


def _indented(node: str) -> str:
    return "  " * node.count("/") + escape(node.rpartition("/")[2]) if node else "all"
