"""Show the scores of objects and of counts in an evaluation report.

In:  "objects" and "counts" of the dict of `smalta.metrics.evaluation.Evaluation.report`.
Out: something that a rich console prints.

Must not know: how numbers are made, pictures, networks.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from rich.console import RenderableType
from rich.markup import escape
from rich.table import Table

SIZES = ("small", "medium", "large")


def score(value: float | None) -> str:
    """A score as text; a dash for None."""
    return "-" if value is None else f"{value:.4f}"


def objects_table(level: Mapping[str, Any]) -> Table:
    """The classes of one level, things first, and the means over them."""
    sizes = ", ".join(f"{size} {score(level[f'ap_{size}'])}" for size in SIZES)
    table = Table(title=f"Objects at level {level['level']}", title_justify="left", caption_justify="left")
    table.caption = f"accuracy: at IoU 0.5. AP by size: {sizes}"
    table.add_column("class", overflow="fold", min_width=9)
    for title in ("true", "predicted", "AP", "accuracy", "PQ", "SQ", "RQ"):
        table.add_column(title, justify="right")
    rows = sorted(level["classes"], key=lambda row: row["kind"] != "thing")
    for row in rows:
        if row["pq"] is None and not row["predicted"]:
            table.add_row(escape(row["class"]), "absent", style="dim")
            continue
        numbers = [score(row[name]) for name in ("ap", "accuracy", "pq", "sq", "rq")]
        found = [_whole(row["true"]), _whole(row["predicted"])]
        table.add_row(escape(row["class"]), *found, *numbers)
    table.add_section()
    for group in ("things", "stuff", "all"):
        means = level["panoptic"][group]
        if means["pq"] is not None:
            precision = score(level["ap"]) if group == "things" else ""
            numbers = [score(means[name]) for name in ("pq", "sq", "rq")]
            table.add_row(f"mean, {group}", "", "", precision, "", *numbers)
    return table


def counts_parts(counts: Mapping[str, Any]) -> list[RenderableType]:
    """The errors of counts, node by node, and the coverage of their intervals."""
    table = Table(title="Counts per picture", title_justify="left", caption_justify="left")
    table.add_column("class", overflow="fold", min_width=9)
    for title in ("true", "predicted", "mean abs. error", "bias", "relative"):
        table.add_column(title, justify="right")
    nominal = counts["nominal_coverage"]
    with_intervals = nominal is not None and counts["shortage"] is None
    if with_intervals:
        table.add_column("coverage", justify="right")
        table.add_column("width", justify="right")
        table.caption = f"coverage: share of the {nominal:.0%} intervals with the true count; width: mean width"
    for row in counts["nodes"]:
        numbers = [_short(row["mae"]), _short(row["bias"], sign="+"), _share(row["relative_error"])]
        if with_intervals:
            numbers += [_share(row["coverage"]), _short(row["mean_width"])]
        table.add_row(escape(row["class"]), str(row["true"]), str(row["predicted"]), *numbers)
    return [table] if counts["shortage"] is None else [table, escape(counts["shortage"])]


def _whole(value: int | None) -> str:
    return "" if value is None else str(value)


def _short(value: float | None, sign: str = "") -> str:
    return "-" if value is None else f"{value:{sign}.2f}"


def _share(value: float | None) -> str:
    return "-" if value is None else f"{value:.1%}"
