"""`smalta train`."""

from __future__ import annotations

from contextlib import nullcontext
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, cast

import typer
from rich.markup import escape

from smalta.api.limits import checked_device, n_bytes
from smalta.cli.common import Classes, Data, DeviceName, Memory, Quiet, out
from smalta.training.schedule import LEAST_STEPS
from smalta.training.settings import TrainSettings

if TYPE_CHECKING:
    from smalta.description.kinds import Kind
    from smalta.training.settings import Augment

USUAL = TrainSettings()  # the defaults
Minutes = Annotated[
    float | None,
    typer.Option(
        help=f"Wall time of the whole run, in minutes, with validation; it makes at least {LEAST_STEPS} steps.",
        show_default=False,
    ),
]
Initial = Annotated[
    Path | None,
    typer.Option("--from", help="Model to start from: a run's folder or an exported .onnx.", show_default=False),
]


def train(
    context: typer.Context,
    data: Data,
    run: Annotated[Path, typer.Option("--out", help="New folder for the run.")],
    minutes: Minutes = USUAL.minutes,
    steps: Annotated[
        int | None, typer.Option(help="Number of training steps, instead of --minutes.", show_default=False)
    ] = USUAL.steps,
    classes: Classes = None,
    kind: Annotated[
        str,
        typer.Option(help="Kind of the model: binary, semantic, instance, panoptic, or auto (what the labels allow)."),
    ] = USUAL.kind,
    encoder: Annotated[str, typer.Option(help="A timm model name, or 'plain'.")] = USUAL.encoder,
    no_pretrained: Annotated[
        bool, typer.Option("--no-pretrained", help="Start from random weights.")
    ] = not USUAL.pretrained,
    seed: Annotated[int, typer.Option(help="Seed of splits, order, crops and random weights.")] = USUAL.seed,
    initial: Initial = None,
    resume: Annotated[bool, typer.Option("--resume", help="Continue the run in --out.")] = False,
    device: DeviceName = USUAL.device,
    memory: Memory = None,
    batch: Annotated[int | None, typer.Option(help="Pictures per step.", show_default=False)] = USUAL.batch,
    crop: Annotated[
        int | None, typer.Option(help="Side of the training crops in pixels.", show_default=False)
    ] = USUAL.crop,
    first_view: Annotated[
        float, typer.Option(help="Share of --crop at the start of the run; crops grow from there. 1 for no growth.")
    ] = USUAL.first_view,
    augment: Annotated[
        str, typer.Option(help="usual, or none: crops without variation, to test whether the pictures can be learned.")
    ] = USUAL.augment,
    stride: Annotated[
        int | None, typer.Option(help="Stride of the network's maps: 4, 2 or 1.", show_default=False)
    ] = USUAL.stride,
    width: Annotated[int, typer.Option(help="Channels of the decoder at stride 4.")] = USUAL.width,
    learning_rate: Annotated[float, typer.Option(help="Highest learning rate of the run.")] = USUAL.learning_rate,
    verbose: Annotated[bool, typer.Option("--verbose", "-v", help="Print every decision with its reason.")] = False,
    quiet: Quiet = False,
) -> None:
    """Train a model on labelled pictures."""
    settings = TrainSettings(
        kind=cast("Kind", kind),  # TrainSettings checks it
        minutes=minutes,
        steps=steps,
        encoder=encoder,
        pretrained=not no_pretrained,
        seed=seed,
        device=checked_device(device),
        batch=batch,
        memory_bytes=None if memory is None else n_bytes(memory),
        crop=crop,
        first_view=first_view,
        augment=cast("Augment", augment),  # TrainSettings checks it
        stride=stride,
        width=width,
        learning_rate=learning_rate,
        initial=None if initial is None else str(initial),
    )
    _run(data, run, settings, classes, started=context.obj, resume=resume, quiet=quiet, verbose=verbose)


def _run(
    data: Path,
    run: Path,
    settings: TrainSettings,
    classes: Path | None,
    *,
    started: float,
    resume: bool,
    quiet: bool,
    verbose: bool,
) -> None:
    """Train, and print the result."""
    from smalta.report.training_progress import TrainingProgress
    from smalta.report.training_result import result_lines
    from smalta.training.train import train as train_run

    with nullcontext() if quiet else TrainingProgress(out, verbose=verbose) as watcher:
        result = train_run(data, run, settings, classes=classes, resume=resume, observer=watcher, started=started)
    if not quiet:
        for line in result_lines(result, run, data):
            out.print(escape(line), highlight=False)
