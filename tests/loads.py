"""The load of a made-up machine, for tests of what happens while work goes on."""

from __future__ import annotations

from smalta.system.load import Load

GIB = 2**30
QUIET = Load(
    seconds=4.0,
    own_seconds=8.0,
    other_cores=0.1,
    seen_cores=2,
    faults_per_second=0.0,
    held_bytes=GIB,
    free_bytes=4 * GIB,
)
