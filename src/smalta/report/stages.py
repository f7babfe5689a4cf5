"""Show what a command is doing: a bar on a terminal, or else a line every ten seconds.

In:  the title of a stage, and how much of it is done, where that is known.
Out: text.

A thread shows the stage, so a stage that gives no sign for a minute is seen too.

Must not know: any command, what the stages do.
"""

from __future__ import annotations

import threading
import time
from dataclasses import dataclass
from types import TracebackType
from typing import Self

from rich.console import Console
from rich.markup import escape
from rich.progress import BarColumn, Progress, TaskID, TextColumn

LINE_SECONDS = 10.0
YOUNG_SECONDS = 1.0  # a younger stage has no line yet: most stages are over before
REFRESH_SECONDS = 0.25  # of the text beside a bar


@dataclass(slots=True)
class _Stage:
    """One stage.

    Attributes:
        title: of the stage; another title begins another stage.
        started: `time.monotonic()` at its start.
        text: instead of title, count and time, if the caller knows more.
        done, total: finished and all parts; None for a stage without parts.
        every: seconds between lines.
    """

    title: str
    started: float
    every: float
    text: str | None = None
    done: float = 0
    total: float | None = None

    @property
    def share(self) -> float | None:
        """The finished share, in [0, 1]; None if it is not known."""
        return None if not self.total else min(self.done / self.total, 1.0)

    def line(self) -> str:
        """Title, count and time."""
        if self.text is not None:
            return self.text
        passed = time.monotonic() - self.started
        if self.share is None:
            return f"{self.title}: {duration(passed)} so far"
        count = f"{self.title}: {self.done:.0f} of {self.total:.0f}"
        return f"{count}, about {duration(passed / self.share * (1 - self.share))} left" if self.share else count


class Stages:
    """Shows one stage after the other; use it in a `with` statement.

    Args:
        console: to print to.
        quiet: show nothing.
    """

    def __init__(self, console: Console, *, quiet: bool = False) -> None:
        self._console, self._quiet = console, quiet
        self._bar = Progress(
            TextColumn("{task.description}"),
            BarColumn(),
            console=console,
            transient=True,
            disable=not self._on_terminal,
        )
        self._task: TaskID | None = None
        self._stage: _Stage | None = None
        self._printed = time.monotonic()
        self._lock = threading.Lock()
        self._ended = threading.Event()
        self._thread = threading.Thread(target=self._watch, name="smalta-stages", daemon=True)

    @property
    def _on_terminal(self) -> bool:
        return self._console.is_terminal and not self._quiet

    def __enter__(self) -> Self:
        if not self._quiet:
            self._bar.start()
            self._thread.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if not self._quiet:
            self._ended.set()
            self._thread.join()
            self._bar.stop()

    def stage(self, title: str, done: float = 0, total: float | None = None) -> None:
        """Begin a stage, or go on with the one of this title.

        Args:
            title: such as "checking pictures".
            done: finished parts.
            total: all parts; None if the stage has no parts, or their number is not known.
        """
        self._show(title, done, total, None, LINE_SECONDS)

    def work(self, title: str, text: str, share: float | None, *, every: float) -> None:
        """Show a text of the caller's own for a stage.

        Args:
            title: of the stage.
            text: for bar and line.
            share: that is finished, in [0, 1]; None if the stage has no end.
            every: seconds between lines.
        """
        self._show(title, share or 0.0, None if share is None else 1.0, text, every)

    def _show(self, title: str, done: float, total: float | None, text: str | None, every: float) -> None:
        with self._lock:
            if self._stage is None or self._stage.title != title:
                self._stage = _Stage(title=title, started=time.monotonic(), every=every)
            self._stage.every = every
            self._stage.done, self._stage.total, self._stage.text = done, total, text
        self.tick()

    def tick(self) -> None:
        """Move the bar, or print a line if the last one is old."""
        with self._lock:
            stage, now = self._stage, time.monotonic()
            if stage is None or self._quiet:
                return
            if self._on_terminal:
                self._move_bar(stage)
            elif now - self._printed >= stage.every and now - stage.started >= YOUNG_SECONDS:
                self._printed = now
                self._console.print(escape(stage.line()), highlight=False, soft_wrap=True)

    def say(self, text: str) -> None:
        """Print a line above the bar, in rich's markup."""
        if not self._quiet:
            self._printed = time.monotonic()
            self._console.print(text, highlight=False, soft_wrap=True)

    def _move_bar(self, stage: _Stage) -> None:
        line, total = escape(stage.line()), None if stage.share is None else 1.0
        if self._task is None or self._bar.tasks[0].total != total:  # a bar cannot lose its total
            if self._task is not None:
                self._bar.remove_task(self._task)
            self._task = self._bar.add_task(line, total=total)
        self._bar.update(self._task, description=line, completed=stage.share or 0.0)

    def _watch(self) -> None:
        while not self._ended.wait(REFRESH_SECONDS):
            self.tick()


def duration(seconds: float) -> str:
    """A duration in words, such as "2 min 05 s"."""
    minutes, rest = divmod(round(seconds), 60)
    return f"{minutes} min {rest:02d} s" if minutes else f"{rest} s"
