"""`smalta evaluate`."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Annotated

import typer
from rich.markup import escape

from smalta.cli.common import Classes, Data, DeviceName, Good, Quiet, Run, ScaleText, mover, out, progress_bar, share
from smalta.runtimes.registry import AUTO


def evaluate(
    run: Run,
    data: Data,
    split: Annotated[str, typer.Option(help="Split to measure on: train, val or test.")] = "test",
    json_file: Annotated[
        Path | None, typer.Option("--json", help="Write all numbers to this file.", show_default=False)
    ] = None,
    classes: Classes = None,
    seed: Annotated[
        int | None, typer.Option(help="Seed of the splits; by default that of the training.", show_default=False)
    ] = None,
    device: DeviceName = AUTO,
    good: Good = None,
    miss: Annotated[
        str | None,
        typer.Option(help="Choose the threshold that misses at most this share, such as 1%.", show_default=False),
    ] = None,
    scale: ScaleText = None,
    quiet: Quiet = False,
) -> None:
    """Measure a model on a labelled split: scores with intervals, per class and per level."""
    from smalta.api.judging import evaluate as evaluate_model
    from smalta.report.evaluation_table import evaluation_table
    from smalta.system.whole_files import write_bytes

    def note(sentence: str) -> None:
        if not quiet:
            out.print(f"[dim]note[/] {escape(sentence)}", highlight=False)

    with progress_bar(quiet) as bar:
        report = evaluate_model(
            run,
            data,
            split=split,
            classes=classes,
            seed=seed,
            device=device,
            good=good,
            miss=None if miss is None else share(miss),
            scale=scale,
            progress=mover(bar, "evaluate"),
            note=note,
        )
    if json_file is not None:
        json_file.parent.mkdir(parents=True, exist_ok=True)
        write_bytes(json_file, (json.dumps(report, indent=1) + "\n").encode())
    if not quiet:
        out.print(evaluation_table(report))
