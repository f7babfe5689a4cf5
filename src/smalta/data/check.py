"""The doctor: find faults of a data set that would silently spoil training or evaluation.

In:  a folder with a data set, or a data set.
Out: `Report`: findings with file names, the rule and the fix.

Every file is read once, on a few threads. The rules themselves are in `checks`.

Must not know: single rules, how a report is printed.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

import numpy as np

from smalta.classes import ClassTree
from smalta.data.any_format import open_dataset
from smalta.data.checks import RULES
from smalta.data.checks.exam import Exam, examine
from smalta.data.checks.finding import Finding
from smalta.data.dataset import Dataset
from smalta.data.sample import Entry
from smalta.errors import ClassTreeError, SmaltaError
from smalta.system.threads import map_in_order

__all__ = ["Finding", "Report", "check", "check_dataset", "check_errors_only"]

Progress = Callable[[int, int], None]


@dataclass(frozen=True, slots=True, kw_only=True)
class Report:
    """What the doctor found.

    Attributes:
        path: the data set's folder, as the caller gave it.
        format: its format; None if it cannot be opened.
        n_pictures: pictures per split.
        notes: what was inferred rather than stated.
        findings: errors first, then warnings.
        pixels: by name of the entry, (N + 1,) pixels by node id, without entries that cannot be read.
    """

    path: str
    format: str | None = None
    n_pictures: Mapping[str, int] = field(default_factory=dict)
    notes: tuple[str, ...] = ()
    findings: tuple[Finding, ...] = ()
    pixels: Mapping[str, np.ndarray] = field(default_factory=dict)

    @property
    def errors(self) -> tuple[Finding, ...]:
        """Findings that make the data set unfit for training."""
        return tuple(finding for finding in self.findings if finding.level == "error")

    @property
    def warnings(self) -> tuple[Finding, ...]:
        """Findings that the user should look at."""
        return tuple(finding for finding in self.findings if finding.level == "warning")

    def to_dict(self) -> dict[str, Any]:
        """Plain data for JSON."""
        return {
            "path": self.path,
            "format": self.format,
            "n_pictures": dict(self.n_pictures),
            "notes": list(self.notes),
            "n_errors": len(self.errors),
            "n_warnings": len(self.warnings),
            "findings": [finding.to_dict() for finding in self.findings],
        }


def check(
    path: str | Path,
    *,
    classes: ClassTree | str | Path | None = None,
    seed: int = 0,
    progress: Progress | None = None,
) -> Report:
    """Open a folder and examine every entry; a folder that cannot be opened gives a report, not an exception.

    Args:
        path: the data set's folder.
        classes: the class tree or its file, instead of the data set's own.
        seed: of the random splits, where the data set brings none.
        progress: called with the entries done and the number of all entries.

    Example:
        >>> report = check("scenes")
        >>> report.errors
        ()
    """
    try:
        dataset = open_dataset(path, classes=classes, seed=seed)
    except ClassTreeError as error:
        fix = "correct the classes file, or name another one with --classes"
        return _unopened(path, "class-tree", error, fix)
    except SmaltaError as error:
        smooth = _as_black_and_white(path, progress) if classes is None else None
        return smooth or _unopened(path, "cannot-open", error, "correct what the message names and check again")
    return check_dataset(dataset, progress=progress)


def check_dataset(dataset: Dataset, *, progress: Progress | None = None) -> Report:
    """Examine an open data set by all rules."""
    return _report(dataset, compare=True, progress=progress)


def check_errors_only(dataset: Dataset, *, progress: Progress | None = None) -> Report:
    """Report errors only, without comparing pictures with each other; `train` runs this before it starts."""
    report = _report(dataset, compare=False, progress=progress)
    return replace(report, findings=report.errors)


def _as_black_and_white(path: str | Path, progress: Progress | None) -> Report | None:
    """Examine masks with too many values to be class ids as masks of 0 and 255, so that the report names the files.

    None if they do not turn out to be shades between 0 and 255.
    """
    tree = ClassTree({"background": {"ids": [0]}, "foreground": {"ids": [255]}})
    try:
        report = check_dataset(open_dataset(path, classes=tree), progress=progress)
    except SmaltaError:  # the folder has another fault, which the caller already has
        return None
    found = {finding.rule for finding in report.errors}
    return report if found & {"anti-aliased-mask", "lossy-mask"} else None


def _unopened(path: str | Path, rule: str, error: SmaltaError, fix: str) -> Report:
    return Report(path=str(path), findings=(Finding(level="error", rule=rule, message=str(error), fix=fix),))


def _report(dataset: Dataset, *, compare: bool, progress: Progress | None) -> Report:
    entries = [(split, entry) for split, members in dataset.splits.items() for entry in members]

    def look(placed: tuple[str, Entry]) -> Exam:
        return examine(dataset, *placed, compare=compare)

    exams: list[Exam] = []
    for exam in map_in_order(look, entries):
        exams.append(exam)
        if progress:
            progress(len(exams), len(entries))
    findings = [finding for rule in RULES for finding in rule(dataset, exams)]
    findings.sort(key=lambda finding: finding.level)  # "error" before "warning", each in the order of the rules
    return Report(
        path=str(dataset.root),
        format=dataset.format,
        n_pictures={split: len(members) for split, members in dataset.splits.items()},
        notes=dataset.notes,
        findings=tuple(findings),
        pixels={exam.entry.name: exam.pixels for exam in exams if exam.pixels is not None},
    )
