"""The command line: parse, one call, print, exit code.

Exit codes: 0 done; 1 the input's fault, one sentence on stderr; 2 the command line itself; 130 stopped by Ctrl-C.
Heavy imports stand inside the commands, so that `smalta --help` answers at once.
"""

from __future__ import annotations

import json
import os
import sys
import time
from collections.abc import Callable, Sequence
from contextlib import nullcontext
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer
from rich.console import Console
from rich.markup import escape

from smalta import __version__
from smalta.errors import ConfigError, SmaltaError

if TYPE_CHECKING:
    from rich.progress import Progress

STOPPED = 130  # exit code after Ctrl-C
_STARTED = time.monotonic()

app = typer.Typer(
    help="Segment pictures: train on your own labels, get honest numbers, class maps and reasons.",
    no_args_is_help=True,
    add_completion=True,
    rich_markup_mode="rich",
    pretty_exceptions_enable=False,
)
out = Console(soft_wrap=True)

Data = Annotated[Path, typer.Argument(help="Folder of labelled pictures: folders, COCO, YOLO, Cityscapes or VOC.")]
Run = Annotated[Path, typer.Argument(help="Folder that `smalta train --out` made, or a .onnx file of `smalta export`.")]
Classes = Annotated[
    Path | None, typer.Option(help="classes.yaml or classes.txt, instead of the data set's own.", show_default=False)
]
DeviceName = Annotated[str, typer.Option(help="auto, cpu or cuda.")]
Quiet = Annotated[bool, typer.Option("--quiet", "-q", help="Print nothing but errors.")]


@app.command()
def train(
    context: typer.Context,
    data: Data,
    run: Annotated[Path, typer.Option("--out", help="New folder for the run.")],
    minutes: Annotated[
        float | None, typer.Option(help="Wall time of the whole run, validation included.", show_default=False)
    ] = None,
    steps: Annotated[int | None, typer.Option(help="Training steps, instead of minutes.", show_default=False)] = None,
    classes: Classes = None,
    encoder: Annotated[str, typer.Option(help="A timm model name, or 'plain'.")] = "tf_efficientnet_lite0",
    no_pretrained: Annotated[bool, typer.Option("--no-pretrained", help="Start from random weights.")] = False,
    seed: Annotated[int, typer.Option(help="Of splits, order, views and fresh weights.")] = 0,
    resume: Annotated[bool, typer.Option("--resume", help="Go on with the run in --out.")] = False,
    device: DeviceName = "auto",
    batch: Annotated[int | None, typer.Option(help="Pictures per step.", show_default=False)] = None,
    crop: Annotated[int | None, typer.Option(help="Side of the training views in pixels.", show_default=False)] = None,
    stride: Annotated[int | None, typer.Option(help="Of the network's map: 4, 2 or 1.", show_default=False)] = None,
    width: Annotated[int, typer.Option(help="Channels of the decoder at stride 4.")] = 96,
    learning_rate: Annotated[float, typer.Option(help="The highest of the run.")] = 1.5e-3,
    quiet: Quiet = False,
) -> None:
    """Train a model on labelled pictures."""
    from smalta.report.training_progress import TrainingProgress
    from smalta.training.settings import TrainSettings
    from smalta.training.train import train as train_run

    settings = TrainSettings(
        minutes=minutes,
        steps=steps,
        encoder=encoder,
        pretrained=not no_pretrained,
        seed=seed,
        device=_device(device),
        batch=batch,
        crop=crop,
        stride=stride,
        width=width,
        learning_rate=learning_rate,
    )
    with nullcontext() if quiet else TrainingProgress(out) as watcher:
        result = train_run(data, run, settings, classes=classes, resume=resume, observer=watcher, started=context.obj)
    if not quiet:
        score = "not measured" if result.validation_miou is None else f"{result.validation_miou:.3f}"
        out.print(
            f"{result.steps} steps in {result.seconds / 60:.1f} minutes; best validation mIoU {score} "
            f"(step {result.best_step}); the model is [bold]{escape(str(result.model))}[/]",
            highlight=False,
        )
        split = "test" if "test" in result.splits else "val"
        out.print(f"next: smalta evaluate {escape(str(run))} {escape(str(data))} --split {split}", highlight=False)


