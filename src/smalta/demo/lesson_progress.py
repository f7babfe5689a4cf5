"""Show a short training: a bar on a terminal, or else a line every ten seconds.

In:  events of a training, its number of steps.
Out: text. All events are in the run's `log.jsonl` too.

Must not know: how training works.
"""

from __future__ import annotations

import time
from collections.abc import Sequence
from contextlib import ExitStack
from types import TracebackType
from typing import Self

from rich.progress import BarColumn, Progress, TextColumn

from smalta.demo.folder import DemoFolder
from smalta.metrics.trivial import TrivialScore
from smalta.training import observer

LINE_SECONDS = 10.0


class LessonProgress:
    """An observer of a training; use it in a `with` statement.

    Args:
        folder: gives the console and the time.
        steps: that the training makes at most.
    """

    def __init__(self, folder: DemoFolder, steps: int) -> None:
        self._folder, self._steps = folder, steps
        self._printed = time.monotonic()
        self._stack = ExitStack()
        console = folder.console
        columns = (TextColumn("        step {task.completed} of {task.total}"), BarColumn())
        self._bar = Progress(*columns, console=console, transient=True, disable=not console.is_terminal)
        self._task = self._bar.add_task("train", total=steps)

    def __enter__(self) -> Self:
        self._stack.enter_context(self._bar)
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._stack.close()

    def on_progress(self, progress: observer.Progress) -> None:
        """Move the bar, or print a line."""
        self._bar.update(self._task, completed=progress.step)
        if not self._folder.console.is_terminal and time.monotonic() - self._printed > LINE_SECONDS:
            self._printed = time.monotonic()
            self._folder.say(f"step {progress.step} of {self._steps}, loss {progress.loss:.2f}")

    def on_validation(self, step: int, measure: str, score: float, best: bool, trivial: TrivialScore | None) -> None:
        """Ignore it: the lesson is scored on other scenes."""

    def on_note(self, text: str) -> None:
        """Ignore it: the log has it."""

    def on_start(self, lines: Sequence[str]) -> None:
        """Ignore them: the log has them."""

    def on_part(self, title: str, done: int, total: int | None) -> None:
        """Ignore it: steps are shown."""

    def on_detail(self, text: str) -> None:
        """Ignore it: the log has it."""
