"""The text at the end of the demo: two tables of scores, what to look at, which commands to try.

In:  the report of `evaluate`, the demo's folder.
Out: tables and text that a rich console prints.

Must not know: how numbers are made, pictures, networks.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from rich.markup import escape
from rich.table import Table

COUNTED = ("person", "vehicle", "vehicle/car", "vehicle/bus")


def score_table(report: Mapping[str, Any]) -> Table:
    """The scores on unseen scenes, with intervals."""
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
    """Counted and true objects, the mean error of a picture's count, and the coverage of intervals."""
    counts = report["counts"]
    rows = {row["class"]: row for row in counts["nodes"]}
    has_intervals = counts["nominal_coverage"] is not None and counts["shortage"] is None
    titles = ["count of", "true", "counted", "error per picture"]
    if has_intervals:
        titles += [f"{counts['nominal_coverage']:.0%} intervals: width", "coverage"]
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
    """A sentence about the classes with the highest and the lowest IoU."""
    classes = [row for row in report["levels"][-1]["classes"] if row["iou"] is not None]
    best, worst = (sorted(classes, key=lambda row: row["iou"], reverse=turn)[:3] for turn in (True, False))
    return f"Scores go from 0 (all wrong) to 1 (perfect). Easiest: {_names(best)}. Hardest: {_names(worst)}."


def _names(rows: list[Mapping[str, Any]]) -> str:
    return ", ".join(f"{escape(row['class'].rpartition('/')[2])} {row['iou']:.2f}" for row in rows)


def what_next(here: str, scenes_shown: int, run: str, scenes: str) -> str:
    """The files of the demo, and commands to try; `here` is the demo's folder."""
    here = escape(here)
    return (
        "[bold]Look at[/]\n"
        f"  {here}/side_by_side.png      {scenes_shown} unseen scenes: picture, truth, and all kinds of answers of\n"
        "      one network. The two lanes have the same asphalt and differ only in their place. Makes of cars differ\n"
        "      in shape, lamps and grille, never in the paint. After such a short training the model still makes\n"
        "      errors on thin objects and far cars.\n"
        f"  {here}/answers/overlays/     the panoptic answer for every test scene, with names and counts\n"
        f"  {here}/answers/objects.csv   one row per object: class at every level, size, place, score, body\n"
        f"  {here}/answers/classes/, instances/, panoptic/   the answers as numbers; classes.json names the classes\n"
        f"  {here}/evaluation.json       all scores, with intervals and definitions\n"
        f"  {here}/scenes/               labelled pictures as smalta reads them; classes.yaml is the class tree\n\n"
        "[bold]Count with the same model, or ask for coarser classes[/]\n"
        f"  smalta count {here}/{run} {here}/{scenes}/test/images\n"
        f"  smalta predict {here}/{run} {here}/{scenes}/test/images --out {here}/coarse "
        "--kind semantic --level 1 --overlay\n\n"
        "[bold]Your own pictures[/]: put them into mine/images. For each picture put a PNG of the same name into\n"
        "mine/masks, in which every pixel holds the number of its class. Name the classes in mine/classes.yaml. To\n"
        "count objects, number them in mine/instances and write kind: thing at their class. Then:\n"
        "  smalta check mine --contact-sheet mine.png\n"
        "  smalta train mine --out runs/mine --minutes 30\n"
        "  smalta evaluate runs/mine mine\n"
        "  smalta predict runs/mine NEW_PICTURES --out answers --overlay"
    )