@app.command()
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
    device: DeviceName = "auto",
    quiet: Quiet = False,
) -> None:
    """Measure a model on a labelled split: scores with intervals, per class and per level."""
    from smalta.data.dataset import open_dataset
    from smalta.data.pictures import write_bytes
    from smalta.inference.evaluate import evaluate as evaluate_split
    from smalta.inference.evaluate import open_for
    from smalta.inference.predictor import load
    from smalta.report.evaluation_table import evaluation_table

    predictor = load(run, device=_device(device))
    if seed is None:  # the splits that smalta makes must be those of the training, or test pictures were trained on
        seed = int(predictor.facts.get("settings", {}).get("seed", 0))
    if classes is None:
        dataset = open_for(predictor.tree, data, seed=seed)
    else:
        dataset = open_dataset(data, classes=classes, seed=seed)
    if not quiet:
        for note in dataset.notes:
            out.print(f"[dim]note[/] {escape(note)}", highlight=False)
    with _bar(quiet) as bar:
        report = evaluate_split(predictor, dataset, split, progress=_mover(bar, "evaluate"))
    if json_file is not None:
        json_file.parent.mkdir(parents=True, exist_ok=True)
        write_bytes(json_file, (json.dumps(report, indent=1) + "\n").encode())
    if not quiet:
        out.print(evaluation_table(report))


@app.command()
def predict(
    run: Run,
    pictures: Annotated[list[str], typer.Argument(help="Files, folders, patterns, or a .txt list of them.")],
    folder: Annotated[Path, typer.Option("--out", help="Folder for the results.")],
    overlay: Annotated[bool, typer.Option("--overlay", help="Also write overlays/STEM.png with a legend.")] = False,
    level: Annotated[
        int | None, typer.Option(help="Deepest level of the class tree to answer at.", show_default=False)
    ] = None,
    min_confidence: Annotated[
        float, typer.Option(help="Stop at the deepest class with at least this probability.")
    ] = 0.0,
    probabilities: Annotated[
        bool, typer.Option("--probabilities", help="Also write probabilities/STEM.npz (classes, height, width).")
    ] = False,
    channels_last: Annotated[
        bool, typer.Option("--channels-last", help="Probabilities as (height, width, classes).")
    ] = False,
    device: DeviceName = "auto",
    quiet: Quiet = False,
) -> None:
    """Segment pictures: one index picture each, in the ids of your own label files."""
    from smalta.data.pictures import find_pictures
    from smalta.inference.files import OutputOptions, failed, predict_files
    from smalta.inference.predictor import load

    paths = find_pictures(pictures)
    predictor = load(run, device=_device(device))
    options = OutputOptions(
        overlays=overlay,
        probabilities=probabilities,
        channels_last=channels_last,
        level=level,
        min_confidence=min_confidence,
    )
    with _bar(quiet) as bar:
        move = _mover(bar, "predict")
        count = iter(range(1, len(paths) + 1))
        outcomes = predict_files(predictor, paths, folder, options, done=lambda _: move(next(count), len(paths)))
    broken = list(failed(outcomes))
    for outcome in broken:
        print(f"smalta: {outcome.error}", file=sys.stderr)
    if not quiet:
        done = len(outcomes) - len(broken)
        out.print(
            f"{done} of {len(outcomes)} pictures are in {escape(str(folder / 'classes'))}; "
            f"{escape(str(folder / 'classes.json'))} says what the values mean",
            highlight=False,
        )
    if broken:
        raise typer.Exit(1)


@app.command()
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


@app.command()
def check(
    data: Data,
    classes: Classes = None,
    as_json: Annotated[bool, typer.Option("--json", help="Print the findings as JSON.")] = False,
    contact_sheet: Annotated[
        Path | None, typer.Option(help="Draw twelve labelled pictures into this PNG.", show_default=False)
    ] = None,
    seed: Annotated[int, typer.Option(help="Of the splits, where the data set brings none.")] = 0,
    quiet: Quiet = False,
) -> None:
    """Examine labelled pictures for what would silently teach a wrong model."""
    from smalta.data.check import check as check_folder
    from smalta.data.contact_sheet import contact_sheet as draw
    from smalta.data.dataset import open_dataset
    from smalta.report.check_table import print_report

    with _bar(quiet or as_json) as bar:
        report = check_folder(data, classes=classes, seed=seed, progress=_mover(bar, "check"))
    if as_json:
        print(json.dumps(report.to_dict(), indent=1))
    elif not quiet:
        print_report(report, out)
    if contact_sheet is not None and report.format is not None:
        draw(open_dataset(data, classes=classes, seed=seed), contact_sheet, seed)
    if report.errors:
        raise typer.Exit(1)


