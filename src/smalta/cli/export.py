"""`smalta export`."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Any

import typer
from rich.markup import escape

from smalta.cli.common import Quiet, out, progress_bar


def export(
    run: Annotated[Path, typer.Argument(help="Folder that `smalta train --out` made.")],
    file: Annotated[Path, typer.Option("--out", help="File to write, such as model.onnx.")],
    precision: Annotated[
        str,
        typer.Option(help="fp32, bf16, int8, or auto: the fastest one that costs at most 0.5 points of the scores."),
    ] = "fp32",
    weights: Annotated[
        str, typer.Option(help="full, or int8: stored in 8 bits and computed as before, in a third of the bytes.")
    ] = "full",
    data: Annotated[
        Path | None, typer.Option(help="Folder of the run's data set, if it was moved.", show_default=False)
    ] = None,
    quiet: Quiet = False,
) -> None:
    """Write a model as one ONNX file, which runs without PyTorch."""
    from smalta.exporting.onnx_export import export as export_run
    from smalta.report.precision_table import precision_table

    wanted: Any = precision
    stored: Any = weights
    with progress_bar(quiet) as bar:
        bar.stage("exporting")
        exported = export_run(run, file, precision=wanted, weights=stored, data=data)
    parity = exported.parity
    if not quiet:
        plain = exported.choice is None and exported.stored is None
        subject = str(file) if plain else "the graph in fp32"
        out.print(
            f"{escape(subject)} agrees with the run: with {parity.runtime}, on {escape(parity.pictures)}, "
            f"probabilities differ by at most {parity.max_difference:.1g}, and {parity.equal_share:.2%} of the pixels "
            "get the same class",
            highlight=False,
        )
        if exported.choice is not None:
            out.print(precision_table(exported.choice), highlight=False)
        if exported.stored is not None:
            out.print(
                f"with weights of 8 bits, {exported.stored.equal_share:.2%} of the pixels get the same class, and "
                f"probabilities differ by at most {exported.stored.max_difference:.1g}; "
                f"{escape(str(file))} has {file.stat().st_size / 1e6:.1f} MB",
                highlight=False,
            )
        out.print(f"next: smalta predict {escape(str(file))} PICTURES --out results", highlight=False)
