"""Write the verdict of every picture as a line of one CSV file.

In:  rules, `Presence`.
Out: `verdicts.csv`: picture, verdict, score, and the conditions that hold with their values.

Must not know: how verdicts are reached, how presence is found.
"""

from __future__ import annotations

import csv
import io
from collections import Counter
from collections.abc import Iterable, Iterator, Sequence
from itertools import chain
from pathlib import Path
from typing import TYPE_CHECKING

from smalta.results.output import AnswerInParts, JoinedFile, Output, Piece, WholeAnswer

if TYPE_CHECKING:
    from smalta.classes import ClassTree
    from smalta.verdicts.condition import Condition, Reading

COLUMNS = ("picture", "verdict", "score", "rules", "values")
FILE = "verdicts.csv"
BAD, GOOD = "bad", "good"


def _piece(answer: WholeAnswer | AnswerInParts, _: Path) -> Piece:
    if answer.rules is None:
        raise RuntimeError("verdicts need rules; set needs_rules in the output")
    verdict = answer.rules.judge(answer.presence)
    held = [
        (condition, reading)
        for condition, reading in zip(answer.rules.conditions, verdict.readings, strict=True)
        if reading.holds
    ]
    line = [
        answer.picture.name,
        BAD if verdict.bad else GOOD,
        f"{verdict.score:.4f}",
        "; ".join(condition.text for condition, _ in held),
        "; ".join(_shown(condition, reading) for condition, reading in held),
    ]
    return Piece(added=_csv([line]))


def tally(folder: Path) -> tuple[int, int, dict[str, int]]:
    """Pictures in a folder's `verdicts.csv`, bad ones, and bad ones by condition, the most frequent condition first."""
    with (folder / FILE).open(newline="", encoding="utf-8", errors="surrogateescape") as file:
        lines = list(csv.DictReader(file))
    bad = [line for line in lines if line["verdict"] == BAD]
    by_rule = Counter(rule for line in bad for rule in line["rules"].split("; "))
    return len(lines), len(bad), dict(by_rule.most_common())


def _shown(condition: Condition, reading: Reading) -> str:
    """The value with its unit; "present" or "absent" where there is no number."""
    if reading.value is None:
        return condition.what
    return f"{reading.value:.4g} {condition.unit}".rstrip()


def _join(tree: ClassTree, added: Iterable[str]) -> Iterator[bytes]:
    return (lines.encode(errors="surrogateescape") for lines in chain([_csv([COLUMNS])], added))


def _csv(lines: Iterable[Sequence[object]]) -> str:
    buffer = io.StringIO()
    csv.writer(buffer, lineterminator="\n").writerows(lines)
    return buffer.getvalue()


VERDICTS = Output(
    name="verdicts",
    joined=JoinedFile(name=FILE, join=_join),
    whole=_piece,
    in_parts=_piece,
    needs_rules=True,
)