@app.command()
def convert(
    data: Data,
    folder: Annotated[Path, typer.Argument(help="New folder for the data set.")],
    to: Annotated[str, typer.Option("--format", help="folder, coco, coco-panoptic or yolo.")] = "folder",
    classes: Classes = None,
    seed: Annotated[int, typer.Option(help="Of the splits, where the data set brings none.")] = 0,
    quiet: Quiet = False,
) -> None:
    """Write a data set in another format."""
    from smalta.data.convert import convert as convert_set
    from smalta.data.dataset import open_dataset

    converted = convert_set(open_dataset(data, classes=classes, seed=seed), folder, to)
    if not quiet:
        for note in converted.notes:
            out.print(f"[dim]note[/] {escape(note)}", highlight=False)
        out.print(f"{converted.pictures} pictures are in {escape(str(folder))}", highlight=False)


@app.command()
def demo(
    folder: Annotated[Path, typer.Option("--out", help="New folder for pictures, model and results.")] = Path("demo"),
    minutes: Annotated[float, typer.Option(help="Minutes to train.")] = 1.5,
    quiet: Quiet = False,
) -> None:
    """Make street and parking scenes, train on them, and show what came out; about two minutes."""
    from smalta.demo import run_demo

    run_demo(folder, minutes=minutes, quiet=quiet)


def _version(wanted: bool) -> None:
    if wanted:
        print(f"smalta {__version__}")
        raise typer.Exit


@app.callback()
def _options(
    version: Annotated[
        bool, typer.Option("--version", callback=_version, is_eager=True, help="Print the version and stop.")
    ] = False,
) -> None:
    pass


def _device(name: str) -> Any:
    if name not in ("auto", "cpu", "cuda"):
        raise ConfigError(f"device must be 'auto', 'cpu' or 'cuda', got {name!r}")
    return name


def _bar(quiet: bool) -> Progress:
    from rich.progress import Progress

    return Progress(console=out, transient=True, disable=quiet or not out.is_terminal)


def _mover(bar: Progress, title: str) -> Callable[[int, int], None]:
    task = bar.add_task(title, total=None)
    return lambda done, total: bar.update(task, completed=done, total=total)


def main(argv: Sequence[str] | None = None) -> int:
    """Run a command line; returns the exit code.

    Args:
        argv: arguments without the program's name; those of the process if None.
    """
    # PyTorch's threads wait for each other by spinning, which starves them on a machine that does anything else: beside
    # five other processes on two cores a step took 16 s instead of 0.5 s. A short spin, then sleep, costs nothing on a
    # quiet machine and 1.7 s on that busy one. It must be set before PyTorch is imported.
    if "OMP_WAIT_POLICY" not in os.environ:
        os.environ.setdefault("GOMP_SPINCOUNT", "10000")
    started = _STARTED if argv is None else time.monotonic()  # the program's own start counts as time of a run
    try:
        arguments = None if argv is None else list(argv)
        result = app(args=arguments, prog_name="smalta", standalone_mode=False, obj=started)
    except SmaltaError as error:
        print(f"smalta: {error}", file=sys.stderr)
        return 1
    except (typer.Abort, KeyboardInterrupt):
        result = STOPPED
    except ModuleNotFoundError as error:
        if error.name not in ("torch", "torchvision", "timm", "lightning_fabric"):
            raise
        print(
            f"smalta: this needs PyTorch ({error.name} is missing); run `pip install 'smalta[train]'`", file=sys.stderr
        )
        return 1
    except Exception as error:
        show, code = getattr(error, "show", None), getattr(error, "exit_code", None)
        if not callable(show) or not isinstance(code, int):  # no usage error of the parser: a defect of ours
            raise
        show()
        return code
    if result == STOPPED:
        print("smalta: stopped; what was finished is kept (a training goes on with --resume)", file=sys.stderr)
    return result if isinstance(result, int) else 0


if __name__ == "__main__":
    sys.exit(main())
