"""The counters of a run, and their plain form in a stored state.

In:  the counters of a run and its used budget, or the plain data of a state.
Out: the other of the two.

Must not know: files, networks, the use of the numbers.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, dataclass, fields
from typing import Any

from smalta.errors import ModelError
from smalta.metrics.trivial import TrivialScore
from smalta.system.records import read_record
from smalta.training.schedule import Spent
from smalta.training.validation import MOST

FIX = "another version of smalta wrote it, so start a new run"


@dataclass(slots=True)
class Counters:
    """The counters of a run; all are saved with its state.

    Attributes:
        step: steps done.
        best_score: of the best weights; -1 before the first validation, and if a score is undefined.
        best_step: step of the best weights; -1 before the first validation.
        best_trivial: the best trivial answer on the same pictures; None if it is not known.
        learning_rate_scale: factor of the schedule's learning rate.
        accumulate: number of parts of a step.
        stepped_back: whether the loss was not finite once.
        validated_at: progress at the last validation.
        validated_step: step of the last validation; -1 before the first.
        validation_pictures: largest number of pictures of a validation.
    """

    step: int = 0
    best_score: float = -1.0
    best_step: int = -1
    best_trivial: TrivialScore | None = None
    learning_rate_scale: float = 1.0
    accumulate: int = 1
    stepped_back: bool = False
    validated_at: float = 0.0
    validated_step: int = -1
    validation_pictures: int = MOST


def to_dict(counters: Counters, spent: Spent) -> dict[str, Any]:
    """Counters and time as one flat mapping."""
    return asdict(counters) | asdict(spent)


def from_dict(values: Mapping[str, Any], what: str) -> tuple[Counters, Spent]:
    """Counters and time from the result of `to_dict`.

    Args:
        values: parsed JSON.
        what: names the state in a sentence.

    Raises:
        ModelError: if a key is missing or unknown, or a value is of the wrong type.
    """
    known = {entry.name for entry in fields(Counters)}
    counted = {key: value for key, value in values.items() if key in known}
    timed = {key: value for key, value in values.items() if key not in known}
    return (
        read_record(Counters, counted, what=what, fix=FIX, error=ModelError, complete=True),
        read_record(Spent, timed, what=what, fix=FIX, error=ModelError, complete=True),
    )
