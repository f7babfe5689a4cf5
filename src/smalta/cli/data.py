"""`smalta check` and `smalta convert`: commands on labelled pictures without a model."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Annotated

import typer
from rich.markup import escape

from smalta.cli.common import Classes, Data, Quiet, mover, out, progress_bar
from smalta.data.formats.known_formats import WRITTEN, one_of


def check(
    data: Data,
    classes: Classes = None,
    as_json: Annotated[bool, typer.Option("--json", help="Print the findings as JSON.")] = False,
    contact_sheet: Annotated[
        Path | None, typer.Option(help="Draw twelve labelled pictures into this PNG file.", show_default=False)
    ] = None,
    seed: Annotated[int, typer.Option(help="Seed of the splits, if the data set does not state its own.")] = 0,
    quiet: Quiet = False,
) -> None:
    """Check labelled pictures for mistakes that would silently spoil a model."""
    from smalta.data.any_format import open_dataset
    from smalta.data.check import check as check_folder
    from smalta.data.contact_sheet import contact_sheet as draw
    from smalta.report.check_table import print_report

    with progress_bar(quiet or as_json) as bar:
        report = check_folder(data, classes=classes, seed=seed, progress=mover(bar, "check"))
    if as_json:
        print(json.dumps(report.to_dict(), indent=1))
    elif not quiet:
        print_report(report, out)
    if contact_sheet is not None and report.format is not None:
        draw(open_dataset(data, classes=classes, seed=seed), contact_sheet, seed)
    if report.errors:
        raise typer.Exit(1)


def convert(
    data: Data,
    folder: Annotated[Path, typer.Argument(help="New folder for the data set.")],
    to: Annotated[str, typer.Option("--format", help=f"{one_of(WRITTEN)}.")] = "folder",
    classes: Classes = None,
    seed: Annotated[int, typer.Option(help="Seed of the splits, if the data set does not state its own.")] = 0,
    quiet: Quiet = False,
) -> None:
    """Write a data set in another format."""
    from smalta.api.data_sets import convert as convert_set

    with progress_bar(quiet) as bar:
        bar.stage("converting")
        converted = convert_set(data, folder, to, classes=classes, seed=seed)
    if not quiet:
        for note in converted.notes:
            out.print(f"[dim]note[/] {escape(note)}", highlight=False)
        out.print(f"{converted.pictures} pictures are in {escape(str(folder))}", highlight=False)
