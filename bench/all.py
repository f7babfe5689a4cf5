"""Every benchmark, one after the other, then the tables of docs/benchmarks.md: `make bench`.

In:  SMALTA_DATA, and a machine that does nothing else for nine to ten hours.
Out: bench/results/*.json and the tables in docs/benchmarks.md.
"""

from __future__ import annotations

import sys

from bench.common import data_root, exit_on_error, run


def main() -> None:
    data_root()  # fail before the first hour, not after it
    for module, *arguments in (
        ("check_known_traps",),
        ("prepare",),
        ("train_speed",),
        ("metric_speed",),
        ("segment", "all"),
        ("magnetic_tile",),
        ("nuclei",),
        ("nuclei", "--data", "nuclei_by_picture"),
        ("grouping",),
        ("object_heads", "nuclei"),
        ("object_heads", "coco"),
        ("panoptic", "all"),
        ("planner",),
        ("answer_speed",),
        ("answer_memory",),
        ("start_up",),
        ("first_hour",),
        ("busy_threads",),
        ("table",),
    ):
        run(sys.executable, "-m", f"bench.{module}", *arguments)


if __name__ == "__main__":
    exit_on_error(main)
