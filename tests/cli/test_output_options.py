from __future__ import annotations

from typing import Any

import typer

from smalta.cli import app
from smalta.cli.output_options import asked
from smalta.results.registry import settings


def test_predict_has_an_option_for_whatever_may_be_asked_for() -> None:
    group: Any = typer.main.get_command(app)

    options = {option: parameter for parameter in group.commands["predict"].params for option in parameter.opts}

    for setting in settings():
        assert options[f"--{setting.name}"].help == setting.help
        assert options[f"--{setting.name}"].default is False
    assert "--outputs" not in options


def test_what_is_asked_for_has_its_name_again() -> None:
    given = {setting.name.replace("-", "_"): setting.name in ("overlay", "channels-last") for setting in settings()}

    assert asked(given) == {"overlay", "channels-last"}
