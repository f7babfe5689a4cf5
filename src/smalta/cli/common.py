"""Shared by the commands: types of arguments, progress bars.

Must not know: any command.
"""

from __future__ import annotations

import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer
from rich.console import Console

from smalta.data.formats.known_formats import FORMATS, one_of

if TYPE_CHECKING:
    from smalta.report.stages import Stages


STARTED = time.monotonic()  # when the program started
out = Console(soft_wrap=True)

Data = Annotated[Path, typer.Argument(help=f"Folder of labelled pictures: {one_of(known.title for known in FORMATS)}.")]
Run = Annotated[Path, typer.Argument(help="Folder that `smalta train --out` made, or a .onnx file of `smalta export`.")]
Classes = Annotated[
    Path | None,
    typer.Option(help="classes.yaml or classes.txt to use instead of the data set's own.", show_default=False),
]
Memory = Annotated[
    str | None, typer.Option(help="Limit of memory for the whole program, such as 512MB.", show_default=False)
]
Threads = Annotated[int | None, typer.Option(help="Limit of threads.", show_default=False)]
Tile = Annotated[
    int | None,
    typer.Option(help="Side of the squares that larger pictures are cut into, in pixels.", show_default=False),
]
DeviceName = Annotated[str, typer.Option(help="auto, cpu or cuda.")]
Good = Annotated[
    Path | None,
    typer.Option(help="Rules that say when a picture is bad, such as good.yaml.", show_default=False),
]
ScaleText = Annotated[
    str | None,
    typer.Option("--scale", help='Size of a pixel, such as "0.05 mm/px", for sizes in mm.', show_default=False),
]
Quiet = Annotated[bool, typer.Option("--quiet", "-q", help="Print only errors.")]


def progress_bar(quiet: bool) -> Stages:
    """Shows stages on stderr: a bar on a terminal, elsewhere a line every ten seconds."""
    from smalta.report.stages import Stages

    return Stages(Console(stderr=True), quiet=quiet)


def mover(bar: Stages, title: str) -> Callable[[int, int], None]:
    """Begin a stage; returns a function that takes the number of finished and of all pictures."""
    bar.stage(title)
    return lambda done, total: bar.stage(title, done, total)


def report(sentence: str) -> None:
    """Print a sentence about the work while it runs, on the error stream."""
    print(f"smalta: {sentence}", file=sys.stderr, flush=True)


def report_stalled(picture: Path, stage: str, seconds: float) -> None:
    """Print that a picture makes no progress, for `smalta.inference.watchdog`."""
    print(
        f"smalta: {picture} has made no progress for {seconds:.0f} s in stage {stage}; if this continues, stop the "
        "program and start it again (predict continues with --resume)",
        file=sys.stderr,
        flush=True,
    )


def share(text: str) -> float:
    """A share from text such as "1%" or "0.01".

    Raises:
        ConfigError: if it is not a number.
    """
    from smalta.errors import ConfigError

    number = text.strip().removesuffix("%")
    try:
        return float(number) / (100 if number != text.strip() else 1)
    except ValueError as error:
        raise ConfigError(f"the share {text!r} is not a number; write it as 1% or 0.01") from error
