"""The first hour of a new user, on a quiet machine, a busy one, one core, and 2 GB of memory.

`python -m bench.first_hour [--conditions NAME ...] [--minutes M]`.

In:  SMALTA_DATA for the cracks; smalta through its command line. The machine must do nothing else.
Out: bench/results/first_hour.json, or bench/work/results/ where the options are not the usual ones.

Three jobs under each condition. Each has a cache folder of its own, so the machine is measured as on the first day:

- demo: `smalta demo`; seconds to its first picture, scores before and after it learns, steps.
- cracks: `smalta train` on CrackForest for two minutes, then `smalta evaluate`; steps and scores.
- predict: 200 pictures with the shipped model; seconds to the first result, planned and taken seconds a picture.

"2 GB" limits a control group. Where none can be made, the job gets `--memory 2GB`, and the result says so.
"""

from __future__ import annotations

import argparse
import json
import os
import shutil
import subprocess
import sys
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import Any

from bench.common import (
    REPOSITORY,
    WORK,
    exit_on_error,
    machine_facts,
    recorded_load,
    smalta_command,
    smalta_log,
    write_result,
)
from bench.prepare import prepared
from smalta.demo.shipped import shipped_model
from smalta.pictures.writing import write_picture
from smalta.scenes import generate

MINUTES = 2.0  # of the training on cracks
N_PICTURES, FIRST_SEED, SIZE_HW = 200, 5_000_000, (192, 256)
N_NEIGHBOURS = 2
MEMORY_BYTES, MEMORY_TEXT = 2 * 10**9, "2GB"
FOLDER = WORK / "first_hour"
GROUPS = ("/sys/fs/cgroup/memory", "/sys/fs/cgroup")  # of version 1 and 2
LIMITS = ("memory.limit_in_bytes", "memory.max")
POLL_SECONDS = 0.05
CONDITIONS = ("quiet", "two busy neighbours", "one core", "2 GB")


@contextmanager
def neighbours(count: int) -> Iterator[None]:
    """Programs that keep a core busy each."""
    spinning = [subprocess.Popen([sys.executable, "-c", "while True: pass"]) for _ in range(count)]
    try:
        yield
    finally:
        for program in spinning:
            program.kill()
            program.wait()


@contextmanager
def memory_group(limit: int) -> Iterator[Path | None]:
    """A control group with a limit, bytes; None where the system allows none."""
    for root, name in zip(GROUPS, LIMITS, strict=True):
        folder = Path(root) / "smalta_first_hour"
        try:
            folder.mkdir(exist_ok=True)
            (folder / name).write_text(str(limit))
        except OSError:
            continue
        try:
            yield folder
        finally:
            folder.rmdir()
        return
    yield None


class Condition:
    """One condition: how commands are started under it.

    Args:
        name: one of `CONDITIONS`.
        group: the control group with the limit of memory; None without.
    """

    def __init__(self, name: str, group: Path | None) -> None:
        self.name, self.group = name, group
        self.limits_option = name == "2 GB" and group is None

    def run(self, arguments: Sequence[str], folder: Path, watched: Callable[[], bool]) -> dict[str, Any]:
        """Run smalta; report its exit code, seconds, peak bytes, and the seconds until `watched` is true."""
        before = [] if self.name != "one core" else ["taskset", "--cpu-list", str(min(os.sched_getaffinity(0)))]
        after = ["--memory", MEMORY_TEXT] if self.limits_option and arguments[0] != "demo" else []
        environment = os.environ | {"XDG_CACHE_HOME": str(folder / "cache"), "COLUMNS": "160"}
        log = folder / f"{arguments[0]}.txt"
        start, first = time.perf_counter(), None
        with log.open("w") as file:
            process = subprocess.Popen(
                [*before, *smalta_command(), *arguments, *after],
                stdout=file,
                stderr=subprocess.STDOUT,
                env=environment,
                preexec_fn=self._enter,
            )
            while True:
                ended, status, usage = os.wait4(process.pid, os.WNOHANG)
                if first is None and watched():
                    first = time.perf_counter() - start
                if ended:
                    break
                time.sleep(POLL_SECONDS)
        seconds = time.perf_counter() - start
        process.returncode = os.waitstatus_to_exitcode(status)
        said = [line.rstrip() for line in log.read_text().splitlines() if line.strip()]
        return {
            "code": process.returncode,
            "seconds": round(seconds, 1),
            "first_result_seconds": None if first is None else round(first, 1),
            "peak_bytes": usage.ru_maxrss * 1024,
            "last_lines": [line.replace(str(folder), "").replace(str(REPOSITORY), "") for line in said[-3:]],
            "lines": len(said),
        }

    def _enter(self) -> None:
        """Move the new process into the group."""
        if self.group is not None:
            (self.group / "cgroup.procs").write_text(str(os.getpid()))


def demo(condition: Condition, folder: Path, minutes: float) -> dict[str, Any]:
    """`smalta demo` with its defaults."""
    out = folder / "demo"
    found = condition.run(["demo", "--out", str(out)], folder, lambda: any(out.rglob("side_by_side*")))
    summary = out / "demo.json"
    return found | ({"demo": json.loads(summary.read_text())} if summary.is_file() else {})


