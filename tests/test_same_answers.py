"""What comes out is what came out before; see `same_answers`."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

import canonical_files
from same_answers import SIZES

SCRIPT = Path(__file__).with_name("same_answers.py")


@pytest.mark.timeout(600)
def test_answers_are_those_that_were_recorded() -> None:
    # a process of its own, as the script changes the working folder and the fonts
    done = subprocess.run([sys.executable, SCRIPT], capture_output=True, text=True, check=False)

    assert done.returncode == 0, done.stdout + done.stderr


def test_a_file_that_changed_is_named() -> None:
    before: canonical_files.Entries = {
        "run": {"a.png": "1", "b.png": "2", "c.csv": ["3", 10, 1.0, 0.5], "d.csv": ["4", 10, 1.0, 0.5]}
    }
    after: canonical_files.Entries = {
        "run": {"a.png": "1", "b.png": "9", "c.csv": ["3", 10, 1.0005, 0.5], "d.csv": ["4", 10, 1.1, 0.5]},
        "new": {"e.png": "5"},
    }

    lines = canonical_files.differences(before, after, tolerant=True)

    assert [line.partition(" differs")[0] for line in lines] == ["run: b.png", "run: d.csv", "new: e.png is new"]
    assert len(canonical_files.differences(before, after, tolerant=False)) == 4
    assert canonical_files.differences(after, before, tolerant=True)[-1] == "new: e.png is missing"


def test_there_are_twelve_pictures() -> None:
    assert len(SIZES) == 12
