"""What both rivals on nuclei share: reading the prepared set, predicting from files to files, the command line.

In:  a folder data set with `images/` and `instances/` under each split.
Out: arrays; one 16-bit PNG of object ids per picture.

Must not know: smalta, which is not in the rivals' environments.
"""

from __future__ import annotations

import argparse
import json
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import cv2
import numpy as np


@dataclass(frozen=True, slots=True)
class Labelled:
    """(H, W, 3) uint8 RGB picture and (H, W) uint16 instance map, 0 = none."""

    name: str
    picture: np.ndarray
    instances: np.ndarray


def read_part(data: Path, split: str) -> list[Labelled]:
    """All pictures of a split, in the order of their names."""
    return [
        Labelled(
            name=path.stem,
            picture=read_rgb(path),
            instances=cv2.imread(str(data / split / "instances" / f"{path.stem}.png"), cv2.IMREAD_UNCHANGED),
        )
        for path in sorted((data / split / "images").iterdir())
    ]


def read_rgb(path: Path) -> np.ndarray:
    """(H, W, 3) uint8."""
    return cv2.cvtColor(cv2.imread(str(path), cv2.IMREAD_COLOR), cv2.COLOR_BGR2RGB)


def predict_files(segment: Callable[[np.ndarray], np.ndarray], pictures: Path, out: Path) -> dict[str, Any]:
    """Write OUT/STEM.png for every picture of a folder.

    Args:
        segment: (H, W, 3) uint8 RGB to (H, W) instance map.
        pictures: the folder.
        out: made if it is not there.

    Returns:
        Pictures and seconds from the first read to the last write; one picture is segmented before, to warm up.
    """
    out.mkdir(parents=True, exist_ok=True)
    paths = sorted(pictures.iterdir())
    segment(read_rgb(paths[0]))
    start = time.monotonic()
    for path in paths:
        cv2.imwrite(str(out / f"{path.stem}.png"), segment(read_rgb(path)).astype(np.uint16))
    return {"pictures": len(paths), "seconds": round(time.monotonic() - start, 2)}


def command_line(
    description: str | None,
    train: Callable[..., dict[str, Any]],
    predict: Callable[[Path, Path, Path], dict[str, Any]],
    **more: tuple[int, str],
) -> None:
    """`train DATA RUN --minutes M [--seed S]` and `predict RUN PICTURES OUT`, each leaving its facts in RUN.

    Args:
        description: the first line is shown as help.
        train: takes the data, the run, and the options by name.
        predict: takes run, pictures and out.
        more: further options of the training: default and help.
    """
    parser = argparse.ArgumentParser(description=(description or "").split("\n", 1)[0])
    commands = parser.add_subparsers(dest="command", required=True)
    training = commands.add_parser("train")
    training.add_argument("data", type=Path)
    training.add_argument("run", type=Path)
    training.add_argument("--minutes", type=float, required=True)
    settings: Mapping[str, tuple[int, str]] = {"seed": (0, "of order and weights"), **more}
    for name, (default, text) in settings.items():
        training.add_argument(f"--{name}", type=int, default=default, help=text)
    predicting = commands.add_parser("predict")
    for name in ("run", "pictures", "out"):
        predicting.add_argument(name, type=Path)
    options = parser.parse_args()
    if options.command == "train":
        told = {name: getattr(options, name) for name in settings}
        facts, file = train(options.data, options.run, minutes=options.minutes, **told), "training.json"
    else:
        facts, file = predict(options.run, options.pictures, options.out), "prediction.json"
    (options.run / file).write_text(json.dumps(facts, indent=1), encoding="utf-8")
