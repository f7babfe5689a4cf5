"""What tests of the command line share: the type of the fixture `cli`, small settings, what a refusal looks like."""

from __future__ import annotations

from collections.abc import Callable

Cli = Callable[..., tuple[int, str, str]]

TINY = ["--encoder", "plain", "--crop", "64", "--batch", "2", "--width", "12", "--stride", "4", "--device", "cpu"]


def assert_refused(result: tuple[int, str, str], sentence: str) -> None:
    """Exit code 1, nothing but one sentence on stderr."""
    code, _, error = result
    assert code == 1
    assert sentence in error
    assert error.startswith("smalta: ")
    assert error.count("\n") == 1
    assert "Traceback" not in error
