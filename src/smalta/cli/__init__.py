"""The command line: parse, one call, print, exit code. One module per group of commands.

Exit codes: 0 done; 1 wrong input, with one sentence on stderr; 2 wrong command line; 130 stopped by Ctrl-C.
Heavy imports are inside the commands, so that `smalta --help` prints at once.
"""

from __future__ import annotations

import os
import sys
import time
from collections.abc import Sequence
from typing import Annotated

import typer

from smalta.cli import count, data, demo, evaluate, export, plan, predict, train, watch
from smalta.cli.common import STARTED
from smalta.errors import SmaltaError
from smalta.version import __version__

STOPPED = 130  # exit code after Ctrl-C

app = typer.Typer(
    help="Segment pictures: train on your own labels, measure the model, get class maps, objects and counts.",
    no_args_is_help=True,
    add_completion=True,
    rich_markup_mode="rich",
    pretty_exceptions_enable=False,
)
# in the order of the help
for _command in (
    train.train,
    evaluate.evaluate,
    predict.predict,
    count.count,
    watch.watch,
    watch.zones,
    watch.frames,
    watch.replay,
    watch.watch_check,
    export.export,
    plan.plan,
    plan.info,
    data.check,
    data.convert,
    demo.demo,
):
    app.command()(_command)


def _version(wanted: bool) -> None:
    if wanted:
        print(f"smalta {__version__}")
        raise typer.Exit


@app.callback()
def _options(
    version: Annotated[
        bool, typer.Option("--version", callback=_version, is_eager=True, help="Print the version and exit.")
    ] = False,
) -> None:
    pass


def main(argv: Sequence[str] | None = None) -> int:
    """Run a command line; returns the exit code.

    Args:
        argv: arguments without the program's name; those of the process if None.
    """
    # PyTorch's threads spin while they wait for each other, which starves them on a busy machine: beside five other
    # processes on two cores, a step took 16 s instead of 0.5 s. With a short spin and then sleep it takes 1.7 s there,
    # and no longer than before on a quiet machine. It must be set before PyTorch is imported.
    if "OMP_WAIT_POLICY" not in os.environ:
        os.environ.setdefault("GOMP_SPINCOUNT", "10000")
    started = STARTED if argv is None else time.monotonic()  # the time of a run includes the start of the program
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
            f"smalta: this command needs PyTorch ({error.name} is missing); run `pip install 'smalta[train]'`",
            file=sys.stderr,
        )
        return 1
    except Exception as error:
        show, code = getattr(error, "show", None), getattr(error, "exit_code", None)
        if not callable(show) or not isinstance(code, int):  # not a usage error of the parser, so a defect of smalta
            raise
        show()
        return code
    if result == STOPPED:
        print(
            "smalta: stopped; finished work is kept (train, predict and watch continue with --resume)", file=sys.stderr
        )
    return result if isinstance(result, int) else 0
