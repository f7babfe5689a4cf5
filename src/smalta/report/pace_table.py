"""Print how the frames of a video would be seen.

In:  a `Pace`.
Out: tables for a terminal.

Must not know: how a pace is decided.
"""

from __future__ import annotations

from rich.markup import escape
from rich.table import Table

from smalta.planning.words import duration
from smalta.video.pacing import Pace

PARTS = {
    "reading": "decode the frame, convert its colours",
    "motion": "look whether anything moves in the region",
    "flow": "motion of each cell since the frame before",
    "tracking": "carry masks along, match objects to tracks",
    "rules": "zones, lines, events, log",
    "network": "one pass",
    "objects": "objects and ground on cells, from the network's maps",
}
KEY_PARTS = ("network", "objects")


def pace_table(pace: Pace) -> Table:
    """The pace, one decision per row with its reason."""
    table = Table(box=None, padding=(0, 2, 0, 0), title_justify="left")
    table.add_column("decision", style="bold", no_wrap=True)
    table.add_column("value", no_wrap=True)
    table.add_column("because", overflow="fold")
    for decision in pace.decided:
        table.add_row(*map(escape, (decision.name, decision.value, decision.why)))
    return table


def parts_table(pace: Pace) -> Table:
    """The predicted time of each part, one part per row."""
    table = Table(box=None, padding=(0, 2, 0, 0), title_justify="left")
    table.add_column("part", style="bold", no_wrap=True)
    table.add_column("time", justify="right", no_wrap=True)
    table.add_column("for each", no_wrap=True)
    table.add_column("a second", justify="right", no_wrap=True)
    table.add_column("what", overflow="fold")
    for name, what in PARTS.items():
        milliseconds = pace.milliseconds[name]
        often = 1 / pace.key_every_s if name in KEY_PARTS else pace.fps
        table.add_row(
            name,
            duration(milliseconds / 1000),
            "key frame" if name in KEY_PARTS else "frame",
            duration(milliseconds * often / 1000),
            what,
        )
    return table


def pace_sentence(pace: Pace) -> str:
    """How busy this machine will be, and whether it can follow a live source."""
    cores = f"{pace.cores} core{'s' if pace.cores > 1 else ''}"
    busy = f"while things move, the work on {cores} should take {100 * pace.busy:.0f} % of"
    if not pace.live:
        return f"{busy} the video's length"
    if pace.busy > 1:
        return f"{busy} the time: this machine cannot follow, and frames between key frames will be dropped"
    return f"{busy} the time, so this machine can follow"
