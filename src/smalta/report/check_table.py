"""Print the doctor's findings.

In:  a `Report`.
Out: text on a terminal.

Must not know: how faults are found.
"""

from __future__ import annotations

from rich.console import Console
from rich.markup import escape
from rich.table import Table

from smalta.data.check import Report
from smalta.data.checks.finding import Finding, counted, listed

_COLOR = {"error": "bold red", "warning": "yellow"}


def print_report(report: Report, console: Console | None = None, *, most_files: int = 5) -> None:
    """Print the findings, errors first, with the first few files of each, and a summary.

    Args:
        report: of `smalta.data.check.check`.
        console: the console to print to; by default the terminal.
        most_files: number of files named per finding.
    """
    console = console or Console()
    for note in report.notes:
        console.print(f"[dim]note[/] {escape(note)}", soft_wrap=True, highlight=False)
    if report.findings:
        table = Table(show_header=False, box=None, padding=(0, 2, 1, 0))
        table.add_column(no_wrap=True)
        table.add_column(overflow="fold")
        for finding in report.findings:
            table.add_row(f"[{_COLOR[finding.level]}]{finding.level}[/]", _text(finding, most_files))
        console.print(table, highlight=False)
    console.print(f"[bold]{summary(report)}[/]", soft_wrap=True, highlight=False)


def summary(report: Report) -> str:
    """One line: the numbers of errors, warnings and examined pictures."""
    found = f"{counted(len(report.errors), 'error')}, {counted(len(report.warnings), 'warning')}"
    if report.format is None:
        return f"{found}; the data set cannot be opened"
    splits = ", ".join(f"{number} {split}" for split, number in report.n_pictures.items())
    return f"{found} in {counted(sum(report.n_pictures.values()), 'picture')} ({splits}; format {report.format})"


def _text(finding: Finding, most_files: int) -> str:
    lines = [f"[bold]{finding.rule}[/]: {escape(finding.message)}"]
    if finding.files:
        lines.append(f"[dim]files:[/] {escape(listed(finding.files, most=most_files))}")
    lines.append(f"[green]fix:[/] {escape(finding.fix)}")
    return "\n".join(lines)
