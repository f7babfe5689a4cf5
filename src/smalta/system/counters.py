"""Read the processor's hardware counters of its caches, on Linux.

In:  something to run.
Out: `CacheCounts` of all threads of this process meanwhile.

The numbers come from perf_event_open(2): one counter per event and thread, in user space only. Where several events
share a counter, the kernel counts each for a part of the time, and the counts are scaled to the whole.

Must not know: networks, plans.
"""

from __future__ import annotations

import ctypes
import errno
import os
import platform
import struct
import sys
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

from smalta.errors import ConfigError

LINE_BYTES = 64
CPU_INFO = Path("/proc/cpuinfo")
PARANOID = Path("/proc/sys/kernel/perf_event_paranoid")
MOST_PARANOID = 2  # up to here, a process may count what it does itself in user space

_NUMBERS = {"x86_64": 298, "aarch64": 241, "riscv64": 241, "ppc64le": 319, "s390x": 331}  # of the system call
_HARDWARE, _CACHE = 0, 3  # types of events
_L1_DATA, _LAST, _READ, _ACCESS, _MISS = 0, 2, 0 << 8, 0 << 16, 1 << 16
_EVENTS: Mapping[str, tuple[tuple[int, int], ...]] = {  # by name, the first one that the processor knows
    "l1_reads": ((_CACHE, _L1_DATA | _READ | _ACCESS),),
    "l1_misses": ((_CACHE, _L1_DATA | _READ | _MISS),),
    "last_reads": ((_CACHE, _LAST | _READ | _ACCESS), (_HARDWARE, 2)),
    "last_misses": ((_CACHE, _LAST | _READ | _MISS), (_HARDWARE, 3)),
}
_ATTRIBUTES = 128  # bytes of perf_event_attr
_TIMES = 1 | 2  # read_format: how long an event was wanted, and how long it was counted
_USER_SPACE_ALONE = 1 << 5 | 1 << 6  # exclude_kernel, exclude_hv
_CLOSED_ON_EXEC = 1 << 3
_REFUSED = (errno.EACCES, errno.EPERM)


@dataclass(frozen=True, slots=True, kw_only=True)
class CacheCounts:
    """Counts of all threads of this process; None where the processor does not count it.

    Attributes:
        l1_reads, l1_misses: loads from the first level, and those that it did not hold.
        last_reads, last_misses: lines wanted from the last counted level, and those that it did not hold.
        last_level: which level that is: AMD's general events count the L2, all others the L3.
    """

    l1_reads: float | None
    l1_misses: float | None
    last_reads: float | None
    last_misses: float | None
    last_level: Literal["l2", "l3"] = "l3"


def count_caches(call: Callable[[], object]) -> CacheCounts:
    """Count while something runs. It runs twice: once to start its threads, and once to be counted.

    Args:
        call: what to run.

    Raises:
        ConfigError: if the counters cannot be read; the message says why, and what to set.
    """
    number = _NUMBERS.get(platform.machine()) if sys.platform == "linux" else None
    if number is None:
        raise ConfigError(f"hardware counters are read on Linux only, not on {sys.platform} {platform.machine()}")
    call()
    threads = [int(entry.name) for entry in Path("/proc/self/task").iterdir()]
    opened: dict[str, list[int]] = {}
    try:
        for name, choices in _EVENTS.items():
            opened[name] = _open(number, choices, threads)
        if not any(opened.values()):
            raise ConfigError(
                "this processor offers no counters of its caches; most virtual machines hide them, so run smalta on "
                "the machine itself"
            )
        call()
        counts = {name: sum(map(_read, files)) if files else None for name, files in opened.items()}
        return CacheCounts(**counts, last_level="l2" if "AuthenticAMD" in CPU_INFO.read_text() else "l3")
    finally:
        for file in (file for files in opened.values() for file in files):
            os.close(file)


def _open(number: int, choices: tuple[tuple[int, int], ...], threads: list[int]) -> list[int]:
    """Start to count the first event that the processor knows, in each thread; empty if it knows none."""
    for kind, config in choices:
        files: list[int] = []
        for thread in threads:
            flags = _USER_SPACE_ALONE
            attributes = struct.pack("<IIQQQQQ", kind, _ATTRIBUTES, config, 0, 0, _TIMES, flags)
            try:
                files.append(_perf_event_open(number, attributes.ljust(_ATTRIBUTES, b"\0"), thread))
            except OSError as error:
                if error.errno in _REFUSED:
                    raise ConfigError(_refusal()) from error
                if error.errno != errno.ESRCH:  # a thread that has ended counts nothing
                    break
        if files:
            return files
    return []


def _perf_event_open(number: int, attributes: bytes, thread: int) -> int:
    """The system call: a file for one event of one thread on any core."""
    libc = ctypes.CDLL(None, use_errno=True)
    file = int(libc.syscall(number, ctypes.c_char_p(attributes), thread, -1, -1, ctypes.c_ulong(_CLOSED_ON_EXEC)))
    if file < 0:
        code = ctypes.get_errno()
        raise OSError(code, os.strerror(code))
    return file


def _read(file: int) -> float:
    """A count, scaled to the whole time where it was counted for a part of it."""
    value, wanted, counted = struct.unpack("<QQQ", os.read(file, 24))
    return value * wanted / counted if counted else 0.0


def _refusal() -> str:
    """Why the system refuses counters, and what to set."""
    try:
        level = int(PARANOID.read_text())
    except (OSError, ValueError):
        level = MOST_PARANOID
    if level > MOST_PARANOID:
        return (
            f"hardware counters are not allowed: kernel.perf_event_paranoid is {level} and must be at most "
            f"{MOST_PARANOID}; run `sudo sysctl kernel.perf_event_paranoid={MOST_PARANOID}`"
        )
    return (
        "hardware counters are not allowed in this container; start it with `--cap-add PERFMON` and a seccomp profile "
        "that allows perf_event_open"
    )
