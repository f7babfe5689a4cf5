"""How many steps a data set needs: train the same set with 30, 100, 300, .. steps, and compare with the longest run.

`python -m bench.learning_curves scenes crackforest --steps 30 100 300 1000`. Steps, not minutes: other work on the
machine changes the time, and not the weights. A run that is done is not made again and a stopped run continues, so the
command can be stopped and repeated, also with further steps.

In:  SMALTA_DATA, for every set except the generated scenes; smalta through its command line.
Out: bench/results/learning_curves.json: scores beside those of the trivial answers, and the steps to 90 % of the gain
     of the longest run.
"""

from __future__ import annotations

import argparse
import json
import math
import shutil
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from bench.common import (
    RESULTS,
    WORK,
    exit_on_error,
    machine_facts,
    recorded_load,
    run,
    smalta_command,
    smalta_log,
    write_result,
)
from bench.prepare import prepared, whole
from smalta.scenes import write_scenes

SEED = 0
STEPS = (30, 100, 300, 1000, 3000)
GAIN = 0.9  # of the longest run's gain over the trivial answer
NAME = "learning_curves"


@dataclass(frozen=True, slots=True, kw_only=True)
class Curve:
    """One data set.

    Attributes:
        title: for a table.
        options: of `smalta train`.
    """

    title: str
    options: tuple[str, ...] = ()


CURVES = {
    "scenes": Curve(
        title="generated streets and car parks, 260 of 256x192, as the demo trains on them",
        options=("--crop", "160", "--batch", "5", "--stride", "4"),
    ),
    "crackforest": Curve(title="cracks in roads, binary, 42 of 480x320"),
    "camvid11": Curve(title="street scenes, 11 classes, 367 of 480x360"),
    "nuclei": Curve(title="nuclei one by one, 385 of many sizes"),
}


def data_of(name: str) -> Path:
    """The folder of a data set; scenes are drawn if they are not there."""
    if name != "scenes":
        return prepared(name)
    folder = WORK / "data" / "scenes_of_curves"
    if not folder.is_dir():
        with whole(folder) as part:
            write_scenes(part, n_train=260, n_val=40, n_test=24)
    return folder


def done(folder: Path, steps: int) -> bool:
    """Whether a run has made all its steps and its last validation."""
    if not (folder / "log.jsonl").is_file():
        return False
    return any(event["event"] == "validation" and event["step"] == steps for event in smalta_log(folder))


def train(name: str, steps: int) -> Path:
    """Train one point of a curve, or go on with it; returns the run's folder."""
    folder = WORK / "runs" / f"curve_{name}_{steps}"
    if done(folder, steps) and (folder / "load.json").is_file():
        return folder
    resume = (folder / "last.safetensors").is_file()
    if not resume:
        shutil.rmtree(folder, ignore_errors=True)
    told = ["--out", str(folder), "--steps", str(steps), "--seed", str(SEED), *CURVES[name].options]
    with recorded_load() as load:
        run(*smalta_command(), "train", str(data_of(name)), *told, *(["--resume"] if resume else []))
    (folder / "load.json").write_text(json.dumps(load), encoding="utf-8")
    return folder


def point(folder: Path, steps: int) -> dict[str, Any]:
    """Score of a run's best weights beside the trivial answer's on the same pictures."""
    looks = [event for event in smalta_log(folder) if event["event"] == "validation"]
    best = max(looks, key=lambda look: look["score"] or 0.0)
    settings = json.loads((folder / "settings.json").read_text(encoding="utf-8"))
    plan = json.loads((folder / "plan.json").read_text(encoding="utf-8"))
    return {
        "steps": steps,
        "passes": round(steps * settings["recipe"]["batch"] / settings["fingerprint"]["n_pictures"]["train"], 2),
        "measure": best["measure"],
        "score": round(best["score"], 4),
        "trivial": round(best["trivial"]["value"], 4),
        "trivial_answer": best["trivial"]["answer"],
        "step_seconds": round(plan["measured"].get("step", math.nan), 3),
        "load": json.loads((folder / "load.json").read_text(encoding="utf-8")),
    }


def with_gains(points: Sequence[dict[str, Any]]) -> list[dict[str, Any]]:
    """The points of a curve, each with its share of the longest run's gain over the trivial answer."""
    last = points[-1]
    whole_gain = last["score"] - last["trivial"]
    return [
        {**one, "gain": round((one["score"] - one["trivial"]) / whole_gain, 3) if whole_gain > 0 else None}
        for one in points
    ]


def steps_to(gain: float, points: Sequence[dict[str, Any]]) -> int | None:
    """Steps from which on all points have that gain, interpolated over the logarithm of the steps.

    Args:
        gain: relative to the longest run.
        points: of `with_gains`, by rising steps.

    Returns:
        None if no shorter run than the longest falls short of it, or if the longest gains nothing.
    """
    below = [i for i, one in enumerate(points) if one["gain"] is None or one["gain"] < gain]
    if not below or below[-1] == len(points) - 1:
        return None
    low, high = points[below[-1]], points[below[-1] + 1]
    share = (gain - low["gain"]) / (high["gain"] - low["gain"])
    return round(math.exp(math.log(low["steps"]) + share * math.log(high["steps"] / low["steps"])))


def curve(name: str, steps: Sequence[int]) -> dict[str, Any]:
    """Train and score all points of one data set."""
    points = with_gains([point(train(name, count), count) for count in sorted(steps)])
    return {
        "title": CURVES[name].title,
        "options": CURVES[name].options,
        "points": points,
        "enough": steps_to(GAIN, points),
    }


def stored() -> dict[str, Any]:
    """The curves of the result file; empty if there is none."""
    path = RESULTS / f"{NAME}.json"
    return json.loads(path.read_text(encoding="utf-8"))["curves"] if path.is_file() else {}


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.split("\n", 1)[0])
    parser.add_argument("names", nargs="*", default=[], help=f"data sets: {', '.join(CURVES)}; all by default")
    parser.add_argument("--steps", type=int, nargs="+", default=list(STEPS), help="length of each run")
    options = parser.parse_args()
    if unknown := [name for name in options.names if name not in CURVES]:
        parser.error(f"unknown data set {unknown[0]!r}; known are {', '.join(CURVES)}")
    curves = stored()
    for name in options.names or CURVES:
        curves[name] = curve(name, options.steps)
        result = {
            "command": f"python -m bench.{NAME}",
            "seed": SEED,
            "gain": GAIN,
            "curves": curves,
            "machine": machine_facts(),
        }
        print(f"wrote {write_result(NAME, result).name}: {name} needs {curves[name]['enough']} steps")


if __name__ == "__main__":
    exit_on_error(main)
