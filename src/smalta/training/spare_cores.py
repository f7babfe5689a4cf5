"""Keep the threads of a training within the cores that other programs leave.

In:  the threads of the plan; the load of the machine, every few seconds.
Out: calls on PyTorch that change the number of its threads; a note.

The threads of a step wait for each other thousands of times. If one of them shares its core with another program, all
others wait for its turn. Beside one busy program, two threads on two cores then take four times as long as a single one
(docs/decisions/0045).

Must not know: how steps are made, how a plan is chosen.
"""

from __future__ import annotations

import time
from collections.abc import Callable

import torch

from smalta.system.load import Load, LoadMeter
from smalta.training.observer import Log

LOOK_SECONDS = 3.0
AGREEING = 2  # looks in a row that must want the same number


class SpareCores:
    """Changes the number of PyTorch's threads between steps.

    Args:
        threads: of the plan; with 1, or on a GPU (0), nothing is changed.
        log: for notes.
        load: of the machine since its last call; None to measure it.
        clock: seconds that never go back; tests give their own.
    """

    def __init__(
        self,
        threads: int,
        log: Log,
        load: Callable[[], Load] | None = None,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self.threads = threads
        self._most, self._log = threads, log
        self._load, self._clock = load or LoadMeter().look, clock
        self._looked = clock()
        self._wanted, self._agreed = threads, 0

    def look(self) -> None:
        """Call it between two steps: every few seconds it compares the threads with the cores that are left."""
        if self._most < 2 or self._clock() - self._looked < LOOK_SECONDS:
            return
        self._looked = self._clock()
        load = self._load()
        wanted = min(max(round(load.seen_cores - load.other_cores), 1), self._most)
        self._agreed = self._agreed + 1 if wanted == self._wanted else 1
        self._wanted = wanted
        if wanted != self.threads and self._agreed >= AGREEING:
            self._follow(wanted, load)

    def _follow(self, wanted: int, load: Load) -> None:
        before, self.threads = self.threads, wanted
        torch.set_num_threads(wanted)
        busy = f"other programs keep {load.other_cores:.1f} of {load.seen_cores} cores busy"
        if before == self._most:
            self._log.note(
                f"{busy}: the run goes on with {wanted} of {self._most} threads until they end, because a thread that "
                "shares its core makes all others wait"
            )
        else:
            self._log.detail(f"{busy}: the run goes on with {wanted} of {self._most} threads")
