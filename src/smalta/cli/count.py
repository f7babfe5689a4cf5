"""`smalta count`."""

from __future__ import annotations

import json
import sys
from pathlib import Path
from typing import Annotated

import typer
from rich.markup import escape

from smalta.cli.common import (
    DeviceName,
    Memory,
    Quiet,
    Run,
    Threads,
    Tile,
    mover,
    out,
    progress_bar,
    report,
    report_stalled,
)
from smalta.runtimes.registry import AUTO


def count(
    run: Run,
    pictures: Annotated[list[str], typer.Argument(help="Files, folders, patterns, or a .txt list of them.")],
    file: Annotated[
        Path | None, typer.Option("--out", help="Write the counts to this .csv or .json file.", show_default=False)
    ] = None,
    level: Annotated[
        int | None, typer.Option(help="Deepest level of the class tree to count at.", show_default=False)
    ] = None,
    as_json: Annotated[bool, typer.Option("--json", help="Print the counts as JSON.")] = False,
    memory: Memory = None,
    threads: Threads = None,
    tile: Tile = None,
    device: DeviceName = AUTO,
    quiet: Quiet = False,
) -> None:
    """Count the objects in pictures, class by class, with 90 % intervals learned on validation pictures."""
    from smalta.api.answering import count as count_pictures
    from smalta.report.count_table import count_table

    with progress_bar(quiet or as_json) as bar:
        counts = count_pictures(
            run,
            pictures,
            out=file,
            level=level,
            memory=memory,
            threads=threads,
            tile=tile,
            device=device,
            progress=mover(bar, "count"),
            stalled=report_stalled,
            report=report,
        )
    for _, reason in counts.failed:
        print(f"smalta: {reason}", file=sys.stderr)
    if as_json:
        print(json.dumps(counts.to_dict(), indent=1))
    elif not quiet:
        out.print(count_table(counts))
        if file is not None:
            out.print(f"the counts are in {escape(str(file))}", highlight=False)
    if counts.failed:
        raise typer.Exit(1)
