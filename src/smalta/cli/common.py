"""What the commands share: kinds of arguments, progress bars.

Must not know: any command.
"""

from __future__ import annotations

import time
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer
from rich.console import Console

from smalta.errors import ConfigError

if TYPE_CHECKING:
    from rich.progress import Progress

STARTED = time.monotonic()  # of the program
out = Console(soft_wrap=True)

Data = Annotated[
    Path, typer.Argument(help="Folder of labelled pictures: folders, COCO, YOLO, GeoJSON, Cityscapes or VOC.")
]
Run = Annotated[Path, typer.Argument(help="Folder that `smalta train --out` made, or a .onnx file of `smalta export`.")]
Classes = Annotated[
    Path | None, typer.Option(help="classes.yaml or classes.txt, instead of the data set's own.", show_default=False)
]
DeviceName = Annotated[str, typer.Option(help="auto, cpu or cuda.")]
Quiet = Annotated[bool, typer.Option("--quiet", "-q", help="Print nothing but errors.")]


def checked_device(name: str) -> Any:
    """The device as a library function takes it.

    Raises:
        ConfigError: if there is no such device.
    """
    if name not in ("auto", "cpu", "cuda"):
        raise ConfigError(f"device must be 'auto', 'cpu' or 'cuda', got {name!r}")
    return name


def progress_bar(quiet: bool) -> Progress:
    """A bar on a terminal; nothing elsewhere."""
    from rich.progress import Progress

    return Progress(console=out, transient=True, disable=quiet or not out.is_terminal)


def mover(bar: Progress, title: str) -> Callable[[int, int], None]:
    """What moves a bar: called with the number done and the number of all."""
    task = bar.add_task(title, total=None)
    return lambda done, total: bar.update(task, completed=done, total=total)
