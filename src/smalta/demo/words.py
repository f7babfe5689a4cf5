"""The words of the demo: rows of scores and counts, tables of them, what to look at, which commands to try.

In:  the report of `evaluate`, the demo's folder.
Out: rows of text; tables and text that a rich console prints.

Must not know: how numbers are made, pictures, networks.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from rich.markup import escape
from rich.table import Table

COUNTED = ("person", "vehicle", "vehicle/car", "vehicle/bus")
OWN_PICTURES = """\
smalta check mine --contact-sheet mine.png     # mine/images and mine/masks: what is wrong with the labels
smalta train mine --out runs/mine --minutes 30
smalta evaluate runs/mine mine
smalta predict runs/mine NEW_PICTURES --out answers --overlay"""


def score_rows(report: Mapping[str, Any]) -> list[tuple[str, str, str]]:
    """Question, score and interval of the scores on unseen scenes."""
    headlines = {(row["scope"], row["measure"]): row for row in report["headline"]}

    def row(question: str, scope: str, measure: str) -> tuple[str, str, str]:
        found = headlines[scope, measure]
        ends = found["interval"]
        return question, _number(found["value"]), f"{ends[0]:.2f} to {ends[1]:.2f}" if ends else "-"

    rows = [
        row(f"semantic, level {k} ({len(level['classes'])} classes): mean IoU", f"level {k}", "mean_iou")
        for level in report["levels"]
        for k in [level["level"]]
    ]
    rows.append(row("instance: F1 of people and vehicles, IoU 0.5", "objects, IoU 0.5", "f1"))
    rows.append(row("panoptic, level 1: PQ", "level 1", "pq"))
    for question in report["attributes"]:
        values = " or ".join(value["value"] for value in question["values"])
        name = question["attribute"]
        rows.append(row(f"{name} ({values}): share of right pixels", f"attribute {name}", "accuracy"))
    return rows


def score_table(report: Mapping[str, Any]) -> Table:
    """The scores on unseen scenes, with intervals."""
    return _table(("question", "score", "95 % interval"), score_rows(report))


def count_table(report: Mapping[str, Any]) -> Table:
    """Counted and true objects, the mean error of a picture's count, and the coverage of intervals."""
    counts = report["counts"]
    rows = {row["class"]: row for row in counts["nodes"]}
    has_intervals = counts["nominal_coverage"] is not None and counts["shortage"] is None
    titles = ["count of", "true", "counted", "error per picture"]
    if has_intervals:
        titles += [f"{counts['nominal_coverage']:.0%} intervals: width", "coverage"]
    lines = []
    for path in COUNTED:
        row = rows[path]
        cells = [path, str(row["true"]), str(row["predicted"]), _number(row["mae"])]
        if has_intervals:
            cells += [_number(row["mean_width"], places=1), _share(row["coverage"])]
        lines.append(cells)
    return _table(titles, lines)


def _table(titles: Sequence[str], rows: Sequence[Sequence[str]]) -> Table:
    table = Table(box=None, pad_edge=True)
    for index, title in enumerate(titles):
        table.add_column(title, justify="right" if index else "left")
    for row in rows:
        table.add_row(*row)
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
    return ", ".join(f"{row['class'].rpartition('/')[2]} {row['iou']:.2f}" for row in rows)


def files(root: str, *, taught: bool) -> list[tuple[str, str]]:
    """Path and content of what the demo leaves in the folder `root`."""
    found = [
        ("index.html", "all pictures and scores, with a sentence about each; open it in a browser"),
        ("side_by_side.png", "two unseen scenes: picture, truth, and all kinds of answers of one network"),
        ("answers/overlays/", "the panoptic answer for every scene, with names and counts"),
        ("answers/objects.csv", "one row per object: class at every level, size, place, score, body"),
        ("answers/classes/", "and instances/, panoptic/: the answers as numbers; classes.json names the classes"),
        ("counts.csv", "the counts of every scene, with intervals"),
        ("evaluation.json", "all scores, with intervals and definitions"),
        ("scenes/", "labelled pictures as smalta reads them; classes.yaml is the class tree"),
    ]
    if taught:
        found += [
            ("before_after.png", "three scenes with animals, before and after the lesson"),
            ("lesson/scenes/", "what it learned from: labels at the top level only, and animals"),
            ("lesson/run/", "the model that learned; takes the place of MODEL in all commands"),
        ]
    return [(f"{root}/{path}", words) for path, words in found]


def what_next(root: str, model: str, *, taught: bool) -> str:
    """The files of the demo, and commands to try.

    Args:
        root: the demo's folder.
        model: path of the shipped model.
        taught: whether the second part is done.
    """
    listed = files(root, taught=taught)
    wide = max(len(path) for path, _ in listed) + 2
    lines = [f"  {escape(path):{wide}}{words}" for path, words in listed]
    return "\n".join(
        [
            "[bold]Look at[/]",
            *lines,
            "",
            "[bold]More examples[/]: smalta demo --list",
            "[bold]Your own pictures[/]: the numbers of classes in mine/masks/NAME.png, their names in "
            "mine/classes.yaml",
            *(f"  {escape(line)}" for line in OWN_PICTURES.splitlines()),
            "[bold]The model of the demo[/] takes the place of runs/mine, for example with --kind semantic --level 1:",
            f"  {escape(model)}",
        ]
    )
