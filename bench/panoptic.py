"""Panoptic scenes: unseen generated ones, and COCO photographs that the network has seen.

`python -m bench.panoptic scenes|coco [--minutes M] [--recalibrate]`.

In:  SMALTA_DATA for coco; smalta through its command line, as its users have it.
Out: bench/results/panoptic_JOB.json, or bench/work/results/ where the minutes are not the job's own.

The COCO part has 100 pictures of 133 categories, too few to learn anything that holds elsewhere. It is scored on the
pictures that it was trained on, which says that labels, heads, grouping, files and measures work together, and nothing
about quality; so it is shown them whole and always alike. `--recalibrate` keeps the weights of the last training,
chooses thresholds anew and scores again.

Beside the scores of the scenes stands what the true maps would score if they lay one pixel further to the right, or to
the right and down: how much of panoptic quality is a matter of single pixels in pictures of that size.
"""

from __future__ import annotations

import argparse
import json
import shutil
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from bench.common import RESULTS, WORK, exit_on_error, machine_facts, recorded_load, write_result
from bench.prepare import prepared
from bench.segment import report_of, run_smalta
from smalta.data.any_format import open_dataset
from smalta.data.dataset import Dataset
from smalta.description.run_folder import MODEL_FILE
from smalta.metrics.panoptic import SegmentMap, mean_quality, panoptic_counts
from smalta.scenes import write_scenes
from smalta.training.calibrating import calibrate_model

SCENES: dict[str, Any] = {"n_train": 400, "n_val": 60, "n_test": 200, "seed": 10_000, "size_hw": (384, 512)}


def _scenes() -> Path:
    folder = WORK / "data" / "scenes_512"
    if not folder.is_dir():
        write_scenes(folder, **SCENES)
    return folder


def _coco() -> Path:
    return prepared("coco_overfit")


@dataclass(frozen=True, slots=True, kw_only=True)
class Job:
    """One data set.

    Attributes:
        data: makes or finds it.
        split: the part that is scored.
        minutes: of training.
        about: what a reader must know.
        options: of the training, beside the minutes.
    """

    data: Callable[[], Path]
    split: str
    minutes: float
    about: str
    options: tuple[str, ...] = ()


JOBS = {
    "scenes": Job(
        data=_scenes,
        split="test",
        minutes=10,
        about="generated streets and parking lots of 512x384, people, cars and buses one by one; scored on scenes "
        "that took no part in training",
    ),
    "coco": Job(
        data=_coco,
        split="train",
        minutes=60,
        about="photographs of COCO, 133 categories under 27 supercategories; scored on the pictures that it was "
        "trained on, which choose weights and thresholds too: a test of the machinery, not of quality",
        options=("--augment", "none", "--crop", "640", "--batch", "2"),
    ),
}


def run_job(name: str, minutes: float) -> Path:
    """Train, score, write the result."""
    job = JOBS[name]
    data = job.data()
    folder = WORK / "runs" / f"panoptic_{name}"
    shutil.rmtree(folder, ignore_errors=True)
    folder.mkdir(parents=True)
    with recorded_load() as load:
        found = run_smalta(data, folder, minutes=minutes, split=job.split, options=job.options)
    report: dict[str, Any] = found["report"]
    short = f" --minutes {minutes:g}" if minutes != job.minutes else ""
    result = {
        "job": f"panoptic_{name}",
        "who": "smalta",
        "about": job.about,
        "command": f"python -m bench.panoptic {name}{short}",
        "pictures": {split: len(entries) for split, entries in open_dataset(data).splits.items()},
        "split": job.split,
        "minutes": minutes,
        "options": job.options,
        "training": found["training"],
        "headline": report["headline"],
        "counts": report["counts"],
        "one_pixel_off": one_pixel_off(open_dataset(data), job.split),
        "load": load,
        "machine": machine_facts(),
    }
    return write_result(f"panoptic_{name}", result, scratch=minutes != job.minutes)


def one_pixel_off(dataset: Dataset, split: str) -> dict[str, dict[str, float]]:
    """Panoptic quality at each level of the true maps, moved by a pixel, against themselves."""
    tree = dataset.tree
    moves = {"right": (0, 1), "right and down": (1, 1)}
    tables = {f"level {level}": tree.level_table(level).astype(np.uint16) for level in (1, tree.n_levels)}
    counts = {move: {name: np.zeros((len(tree), 4)) for name in tables} for move in moves}
    for sample in dataset.read_many(dataset.split(split)):
        instances = np.asarray(sample.instances)
        for name, table in tables.items():
            classes = table[sample.classes]
            true = SegmentMap.from_maps(classes, instances, tree.is_thing)
            for move, way in moves.items():
                moved = SegmentMap.from_maps(_moved(classes, *way), _moved(instances, *way), tree.is_thing)
                counts[move][name] += panoptic_counts(true, moved, len(tree))
    return {
        move: {name: round(float(mean_quality(total)), 4) for name, total in by_level.items()}
        for move, by_level in counts.items()
    }


def _moved(values: np.ndarray, down: int, right: int) -> np.ndarray:
    """What lay beyond the edge is as the edge is."""
    height, width = values.shape
    return np.pad(values, ((down, 0), (right, 0)), mode="edge")[:height, :width]


def recalibrate(name: str) -> Path:
    """Thresholds of the last training's weights chosen anew, by the program as it is now; and the scores."""
    job = JOBS[name]
    folder = WORK / "runs" / f"panoptic_{name}"
    dataset = open_dataset(job.data())
    said = calibrate_model(folder / MODEL_FILE, dataset, dataset.split("val"), device="cpu", bf16=False)
    report = report_of(folder, dataset.root, job.split)
    result = json.loads((RESULTS / f"panoptic_{name}.json").read_text(encoding="utf-8"))
    command = f"python -m bench.panoptic {name} --recalibrate"
    result |= {"headline": report["headline"], "counts": report["counts"]}
    result["recalibrated"] = {"command": command, "chosen": said, "machine": machine_facts()}
    return write_result(f"panoptic_{name}", result)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.split("\n", 1)[0])
    parser.add_argument("job", choices=[*JOBS, "all"])
    parser.add_argument("--minutes", type=float, help="of training, instead of the job's own")
    parser.add_argument("--recalibrate", action="store_true", help="keep the weights of the last training")
    options = parser.parse_args()
    for name in JOBS if options.job == "all" else [options.job]:
        made = recalibrate(name) if options.recalibrate else run_job(name, options.minutes or JOBS[name].minutes)
        print(f"wrote {made.name}")


if __name__ == "__main__":
    exit_on_error(main)
