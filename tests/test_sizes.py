"""Files and functions are short enough to be read in one go."""

from __future__ import annotations

import ast
from collections.abc import Iterator
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]
MOST_FILE_LINES = 400
MOST_FUNCTION_LINES = 60  # without the docstring


def lines_of_functions(source: str) -> Iterator[tuple[str, int]]:
    """Name and number of lines of each function and method, docstrings left out."""
    for node in ast.walk(ast.parse(source)):
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef):
            lines = (node.end_lineno or 0) - node.lineno + 1
            if ast.get_docstring(node, clean=False) is not None:
                lines -= (node.body[0].end_lineno or 0) - node.body[0].lineno + 1
            yield node.name, lines


@pytest.mark.parametrize("folder", ["src/smalta", "bench", "tests"])
def test_no_file_is_longer_than_400_lines(folder: str) -> None:
    lengths = {path: len(path.read_text(encoding="utf-8").splitlines()) for path in (ROOT / folder).rglob("*.py")}

    assert len(lengths) > 10
    assert {str(path): lines for path, lines in lengths.items() if lines > MOST_FILE_LINES} == {}


def test_no_function_of_the_package_is_longer_than_60_lines() -> None:
    lengths = {
        f"{path}: {name}": lines
        for path in (ROOT / "src" / "smalta").rglob("*.py")
        for name, lines in lines_of_functions(path.read_text(encoding="utf-8"))
    }

    assert len(lengths) > 1000
    assert {name: lines for name, lines in lengths.items() if lines > MOST_FUNCTION_LINES} == {}


def test_a_docstring_and_inner_functions_are_counted_as_the_rule_says() -> None:
    source = 'def outer(a,\n    b):\n    """Two\n    lines."""\n    def inner():\n        return a\n    return inner\n'

    assert dict(lines_of_functions(source)) == {"outer": 5, "inner": 2}
