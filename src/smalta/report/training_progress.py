"""Show a training run: a progress bar on a terminal, or else a line every 20 seconds.

In:  events of a run.
Out: text.

Must not know: how training works.
"""

from __future__ import annotations

import math
import time
from types import TracebackType
from typing import TYPE_CHECKING, Any, Self

from rich.console import Console
from rich.markup import escape
from rich.progress import BarColumn, Progress, TaskProgressColumn, TextColumn

from smalta.report.training_result import beside_trivial

if TYPE_CHECKING:
    from smalta.metrics.trivial import TrivialScore
    from smalta.training import observer

LINE_SECONDS = 20.0


class TrainingProgress:
    """An observer of a run that prints; use it in a `with` statement.

    Args:
        console: the console to print to.
    """

    def __init__(self, console: Console) -> None:
        self._console = console
        self._bar = Progress(
            TextColumn("step {task.fields[step]}"),
            BarColumn(),
            TaskProgressColumn(),
            TextColumn(
                "loss {task.fields[loss]}  val {task.fields[score]}  "
                "{task.fields[rate]} pictures/s  {task.fields[left]} left"
            ),
            console=console,
            disable=not console.is_terminal,
        )
        self._task = self._bar.add_task("train", total=1.0, step=0, loss="-", score="-", rate="-", left="-")
        self._score = "-"
        self._printed = time.monotonic()

    def __enter__(self) -> Self:
        self._bar.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._bar.stop()

    def on_progress(self, progress: observer.Progress) -> None:
        """Move the bar, or print a line."""
        shown: dict[str, Any] = {
            "step": progress.step,
            "loss": f"{progress.loss:.3f}",
            "rate": f"{progress.pictures_per_second:.1f}",
            "left": _duration(progress.seconds_left),
            "score": self._score,
        }
        self._bar.update(self._task, completed=progress.done, **shown)
        if not self._console.is_terminal and time.monotonic() - self._printed > LINE_SECONDS:
            self._printed = time.monotonic()
            self._console.print(
                f"step {shown['step']}  {progress.done:.0%}  loss {shown['loss']}  val {self._score}  "
                f"{shown['rate']} pictures/s  {shown['left']} left",
                highlight=False,
                soft_wrap=True,
            )

    def on_validation(self, step: int, measure: str, score: float, best: bool, trivial: TrivialScore | None) -> None:
        """Print the score beside that of the trivial answer, and keep it for the bar."""
        self._score = f"{measure} -" if math.isnan(score) else f"{measure} {score:.3f}"
        kept = ", the best so far" if best else ""
        shown = escape(beside_trivial(measure, None if math.isnan(score) else score, trivial))
        self._console.print(f"step {step}: validation {shown}{kept}", highlight=False, soft_wrap=True)

    def on_note(self, text: str) -> None:
        """Print the note."""
        self._console.print(f"[dim]note[/] {escape(text)}", highlight=False, soft_wrap=True)


def _duration(seconds: float) -> str:
    minutes, rest = divmod(round(seconds), 60)
    return f"{minutes} min {rest:02d} s" if minutes else f"{rest} s"
