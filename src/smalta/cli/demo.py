"""`smalta demo`."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated, cast

import typer
from rich.markup import escape

from smalta.cli.common import Quiet, out
from smalta.errors import ConfigError

if TYPE_CHECKING:
    from smalta.demo.run import Part

SCENES = "scenes"


def _names() -> list[str]:
    """For the shell's completion."""
    from smalta.demo.examples import EXAMPLES

    return [SCENES, *EXAMPLES]


def demo(
    context: typer.Context,
    name: Annotated[
        str, typer.Argument(help="An example; see --list.", autocompletion=_names, metavar="NAME")
    ] = SCENES,
    folder: Annotated[
        Path | None,
        typer.Option("--out", help="New folder for pictures, model and results; demo or demo-NAME if it is not set."),
    ] = None,
    minutes: Annotated[float, typer.Option(help="Limit of the training in minutes.")] = 1.0,
    part: Annotated[
        str,
        typer.Option(help="answer: new scenes at once, without PyTorch; teach: the lesson after it; all: both."),
    ] = "all",
    listed: Annotated[bool, typer.Option("--list", help="List the examples and exit.")] = False,
    quiet: Quiet = False,
) -> None:
    """Show what smalta does, on generated pictures: answers within seconds, then a training of a minute."""
    if listed:
        _list()
    elif name == SCENES:
        from smalta.demo.run import run_demo

        wanted = cast("Part", part)  # run_demo checks it
        run_demo(folder or Path("demo"), minutes=minutes, part=wanted, quiet=quiet, started=context.obj)
    else:
        from smalta.demo.example_run import run_example

        if part != "all":
            raise ConfigError(f"--part is for the demo of scenes, and the example is {name!r}; omit --part")
        run_example(name, folder or Path(f"demo-{name}"), minutes=minutes, quiet=quiet, started=context.obj)


def _list() -> None:
    from smalta.demo.examples import EXAMPLES

    rows = {SCENES: "What is where in a street or a car park? (smalta demo without a name)"}
    rows |= {name: example.question for name, example in EXAMPLES.items()}
    for name, question in rows.items():
        out.print(f"smalta demo {name:10}{escape(question)}", highlight=False)
