"""How many processor cores this process may use.

In:  nothing.
Out: a number.

Must not know: what the cores are for.
"""

from __future__ import annotations

import math
import os

from smalta.system.cgroup import cpu_quota


def usable_cores() -> int:
    """Cores that the process may use, which may be fewer than the machine has; at least 1.

    Affinity (`taskset`, cpusets) and the processor time of control groups (containers) limit them. A quota is rounded
    up: two threads make full use of 1.5 cores.
    """
    cores = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else (os.cpu_count() or 1)
    quota = cpu_quota()
    return cores if quota is None else max(1, min(cores, math.ceil(quota)))
