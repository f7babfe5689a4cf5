"""Events of a training run, for a log file and for an observer.

In:  events of a run.
Out: `RUN/log.jsonl`, one JSON object per line; calls on an `Observer`.

Must not know: how they are shown.
"""

from __future__ import annotations

import json
import math
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any, Protocol

from smalta.description.run_folder import LOG_FILE
from smalta.metrics.trivial import TrivialScore


@dataclass(frozen=True, slots=True, kw_only=True)
class Progress:
    """The progress of a run after a step.

    Attributes:
        step: steps done.
        done: used share of the budget, in [0, 1].
        loss: mean over the last steps.
        pictures_per_second: training crops per second over the last steps.
        seconds_left: to the end of the run.
    """

    step: int
    done: float
    loss: float
    pictures_per_second: float
    seconds_left: float


class Observer(Protocol):
    """Receives the events of a run."""

    def on_progress(self, progress: Progress) -> None:
        """Some steps are done."""

    def on_validation(self, step: int, measure: str, score: float, best: bool, trivial: TrivialScore | None) -> None:
        """A validation is done; `trivial` is the best trivial answer on the same pictures."""

    def on_start(self, lines: Sequence[str]) -> None:
        """The run is about to make its first step; the lines say how."""

    def on_part(self, title: str, done: int, total: int | None) -> None:
        """A part of the run begins, or has finished some of its pictures."""

    def on_note(self, text: str) -> None:
        """A message for the user."""

    def on_detail(self, text: str) -> None:
        """A message for a user who wants to know all."""


class Silent:
    """An observer that does nothing."""

    def on_progress(self, progress: Progress) -> None:
        """Ignore it."""

    def on_validation(self, step: int, measure: str, score: float, best: bool, trivial: TrivialScore | None) -> None:
        """Ignore it."""

    def on_start(self, lines: Sequence[str]) -> None:
        """Ignore it."""

    def on_part(self, title: str, done: int, total: int | None) -> None:
        """Ignore it."""

    def on_note(self, text: str) -> None:
        """Ignore it."""

    def on_detail(self, text: str) -> None:
        """Ignore it."""


class Log:
    """Writes every event to the run's log and passes it on.

    Args:
        run: the run's folder.
        observer: receives the events too.
    """

    def __init__(self, run: Path, observer: Observer) -> None:
        self._path = run / LOG_FILE
        self._observer = observer

    def progress(self, progress: Progress) -> None:
        """Record some steps."""
        self._write("progress", **asdict(progress))
        self._observer.on_progress(progress)

    def validation(
        self, step: int, measure: str, score: float, best: bool, trivial: TrivialScore | None, **details: Any
    ) -> None:
        """Record a validation."""
        shown = None if trivial is None else asdict(trivial)
        self._write("validation", step=step, measure=measure, score=score, best=best, trivial=shown, **details)
        self._observer.on_validation(step, measure, score, best, trivial)

    def start(self, lines: Sequence[str]) -> None:
        """Record what the run prints before its first step."""
        self._write("start", lines=list(lines))
        self._observer.on_start(lines)

    def detail(self, text: str) -> None:
        """Record a message for a user who wants to know all."""
        self._write("detail", text=text)
        self._observer.on_detail(text)

    def time(self, parts: Mapping[str, float]) -> None:
        """Record the seconds of the run's parts."""
        self._write("time", **{name: round(seconds, 2) for name, seconds in parts.items()})

    def note(self, text: str, **details: Any) -> None:
        """Record a message for the user."""
        self._write("note", text=text, **details)
        self._observer.on_note(text)

    def _write(self, event: str, **fields: Any) -> None:
        plain = {
            key: None if isinstance(value, float) and not math.isfinite(value) else value
            for key, value in fields.items()
        }
        with self._path.open("a", encoding="utf-8") as file:
            file.write(json.dumps({"event": event, **plain}) + "\n")
