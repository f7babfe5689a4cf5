"""Notice pictures that make no progress.

In:  from each worker its picture, and the stages that it reaches.
Out: a report for each picture that stays in one place for too long.

Without a function to report to, no thread is started.

Must not know: what the stages do, how a report is shown.
"""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from types import TracebackType
from typing import Literal, Self

Stage = Literal["reading", "network", "decoding", "writing"]
Reached = Callable[[Stage], None]  # called at the start of a stage, and again for each step of progress in it
Stalled = Callable[[Path, Stage, float], None]  # the picture, its stage, seconds since its last progress

PATIENCE = 60.0  # seconds


def silent(_: Stage) -> None:
    """A `Reached` that does nothing."""


@dataclass(slots=True)
class _Watched:
    """A picture that is being worked on.

    Attributes:
        picture: its path.
        stage: that it reached last.
        since: when it did.
        due: when it is reported, unless there is progress before.
    """

    picture: Path
    stage: Stage
    since: float
    due: float


class Watchdog:
    """Reports a picture when it has made no progress for a while, and again after each such while.

    Args:
        stalled: called from a thread of the watchdog's own; None for no reports.
        patience: seconds without progress until a report.
        clock: seconds that only rise.
    """

    def __init__(
        self,
        stalled: Stalled | None = None,
        patience: float = PATIENCE,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self._stalled, self._patience, self._clock = stalled, patience, clock
        self._watched: list[_Watched] = []
        self._lock = threading.Lock()
        self._over = threading.Event()
        self._thread: threading.Thread | None = None

    def __enter__(self) -> Self:
        if self._stalled is not None:
            self._thread = threading.Thread(target=self._run, name="watchdog", daemon=True)
            self._thread.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        self._over.set()
        if self._thread is not None:
            self._thread.join()

    @contextmanager
    def watch(self, picture: Path) -> Iterator[Reached]:
        """Watch a picture, which begins by being read; called from any thread."""
        if self._stalled is None:
            yield silent
            return
        now = self._clock()
        mine = _Watched(picture=picture, stage="reading", since=now, due=now + self._patience)

        def reached(stage: Stage) -> None:
            mine.stage, mine.since = stage, self._clock()
            mine.due = mine.since + self._patience

        with self._lock:
            self._watched.append(mine)
        try:
            yield reached
        finally:
            with self._lock:
                self._watched = [one for one in self._watched if one is not mine]

    def look(self) -> float:
        """Report the pictures that are due; returns seconds until another can be."""
        now = self._clock()
        with self._lock:
            watched = list(self._watched)
        for one in watched:
            if self._stalled is not None and one.due <= now:
                one.due = now + self._patience
                self._stalled(one.picture, one.stage, now - one.since)
        # whatever begins or makes progress from now on is due later than that
        return max(min((one.due for one in watched), default=now + self._patience) - self._clock(), 0.0)

    def _run(self) -> None:
        wait = self._patience
        while not self._over.wait(wait):
            wait = self.look()
