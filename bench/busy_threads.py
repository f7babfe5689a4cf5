"""Training steps beside busy programs, with all threads, one, and as chosen: `python -m bench.busy_threads`.

In:  SMALTA_DATA for CrackForest; a machine that does nothing else.
Out: bench/results/busy_threads.json: seconds of 40 steps after the first ten, by busy programs and threads.

Each training is a process of its own with the usual settings and crops of 160. "chosen" is smalta as it is; the other
columns hold the number of threads.
"""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
from pathlib import Path
from typing import Any

from bench.common import WORK, exit_on_error, machine_facts, recorded_load, write_result
from bench.first_hour import neighbours
from bench.prepare import prepared
from smalta.system.cores import usable_cores

STEPS, SKIPPED, CROP = 50, 10, 160
BUSY = (0, 1, 2, 4)
FOLDER = WORK / "busy_threads"

# trains in a process of its own; a fixed number of threads replaces what smalta chooses
SCRIPT = """
import json, sys, time
import torch
import smalta
from smalta.training import loop, spare_cores
data, out, threads, steps, crop = sys.argv[1], sys.argv[2], int(sys.argv[3]), int(sys.argv[4]), int(sys.argv[5])
ends, step = [], loop.Trainer._step
def timed(self, batch):
    if threads:
        torch.set_num_threads(threads)
    found = step(self, batch)
    ends.append(time.perf_counter())
    return found
loop.Trainer._step = timed
if threads:
    spare_cores.SpareCores.look = lambda self: None
smalta.train(data, out, smalta.TrainSettings(steps=steps, crop=crop, first_view=1))
print(json.dumps(ends))
"""


def step_seconds(threads: int, data: Path) -> float:
    """Seconds of the steps after the first ones; `threads` 0 leaves the choice to smalta."""
    out = FOLDER / "run"
    shutil.rmtree(out, ignore_errors=True)
    options = [str(data), str(out), str(threads), str(STEPS), str(CROP)]
    environment = os.environ | {"XDG_CACHE_HOME": str(FOLDER / "cache"), "GOMP_SPINCOUNT": "10000"}
    ended = subprocess.run(
        [sys.executable, "-c", SCRIPT, *options], capture_output=True, text=True, check=True, env=environment
    )
    ends: list[float] = json.loads(ended.stdout.splitlines()[-1])
    return round(ends[-1] - ends[SKIPPED - 1], 2)


def measure() -> list[dict[str, Any]]:
    """Seconds by number of busy programs and number of threads."""
    data, most = prepared("crackforest"), usable_cores()
    step_seconds(0, data)  # the machine is measured while it is quiet
    rows = []
    for busy in BUSY:
        with neighbours(busy):
            found = {str(threads) if threads else "chosen": step_seconds(threads, data) for threads in (most, 1, 0)}
        rows.append({"busy_programs": busy, "seconds": found})
        print(rows[-1], flush=True)
    return rows


def main() -> None:
    with recorded_load() as load:
        rows = measure()
    most = str(usable_cores())
    told = [
        f"beside {row['busy_programs']}: {row['seconds'][most]:.0f} s with {most} threads, {row['seconds']['1']:.0f} s "
        f"with one, {row['seconds']['chosen']:.0f} s as chosen"
        for row in rows
    ]
    result = {
        "command": "python -m bench.busy_threads",
        "sentence": f"{STEPS - SKIPPED} training steps, busy programs beside them: {'; '.join(told)}",
        "rows": rows,
        "load": load,
        "machine": machine_facts(),
    }
    write_result("busy_threads", result)
    print(result["sentence"])


if __name__ == "__main__":
    exit_on_error(main)
