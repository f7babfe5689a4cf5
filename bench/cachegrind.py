"""How often convolutions miss a cache, counted by cachegrind: `python -m bench.cachegrind`.

In:  valgrind 3.19 or newer, a C compiler; `bench/cachegrind.c`.
Out: bench/results/cachegrind.json: misses of data in the first and the second level, by case.

A first level of 32 KiB in 8 ways and a second level of 512 KiB in 8 ways, lines of 64 bytes, no prefetching. The case
"none" only makes the input and the weights. Its misses are those of a process's start and of that, which the other
cases share. `tests/planning/test_reuse.py` compares the counts with the model in `smalta.planning.reuse`.
"""

from __future__ import annotations

import re
import subprocess
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from bench.common import WORK, exit_on_error, machine_facts, write_result

SOURCE = Path(__file__).with_suffix(".c")
LEVELS = ("--I1=32768,8,64", "--D1=32768,8,64", "--LL=524288,8,64")
ORDERS = ("none", "planes", "pixels", "rows", "place", "last")
CHAINS: Sequence[tuple[int, Sequence[int]]] = (
    (24, (64, 64, 64, 64)),  # 144 KiB a map: two of them fit in the second level
    (32, (64, 64, 64, 64)),  # 256 KiB a map: two of them do not
    (40, (64, 16, 64, 16, 64)),  # narrow maps between wide ones
    (32, (64, 48, 24, 48, 64)),
    (48, (64, 64, 32, 16, 8)),
)


def cases() -> list[dict[str, Any]]:
    """Order, side and channels of each case."""
    found: list[dict[str, Any]] = [
        {"order": order, "side": side, "channels": [64, 64]} for side in (28, 56) for order in ORDERS
    ]
    for side, channels in CHAINS:
        found += [{"order": order, "side": side, "channels": list(channels)} for order in ("none", "last")]
    return found


def count(program: Path, case: dict[str, Any]) -> dict[str, int]:
    """Misses of data in both levels."""
    counted = ["valgrind", "--tool=cachegrind", "--cache-sim=yes", *LEVELS, "--cachegrind-out-file=/dev/null"]
    command = [str(program), case["order"], str(case["side"]), *map(str, case["channels"])]
    told = subprocess.run([*counted, *command], capture_output=True, text=True, check=True).stderr
    number = {name: re.search(rf"{name}\s+misses:\s+([\d,]+)", told) for name in ("D1", "LLd")}
    return {name: int(match[1].replace(",", "")) for name, match in number.items() if match}


def main() -> None:
    WORK.mkdir(parents=True, exist_ok=True)
    program = WORK / "cachegrind"
    compiler = ["cc", "-O1", "-o", str(program), str(SOURCE)]
    subprocess.run(compiler, check=True)
    rows = []
    for case in cases():
        rows.append(case | count(program, case))
        print(rows[-1], flush=True)
    versions = [
        subprocess.run([name, "--version"], capture_output=True, text=True, check=True).stdout.splitlines()[0]
        for name in ("valgrind", "cc")
    ]
    command = "python -m bench.cachegrind"
    facts = {"command": command, "machine": machine_facts(), "tools": versions, "options": [*LEVELS, *compiler[1:2]]}
    write_result("cachegrind", facts | {"cases": rows})


if __name__ == "__main__":
    exit_on_error(main)
