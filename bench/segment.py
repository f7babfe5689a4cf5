"""Train smalta, or a rival, for some minutes on a real data set and write down how well it then does.

`python -m bench.segment camvid --who smalta --minutes 30`; `python -m bench.segment all` runs every job. With
`--side-by-side` the programs of the named jobs run at the same time, one core each; the result then names one core, and
one other core that was busy.

In:  SMALTA_DATA; smalta through its command line, as its users have it.
Out: bench/results/JOB_WHO.json, or bench/work/results/JOB_WHO.json where the minutes are not the job's own.
"""

from __future__ import annotations

import argparse
import json
import os
import shutil
import statistics
import subprocess
import sys
import time
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from bench.common import (
    WORK,
    exit_on_error,
    machine_facts,
    recorded_load,
    run,
    smalta_command,
    smalta_log,
    write_result,
)
from bench.prepare import prepared
from smalta.data.any_format import open_dataset
from smalta.errors import ConfigError

SEED = 0
WHO = ("smalta", "smp")


@dataclass(frozen=True, slots=True, kw_only=True)
class Job:
    """One row of the table.

    Attributes:
        data: the data set, as `bench.prepare` names it.
        title: what is segmented, for the table.
        split: the part that is scored.
        minutes: of training, for each program.
        measures: what the table shows, the first one in front; names of the report's headline numbers.
        about: what a reader must know about data and splits.
        who: the programs that run.
    """

    data: str
    title: str
    split: str
    minutes: float
    measures: tuple[str, ...]
    about: str
    who: tuple[str, ...] = WHO


JOBS = {
    "camvid": Job(
        data="camvid11",
        title="Street scenes: CamVid, 11 classes",
        split="val",
        minutes=30,
        measures=("mean_iou",),
        about="official split, 367 train and 101 val pictures of 480x360; scored on val, which also picks the "
        "checkpoint, because the test part is not among the data",
    ),
    "camvid37": Job(
        data="camvid37",
        title="The same from 37 labelled pictures",
        split="val",
        minutes=20,
        measures=("mean_iou",),
        about="every tenth training picture of CamVid; scored on val as above, on the 11 leaves",
    ),
    "camvid37_330": Job(
        data="camvid37_330",
        title="The same 37, and 330 that name five parent classes only",
        split="val",
        minutes=20,
        measures=("mean_iou",),
        about="the other 330 say sky, construction (building, pole, sign, fence), ground, nature or movable; "
        "scored on val as above, on the 11 leaves; smp's Unet has no use for such labels",
        who=("smalta",),
    ),
    "crackforest": Job(
        data="crackforest",
        title="Cracks in roads: CrackForest, binary",
        split="test",
        minutes=10,
        measures=("tolerant_f1", "f1"),
        about="70 pictures of 480x320, split 42/14/14 at random with a fixed seed; tolerance 2 pixels; "
        "threshold from val",
    ),
    "magnetic_tile": Job(
        data="magnetic_tile",
        title="Defects on magnetic tiles, tree of five kinds",
        split="test",
        minutes=10,
        measures=("mean_iou",),
        about="593 pictures, half of them without a defect; split by tile; mean over background and five kinds",
    ),
    "dibco": Job(
        data="dibco",
        title="Ink on old pages: DIBCO, binary",
        split="test",
        minutes=10,
        measures=("f1",),
        about="17 pages of 2009 to 2011 train, 3 of 2012 validate, 4 of 2013 test; threshold from val",
    ),
    "car_parts": Job(
        data="car_parts",
        title="Parts of cars and their sides, 19 leaves",
        split="test",
        minutes=10,
        measures=("mean_iou",),
        about="397 pictures of 512x512, split 280/39/78 at random with a fixed seed",
    ),
}


def run_smalta(data: Path, folder: Path, *, minutes: float, split: str, options: Sequence[str] = ()) -> dict[str, Any]:
    """Train, with further options, and evaluate, in processes of their own; returns the report under "report"."""
    start = time.monotonic()
    told = ["--out", str(folder), "--minutes", str(minutes), "--seed", str(SEED), *options]
    run(*smalta_command(), "train", str(data), *told)
    seconds = time.monotonic() - start
    report = report_of(folder, data, split)
    log = smalta_log(folder)
    rates = [event["pictures_per_second"] for event in log if event["event"] == "progress"]
    looks = [event for event in log if event["event"] == "validation"]
    training = {
        "train_seconds": round(seconds, 1),
        "steps": looks[-1]["step"],
        "pictures_per_second": round(statistics.median(rates), 2) if rates else None,
        "validation": [
            {"minute": round(look["elapsed"] / 60, 2), "step": look["step"], "score": round(look["miou"], 4)}
            for look in looks
        ],
    }
    return {"report": report, "training": training}