def cracks(condition: Condition, folder: Path, minutes: float) -> dict[str, Any]:
    """A training of some minutes, and its scores on the test pictures."""
    data, out = prepared("crackforest"), folder / "run"

    def stepped() -> bool:
        log = out / "log.jsonl"
        return log.is_file() and '"event": "progress"' in log.read_text()

    found = condition.run(["train", str(data), "--out", str(out), "--minutes", f"{minutes:g}"], folder, stepped)
    if found["code"] != 0:
        return found
    events = smalta_log(out)
    looks = [event for event in events if event["event"] == "validation"]
    plan = json.loads((out / "plan.json").read_text())
    answer = folder / "evaluation.json"
    evaluated = condition.run(["evaluate", str(out), str(data), "--json", str(answer)], folder, answer.is_file)
    report = json.loads(answer.read_text()) if answer.is_file() else {}
    return found | {
        "steps": looks[-1]["step"],
        "asked_minutes": minutes,
        "precision": plan["precision"],
        "planned_step_seconds": round(plan["predicted_seconds"], 3),
        "measured_step_seconds": plan["measured"],
        "validation": {key: looks[-1].get(key) for key in ("measure", "score", "trivial")},
        "evaluate_seconds": evaluated["seconds"],
        "test": [row for row in report.get("headline", []) if row["measure"] in ("f1", "tolerant_f1", "mean_iou")],
        "trivial": report.get("trivial"),
    }


def predict(condition: Condition, folder: Path, minutes: float) -> dict[str, Any]:
    """200 small pictures with the shipped model."""
    pictures, out = scenes(), folder / "answers"
    classes = out / "classes"
    command = ["predict", str(shipped_model()), str(pictures), "--out", str(out)]
    found = condition.run(command, folder, lambda: classes.is_dir() and any(classes.iterdir()))
    if found["code"] != 0:
        return found
    plan = json.loads((out / "plan.json").read_text())
    return found | {
        "pictures": len(list(classes.iterdir())),
        "precision": plan["precision"],
        "planned_picture_seconds": round(plan["predicted_seconds"], 4),
        "measured_picture_seconds": plan["measured"],
    }


JOBS = {"demo": demo, "cracks": cracks, "predict": predict}


def scenes() -> Path:
    """The folder with the pictures that `predict` answers, drawn if it is not there."""
    folder = FOLDER / "pictures"
    if not folder.is_dir():
        draft = FOLDER / "pictures.part"
        shutil.rmtree(draft, ignore_errors=True)
        draft.mkdir(parents=True)
        for seed in range(FIRST_SEED, FIRST_SEED + N_PICTURES):
            write_picture(draft / f"{seed}.png", generate("mixed", seed, SIZE_HW).picture)
        draft.replace(folder)
    return folder


def measure(name: str, minutes: float) -> dict[str, Any]:
    """All jobs under one condition."""
    with ExitStack() as stack:
        group = stack.enter_context(memory_group(MEMORY_BYTES)) if name == "2 GB" else None
        if name == "two busy neighbours":
            stack.enter_context(neighbours(N_NEIGHBOURS))
        load = stack.enter_context(recorded_load())
        condition = Condition(name, group)
        jobs: dict[str, Any] = {}
        for job, function in JOBS.items():
            folder = FOLDER / name.replace(" ", "_") / job
            shutil.rmtree(folder, ignore_errors=True)
            folder.mkdir(parents=True)
            jobs[job] = function(condition, folder, minutes)
            print(f"{name}, {job}: {jobs[job]['seconds']:.1f} s, exit code {jobs[job]['code']}", flush=True)
    limit = {"memory_limit": "--memory 2GB, no control group" if condition.limits_option else "control group"}
    return {"jobs": jobs, "load": load} | (limit if name == "2 GB" else {})


def sentence(conditions: Mapping[str, Mapping[str, Any]]) -> str:
    """The numbers in words."""
    parts = []
    for name, found in conditions.items():
        jobs = found["jobs"]
        parts.append(
            f"{name}: the demo's first picture after {jobs['demo']['first_result_seconds']} s, "
            f"{jobs['cracks'].get('steps', 'no')} steps on cracks in {jobs['cracks']['seconds'] / 60:.1f} minutes, "
            f"{N_PICTURES} pictures answered in {jobs['predict']['seconds']:.0f} s"
        )
    return "; ".join(parts)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.split("\n", 1)[0])
    parser.add_argument("--conditions", nargs="+", choices=CONDITIONS, default=list(CONDITIONS))
    parser.add_argument("--minutes", type=float, default=MINUTES, help="of the training on cracks")
    options = parser.parse_args()
    usual = vars(options) == vars(parser.parse_args([]))
    scenes()
    found = {name: measure(name, options.minutes) for name in options.conditions}
    result = {
        "command": " ".join(["python -m bench.first_hour", *([] if usual else sys.argv[1:])]),
        "sentence": sentence(found),
        "conditions": found,
        "load": found[options.conditions[0]]["load"],
        "machine": machine_facts(),
    }
    write_result("first_hour", result, scratch=not usual)
    print(result["sentence"])


if __name__ == "__main__":
    exit_on_error(main)
