from __future__ import annotations

import io

from rich.console import Console

from smalta.data.check import Report
from smalta.data.checks.finding import Finding
from smalta.report.check_table import print_report, summary

FINDING = Finding(
    level="error",
    rule="size-mismatch",
    message="7 label files of another size",
    files=tuple(f"masks/{i}.png" for i in range(7)),
    fix="export [them] again",
)


def printed(report: Report) -> str:
    console = Console(file=io.StringIO(), width=100)
    print_report(report, console)
    return console.file.getvalue()  # type: ignore[attr-defined]


def test_a_finding_is_printed_with_rule_first_files_and_fix() -> None:
    text = printed(Report(path="set", format="folder", n_pictures={"train": 9, "val": 3}, findings=(FINDING,)))

    assert "error" in text
    assert "size-mismatch: 7 label files of another size" in text
    assert "masks/4.png and 2 more" in text
    assert "masks/5.png" not in text
    assert "fix: export [them] again" in text  # not taken for markup
    assert "1 error, 0 warnings in 12 pictures (9 train, 3 val; format folder)" in text


def test_notes_are_printed() -> None:
    report = Report(path="set", format="folder", n_pictures={"train": 1}, notes=("classes [red] were inferred",))

    assert "note classes [red] were inferred" in printed(report)


def test_a_clean_set_is_one_line() -> None:
    report = Report(path="set", format="coco", n_pictures={"train": 1})

    assert printed(report) == "0 errors, 0 warnings in 1 picture (1 train; format coco)\n"


def test_a_set_that_could_not_be_opened_counts_no_pictures() -> None:
    assert summary(Report(path="set", findings=(FINDING,))) == "1 error, 0 warnings; the data set cannot be opened"
