"""Measure what an installation costs: `python -m bench.install [--before COMMIT] [--torch-index URL] [LEVEL ...]`.

In:  this repository, at its last commit and at an earlier one; the package index.
Out: bench/results/install.json: seconds, gigabytes and packages of each environment, made in a fresh clone.

    before       what `make demo` installed at the earlier commit
    light        what `make demo` installs before it answers
    train        what it adds before the lesson, with PyTorch from PyPI
    train, cpu   the same with PyTorch's processor build, from --torch-index
    all          what `make test` needs
"""

from __future__ import annotations

import argparse
import json
import os
import shutil
import subprocess
import time
from pathlib import Path
from typing import Any

from bench.common import REPOSITORY, RESULTS, WORK, exit_on_error, machine_facts, recorded_load, write_result
from smalta.errors import DataError

UNREACHABLE = "http://127.0.0.1:9/"  # makes tools/install.py take PyTorch from PyPI
STAMPS = {
    "before": [".venv/.installed"],
    "light": [".venv/.installed-light"],
    "train": [".venv/.installed-light", ".venv/.installed-train"],
    "train, cpu": [".venv/.installed-light", ".venv/.installed-train"],
    "all": [".venv/.installed"],
}


def measure(level: str, commit: str, torch_index: str) -> dict[str, Any]:
    """Clone, install, and measure one level; nothing is taken from pip's cache."""
    clone = WORK / "install" / level.replace(", ", "-")
    shutil.rmtree(clone, ignore_errors=True)
    subprocess.run(["git", "clone", "--quiet", str(REPOSITORY), str(clone)], check=True)
    subprocess.run(["git", "checkout", "--quiet", commit], cwd=clone, check=True)
    steps = []
    with recorded_load() as load:
        for stamp in STAMPS[level]:
            started = time.perf_counter()
            done = subprocess.run(
                ["make", stamp, f"TORCH_INDEX={torch_index}"],
                cwd=clone,
                env=os.environ | {"PIP_NO_CACHE_DIR": "1"},
                capture_output=True,
                text=True,
                check=False,
            )
            if done.returncode:
                raise DataError(f"make {stamp} failed in {clone.name}: {done.stdout[-500:]}{done.stderr[-500:]}")
            steps.append({"stamp": stamp, "seconds": round(time.perf_counter() - started, 1)})
    packages = subprocess.run(
        [clone / ".venv/bin/pip", "list", "--format", "json"], capture_output=True, text=True, check=True
    )
    versions = {row["name"]: row["version"] for row in json.loads(packages.stdout)}
    found = {
        "commit": commit,
        "seconds": round(sum(step["seconds"] for step in steps), 1),
        "steps": steps,
        "gigabytes": round(_bytes(clone / ".venv") / 1e9, 2),
        "packages": len(versions),
        "torch": versions.get("torch"),
        "load": load,
    }
    shutil.rmtree(clone)
    return found


def _bytes(folder: Path) -> int:
    return sum(path.lstat().st_size for path in folder.rglob("*") if path.is_symlink() or path.is_file())


def main() -> None:
    """Parse the command line, and measure level by level."""
    parser = argparse.ArgumentParser(description="Measure what an installation costs.")
    parser.add_argument("levels", nargs="*", metavar="LEVEL", help=f"of {', '.join(STAMPS)}; all if none is named")
    parser.add_argument("--before", default="54fc19d", help="commit to compare with")
    parser.add_argument("--torch-index", help="index of PyTorch's processor builds, for the level 'train, cpu'")
    asked = parser.parse_args()
    head = subprocess.run(
        ["git", "rev-parse", "--short", "HEAD"], cwd=REPOSITORY, capture_output=True, text=True, check=True
    ).stdout.strip()
    earlier = RESULTS / "install.json"
    levels = json.loads(earlier.read_text())["levels"] if earlier.is_file() else {}
    for level in asked.levels or STAMPS:
        if level not in STAMPS:
            parser.error(f"there is no level {level!r}; levels are {', '.join(STAMPS)}")
        print(f"-- {level}", flush=True)
        if level == "train, cpu" and asked.torch_index is None:
            print("skipped: give --torch-index", flush=True)
            continue
        index = asked.torch_index if level == "train, cpu" else UNREACHABLE
        levels[level] = measure(level, asked.before if level == "before" else head, index)
        write_result("install", {"machine": machine_facts(), "levels": levels})
        print(f"{levels[level]['seconds']:.0f} s, {levels[level]['gigabytes']} GB", flush=True)


if __name__ == "__main__":
    exit_on_error(main)
