"""The list of formats: what a line promises its module has, and every place that names formats names them all."""

from __future__ import annotations

import ast
import inspect
import re
from pathlib import Path
from typing import get_type_hints

import pytest

from smalta.cli.common import Data
from smalta.cli.data import convert
from smalta.data.any_format import open_dataset
from smalta.data.formats.known_formats import FORMATS, WRITTEN, Format, FormatModule, one_of
from smalta.errors import DataError

PAGE = (Path(__file__).parents[3] / "docs/formats.md").read_text(encoding="utf-8")


@pytest.mark.parametrize("known", FORMATS, ids=lambda known: known.name)
def test_a_module_has_what_its_line_promises(known: Format) -> None:
    steps = ["recognises", "open_folder", *(["write"] if known.writes else [])]

    assert known.module.LOOKED_FOR
    assert hasattr(known.module, "write") == known.writes
    for step in steps:
        asked = inspect.signature(getattr(FormatModule, step))
        given = inspect.signature(getattr(known.module, step))
        assert list(given.parameters.values()) == list(asked.parameters.values())[1:]
        assert given.return_annotation == asked.return_annotation


@pytest.mark.parametrize("known", FORMATS, ids=lambda known: known.name)
def test_a_module_imports_neither_another_format_nor_what_opens_formats(known: Format) -> None:
    tree = ast.parse(inspect.getsource(known.module))  # type: ignore[arg-type]
    others = {other.module.__name__ for other in FORMATS}  # type: ignore[attr-defined]
    doors = {"smalta.data.formats", "smalta.data.formats.known_formats", "smalta.data.any_format"}

    imported = {node.module for node in ast.walk(tree) if isinstance(node, ast.ImportFrom)}

    assert imported & (others | doors) == set()


def test_names_make_a_choice() -> None:
    assert one_of(["folder", "coco", "yolo"]) == "folder, coco or yolo"
    assert one_of(["folder", "coco"]) == "folder or coco"


# -- places that name formats -------------------------------------------------------------------------


def test_the_help_names_every_format() -> None:
    data, to = Data.__metadata__[0].help, get_type_hints(convert, include_extras=True)["to"].__metadata__[0].help

    assert [known.title for known in FORMATS if known.title not in data] == []
    assert re.findall(r"[a-z-]+", to.replace(" or ", " ")) == list(WRITTEN)


def test_the_error_for_a_folder_in_no_format_lists_every_format(tmp_path: Path) -> None:
    with pytest.raises(DataError) as raised:
        open_dataset(tmp_path)

    assert [f.name for f in FORMATS if f"{f.name}: {f.module.LOOKED_FOR}" not in str(raised.value)] == []


def test_the_page_about_formats_has_the_order_and_a_section_for_each() -> None:
    order = re.search(r"tried in this order,[^:]*: ([^.]*)\.", PAGE)
    headings = {heading.lower() for heading in re.findall(r"^##+ (.*)$", PAGE, re.MULTILINE)}

    assert order is not None
    assert order[1].replace("\n", " ").split(", ") == [known.title for known in FORMATS]
    assert [known.title for known in FORMATS if known.title.lower() not in headings] == []


def test_the_page_about_formats_says_what_every_written_format_keeps() -> None:
    table = re.search(r"^\| \| (`.*`) \|$", PAGE, re.MULTILINE)
    example = re.search(r"^smalta convert .* --format coco +# (.*)$", PAGE, re.MULTILINE)
    assert table is not None
    assert example is not None

    assert set(re.findall(r"`([a-z-]+)`", table[1])) == WRITTEN.keys()
    assert {name.split()[0] for name in example[1].split(", ")} == WRITTEN.keys()
