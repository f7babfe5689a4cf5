"""`smalta export`."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer
from rich.markup import escape

from smalta.cli.common import Quiet, out


def export(
    run: Annotated[Path, typer.Argument(help="Folder that `smalta train --out` made.")],
    file: Annotated[Path, typer.Option("--out", help="The file to write, such as model.onnx.")],
    quiet: Quiet = False,
) -> None:
    """Write a model as one ONNX file, which answers without PyTorch."""
    from smalta.inference.export import export as export_run

    parity = export_run(run, file)
    if not quiet:
        out.print(
            f"{escape(str(file))} answers as the run does: with {parity.runtime}, on {escape(parity.pictures)}, "
            f"probabilities differ by at most {parity.max_difference:.1g}, {parity.equal_share:.2%} of the pixels "
            "get the same class",
            highlight=False,
        )
        out.print(f"next: smalta predict {escape(str(file))} PICTURES --out results", highlight=False)
