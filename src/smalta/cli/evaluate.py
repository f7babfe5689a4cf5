"""`smalta evaluate`."""

from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Annotated, Any

import typer
from rich.markup import escape

from smalta.cli.common import Classes, Data, DeviceName, Quiet, Run, checked_limits, mover, out, planned, progress_bar
from smalta.errors import ModelError
from smalta.runtimes.registry import AUTO


def evaluate(
    run: Run,
    data: Data,
    split: Annotated[str, typer.Option(help="train, val or test.")] = "test",
    json_file: Annotated[
        Path | None, typer.Option("--json", help="Write all numbers to this file.", show_default=False)
    ] = None,
    classes: Classes = None,
    seed: Annotated[
        int | None, typer.Option(help="Of the splits; that of the training if not given.", show_default=False)
    ] = None,
    device: DeviceName = AUTO,
    quiet: Quiet = False,
) -> None:
    """Measure a model on a labelled split: scores with intervals, per class and per level."""
    from smalta.data.any_format import open_dataset
    from smalta.inference.opened import open_model
    from smalta.inference.split_evaluation import evaluate as evaluate_split
    from smalta.inference.split_evaluation import open_for
    from smalta.report.evaluation_table import evaluation_table
    from smalta.results.options import OutputOptions
    from smalta.system.whole_files import write_bytes

    model = open_model(run)
    info = model.info
    if seed is None:  # the splits that smalta makes must be those of the training, or test pictures were trained on
        seed = _seed_of(info.facts, run)
    if classes is None:
        dataset = open_for(info.tree, data, seed=seed)
    else:
        dataset = open_dataset(data, classes=classes, seed=seed)
    if not quiet:
        for note in dataset.notes:
            out.print(f"[dim]note[/] {escape(note)}", highlight=False)
    pictures = [entry.picture for entry in dataset.split(split)]
    predictor = planned(model, pictures, checked_limits(None, None, device), OutputOptions(outputs={"probabilities"}))
    with progress_bar(quiet) as bar:
        workers = predictor.runtime.streams + 1
        report = evaluate_split(predictor, dataset, split, workers=workers, progress=mover(bar, "evaluate"))
    if json_file is not None:
        json_file.parent.mkdir(parents=True, exist_ok=True)
        write_bytes(json_file, (json.dumps(report, indent=1) + "\n").encode())
    if not quiet:
        out.print(evaluation_table(report))


def _seed_of(facts: Mapping[str, Any], run: Path) -> int:
    """The seed that a model says it was trained with; 0 where it says none."""
    settings = facts.get("settings", {})
    seed = settings.get("seed", 0) if isinstance(settings, Mapping) else None
    if not isinstance(seed, int):
        raise ModelError(f"{run} states the training's seed as {seed!r}, not a whole number; name it with --seed")
    return seed
