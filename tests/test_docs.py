"""The documentation says what the code does: examples run, links lead somewhere, tables name all there is."""

from __future__ import annotations

import ast
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from smalta.answers.objects import Objects
from smalta.answers.segmentation import Segmentation
from smalta.classes import ClassTree
from smalta.metrics.evaluation import DEFINITIONS, Evaluation

ROOT = Path(__file__).parents[1]
PAGES = [*sorted(ROOT.glob("*.md")), *sorted((ROOT / "docs").glob("*.md"))]
SMALLER = {  # what an example costs to wait for
    "n_train=60, n_val=12, n_test=12": "n_train=4, n_val=2, n_test=2, size_hw=(64, 96)",
    "TrainSettings(minutes=5)": "TrainSettings(steps=2, encoder='plain', width=12, crop=64, stride=4, batch=2)",
}


def blocks(page: str, language: str) -> list[str]:
    return re.findall(rf"```{language}\n(.*?)```", (ROOT / page).read_text(encoding="utf-8"), re.DOTALL)


def test_the_examples_from_python_run(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    examples = "\n".join(blocks("docs/python.md", "python"))
    for text, smaller in SMALLER.items():
        assert text in examples
        examples = examples.replace(text, smaller)
    monkeypatch.chdir(tmp_path)

    exec(compile(examples, "docs/python.md", "exec"), {})

    made = {"scenes", "run", "results", "counts.csv", "model.onnx", "scenes_coco", "look.png"}
    assert {path.name for path in tmp_path.iterdir()} == made


@pytest.mark.parametrize("page", ["README.md", "docs/formats.md"])
def test_the_class_trees_shown_are_trees(page: str, tmp_path: Path) -> None:
    trees = blocks(page, "yaml")
    assert trees

    for text in trees:
        (tmp_path / "classes.yaml").write_text(text, encoding="utf-8")
        assert ClassTree.from_file(tmp_path / "classes.yaml").n_leaves >= 2


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.name)
def test_links_lead_to_files_and_headings(page: Path) -> None:
    for target in re.findall(r"(?<!!)\[[^\[\]]*\]\(([^)\s]+)\)", page.read_text(encoding="utf-8")):
        if "://" in target:
            continue
        name, _, heading = target.partition("#")
        linked = page.parent / name if name else page
        assert linked.is_file(), target
        if heading:
            titles = re.findall(r"^#+ (.*)$", linked.read_text(encoding="utf-8"), re.MULTILINE)
            assert heading in {re.sub(r"[^\w -]", "", title).lower().replace(" ", "-") for title in titles}, target


def test_the_table_of_the_doctor_names_every_rule() -> None:
    sources = [*(ROOT / "src/smalta/data/checks").glob("*.py"), ROOT / "src/smalta/data/check.py"]
    nodes = [node for path in sources for node in ast.walk(ast.parse(path.read_text(encoding="utf-8")))]
    texts = {node.value for node in nodes if isinstance(node, ast.Constant) and isinstance(node.value, str)}
    rules = {text for text in texts if re.fullmatch(r"[a-z0-9]+(-[a-z0-9]+)+", text)}

    table = re.findall(
        r"^\| `([a-z0-9-]+)` \| (?:error|warning) \|",
        (ROOT / "docs/formats.md").read_text(encoding="utf-8"),
        re.MULTILINE,
    )

    assert set(table) == rules


def test_the_table_of_rooms_names_every_room() -> None:
    text = (ROOT / "docs/architecture.md").read_text(encoding="utf-8")
    table = text[text.index("| room | holds | door |") : text.index("## Where to change what")]
    named = [
        name
        for row in table.splitlines()[2:]
        for name in re.findall(r"`(\w+)`", row.split("|")[1] if "|" in row else "")
    ]
    package = ROOT / "src/smalta"
    rooms = {path.name for path in package.iterdir() if (path / "__init__.py").is_file()}
    modules = {path.stem for path in package.glob("*.py")} - {"__init__"}

    assert sorted(named) == sorted({"smalta", *rooms, *modules})


INSIDE = [ROOT / "docs/architecture.md", *sorted((ROOT / "docs/decisions").glob("*.md"))]


@pytest.mark.parametrize("page", INSIDE, ids=lambda page: page.name)
def test_modules_that_a_page_names_are_there(page: Path) -> None:
    package = ROOT / "src/smalta"
    rooms = "|".join(path.name for path in package.iterdir() if path.is_dir())
    for name in re.findall(rf"`((?:{rooms})/[\w/]+)", page.read_text(encoding="utf-8")):
        assert any((package / f"{name}{end}").exists() for end in ("", ".py", ".json")), name


def test_every_key_of_a_report_is_explained() -> None:
    audi = {"audi": {"attributes": {"body": ["long", "short"]}}}
    tree = ClassTree({"sky": {}, "car": {"kind": "thing", "children": audi}})
    evaluation = Evaluation(tree, threshold=0.25)
    truth, half = np.array([[1, 3]], np.uint16), np.full((2, 1, 2), 0.5)
    instances = np.array([[0, 1]], np.int32)
    objects = Objects.from_instances(tree, instances, half, np.array([0.5]))
    answer = Segmentation.from_probabilities(tree, half, attributes={"body": half}, objects=objects)
    evaluation.add("a", truth, answer, instances=instances)
    text = (ROOT / "docs/evaluation.md").read_text(encoding="utf-8")

    keys = set(_keys(evaluation.report(dataset="d", split="test"))) - DEFINITIONS.keys()

    assert {key for key in keys if not re.search(rf"[`.\]]{key}`", text)} == set()


def _keys(value: Any) -> Iterator[str]:
    if isinstance(value, dict):
        for key, below in value.items():
            yield key
            yield from _keys(below)
    elif isinstance(value, list):
        for below in value:
            yield from _keys(below)
