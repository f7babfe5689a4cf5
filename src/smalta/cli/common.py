"""What the commands share: kinds of arguments, progress bars.

Must not know: any command.
"""

from __future__ import annotations

import re
import sys
import time
from collections.abc import Callable, Iterable
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, cast, get_args

import typer
from rich.console import Console

from smalta.data.formats.known_formats import FORMATS, one_of
from smalta.errors import ConfigError
from smalta.runtimes.registry import AUTO, WantedDevice

if TYPE_CHECKING:
    from rich.progress import Progress

    from smalta.inference.opened import OpenedModel
    from smalta.inference.predictor import Predictor
    from smalta.planning.plan import Limits
    from smalta.results.options import OutputOptions

STARTED = time.monotonic()  # of the program
out = Console(soft_wrap=True)
_UNITS = {"": 1, "K": 2**10, "M": 2**20, "G": 2**30, "T": 2**40}

Data = Annotated[Path, typer.Argument(help=f"Folder of labelled pictures: {one_of(known.title for known in FORMATS)}.")]
Run = Annotated[Path, typer.Argument(help="Folder that `smalta train --out` made, or a .onnx file of `smalta export`.")]
Classes = Annotated[
    Path | None, typer.Option(help="classes.yaml or classes.txt, instead of the data set's own.", show_default=False)
]
Memory = Annotated[
    str | None, typer.Option(help="At most so much for the whole program, such as 512MB.", show_default=False)
]
Threads = Annotated[int | None, typer.Option(help="At most so many threads.", show_default=False)]
Tile = Annotated[
    int | None, typer.Option(help="Cut larger pictures into squares with this side, in pixels.", show_default=False)
]
DeviceName = Annotated[str, typer.Option(help="auto, cpu or cuda.")]
Quiet = Annotated[bool, typer.Option("--quiet", "-q", help="Print nothing but errors.")]


def checked_device(name: str) -> WantedDevice:
    """The device as a library function takes it.

    Raises:
        ConfigError: if there is no such device.
    """
    if name not in get_args(WantedDevice):
        *others, last = map(repr, get_args(WantedDevice))
        raise ConfigError(f"device must be {', '.join(others)} or {last}, got {name!r}")
    return cast(WantedDevice, name)


def checked_limits(
    memory: str | None,
    threads: int | None,
    device: str,
    tile: int | None = None,
    *,
    batch: int | None = None,
    latency_ms: float | None = None,
) -> Limits:
    """What a plan must keep to, as the options say it.

    Raises:
        ConfigError: if an option has a value that it cannot have.
    """
    from smalta.planning.plan import Limits

    wanted = checked_device(device)
    return Limits(
        memory_bytes=None if memory is None else n_bytes(memory),
        latency_seconds=None if latency_ms is None else latency_ms / 1e3,
        threads=threads,
        device=None if wanted == AUTO else wanted,
        batch=batch,
        tile=tile,
    )


def n_bytes(text: str) -> int:
    """Bytes from text such as "512MB", "2GiB" or "1000000"; units are powers of 1024.

    Raises:
        ConfigError: if it is no size.
    """
    found = re.fullmatch(r"(\d+(?:\.\d+)?)\s*([KMGT]?)(?:i?B)?", text.strip(), re.IGNORECASE)
    if found is None or float(found[1]) == 0:
        raise ConfigError(f"{text!r} is no size of memory; write it as 512MB or 2GB")
    return int(float(found[1]) * _UNITS[found[2].upper()])


def planned(model: Path | OpenedModel, pictures: Iterable[Path], limits: Limits, options: OutputOptions) -> Predictor:
    """A model that is made for these pictures within these limits, by `smalta.inference.answer_plan.load_planned`."""
    from smalta.inference.answer_plan import load_planned
    from smalta.planning.machine import this_machine
    from smalta.system.allocator import keep_large_blocks

    predictor = load_planned(model, pictures, this_machine(), limits, options)
    if predictor.plan is not None and predictor.plan.keep_memory:
        keep_large_blocks()
    return predictor


def progress_bar(quiet: bool) -> Progress:
    """A bar on a terminal; nothing elsewhere."""
    from rich.progress import Progress

    return Progress(console=out, transient=True, disable=quiet or not out.is_terminal)


def mover(bar: Progress, title: str) -> Callable[[int, int], None]:
    """What moves a bar: called with the number done and the number of all."""
    task = bar.add_task(title, total=None)
    return lambda done, total: bar.update(task, completed=done, total=total)


def report_stalled(picture: Path, stage: str, seconds: float) -> None:
    """Print that a picture makes no progress, for `smalta.inference.watchdog`."""
    print(
        f"smalta: {picture} has made no progress for {seconds:.0f} s in stage {stage}; if that goes on, stop the "
        "program and start it again (predict goes on with --resume)",
        file=sys.stderr,
        flush=True,
    )
