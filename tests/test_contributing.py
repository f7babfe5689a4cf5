"""The recipes of CONTRIBUTING.md, followed to the letter in a copy of the sources."""

from __future__ import annotations

import os
import re
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]
TEXT = (ROOT / "CONTRIBUTING.md").read_text(encoding="utf-8")
RECIPES = dict(re.findall(r"^### (Add an? [^\n]+)\n(.*?)(?=^### |\Z)", TEXT, re.DOTALL | re.MULTILINE))
STEP = re.compile(
    r"<!-- (new|after|before|replace|check)(?:: ([^ |]+))?(?: \| (.*?))? -->\n```python\n(.*?)```", re.DOTALL
)


def test_there_is_a_recipe_for_each_usual_thing() -> None:
    assert list(RECIPES) == [
        "Add a label format",
        "Add a rule of the doctor",
        "Add an output",
        "Add a measure",
        "Add an encoder",
        "Add a runtime",
        "Add a head",
        "Add an example",
    ]


@pytest.mark.parametrize("recipe", RECIPES)
def test_a_recipe_works_to_the_letter(recipe: str, tmp_path: Path) -> None:
    shutil.copytree(ROOT / "src", tmp_path / "src", ignore=shutil.ignore_patterns("__pycache__"))
    steps = STEP.findall(RECIPES[recipe])
    assert [kind for kind, *_ in steps].count("check") == 1
    (tmp_path / "work").mkdir()

    for kind, name, place, block in steps:
        path = tmp_path / name
        if kind == "new":
            assert not path.exists()
            path.write_text(block, encoding="utf-8")
        elif kind == "check":
            (tmp_path / "check.py").write_text(block, encoding="utf-8")
        else:
            path.write_text(_changed(path.read_text(encoding="utf-8"), kind, place, block), encoding="utf-8")

    done = subprocess.run(
        [sys.executable, tmp_path / "check.py"],
        cwd=tmp_path / "work",
        env=os.environ | {"PYTHONPATH": str(tmp_path / "src")},
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr


def _changed(text: str, kind: str, place: str, block: str) -> str:
    """The text with a block before or after the one line that holds `place`, or instead of `place`."""
    assert text.count(place) == 1, f"{place!r} stands {text.count(place)} times"
    if kind == "replace":
        return text.replace(place, block.rstrip("\n"))
    lines = text.splitlines(keepends=True)
    where = next(number for number, line in enumerate(lines) if place in line)
    return "".join([*lines[: where + (kind == "after")], block, *lines[where + (kind == "after") :]])
