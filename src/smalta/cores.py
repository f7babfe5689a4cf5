"""How many processor cores this process may use.

In:  nothing.
Out: a number.

Must not know: what the cores are for.
"""

from __future__ import annotations

import os


def usable_cores() -> int:
    """Cores that the process may run on, which may be fewer than the machine has (`taskset`, cpusets); at least 1."""
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else (os.cpu_count() or 1)
