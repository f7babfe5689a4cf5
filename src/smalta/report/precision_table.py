"""Show the scores and times of a model in several precisions in a terminal.

In:  a `Choice`.
Out: something that a rich console prints.

Must not know: how precisions are made or judged.
"""

from __future__ import annotations

from rich.console import Group, RenderableType
from rich.markup import escape
from rich.table import Table

from smalta.exporting.precision import Choice
from smalta.report.evaluation_table import TITLES


def precision_table(choice: Choice) -> RenderableType:
    """A row per precision, the precisions that were not tried, and the choice in a sentence."""
    table = Table(title=f"On {escape(choice.judged)}, with {escape(choice.runtime)}", title_justify="left")
    table.add_column("precision")
    for name in choice.measured[0].scores:
        table.add_column(f"{TITLES[name]}, %", justify="right")
    table.add_column("drop, points", justify="right")
    table.add_column(f"ms per picture of {choice.size_hw[0]} x {choice.size_hw[1]}", justify="right")
    for one in choice.measured:
        numbers = [f"{100 * score:.2f}" for score in one.scores.values()]
        drop = "-" if one is choice.measured[0] else f"{choice.drop(one):.2f}"
        table.add_row(one.precision, *numbers, drop, f"{1000 * one.seconds:.1f}", style="bold" * (one is choice.kept))
    left_out = [escape(f"{precision} was not tried: {why}") for precision, why in choice.left_out.items()]
    return Group(table, *left_out, escape(choice.reason))
