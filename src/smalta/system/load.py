"""Measure what this process and the other programs take of the machine while the process works.

In:  counters of the system.
Out: `Load` since the last look; the number of free bytes.

Must not know: what the process works on, plans.
"""

from __future__ import annotations

import os
import sys
import time
from dataclasses import dataclass

import psutil

from smalta.system import cgroup


@dataclass(frozen=True, slots=True, kw_only=True)
class Load:
    """What the machine did for a while.

    Attributes:
        seconds: the while, by the clock.
        own_seconds: processor time of this process, over all threads.
        other_cores: mean number of the seen cores that other programs, the system, or other virtual machines on the
            same hardware kept busy.
        seen_cores: number of cores that were looked at: those that the process may use.
        faults_per_second: pages of this process that the system read back from the disk, because memory was short.
        held_bytes: memory that the process holds.
        free_bytes: memory that it can still use.
    """

    seconds: float
    own_seconds: float
    other_cores: float
    seen_cores: int
    faults_per_second: float
    held_bytes: int
    free_bytes: int


class LoadMeter:
    """Measures the load between two looks.

    Example:
        >>> load = LoadMeter().look()
        >>> load.seconds >= 0, load.seen_cores >= 1
        (True, True)
    """

    def __init__(self) -> None:
        self._process = psutil.Process()
        self._last = _counters()

    def look(self) -> Load:
        """The load since the last look, or since the start."""
        before, self._last = self._last, _counters()
        seconds, own, busy, faults = (now - then for now, then in zip(self._last, before, strict=True))
        per_second = 1 / max(seconds, 1e-9)
        cores = _seen_cores()
        return Load(
            seconds=seconds,
            own_seconds=own,
            other_cores=min(max(busy - own, 0.0) * per_second, float(len(cores))),
            seen_cores=len(cores),
            faults_per_second=faults * per_second,
            held_bytes=int(self._process.memory_info().rss),
            free_bytes=free_memory(),
        )


def free_memory() -> int:
    """Bytes that the process can still use, within the limits of its control groups."""
    left = cgroup.memory_left()
    free = int(psutil.virtual_memory().available)
    return free if left is None else min(free, left)


def _counters() -> tuple[float, float, float, float]:
    """Clock, own processor seconds, busy seconds of the seen cores by whoever, pages read back from the disk."""
    times = psutil.cpu_times(percpu=True)
    seen = [times[core] for core in _seen_cores() if core < len(times)]
    idle = sum(core.idle + getattr(core, "iowait", 0.0) for core in seen)
    guests = sum(getattr(core, "guest", 0.0) + getattr(core, "guest_nice", 0.0) for core in seen)  # counted in user too
    return time.perf_counter(), time.process_time(), sum(map(sum, seen)) - idle - guests, float(_faults())


def _seen_cores() -> list[int]:
    if hasattr(os, "sched_getaffinity"):
        return sorted(os.sched_getaffinity(0))
    return list(range(os.cpu_count() or 1))


def _faults() -> int:
    if sys.platform == "win32":
        return 0  # its counter does not tell pages on the disk from fresh ones
    import resource

    return resource.getrusage(resource.RUSAGE_SELF).ru_majflt
