"""Show a training run: its first lines, a bar on a terminal or else a line now and then, validations, messages.

In:  events of a run.
Out: text.

Must not know: how training works.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from types import TracebackType
from typing import TYPE_CHECKING, Self

from rich.console import Console
from rich.markup import escape

from smalta.report.stages import Stages, duration
from smalta.report.training_result import beside_trivial

if TYPE_CHECKING:
    from smalta.metrics.trivial import TrivialScore
    from smalta.training import observer

LINE_SECONDS = 20.0
TRAINING = "training"


class TrainingProgress:
    """An observer of a run that prints; use it in a `with` statement.

    Args:
        console: the console to print to.
        verbose: print all messages, and not only those that most users need.
    """

    def __init__(self, console: Console, *, verbose: bool = False) -> None:
        self._stages = Stages(console)
        self._verbose = verbose
        self._score = "-"

    def __enter__(self) -> Self:
        self._stages.__enter__()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._stages.__exit__(kind, error, trace)

    def on_start(self, lines: Sequence[str]) -> None:
        """Print the lines."""
        for line in lines:
            self._stages.say(escape(line))

    def on_part(self, title: str, done: int, total: int | None) -> None:
        """Show the part."""
        self._stages.stage(title, done, total)

    def on_progress(self, progress: observer.Progress) -> None:
        """Move the bar, or print a line."""
        text = (
            f"step {progress.step}  {progress.done:.0%}  loss {progress.loss:.3f}  val {self._score}  "
            f"{progress.pictures_per_second:.1f} pictures/s  {duration(progress.seconds_left)} left"
        )
        self._stages.work(TRAINING, text, progress.done, every=LINE_SECONDS)

    def on_validation(self, step: int, measure: str, score: float, best: bool, trivial: TrivialScore | None) -> None:
        """Print the score beside that of the trivial answer, and keep it for the bar."""
        self._score = f"{measure} -" if math.isnan(score) else f"{measure} {score:.3f}"
        kept = ", the best so far" if best else ""
        shown = escape(beside_trivial(measure, None if math.isnan(score) else score, trivial))
        self._stages.say(f"step {step}: validation {shown}{kept}")

    def on_note(self, text: str) -> None:
        """Print the note."""
        self._stages.say(f"[dim]note[/] {escape(text)}")

    def on_detail(self, text: str) -> None:
        """Print the note if the user wants to know all."""
        if self._verbose:
            self.on_note(text)
