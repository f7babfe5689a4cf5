"""Find nuclei one by one: smalta, StarDist and Ultralytics' yolo-seg, trained for the same minutes.

`python -m bench.nuclei [--data nuclei|nuclei_by_picture] [--who smalta|stardist|yolo] [--minutes 15] [--keep]`.

In:  SMALTA_DATA; smalta through its command line, the rivals in environments of their own.
Out: bench/results/DATA_WHO.json, or bench/work/results/DATA_WHO.json where the minutes are not the job's own.

In `nuclei` small families of pictures (one kind, one size) lie in one part only, so the test part shows what training
never saw; in `nuclei_by_picture` pictures are dealt one by one, as random splits do.

Every program writes one PNG of object ids per picture of the test part; the same code scores them. smalta starts
from its encoder's ImageNet weights, the rivals from nothing. `--keep` trains nothing: the last training's model
predicts once more, by the program as it is now.
"""

from __future__ import annotations

import argparse
import json
import shutil
import statistics
import subprocess
import time
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np

from bench.common import (
    REPOSITORY,
    WORK,
    exit_on_error,
    machine_facts,
    recorded_load,
    rival_python,
    run,
    smalta_command,
    smalta_log,
    write_result,
)
from bench.prepare import prepared, read_mask
from smalta.api.answering import planned
from smalta.data.any_format import open_dataset
from smalta.errors import DataError
from smalta.inference.answering import failed, predict_files
from smalta.metrics.bootstrap import draw_pictures, interval
from smalta.metrics.instance import accuracy, f1, match_counts, mean_accuracy, quality
from smalta.metrics.node_counts import bias, count_sums, mean_absolute_error
from smalta.pictures.finding import find_pictures
from smalta.planning.plan import Limits
from smalta.results.options import OutputOptions
from smalta.system.cores import usable_cores

DATA = "nuclei"
SETS = (DATA, "nuclei_by_picture")
MINUTES = 15.0
SEED = 0
WHO = ("smalta", "stardist", "yolo")
PACKAGES = {
    "stardist": ("stardist", "csbdeep", "tensorflow-cpu", "keras", "numpy"),
    "yolo": ("ultralytics", "torch", "numpy"),
}
MEASURES = {
    "accuracy_50": lambda counts: accuracy(counts[..., 0, :]),
    "mean_accuracy": mean_accuracy,
    "f1_50": lambda counts: f1(counts[..., 0, :]),
    "pq_50": lambda counts: quality(counts[..., 0, :]),
}


def train_rival(who: str, data: Path, folder: Path, minutes: float) -> dict[str, Any]:
    """Train in the rival's environment; returns facts about it."""
    _in_environment(who, folder, "train", str(data), str(folder), "--minutes", str(minutes), "--seed", str(SEED))
    return json.loads((folder / "training.json").read_text(encoding="utf-8"))


def predict_rival(who: str, folder: Path, pictures: Path) -> dict[str, Any]:
    """Predict in the rival's environment; returns facts about it."""
    _in_environment(who, folder, "predict", str(folder), str(pictures), str(folder / "instances"))
    return json.loads((folder / "prediction.json").read_text(encoding="utf-8"))


def rival_versions(who: str) -> dict[str, str]:
    """Of the packages that the rival consists of."""
    ask = f"import importlib.metadata as m, json; print(json.dumps({{n: m.version(n) for n in {PACKAGES[who]}}}))"
    return json.loads(subprocess.run([rival_python(who), "-c", ask], capture_output=True, text=True, check=True).stdout)


def _in_environment(who: str, folder: Path, *arguments: str) -> None:
    variables = {
        "PYTHONPATH": str(REPOSITORY / "src"),
        "OMP_NUM_THREADS": str(usable_cores()),  # Ultralytics takes one if it is not told
        "YOLO_OFFLINE": "1",
        "YOLO_CONFIG_DIR": str(folder),
        "TF_CPP_MIN_LOG_LEVEL": "2",
    }
    run(rival_python(who), "-m", f"bench.rivals.{who}_nuclei", *arguments, **variables)


def run_smalta(data: Path, folder: Path, minutes: float) -> dict[str, Any]:
    """Train by the command line; returns facts about it."""
    start = time.monotonic()
    options = ("--minutes", str(minutes), "--seed", str(SEED))
    run(*smalta_command(), "train", str(data), "--out", str(folder / "run"), *options)
    seconds = time.monotonic() - start
    log = smalta_log(folder / "run")
    rates = [event["pictures_per_second"] for event in log if event["event"] == "progress"]
    looks = [event for event in log if event["event"] == "validation"]
    return {
        "train_seconds": round(seconds, 1),
        "steps": looks[-1]["step"],
        "pictures_per_second": round(statistics.median(rates), 2) if rates else None,
    }


def time_smalta(model: Path, pictures: Path, out: Path) -> dict[str, Any]:
    """What `smalta predict` does, from files to files; as with the rivals, loading and a first picture do not count."""
    paths, options = find_pictures([str(pictures)]), OutputOptions()
    predictor = planned(model, paths, Limits(), options)
    predict_files(predictor, paths[:1], out / "warm_up", options)
    start = time.monotonic()
    outcomes = predict_files(predictor, paths, out, options)
    seconds = time.monotonic() - start
    if broken := [str(outcome.error) for outcome in failed(outcomes)]:
        raise DataError(broken[0])
    return {"pictures": len(paths), "seconds": round(seconds, 2)}


