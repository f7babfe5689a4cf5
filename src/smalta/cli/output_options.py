"""Make the command line's options of the outputs from their registry.

In:  `smalta.results.registry`.
Out: an option `--NAME` for each optional output, and for each of its settings.

Must not know: any one output.
"""

from __future__ import annotations

import inspect
from collections.abc import Callable, Mapping
from typing import Annotated

import typer

from smalta.results.output import Setting
from smalta.results.registry import settings

PANEL = "Also write"


def with_outputs(command: Callable[..., None]) -> Callable[..., None]:
    """Replace the `**outputs` of a command by an option for each output.

    Args:
        command: a function whose last parameter is `**outputs`; its annotations can be evaluated.
    """
    signature = inspect.signature(command, eval_str=True)
    *parameters, _ = signature.parameters.values()
    parameters += [_parameter(setting) for setting in settings()]
    command.__signature__ = signature.replace(parameters=parameters)  # type: ignore[attr-defined]
    return command


def asked(outputs: Mapping[str, bool]) -> set[str]:
    """The names of the requested outputs, from the command's `**outputs`."""
    return {setting.name for setting in settings() if outputs[_variable(setting)]}


def _parameter(setting: Setting) -> inspect.Parameter:
    option = typer.Option(f"--{setting.name}", help=setting.help, rich_help_panel=PANEL)
    return inspect.Parameter(
        _variable(setting), inspect.Parameter.KEYWORD_ONLY, default=False, annotation=Annotated[bool, option]
    )


def _variable(setting: Setting) -> str:
    return setting.name.replace("-", "_")
