from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest

from labelled_sets import found, picture_and_mask, rules_of, write_picture, write_set
from smalta.classes import ClassTree
from smalta.data.any_format import open_dataset
from smalta.data.check import check, check_dataset, check_errors_only
from smalta.data.checks import RULES
from smalta.data.checks import class_rules as classes
from smalta.data.checks import file_rules as files
from smalta.data.checks import leak_rules as leaks
from smalta.data.checks import object_rules as objects
from smalta.data.checks import value_rules as values


def test_a_report_says_what_was_examined(tmp_path: Path) -> None:
    report = check(write_set(tmp_path))

    assert (report.path, report.format) == (str(tmp_path), "folder")
    assert report.n_pictures == {"train": 4, "val": 2}
    assert (report.errors, report.warnings) == ((), ())


def test_errors_come_before_warnings(tmp_path: Path) -> None:
    root = write_set(tmp_path)
    (root / "train/masks/p0.png").unlink()
    write_picture(root / "train/masks/p0.jpg", np.zeros((72, 96), dtype=np.uint8))  # lossy and empty: warnings
    write_picture(root / "train/masks/p1.png", np.full((72, 96), 9, dtype=np.uint8))  # an error of a later rule

    report = check(root)

    assert [finding.rule for finding in report.findings] == ["unknown-ids", "lossy-mask", "empty-mask"]
    assert [finding.rule for finding in report.errors] == ["unknown-ids"]
    assert [finding.rule for finding in report.warnings] == ["lossy-mask", "empty-mask"]


def test_a_report_is_plain_data_for_json(tmp_path: Path) -> None:
    root = write_set(tmp_path)
    (root / "val/masks/p100.png").unlink()

    values = json.loads(json.dumps(check(root).to_dict()))

    assert (values["n_errors"], values["n_warnings"]) == (1, 0)
    assert values["findings"][0].keys() == {"level", "rule", "message", "files", "fix"}
    assert values["findings"][0]["files"] == ["val/images/p100.png"]


def test_every_file_is_named_however_many_there_are(tmp_path: Path) -> None:
    root = write_set(tmp_path, n_train=9, value=255, classes="classes: [ground, disc]")

    assert len(check(root).findings[0].files) == 11


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("classes: {car: {kind: thing, children: {door: {kind: stuff}}}, road: {}}", "stuff below a thing"),
        ("classes: [disc]", "one leaf"),
        ("classes: {a: {ids: [0]}, b: {ids: [0]}}", "0"),
        ("classes: [", "not valid YAML"),
    ],
)
def test_a_broken_class_tree_is_an_error_and_no_traceback(tmp_path: Path, text: str, words: str) -> None:
    (finding,) = check(write_set(tmp_path, classes=text)).findings

    assert (finding.level, finding.rule) == ("error", "class-tree")
    assert words in finding.message


@pytest.mark.parametrize("name", ["nothing", "file.txt", "empty"])
def test_what_is_no_data_set_is_an_error_and_no_traceback(tmp_path: Path, name: str) -> None:
    (tmp_path / "file.txt").write_text("x")
    (tmp_path / "empty").mkdir()

    report = check(tmp_path / name)

    assert found(report) == {"cannot-open": "error"}
    assert (report.format, dict(report.n_pictures)) == (None, {})


def test_another_class_tree_can_be_tried(tmp_path: Path) -> None:
    root = write_set(tmp_path, value=3)

    assert rules_of(root) == {}
    assert found(check(root, classes=ClassTree(["ground", "disc"]))) == {"unknown-ids": "error"}


def test_a_folder_that_fails_for_another_reason_is_not_taken_for_black_and_white(tmp_path: Path) -> None:
    root = write_set(tmp_path)
    (root / "classes.yaml").unlink()
    for path in root.glob("*/masks/*"):
        write_picture(path, np.zeros((72, 96), dtype=np.uint8))  # one value: no classes to infer

    assert rules_of(root) == {"cannot-open": "error"}


def test_progress_counts_to_the_number_of_entries(tmp_path: Path) -> None:
    calls: list[tuple[int, int]] = []

    check(write_set(tmp_path), progress=lambda done, of: calls.append((done, of)))

    assert calls == [(done, 6) for done in range(1, 7)]


def test_the_errors_part_tells_errors_alone_and_compares_no_pictures(tmp_path: Path) -> None:
    root = write_set(tmp_path)
    picture, mask = picture_and_mask(1)
    write_picture(root / "val/images/leak.png", picture)
    write_picture(root / "val/masks/leak.png", mask)
    write_picture(root / "train/masks/p0.png", np.zeros((72, 96), dtype=np.uint8))
    write_picture(root / "train/masks/p2.png", np.zeros((9, 9), dtype=np.uint8))
    dataset = open_dataset(root)

    assert found(check_errors_only(dataset)) == {"size-mismatch": "error"}
    assert found(check_dataset(dataset)).keys() == {"size-mismatch", "identical-pictures", "empty-mask"}


def test_the_report_does_not_depend_on_the_threads(tmp_path: Path) -> None:
    root = write_set(tmp_path, n_train=12, value=255, classes="classes: [ground, disc]")

    assert all(check(root) == check(root) for _ in range(3))


def test_every_rule_stands_in_the_list_once() -> None:
    defined = {
        function.__name__
        for module in (classes, files, leaks, objects, values)
        for function in vars(module).values()
        if getattr(function, "__module__", "") == module.__name__
        and "Iterator" in str(getattr(function, "__annotations__", {}).get("return", ""))
        and not function.__name__.startswith("_")
    }

    assert sorted(rule.__name__ for rule in RULES) == sorted(defined)
