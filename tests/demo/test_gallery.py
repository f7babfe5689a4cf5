"""The gallery shows every example with its command, in small files."""

from __future__ import annotations

import re
from pathlib import Path

import cv2
import pytest

from smalta.demo.examples import EXAMPLES

DOCS = Path(__file__).parents[2] / "docs"
MOST_BYTES = 150_000


@pytest.mark.parametrize("name", EXAMPLES)
def test_an_example_has_its_command_and_its_picture(name: str) -> None:
    page = (DOCS / "gallery.md").read_text(encoding="utf-8")

    assert f"smalta demo {name}\n" in page
    assert f"](gallery/{name}.jpg)" in page


def test_pictures_of_the_gallery_are_there_and_small() -> None:
    shown = re.findall(r"!\[[^]]*\]\(([^)]+)\)", (DOCS / "gallery.md").read_text(encoding="utf-8"))

    assert len(shown) == len(EXAMPLES) + 2
    for file in shown:
        assert (DOCS / file).stat().st_size <= MOST_BYTES, file
        assert cv2.imread(str(DOCS / file)).shape[1] >= 600, file