def report_of(folder: Path, data: Path, split: str) -> dict[str, Any]:
    """What `smalta evaluate` says of a run, in a process of its own."""
    answer = folder / "evaluation.json"
    run(*smalta_command(), "evaluate", str(folder), str(data), "--split", split, "--json", str(answer))
    report: dict[str, Any] = json.loads(answer.read_text(encoding="utf-8"))
    return report


def run_smp(data: Path, folder: Path, *, minutes: float, split: str) -> dict[str, Any]:
    """The same for smp's Unet."""
    answer = folder / "evaluation.json"
    options = ["--minutes", str(minutes), "--split", split, "--seed", str(SEED), "--json", str(answer)]
    run(sys.executable, "-m", "bench.rivals.smp_unet", str(data), *options)
    return json.loads(answer.read_text(encoding="utf-8"))


RUNNERS = {"smalta": run_smalta, "smp": run_smp}


def run_job(name: str, who: str, minutes: float) -> Path:
    """Run one job for one program and write the result.

    Raises:
        ValueError: if the program was not scored on the pictures that the job names.
    """
    job = JOBS[name]
    data = prepared(job.data)
    folder = WORK / "runs" / f"{name}_{who}"
    shutil.rmtree(folder, ignore_errors=True)
    folder.mkdir(parents=True)
    with recorded_load() as load:
        found = RUNNERS[who](data, folder, minutes=minutes, split=job.split)
    report = found["report"]
    dataset = open_dataset(data, seed=SEED)
    expected = {entry.name for entry in dataset.split(job.split)}
    if {picture["name"] for picture in report["pictures"]} != expected:
        raise ValueError(f"{who} was not scored on the {len(expected)} pictures of the {job.split} part of {job.data}")
    leaves = report["levels"][-1]
    result = {
        "job": name,
        "who": who,
        "title": job.title,
        "about": job.about,
        "command": command(name, who, minutes),
        "data": job.data,
        "pictures": {split: len(entries) for split, entries in dataset.splits.items()},
        "split": job.split,
        "minutes": minutes,
        "seed": SEED,
        "measures": list(job.measures),
        "training": found["training"],
        "headline": report["headline"],
        "classes": {row["class"]: row["iou"] for row in leaves["classes"]},
        "load": load,
        "machine": machine_facts(),
    }
    return write_result(f"{name}_{who}", result, scratch=minutes != job.minutes)


def command(name: str, who: str | None, minutes: float) -> str:
    """The command that makes a result again; without `who`, the results of all programs."""
    options = (f" --who {who}" if who else "") + (f" --minutes {minutes:g}" if minutes != JOBS[name].minutes else "")
    return f"python -m bench.segment {name}{options}"


def side_by_side(runs: Sequence[tuple[str, str]], minutes: float | None) -> None:
    """Run programs at the same time, one core each: half the wall time, and the same load for each of them.

    Args:
        runs: job and program.
        minutes: of training, instead of the job's own.
    """
    cores = sorted(os.sched_getaffinity(0))
    if len(cores) < len(runs):
        raise ConfigError(f"{len(runs)} programs need a core each, and there are {len(cores)}; omit --side-by-side")
    options = [] if minutes is None else ["--minutes", f"{minutes:g}"]
    started = [
        subprocess.Popen(
            ["taskset", "--cpu-list", str(core), sys.executable, "-m", "bench.segment", name, "--who", who, *options]
        )
        for core, (name, who) in zip(cores, runs, strict=False)
    ]
    codes = [process.wait() for process in started]
    if any(codes):
        sys.exit(max(codes))


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.split("\n", 1)[0])
    parser.add_argument("jobs", nargs="+", choices=[*JOBS, "all"])
    parser.add_argument("--who", choices=WHO, help="one program only")
    parser.add_argument("--minutes", type=float, help="of training, instead of the job's own")
    parser.add_argument("--side-by-side", action="store_true", help="all at the same time, one core each")
    options = parser.parse_args()
    names = list(JOBS) if "all" in options.jobs else options.jobs
    runs = [(name, who) for name in names for who in JOBS[name].who if options.who in (None, who)]
    if options.side_by_side:
        for name in names:
            prepared(JOBS[name].data)
        side_by_side(runs, options.minutes)
    else:
        for name, who in runs:
            print(f"wrote {run_job(name, who, options.minutes or JOBS[name].minutes).name}")


if __name__ == "__main__":
    exit_on_error(main)
