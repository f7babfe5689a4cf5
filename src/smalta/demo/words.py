"""What the demo says at its end: numbers in two tables, what to look at, what to type next.

In:  the report of `evaluate`, the demo's folder.
Out: things that a rich console prints.

Must not know: how numbers are made, pictures, networks.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from rich.markup import escape
from rich.table import Table

COUNTED = ("person", "vehicle", "vehicle/car", "vehicle/bus")


def score_table(report: Mapping[str, Any]) -> Table:
    """Per question the score on unseen scenes, with its interval."""
    table = _table("question", "score", "95 % interval", left=1)
    headlines = {(row["scope"], row["measure"]): row for row in report["headline"]}

    def add(question: str, scope: str, measure: str) -> None:
        row = headlines[scope, measure]
        ends = row["interval"]
        table.add_row(question, _number(row["value"]), f"{ends[0]:.2f} .. {ends[1]:.2f}" if ends else "-")

    for level in report["levels"]:
        k = level["level"]
        add(f"semantic, level {k} ({len(level['classes'])} classes): mean IoU", f"level {k}", "mean_iou")
    add("instance: F1 of people and vehicles, IoU 0.5", "objects, IoU 0.5", "f1")
    add("panoptic, level 1: PQ", "level 1", "pq")
    for question in report["attributes"]:
        values = " or ".join(value["value"] for value in question["values"])
        scope = f"attribute {question['attribute']}"
        add(f"{question['attribute']} ({values}): share of right pixels", scope, "accuracy")
    return table


def count_table(report: Mapping[str, Any]) -> Table:
    """Objects counted against true ones, how far a picture's count is off, and whether its interval holds."""
    counts = report["counts"]
    rows = {row["class"]: row for row in counts["nodes"]}
    has_intervals = counts["nominal_coverage"] is not None and counts["shortage"] is None
    titles = ["count of", "there are", "counted", "off by, per picture"]
    if has_intervals:
        titles += [f"{counts['nominal_coverage']:.0%} intervals: width", "hold the truth"]
    table = _table(*titles, left=1)
    for path in COUNTED:
        row = rows[path]
        cells = [path, str(row["true"]), str(row["predicted"]), _number(row["mae"])]
        if has_intervals:
            cells += [_number(row["mean_width"], places=1), _share(row["coverage"])]
        table.add_row(*cells)
    return table


def _table(*titles: str, left: int) -> Table:
    table = Table(box=None, pad_edge=True)
    for index, title in enumerate(titles):
        table.add_column(title, justify="left" if index < left else "right")
    return table


def _number(value: float | None, places: int = 2) -> str:
    return "-" if value is None else f"{value:.{places}f}"


def _share(value: float | None) -> str:
    return "-" if value is None else f"{value:.0%}"


def easiest_and_hardest(report: Mapping[str, Any]) -> str:
    """A sentence about the classes."""
    classes = [row for row in report["levels"][-1]["classes"] if row["iou"] is not None]
    best, worst = (sorted(classes, key=lambda row: row["iou"], reverse=turn)[:3] for turn in (True, False))
    return f"All scores: 1 is perfect, 0 is nothing right. Easiest: {_names(best)}. Hardest: {_names(worst)}."


def _names(rows: list[Mapping[str, Any]]) -> str:
    return ", ".join(f"{escape(row['class'].rpartition('/')[2])} {row['iou']:.2f}" for row in rows)


def what_next(here: str, scenes_shown: int, run: str, scenes: str) -> str:
    """What lies where, and commands to try; `here` is the demo's folder."""
    here = escape(here)
    return (
        "[bold]Look at[/]\n"
        f"  {here}/side_by_side.png      {scenes_shown} unseen scenes: picture, truth, and all kinds of answers of\n"
        "      one network. The two lanes are the same asphalt: only their place tells them apart. A make shows in\n"
        "      shape, lamps and grille, never in the paint. Thin things and far cars are where so short a training\n"
        "      errs.\n"
        f"  {here}/answers/overlays/     the panoptic answer for every test scene, with names and counts\n"
        f"  {here}/answers/objects.csv   one row per object: class at every level, size, place, score, body\n"
        f"  {here}/answers/classes/, instances/, panoptic/   the answers as numbers; classes.json names the classes\n"
        f"  {here}/evaluation.json       every number, with intervals and definitions\n"
        f"  {here}/scenes/               how labelled pictures lie in folders; classes.yaml is the tree of classes\n\n"
        "[bold]Ask the same model for less, or for counts[/]\n"
        f"  smalta count {here}/{run} {here}/{scenes}/test/images\n"
        f"  smalta predict {here}/{run} {here}/{scenes}/test/images --out {here}/coarse "
        "--kind semantic --level 1 --overlay\n\n"
        "[bold]Your own pictures[/]: put them into mine/images, and into mine/masks one PNG for each under the same\n"
        "name, in which every pixel holds the number of its class; name the classes in mine/classes.yaml. To count\n"
        "objects, number them in mine/instances and write kind: thing at their class. Then:\n"
        "  smalta check mine --contact-sheet mine.png\n"
        "  smalta train mine --out runs/mine --minutes 30\n"
        "  smalta evaluate runs/mine mine\n"
        "  smalta predict runs/mine NEW_PICTURES --out answers --overlay"
    )
