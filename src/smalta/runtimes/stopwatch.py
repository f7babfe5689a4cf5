"""Measure how long a network takes while pictures are processed.

In:  a runtime.
Out: the same runtime, and the seconds during which at least one call was running.

Must not know: maps, plans.
"""

from __future__ import annotations

import threading
import time

import numpy as np

from smalta.runtimes.protocol import Maps, Runtime


class Stopwatch:
    """A timed runtime; its methods and attributes are those of `Runtime`. Parallel calls count once.

    Args:
        runtime: to time.
        busy_seconds: of a runtime that this one replaces.
    """

    def __init__(self, runtime: Runtime, busy_seconds: float = 0.0) -> None:
        self._runtime = runtime
        self.stride, self.streams = runtime.stride, runtime.streams
        self._busy, self._inside, self._since = busy_seconds, 0, 0.0
        self._lock = threading.Lock()

    @property
    def busy_seconds(self) -> float:
        """Seconds so far during which at least one call was running."""
        with self._lock:
            return self._busy + (time.perf_counter() - self._since if self._inside else 0.0)

    def maps(self, pictures: np.ndarray) -> Maps:
        """Maps of (B, H, W, 3) uint8 pictures."""
        with self._lock:
            self._inside += 1
            if self._inside == 1:
                self._since = time.perf_counter()
        try:
            return self._runtime.maps(pictures)
        finally:
            with self._lock:
                self._inside -= 1
                if self._inside == 0:
                    self._busy += time.perf_counter() - self._since
