"""The door of the command line in this process: help, version, wrong command lines, Ctrl-C."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

from command_line import TINY, Cli
from smalta.training.learner import Learner


def test_help_answers_without_loading_anything_heavy() -> None:
    code = (
        "import sys; from smalta.cli import main; assert main(['--help']) == 0; assert main(['train', '--help']) == 0; "
        "sys.exit(sorted({'torch', 'cv2', 'scipy', 'timm', 'numpy'} & sys.modules.keys()) or 0)"
    )

    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=False)

    assert (done.returncode, done.stderr) == (0, "")
    for command in ("train", "evaluate", "predict", "check", "demo"):
        assert command in done.stdout


def test_the_version_is_told(cli: Cli) -> None:
    code, said, _ = cli("--version")

    assert (code, said.split()[0]) == (0, "smalta")


@pytest.mark.parametrize(
    "arguments",
    [
        ["nonsense"],
        ["train"],
        ["train", "data"],
        ["train", "data", "--out", "run", "--steps", "many"],
        ["predict", "run", "--out", "there"],
        ["evaluate", "run", "data", "--bogus"],
    ],
)
def test_a_wrong_command_line_is_exit_code_2(arguments: list[str], cli: Cli) -> None:
    code, said, error = cli(*arguments)

    assert (code, said) == (2, "")
    assert error


def test_ctrl_c_is_exit_code_130(cli: Cli, discs: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def stop(*_: object) -> None:
        raise KeyboardInterrupt

    monkeypatch.setattr(Learner, "update", stop)

    code, _, error = cli("train", discs, "--out", tmp_path / "run", "--steps", 4, *TINY)

    assert code == 130
    assert error.strip() == "smalta: stopped; finished work is kept (train, predict and watch continue with --resume)"


# -- evaluate -----------------------------------------------------------------------------------------


# -- check --------------------------------------------------------------------------------------------
