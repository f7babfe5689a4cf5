"""Show what smalta does, from nothing, in about two minutes: make scenes, train, measure, look.

In:  a new folder, minutes to train.
Out: scenes, a model, numbers, class maps, and a picture that shows truth and answer side by side.

Must not know: how scenes are drawn, how networks work, command lines.
"""

from __future__ import annotations

import json
import time
from collections.abc import Mapping
from contextlib import nullcontext
from pathlib import Path
from typing import Any

import cv2
import numpy as np
from rich.console import Console
from rich.markup import escape
from rich.table import Table

from smalta.data.dataset import Dataset, open_dataset
from smalta.data.overlay import caption, overlay, with_legend
from smalta.data.pictures import write_bytes, write_picture
from smalta.data.scenes import write_scenes
from smalta.errors import ConfigError
from smalta.inference.evaluate import evaluate
from smalta.inference.files import OutputOptions, predict_files
from smalta.inference.predictor import Predictor, load
from smalta.report.training_progress import TrainingProgress
from smalta.training.settings import TrainSettings
from smalta.training.train import train

N_TRAIN, N_VAL, N_TEST = 260, 16, 24
SIZE_HW = (192, 256)
CROP, BATCH, STRIDE = 160, 5, 4  # in a minute many small steps teach more than a few large ones
FEW_STEPS = 250  # two quiet cores make about 600
SHOWN = 4  # scenes in the picture
ZOOM = 2
SCENES, RUN, ANSWERS = "scenes", "run", "answers"


def run_demo(out: str | Path, *, minutes: float = 1.5, quiet: bool = False) -> dict[str, Any]:
    """Make street and parking scenes, train on them, measure on others, and say what to look at.

    Args:
        out: a new or empty folder.
        minutes: to train; all else takes less than a minute on two cores.
        quiet: print nothing.

    Returns:
        Plain data: "seconds" in all, "evaluation" (the report of `evaluate`), and the paths "scenes", "run",
        "answers", "side_by_side" and "report".

    Raises:
        ConfigError: if `out` holds files, or `minutes` is not above 0.
        TrainingError: if training cannot go on.
    """
    started = time.monotonic()
    root = Path(out)
    if root.is_file() or (root.is_dir() and any(root.iterdir())):
        raise ConfigError(f"{root} is not empty; name a new folder with --out")
    if not minutes > 0:
        raise ConfigError(f"minutes must be above 0, got {minutes}")
    console = Console(quiet=quiet, soft_wrap=True, highlight=False)
    scenes, run, answers = root / SCENES, root / RUN, root / ANSWERS

    n_scenes = N_TRAIN + N_VAL + N_TEST
    console.print(f"[bold]1.[/] Drawing {n_scenes} street and parking scenes, each with labels for every pixel ...")
    write_scenes(scenes, n_train=N_TRAIN, n_val=N_VAL, n_test=N_TEST, size_hw=SIZE_HW)

    console.print(f"[bold]2.[/] Training a network on {N_TRAIN} of them for {minutes:g} minutes ...")
    settings = TrainSettings(minutes=minutes, crop=CROP, batch=BATCH, stride=STRIDE)
    with nullcontext() if quiet else TrainingProgress(console) as watcher:
        trained = train(scenes, run, settings, observer=watcher)

    console.print(f"[bold]3.[/] Asking it about {N_TEST} scenes that it has never seen ...")
    predictor, dataset = load(run), open_dataset(scenes)
    report = evaluate(predictor, dataset, "test")
    write_bytes(root / "evaluation.json", (json.dumps(report, indent=1) + "\n").encode())
    pictures = [entry.picture for entry in dataset.split("test")]
    predict_files(predictor, pictures, answers, OutputOptions(overlays=True))
    side_by_side = root / "side_by_side.png"
    write_picture(side_by_side, _side_by_side(predictor, dataset))

    seconds = time.monotonic() - started
    _tell(console, root, report, seconds, trained.steps)
    return {
        "seconds": seconds,
        "evaluation": report,
        "scenes": scenes,
        "run": run,
        "answers": answers,
        "side_by_side": side_by_side,
        "report": root / "evaluation.json",
    }


