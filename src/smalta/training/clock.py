"""The time of a run's steps, and when to report or to save.

In:  a call after every step.
Out: seconds per step, loss and pictures per second since the last report.

Must not know: what a step does.
"""

from __future__ import annotations

import statistics
import time

REPORT_SECONDS = 1.0


class Clock:
    """Time and loss since the last report, and the time of a step."""

    def __init__(self, batch: int) -> None:
        self._batch = batch
        self._losses: list[float] = []
        self._durations: list[float] = []
        self._waits: list[float] = []
        self._saved = time.monotonic()
        self.last_seconds = 0.0
        self.restart()

    def restart(self) -> None:
        """Start timing a step now."""
        self._last = self._reported = time.monotonic()
        self._losses = []

    def crops_made(self) -> None:
        """The crops of the current step are ready now."""
        self._waits = [*self._waits[-20:], time.monotonic() - self._last]

    @property
    def medians(self) -> dict[str, float]:
        """Seconds of the last steps, as plan.json names them; empty before a step.

        "step" is the time of a whole step, "views" the part of it until its crops were ready.
        """
        if not self._durations or not self._waits:
            return {}
        return {"step": statistics.median(self._durations), "views": statistics.median(self._waits)}

    def tick(self, loss: float) -> float:
        """A step is done; returns the median of the last durations in seconds, and keeps its own in `last_seconds`."""
        now = time.monotonic()
        self.last_seconds = now - self._last
        self._durations = [*self._durations[-20:], self.last_seconds]
        self._last = now
        self._losses.append(loss)
        return sorted(self._durations)[len(self._durations) // 2]

    @property
    def report_due(self) -> bool:
        """Whether the last report is old."""
        return time.monotonic() - self._reported >= REPORT_SECONDS

    def take(self) -> tuple[float, float]:
        """Mean loss and pictures per second since the last call."""
        seconds = time.monotonic() - self._reported
        loss, count = sum(self._losses) / len(self._losses), len(self._losses)
        self._losses, self._reported = [], time.monotonic()
        return loss, count * self._batch / seconds

    def saved(self) -> None:
        """The state has been written now."""
        self._saved = time.monotonic()

    @property
    def since_checkpoint(self) -> float:
        """Seconds since the state was written."""
        return time.monotonic() - self._saved
