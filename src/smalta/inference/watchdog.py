"""Report pictures that make no progress.

In:  from each worker, its picture and the stages that it reaches.
Out: a report for each picture without progress for too long.

Without a function for reports, no thread is started.

Must not know: the work in the stages, how a report is shown.
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
    """A picture in progress.

    Attributes:
        picture: its path.
        stage: the latest one.
        since: time of the latest progress.
        due: time of the next report, unless there is progress before.
    """

    picture: Path
    stage: Stage
    since: float
    due: float


class Watchdog:
    """Reports a picture that makes no progress for `patience` seconds, and again after each further such time.

    Args:
        stalled: called from the watchdog's own thread; None for no reports.
        patience: seconds without progress before a report.
        clock: monotonic, in seconds.
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
        """Watch a picture, which starts in the stage "reading"; any thread may call it."""
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
        """Report the pictures that are due; returns the seconds until the next one can be due."""
        now = self._clock()
        with self._lock:
            watched = list(self._watched)
        for one in watched:
            if self._stalled is not None and one.due <= now:
                one.due = now + self._patience
                self._stalled(one.picture, one.stage, now - one.since)
        # pictures that begin or make progress from now on are due later
        return max(min((one.due for one in watched), default=now + self._patience) - self._clock(), 0.0)

    def _run(self) -> None:
        wait = self._patience
        while not self._over.wait(wait):
            wait = self.look()