def _side_by_side(predictor: Predictor, dataset: Dataset) -> np.ndarray:
    """Some test scenes of both kinds, one a row: picture, truth, answer; the classes' colours below."""
    height, width = SIZE_HW[0] * ZOOM, SIZE_HW[1] * ZOOM
    rows = [np.hstack([caption(title, width) for title in ("picture", "truth", "answer")])]
    nodes: set[int] = set()
    entries = dataset.split("test")
    for entry in entries[:: max(1, len(entries) // SHOWN)][:SHOWN]:
        sample = dataset.read(entry)
        answer = predictor(sample.picture).classes
        nodes |= {int(node) for node in np.unique([sample.classes, answer])}
        large = cv2.resize(sample.picture, (width, height), interpolation=cv2.INTER_CUBIC)
        row = [large]
        for classes in (sample.classes, answer):
            enlarged = cv2.resize(classes, (width, height), interpolation=cv2.INTER_NEAREST)
            row.append(overlay(large, enlarged, dataset.tree, opacity=0.7))
        rows.append(np.hstack(row))
    return with_legend(np.vstack(rows), dataset.tree, sorted(nodes))


def _tell(console: Console, root: Path, report: Mapping[str, Any], seconds: float, steps: int) -> None:
    """The numbers in a few lines, what to look at, and what to type next."""
    here = escape(str(root))
    console.print(f"\n[bold]Done in {seconds / 60:.1f} minutes.[/] On {report['n_pictures']} unseen scenes:\n")
    console.print(_scores(report))
    if steps < FEW_STEPS:
        console.print(
            f"\n[bold]Only {steps} training steps fitted into the time[/]: this machine is slow or busy with something "
            "else, and the answers are poor. Give it more time with --minutes."
        )
    classes = [row for row in report["levels"][-1]["classes"] if row["iou"] is not None]
    best, worst = (sorted(classes, key=lambda row: row["iou"], reverse=turn)[:3] for turn in (True, False))
    console.print(
        f"IoU 1 is perfect, 0 is nothing right. Easiest: {_names(best)}. Hardest: {_names(worst)}.\n\n"
        "[bold]Look at[/]\n"
        f"  {here}/side_by_side.png    picture, truth and answer of {SHOWN} scenes. The two lanes are the same\n"
        "      asphalt: only their place tells them apart. A make shows in shape, lamps and grille, never in the\n"
        "      paint. Thin things and far cars are where so short a training still errs.\n"
        f"  {here}/answers/overlays/   the same for every test scene\n"
        f"  {here}/answers/classes/    the answers as numbers; answers/classes.json says which number is which class\n"
        f"  {here}/evaluation.json     every number, with intervals and definitions\n"
        f"  {here}/scenes/             how labelled pictures lie in folders; classes.yaml is the tree of classes\n\n"
        "[bold]Ask the same model for less detail[/]\n"
        f"  smalta predict {here}/{RUN} {here}/{SCENES}/test/images --out {here}/coarse --level 1 --overlay\n\n"
        "[bold]Your own pictures[/]: put them into mine/images, and into mine/masks one PNG for each under the same\n"
        "name, in which every pixel holds the number of its class; name the classes in mine/classes.yaml. Then:\n"
        "  smalta check mine --contact-sheet mine.png\n"
        "  smalta train mine --out runs/mine --minutes 30\n"
        "  smalta evaluate runs/mine mine\n"
        "  smalta predict runs/mine NEW_PICTURES --out answers --overlay"
    )


def _scores(report: Mapping[str, Any]) -> Table:
    """Mean IoU per level and accuracy per attribute, each with its interval."""
    table = Table(box=None, pad_edge=True)
    for title in ("question", "answers", "score", "95 % interval"):
        table.add_column(title, justify="left" if title in ("question", "answers") else "right")
    headlines = {(row["scope"], row["measure"]): row for row in report["headline"]}

    def add(question: str, answers: str, scope: str, measure: str) -> None:
        row = headlines[scope, measure]
        low, high = row["interval"] or (float("nan"), float("nan"))
        table.add_row(question, answers, f"{row['value']:.2f}", f"{low:.2f} .. {high:.2f}")

    for level in report["levels"]:
        count = f"{len(level['classes'])} classes"
        add(f"level {level['level']} of the tree, mean IoU", count, f"level {level['level']}", "mean_iou")
    for question in report["attributes"]:
        values = ", ".join(value["value"] for value in question["values"])
        add(f"{question['attribute']}, share of right pixels", values, f"attribute {question['attribute']}", "accuracy")
    return table


def _names(rows: list[Mapping[str, Any]]) -> str:
    return ", ".join(f"{escape(row['class'].rpartition('/')[2])} {row['iou']:.2f}" for row in rows)
