"""How long `import smalta` and `smalta --help` take: `python -m bench.start_up [--rounds R]`.

In:  the installed packages; of other programs those that are there, none is installed for this.
Out: bench/results/start_up.json, or bench/work/results/ where the rounds are not the usual ones.

Wall seconds of a fresh process from its start to its end, all commands in turn, after one round to fill the system's
file cache. Python's own start is part of every number and stands beside them.
"""

from __future__ import annotations

import argparse
import os
import statistics
import subprocess
import sys
import time
from collections.abc import Mapping, Sequence
from importlib.util import find_spec
from typing import Any

from bench.common import WORK, exit_on_error, machine_facts, recorded_load, smalta_command, write_result

ROUNDS = 20
SLOW_ROUNDS = 5  # of the others, which take seconds
EXPECTED = {"import smalta": 0.05, "smalta --help": 0.3}  # seconds at most
OTHERS = {"segmentation_models_pytorch": None, "ultralytics": "yolo"}  # by module: environment of the rival


def commands() -> dict[str, list[str]]:
    """What is timed, by title."""
    found = {
        "python -c pass": [sys.executable, "-c", "pass"],
        "import smalta": [sys.executable, "-c", "import smalta"],
        "smalta --help": [*smalta_command(), "--help"],
    }
    for module, environment in OTHERS.items():
        own = WORK / "venvs" / str(environment) / "bin" / "python"
        if environment is not None and own.is_file():
            found[f"import {module}"] = [str(own), "-c", f"import {module}"]
        elif find_spec(module) is not None:
            found[f"import {module}"] = [sys.executable, "-c", f"import {module}"]
    return found


def seconds_of(command: Sequence[str]) -> float:
    """Wall seconds of a fresh process."""
    start = time.perf_counter()
    subprocess.run(command, stdout=subprocess.DEVNULL, env=os.environ | {"COLUMNS": "120"}, check=True)
    return time.perf_counter() - start


def measure(rounds: int) -> dict[str, dict[str, Any]]:
    """All commands in turn."""
    wanted = commands()
    seconds: dict[str, list[float]] = {title: [] for title in wanted}
    for index in range(-1, rounds):
        for title, command in wanted.items():
            is_slow = title.removeprefix("import ") in OTHERS
            if is_slow and index >= SLOW_ROUNDS:
                continue
            taken = seconds_of(command)
            if index >= 0:
                seconds[title].append(taken)
    return {title: told(values) for title, values in seconds.items()}


def told(values: Sequence[float]) -> dict[str, Any]:
    """Median and range."""
    return {
        "seconds": round(statistics.median(values), 3),
        "range": [round(min(values), 3), round(max(values), 3)],
        "n": len(values),
    }


def sentence(found: Mapping[str, Mapping[str, Any]]) -> str:
    """The numbers in words."""
    shown = [
        f"`{title}` {row['seconds']:.2f} s ({row['range'][0]:.2f} to {row['range'][1]:.2f})"
        for title, row in found.items()
    ]
    return f"Start of a fresh process, median and range: {', '.join(shown)}"


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.split("\n", 1)[0])
    parser.add_argument("--rounds", type=int, default=ROUNDS)
    rounds = parser.parse_args().rounds
    with recorded_load() as load:
        found = measure(rounds)
    result = {
        "command": "python -m bench.start_up" + (f" --rounds {rounds}" if rounds != ROUNDS else ""),
        "sentence": sentence(found),
        "expected": EXPECTED,
        "commands": found,
        "load": load,
        "machine": machine_facts(),
    }
    write_result("start_up", result, scratch=rounds != ROUNDS)
    print(result["sentence"])
    for title, most in EXPECTED.items():
        if found[title]["seconds"] > most:
            print(f"{title} takes longer than the {most:g} s that we expect; was the machine busy? {load}")


if __name__ == "__main__":
    exit_on_error(main)
