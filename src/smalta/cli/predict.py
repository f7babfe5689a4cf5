"""`smalta predict`."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, cast

import typer
from rich.markup import escape

from smalta.cli.common import (
    DeviceName,
    Good,
    Memory,
    Quiet,
    Run,
    ScaleText,
    Threads,
    Tile,
    mover,
    out,
    progress_bar,
    report,
    report_stalled,
)
from smalta.cli.output_options import asked, with_outputs
from smalta.runtimes.registry import AUTO

if TYPE_CHECKING:
    from smalta.api.answering import Predicted
    from smalta.description.kinds import Kind


@with_outputs
def predict(
    run: Run,
    pictures: Annotated[list[str], typer.Argument(help="Files, folders, patterns, or a .txt list of them.")],
    folder: Annotated[Path, typer.Option("--out", help="Folder for the results.")],
    kind: Annotated[
        str, typer.Option(help="Kind of the results: binary, semantic, instance, panoptic, or auto (the model's own).")
    ] = "auto",
    level: Annotated[
        int | None, typer.Option(help="Deepest level of the class tree to use.", show_default=False)
    ] = None,
    min_confidence: Annotated[
        float, typer.Option(help="Give each pixel the deepest class with at least this probability.")
    ] = 0.0,
    resume: Annotated[
        bool,
        typer.Option("--resume", help="Skip pictures that an earlier job with this model and these options finished."),
    ] = False,
    memory: Memory = None,
    threads: Threads = None,
    tile: Tile = None,
    device: DeviceName = AUTO,
    good: Good = None,
    scale: ScaleText = None,
    quiet: Quiet = False,
    **outputs: bool,
) -> None:
    """Segment pictures: one index picture each, with the ids of your own label files, and the objects."""
    from smalta.api.answering import predict as predict_pictures

    with progress_bar(quiet) as bar:
        predicted = predict_pictures(
            run,
            pictures,
            folder,
            kind=cast("Kind | None", None if kind == "auto" else kind),  # checked where the model is known
            outputs=asked(outputs),
            level=level,
            min_confidence=min_confidence,
            resume=resume,
            memory=memory,
            threads=threads,
            tile=tile,
            device=device,
            good=good,
            scale=scale,
            progress=mover(bar, "predict"),
            stalled=report_stalled,
            report=report,
        )
    for outcome in predicted.failed:
        print(f"smalta: {outcome.error}", file=sys.stderr)
    if not quiet:
        _print_where(predicted)
        if good is not None:
            _print_verdicts(predicted.folder)
    if predicted.failed:
        raise typer.Exit(1)


def _print_where(predicted: Predicted) -> None:
    """Print where the results are, and the planned and measured time."""
    from smalta.description.kinds import OBJECT_KINDS
    from smalta.planning.rates import disturbance
    from smalta.report.plan_tables import plan_sentence

    folder, total = predicted.folder, len(predicted.outcomes)
    out.print(
        f"{total - len(predicted.failed)} of {total} pictures are in {escape(str(folder / 'classes'))}; "
        f"{escape(str(folder / 'classes.json'))} explains their values",
        highlight=False,
    )
    if predicted.kind in OBJECT_KINDS:
        out.print(
            f"{escape(str(folder / 'objects.csv'))} lists the objects; {escape(str(folder / 'instances'))} holds "
            "their pixels",
            highlight=False,
        )
    if predicted.plan is not None:
        if (told := disturbance(predicted.plan.disturbed)) is not None:
            out.print(f"[dim]the plan may be poor: {escape(told)}[/]", highlight=False)
        out.print(f"[dim]{escape(plan_sentence(predicted.plan))}; plan.json has the reasons[/]", highlight=False)


def _print_verdicts(folder: Path) -> None:
    """Print how many pictures are bad, and by which rules."""
    from smalta.results.verdict_table import FILE, tally

    total, bad, by_rule = tally(folder)
    rules = ", ".join(f"{n} by {rule!r}" for rule, n in by_rule.items())
    said = f"{bad} of {total} pictures are bad" + (f": {rules}" if bad else "")
    out.print(f"{escape(said)}; {escape(str(folder / FILE))} has the verdicts", highlight=False)
