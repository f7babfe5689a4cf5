"""How many good parts are rejected if 1 % of the bad ones may be missed, on magnetic tiles with and without a defect.

`python -m bench.magnetic_tile`; `--run RUN` judges a finished run instead of training one, such as that of
`python -m bench.segment magnetic_tile`, which has the same data, seed and minutes.

In:  SMALTA_DATA; smalta through its command line, as its users have it.
Out: bench/results/verdicts_magnetic_tile.json, or bench/work/results where the minutes are not the job's own.

A tile is bad if it has a defect of any kind. The threshold on the score is chosen on the validation part and applied to
the test part; tiles of the two are different. Beside it stands a baseline that learns only its threshold: the largest
local contrast of the picture.
"""

from __future__ import annotations

import argparse
import json
import shutil
from pathlib import Path
from typing import Any

import cv2
import numpy as np

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
from smalta.data.dataset import Dataset
from smalta.metrics.verdict_scores import at_threshold, separation, threshold_for

DATA = "magnetic_tile"
MINUTES = 10.0
MISS = 0.01
SEED = 0
RULE = "defect present"
BLUR, WIDE = 2.0, 12.0  # pixels: sigma of the two Gaussians whose difference is the local contrast


def local_contrast(picture: np.ndarray) -> float:
    """The largest difference of a picture (H, W, 3) uint8 between two Gaussian blurs, relative to its own spread."""
    grey = cv2.cvtColor(picture, cv2.COLOR_RGB2GRAY).astype(np.float32)
    fine, coarse = (cv2.GaussianBlur(grey, (0, 0), sigma) for sigma in (BLUR, WIDE))
    difference = np.abs(fine - coarse)
    return float(difference.max() / (np.median(difference) + 1.0))


def contrasts(dataset: Dataset, split: str) -> tuple[np.ndarray, np.ndarray]:
    """(P,) bool whether each tile is bad, and (P,) its local contrast."""
    defect = dataset.tree["defect"].id
    below = [defect, *dataset.tree.descendants(defect)]
    rows = [
        (bool(np.isin(sample.classes, below).any()), local_contrast(sample.picture))
        for sample in dataset.read_many(dataset.split(split), workers=1)
    ]
    bad, scores = zip(*rows, strict=True)
    return np.array(bad), np.array(scores)


def judged(bad: np.ndarray, scores: np.ndarray, threshold: float) -> dict[str, Any]:
    """What a threshold does on the test part, and what the best one with the same misses would do."""
    best = threshold_for(bad, scores, MISS)
    return {
        "at_chosen_threshold": at_threshold(bad, scores, threshold),
        "best_on_test": None if best is None else at_threshold(bad, scores, best),
        "auc": separation(bad, scores),
    }


def baseline(dataset: Dataset) -> dict[str, Any]:
    """Verdicts by local contrast."""
    bad, scores = contrasts(dataset, "val")
    threshold = threshold_for(bad, scores, MISS)
    if threshold is None:
        raise ValueError("no validation tile has a defect")
    return judged(*contrasts(dataset, "test"), threshold)


def trained(data: Path, minutes: float) -> Path:
    """A run of these minutes, in a process of its own."""
    folder = WORK / "runs" / "verdicts_magnetic_tile"
    shutil.rmtree(folder, ignore_errors=True)
    run(*smalta_command(), "train", str(data), "--out", str(folder), "--minutes", str(minutes), "--seed", str(SEED))
    return folder


def smalta(data: Path, folder: Path) -> dict[str, Any]:
    """Evaluate a run in a process of its own; the report of the test part."""
    rules, answer = folder / "good.yaml", folder / "verdicts.json"
    rules.write_text(f"bad when: {RULE}\n", encoding="utf-8")
    told = ["--split", "test", "--good", str(rules), "--miss", f"{100 * MISS:g}%", "--json", str(answer)]
    run(*smalta_command(), "evaluate", str(folder), str(data), *told)
    report: dict[str, Any] = json.loads(answer.read_text(encoding="utf-8"))
    return report


def run_job(minutes: float, folder: Path | None) -> Path:
    """Train unless there is a run, evaluate, and write the result."""
    data = prepared(DATA)
    dataset = open_dataset(data, seed=SEED)
    with recorded_load() as load:
        folder = folder or trained(data, minutes)
        report = smalta(data, folder)
    verdicts = report["verdicts"]
    rows = verdicts["verdicts"]
    bad, scores = np.array([row["true"] for row in rows]), np.array([row["score"] for row in rows])
    command = "python -m bench.magnetic_tile" + ("" if minutes == MINUTES else f" --minutes {minutes:g}")
    result = {
        "job": "verdicts_magnetic_tile",
        "title": "Magnetic tiles: good or bad",
        "about": "593 pictures, half of them with a defect; split by tile; the threshold is chosen on "
        "val so that at most 1 % of the bad ones are missed; 95 % intervals of Clopper and Pearson",
        "command": command,
        "rule": RULE,
        "miss": MISS,
        "minutes": minutes,
        "steps": [event["step"] for event in smalta_log(folder) if event["event"] == "validation"][-1],
        "pictures": {split: len(entries) for split, entries in dataset.splits.items()},
        "by_the_rule": {name: verdicts[name] for name in ("missed", "rejected")},
        "smalta": judged(bad, scores, verdicts["chosen"]["evaluated"]["threshold"]),
        "validation": verdicts["chosen"]["validation"],
        "local_contrast": baseline(dataset),
        "presence": report["presence"],
        "load": load,
        "machine": machine_facts(),
    }
    return write_result("verdicts_magnetic_tile", result, scratch=minutes != MINUTES)


def summary(path: Path) -> str:
    """What a reader wants to know, in a few lines."""
    result = json.loads(path.read_text(encoding="utf-8"))

    def line(name: str, found: dict[str, Any]) -> str:
        missed, rejected = found["missed"], found["rejected"]
        low, high = rejected["interval"]
        return (
            f"{name}: misses {missed['n']} of {missed['of']} bad tiles, rejects {rejected['n']} of {rejected['of']} "
            f"good ones ({rejected['share']:.1%}, {low:.1%} .. {high:.1%})"
        )

    table = result["presence"]["reliability"]
    lines = [
        line(f"{who}, threshold from val", result[who]["at_chosen_threshold"]) for who in ("smalta", "local_contrast")
    ]
    lines += [
        line(f"{who}, best threshold on test", result[who]["best_on_test"]) for who in ("smalta", "local_contrast")
    ]
    lines.append(f"calibration error of presence {table['ece']}, if probabilities were right {table['ece_if_perfect']}")
    return "\n".join(lines)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.split("\n", 1)[0])
    parser.add_argument("--minutes", type=float, default=MINUTES, help="of training")
    parser.add_argument("--run", type=Path, help="judge this finished run of as many minutes instead of training one")
    options = parser.parse_args()
    path = run_job(options.minutes, options.run)
    print(summary(path))
    print(f"wrote {path.name}")


if __name__ == "__main__":
    exit_on_error(main)
