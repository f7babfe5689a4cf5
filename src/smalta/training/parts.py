"""The parts of a run, one after the other: how long each takes, and what is shown while it works.

In:  the name of each part when it begins; finished and all pictures, where a part has them.
Out: seconds by part; calls on an observer.

Must not know: what the parts do.
"""

from __future__ import annotations

import time
from collections.abc import Mapping

from smalta.training.observer import Observer

START, CHECK, MEASURE, PLAN, BUILD = "start", "check", "measure", "plan", "build"
STEPS, VALIDATION, CALIBRATION = "steps", "validation", "calibration"
TITLES: Mapping[str, str] = {
    START: "starting",
    CHECK: "checking pictures and labels",
    MEASURE: "measuring pictures",
    PLAN: "planning",
    BUILD: "building the network",
    STEPS: "training",
    VALIDATION: "validating",
    CALIBRATION: "calibrating on validation pictures",
}


class Parts:
    """The parts of a run.

    Args:
        started: `time.monotonic()` at the start of the run.
        observer: shows them.
    """

    def __init__(self, started: float, observer: Observer) -> None:
        self._observer = observer
        self._name, self._since = START, started
        self._seconds: dict[str, float] = {}

    def begin(self, name: str) -> None:
        """End the present part, and begin or continue another."""
        self._seconds, self._name, self._since = self.seconds, name, time.monotonic()
        self._observer.on_part(TITLES[name], 0, None)

    def move(self, done: int, total: int) -> None:
        """Finished and all pictures of the present part."""
        self._observer.on_part(TITLES[self._name], done, total)

    @property
    def seconds(self) -> dict[str, float]:
        """Seconds by part, until now."""
        passed = time.monotonic() - self._since
        return self._seconds | {self._name: self._seconds.get(self._name, 0.0) + passed}

    @property
    def before_steps(self) -> float:
        """Seconds of the parts before the first step."""
        found = self.seconds
        return sum(found.get(name, 0.0) for name in (START, CHECK, MEASURE, PLAN, BUILD))
