"""Run the demo: the first part answers, the second part teaches.

In:  a folder, minutes, which parts.
Out: the folder with pictures, files and `index.html`; lines about progress from the first second.

Heavy imports are inside the functions, so that the first line appears at once. Must not know: what the parts do,
command lines.
"""

from __future__ import annotations

import time
from importlib import import_module
from pathlib import Path
from typing import Any, Literal, get_args

from rich.console import Console
from rich.markup import escape

from smalta.demo.folder import DemoFolder
from smalta.errors import ConfigError

Part = Literal["answer", "teach", "all"]


def run_demo(
    out: str | Path, *, minutes: float = 1.0, part: Part = "all", quiet: bool = False, started: float | None = None
) -> dict[str, Any]:
    """Answer scenes with the model that comes with smalta, then teach that model a new kind of object.

    Args:
        out: a new or empty folder; for the part "teach", the folder of a demo whose first part is done.
        minutes: at most, for the training of the second part.
        part: "answer" for the first part, "teach" for the second, "all" for both. Without PyTorch "all" ends after the
            first part with a sentence about it.
        quiet: print nothing.
        started: `time.monotonic()` at the start of the program; None for now.

    Returns:
        The content of `demo.json`: by part its seconds and scores.

    Raises:
        ConfigError: if `out` holds files, `minutes` is not above 0, the part is unknown, or the first part is missing.
        TrainingError: if training cannot go on.
    """
    if part not in get_args(Part):
        raise ConfigError(f"part must be one of {', '.join(get_args(Part))}, got {part!r}")
    if not minutes > 0:
        raise ConfigError(f"minutes must be above 0, got {minutes}; set a higher --minutes")
    console = Console(quiet=quiet, soft_wrap=True, highlight=False)
    folder = DemoFolder(Path(out), console, time.monotonic() if started is None else started)
    if part != "teach":
        folder.check_new()
    try:
        if part != "teach":
            _answer(folder)
        if part == "teach" or (part == "all" and _can_train(folder)):
            _teach(folder, minutes)
        if part != "answer":
            _what_next(folder)
    except KeyboardInterrupt:
        if "answer" in folder.summary():
            folder.stopped(f"`smalta demo --part teach --out {escape(str(folder.root))}` goes on")
        else:
            folder.stopped()
        raise
    return folder.summary()


def _answer(folder: DemoFolder) -> None:
    folder.console.print("[bold]First part: answers.[/] The small model that comes with smalta looks at new pictures.")
    from smalta.demo.answering import answer, print_answered

    print_answered(folder, answer(folder))
    folder.console.print(f"Open [bold]{escape(str(folder.root))}/index.html[/] to see them.\n")


def _can_train(folder: DemoFolder) -> bool:
    try:
        import_module("torch")
    except ModuleNotFoundError:
        pass
    else:
        return True
    folder.console.print(
        "The second part, which teaches this model a new kind of object, needs PyTorch: run "
        f"`pip install 'smalta\\[train]'`, then `smalta demo --part teach --out {escape(str(folder.root))}`.\n"
    )
    return False


def _teach(folder: DemoFolder, minutes: float) -> None:
    folder.console.print(
        "[bold]Second part: a lesson.[/] Animals have come to town, and the model has no word for them."
    )
    from smalta.demo.teaching import print_taught, teach

    print_taught(folder, teach(folder, minutes))


def _what_next(folder: DemoFolder) -> None:
    from smalta.demo.shipped import shipped_model
    from smalta.demo.words import what_next

    taught = "teach" in folder.summary()
    folder.console.print(what_next(str(folder.root), str(shipped_model()), taught=taught))
