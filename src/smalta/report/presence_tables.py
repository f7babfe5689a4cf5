"""Show in a terminal how well presence is found, and how good verdicts are.

In:  the entries "presence" and "verdicts" of an evaluation report.
Out: things that a rich console prints.

Must not know: how numbers are made.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from rich.console import RenderableType
from rich.markup import escape
from rich.table import Table

WIDTH = 20  # characters of a bar


def presence_parts(presence: Mapping[str, Any]) -> list[RenderableType]:
    """Tables of presence by class, and of the reliability of its probabilities."""
    nodes = [row for row in presence["nodes"] if row["known_pictures"]]
    table = Table(title="Presence in a picture", title_justify="left")
    table.add_column("class", overflow="fold")
    for title in ("pictures", "there", "missed", "false", "calibration error"):
        table.add_column(title, justify="right")
    for row in nodes:
        error = "-" if row["ece"] is None else f"{row['ece']:.3f}"
        counts = (str(row[name]) for name in ("known_pictures", "true", "missed", "false"))
        table.add_row(escape(row["class"]), *counts, error)
    parts: list[RenderableType] = [table] if nodes else []
    if presence["reliability"]["predictions"]:
        parts += _reliability(presence)
    reasons: dict[str, list[str]] = {}
    for row in presence["nodes"]:
        if row["not_calibrated"]:
            reasons.setdefault(row["not_calibrated"], []).append(row["class"])
    return [
        *parts,
        *(f"[dim]not calibrated: {escape(_named(names))}: {escape(why)}[/]" for why, names in reasons.items()),
    ]


def _named(names: list[str], most: int = 6) -> str:
    return ", ".join(names[:most]) + (f" and {len(names) - most} more" if len(names) > most else "")


def _reliability(presence: Mapping[str, Any]) -> list[RenderableType]:
    found = presence["reliability"]
    table = Table(title="Reliability of the probability that a class is there", title_justify="left")
    for title in ("probability", "predictions", "mean probability", "there"):
        table.add_column(title, justify="right")
    table.add_column("")
    for row in found["bins"]:
        bar = "█" * round(WIDTH * row["observed"])
        table.add_row(
            f"{row['low']:.1f} .. {row['high']:.1f}",
            str(row["predictions"]),
            f"{row['predicted']:.3f}",
            f"{row['observed']:.3f}",
            bar,
        )
    levels = ", ".join(f"level {row['level']} {row['ece']:.3f}" for row in presence["levels"] if row["ece"] is not None)
    said = (
        f"expected calibration error {found['ece']:.3f} ({levels}); probabilities that are right would have "
        f"{found['ece_if_perfect']:.3f} with as many pictures"
    )
    return [table, said]


def verdict_parts(verdicts: Mapping[str, Any]) -> list[RenderableType]:
    """A table of missed and rejected pictures: by the rules, and at the chosen threshold."""
    title = f"Verdicts: bad when {' or '.join(verdicts['rules'])}"
    table = Table(title=escape(title), title_justify="left")
    table.add_column("pictures")
    table.add_column("called bad")
    for name in ("missed bad ones", "rejected good ones"):
        table.add_column(f"{name}\n95 % interval", justify="right")
    table.add_row("this split", "by the rules", *_cells(verdicts))
    chosen = verdicts["chosen"]
    if chosen is not None:
        score = f"score >= {chosen['evaluated']['threshold']:.3f}"
        table.add_section()
        table.add_row("val, which chose it", score, *_cells(chosen["validation"]))
        table.add_row("this split", score, *_cells(chosen["evaluated"]))
    parts: list[RenderableType] = [table]
    if chosen is not None:
        parts.append(
            f"the score is the highest that misses at most {100 * chosen['miss']:.3g} % of the bad pictures of val"
        )
    if verdicts["auc"] is not None:
        parts.append(f"a bad picture has a higher score than a good one in {verdicts['auc']:.1%} of the pairs")
    if verdicts["unknown"]:
        parts.append(f"{verdicts['unknown']} pictures are in no number: their labels do not say whether they are bad")
    return parts


def _cells(found: Mapping[str, Any]) -> list[str]:
    cells = []
    for name in ("missed", "rejected"):
        row = found[name]
        if row["share"] is None:
            cells.append("none there")
            continue
        low, high = row["interval"]
        cells.append(f"{row['n']} of {row['of']}, {row['share']:.1%}\n{low:.1%} .. {high:.1%}")
    return cells
