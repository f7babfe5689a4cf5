"""Show an evaluation report in a terminal.

In:  the dict of `smalta.metrics.evaluation.Evaluation.report`, also if it was read from JSON.
Out: something that a rich console prints.

Must not know: how numbers are made, pictures, networks.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from string import ascii_lowercase
from typing import Any

from rich.console import Group, RenderableType
from rich.markup import escape
from rich.table import Table

from smalta.report.object_tables import counts_parts, objects_table, score
from smalta.report.presence_tables import presence_parts, verdict_parts

MOST_LISTED = 10

TITLES = {
    "mean_iou": "mean IoU",
    "mean_dice": "mean Dice",
    "pixel_accuracy": "pixel accuracy",
    "mean_class_accuracy": "mean class accuracy",
    "mean_boundary_iou": "mean boundary IoU",
    "f1": "F1",
    "precision": "precision",
    "recall": "recall",
    "iou": "IoU",
    "tolerant_f1": "F1, 2 px tolerance",
    "tolerant_precision": "precision, 2 px tolerance",
    "tolerant_recall": "recall, 2 px tolerance",
    "consistency": "consistency of levels",
    "error_distance": "tree distance of errors (edges)",
    "accuracy": "accuracy",
    "mean_accuracy": "mean accuracy",
    "mean_value_accuracy": "mean accuracy per value",
    "pq": "PQ",
    "pq_things": "PQ of things",
    "pq_stuff": "PQ of stuff",
    "ap": "AP, IoU 0.5:0.95",
    "count_mae": "mean absolute error",
    "count_bias": "bias, predicted-true",
    "count_relative_error": "relative error",
    "count_coverage": "true count in the interval",
}
DECIDING = ("mean_iou", "f1", "pq", "count_mae")  # a model that is not better by these has learned nothing of use
HEADLINES = {"objects": "Objects: headline numbers", "pixels": "Pixels: headline numbers"}


def evaluation_table(report: Mapping[str, Any]) -> RenderableType:
    """Tables of the headline numbers, of the classes and objects of every level, of counts, and unreadable pictures.

    Example:
        >>> from rich.console import Console
        >>> Console().print(evaluation_table(report))  # doctest: +SKIP
    """
    parts: list[RenderableType] = [_summary(report)]
    for part, title in HEADLINES.items():
        rows = [row for row in report["headline"] if row["part"] == part]
        parts += [_headline(rows, title)] if rows else []
    if report["objects"]:
        parts += [objects_table(level) for level in reversed(report["objects"]["levels"])]
        parts += counts_parts(report["counts"])
    parts += [_classes(level) for level in reversed(report["levels"])]
    parts += [_attribute(question) for question in report["attributes"]]
    parts += presence_parts(report["presence"])
    if report.get("verdicts"):
        parts += verdict_parts(report["verdicts"])
    if report["unreadable"]:
        parts.append(_unreadable(report["unreadable"]))
    short = [f"[bold]{escape(report['shortfall'])}[/]"] if report["shortfall"] else []
    return Group(*parts, *_not_better(report["headline"]), *short)


def _summary(report: Mapping[str, Any]) -> str:
    lines = [
        f"{escape(report['dataset'])}, split {escape(report['split'])}: {report['n_pictures']} pictures, "
        f"{report['labelled_share']:.1%} of the pixels labelled"
    ]
    if report["binary"]:
        thresholds = report["binary"]["thresholds"]
        chosen = next((t["threshold"] for t in thresholds if t["chosen_on_validation"]), None)
        origin = "no threshold was chosen on validation" if chosen is None else f"threshold from validation {chosen:g}"
        lines.append(f"positive class: {escape(report['binary']['positive'])}; {origin}")
    return "\n".join(lines)


def _headline(rows: Sequence[Mapping[str, Any]], title: str) -> Table:
    table = Table(title=f"{title}, 95 % interval over pictures", title_justify="left")
    table.add_column("measure")
    table.add_column("of")
    table.add_column("value", justify="right", no_wrap=True)
    table.add_column("interval", justify="right", no_wrap=True)
    answers = list(dict.fromkeys(row["trivial"]["answer"] for row in rows if row["trivial"]))
    letters = dict(zip(answers, ascii_lowercase, strict=False))
    if answers:
        table.add_column("trivial", justify="right", no_wrap=True)
        named = ", ".join(f"{letter} = {escape(answer)}" for answer, letter in letters.items())
        table.caption = f"trivial answers, which learn nothing from the pictures: {named}"
        table.caption_justify = "left"
    scope = None
    for row in rows:
        if scope is not None and row["scope"] != scope:
            table.add_section()
        scope = row["scope"]
        ends = row["interval"]
        shown = "-" if ends is None else f"{ends[0]:.4f} .. {ends[1]:.4f}"
        trivial = row["trivial"]
        other = [f"{trivial['value']:.4f} {letters[trivial['answer']]}" if trivial else ""] if answers else []
        style = "bold red" if trivial and not trivial["beaten"] and row["measure"] in DECIDING else None
        table.add_row(TITLES[row["measure"]], escape(scope), score(row["value"]), shown, *other, style=style)
    return table


def _not_better(rows: Sequence[Mapping[str, Any]]) -> list[str]:
    """A line for each deciding measure by which the model is not better than a trivial answer."""
    return [
        f"[bold]by its {TITLES[row['measure']]} ({escape(row['scope'])}) the model is not better than the trivial "
        f'answer "{escape(trivial["answer"])}"[/]: {score(row["value"])} against {trivial["value"]:.4f}'
        for row in rows
        if row["measure"] in DECIDING and (trivial := row["trivial"]) and not trivial["beaten"]
    ]


def _classes(level: Mapping[str, Any]) -> Table:
    table = Table(title=f"Classes at level {level['level']}", title_justify="left")
    table.add_column("class", overflow="fold")
    for title in ("share of truth", "IoU", "Dice", "accuracy", "boundary IoU"):
        table.add_column(title, justify="right")
    table.add_column("most confused with", overflow="fold")
    for row in level["classes"]:
        if row["state"] != "present":
            table.add_row(escape(row["class"]), row["state"], *[""] * 5, style="dim")
            continue
        other = row["most_confused_with"]
        table.add_row(
            escape(row["class"]),
            f"{row['truth_share']:.2%}",
            *(score(row[name]) for name in ("iou", "dice", "accuracy", "boundary_iou")),
            f"{escape(other['class'])} {other['share']:.1%}" if other else "",
        )
    return table


def _attribute(question: Mapping[str, Any]) -> Table:
    table = Table(title=f"Attribute {escape(question['attribute'])}", title_justify="left")
    table.add_column("value")
    table.add_column("accuracy", justify="right")
    for row in question["values"]:
        absent = row["accuracy"] is None
        table.add_row(escape(row["value"]), "absent" if absent else score(row["accuracy"]))
    return table


def _unreadable(entries: list[Mapping[str, str]]) -> str:
    lines = [f"[bold]{len(entries)} pictures cannot be read and are in no score[/bold]"]
    lines += [escape(f"  {entry['name']}: {entry['reason']}") for entry in entries[:MOST_LISTED]]
    if len(entries) > MOST_LISTED:
        lines.append(f"  and {len(entries) - MOST_LISTED} more (all are in the JSON report)")
    return "\n".join(lines)