def scores(truths: Mapping[str, np.ndarray], found: Mapping[str, np.ndarray]) -> dict[str, Any]:
    """Every measure over some pictures, with a 95 % interval over pictures.

    Args:
        truths: (H, W) instance map by picture, 0 = none.
        found: the same from a program.
    """
    names = sorted(truths)
    counts = np.stack([match_counts(truths[name], found[name]) for name in names])
    numbers = {
        side: np.array([len(np.unique(maps[name][maps[name] > 0])) for name in names])
        for side, maps in (("true", truths), ("found", found))
    }
    errors = count_sums(numbers["found"], numbers["true"])
    draws = draw_pictures(len(names))
    lines: dict[str, Any] = {"pictures": len(names)} | {side: int(count.sum()) for side, count in numbers.items()}
    for name, values, measure in (
        *((name, counts, measure) for name, measure in MEASURES.items()),
        ("count_mae", errors, mean_absolute_error),
        ("count_bias", errors, bias),
    ):
        low, high = interval(values, measure, draws)
        lines[name] = {
            "value": round(float(measure(values.sum(axis=0))), 4),
            "interval": [round(low, 4), round(high, 4)],
        }
    return lines


def run_job(name: str, who: str, minutes: float, *, keep: bool = False) -> Path:
    """Train one program, let it predict the test part, score it and write the result.

    Args:
        name: of the data.
        who: the program.
        minutes: of training.
        keep: the last training's model instead of training one; the result says so.

    Raises:
        DataError: if a picture of the test part has no map, or one of another size, or no training of these minutes is
            there to be kept.
    """
    data = prepared(name)
    dataset = open_dataset(data)
    folder = WORK / "runs" / f"{name}_{who}"
    told = folder / "trained.json"
    if not keep:
        shutil.rmtree(folder, ignore_errors=True)
        folder.mkdir(parents=True)
        with recorded_load() as load:
            training = run_smalta(data, folder, minutes) if who == "smalta" else train_rival(who, data, folder, minutes)
        trained = {"minutes": minutes, "training": training, "load": load, "machine": machine_facts()}
        told.write_text(json.dumps(trained), encoding="utf-8")
    elif not told.is_file() or json.loads(told.read_text(encoding="utf-8"))["minutes"] != minutes:
        raise DataError(f"no such training is there to be kept; run `{command(name, who, minutes)}` first")
    trained = json.loads(told.read_text(encoding="utf-8"))
    shutil.rmtree(folder / "instances", ignore_errors=True)
    pictures = data / "test/images"
    with recorded_load() as load:
        prediction = (
            time_smalta(folder / "run", pictures, folder) if who == "smalta" else predict_rival(who, folder, pictures)
        )
    truths, found = {}, {}
    for entry in dataset.split("test"):
        truths[entry.name] = read_mask(data / "test/instances" / f"{entry.name}.png")
        found[entry.name] = read_mask(folder / "instances" / f"{entry.name}.png")
        if found[entry.name].shape != truths[entry.name].shape:
            raise DataError(f"{who} answered {entry.name} with a map of {found[entry.name].shape}; it must fit it")
    kinds = dict(line.split() for line in (data / "kinds.txt").read_text(encoding="utf-8").splitlines())
    parts = {"all": set(truths)} | {kind: {n for n in truths if kinds[n] == kind} for kind in set(kinds.values())}
    result = {
        "job": name,
        "who": who,
        "command": command(name, who, minutes) + (" --keep" if keep else ""),
        "data": name,
        "pictures": {split: len(entries) for split, entries in dataset.splits.items()},
        "split": "test",
        "minutes": minutes,
        "seed": SEED,
        "training": trained["training"],
        "trained": trained["machine"],
        "prediction": prediction
        | {"pictures_per_second": round(prediction["pictures"] / prediction["seconds"], 2), "load": load},
        "scores": {
            part: scores({n: truths[n] for n in names}, {n: found[n] for n in names})
            for part, names in sorted(parts.items())
        },
        "rival_versions": None if who == "smalta" else rival_versions(who),
        "load": trained["load"],
        "machine": machine_facts(),
    }
    return write_result(f"{name}_{who}", result, scratch=minutes != MINUTES)


def command(name: str, who: str | None, minutes: float) -> str:
    """What to type to get a result again, of one program or of all."""
    data = "" if name == DATA else f" --data {name}"
    program = "" if who is None else f" --who {who}"
    return f"python -m bench.nuclei{data}{program}" + (f" --minutes {minutes:g}" if minutes != MINUTES else "")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.split("\n", 1)[0])
    parser.add_argument("--data", choices=SETS, default=DATA, help="how the pictures are split")
    parser.add_argument("--who", choices=WHO, help="one program only")
    parser.add_argument("--minutes", type=float, default=MINUTES, help="of training, for each program")
    parser.add_argument("--keep", action="store_true", help="the last training's models predict once more")
    options = parser.parse_args()
    for who in [options.who] if options.who else WHO:
        print(f"wrote {run_job(options.data, who, options.minutes, keep=options.keep).name}")


if __name__ == "__main__":
    exit_on_error(main)
