"""Show what smalta does in about two minutes, without data: draw scenes, train, evaluate, count.

In:  a new folder, minutes to train.
Out: scenes, a model, scores, answers of all kinds, and a picture with truth and answers side by side.

Must not know: how scenes are drawn, how networks work, command lines.
"""

from __future__ import annotations

import json
import time
from contextlib import nullcontext
from pathlib import Path
from typing import Any

from rich.console import Console

from smalta.data.any_format import open_dataset
from smalta.data.dataset import Dataset
from smalta.data.sample import Sample
from smalta.demo.page import page
from smalta.demo.words import count_table, easiest_and_hardest, score_table, what_next
from smalta.errors import ConfigError
from smalta.inference.answering import predict_files
from smalta.inference.predictor import load
from smalta.inference.split_evaluation import evaluate
from smalta.pictures.writing import write_picture
from smalta.report.training_progress import TrainingProgress
from smalta.results.options import OutputOptions
from smalta.scenes import write_scenes
from smalta.system.whole_files import write_bytes
from smalta.training.settings import TrainSettings
from smalta.training.train import train

N_TRAIN, N_VAL, N_TEST = 260, 40, 24  # intervals of counts need validation pictures
SIZE_HW = (192, 256)
CROP, BATCH, STRIDE = 160, 5, 4  # in a minute many small steps are better than a few large steps
FEW_STEPS = 250  # two quiet cores reach about 600
SCENES, RUN, ANSWERS = "scenes", "run", "answers"


def run_demo(out: str | Path, *, minutes: float, quiet: bool = False) -> dict[str, Any]:
    """Draw street and parking scenes, train on them, evaluate on others, and print what to look at.

    Args:
        out: a new or empty folder.
        minutes: to train; everything else takes less than a minute on two cores.
        quiet: print nothing.

    Returns:
        Plain data: "seconds" (total), "evaluation" (the report of `evaluate`), and the paths "scenes", "run",
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
        raise ConfigError(f"minutes must be above 0, got {minutes}; set a higher --minutes")
    console = Console(quiet=quiet, soft_wrap=True, highlight=False)
    scenes, run, answers = root / SCENES, root / RUN, root / ANSWERS

    n_scenes = N_TRAIN + N_VAL + N_TEST
    console.print(
        f"[bold]1.[/] Drawing {n_scenes} street and parking scenes, with labels for every pixel and every object ..."
    )
    write_scenes(scenes, n_train=N_TRAIN, n_val=N_VAL, n_test=N_TEST, size_hw=SIZE_HW)

    console.print(f"[bold]2.[/] Training a network on {N_TRAIN} of them for {minutes:g} minutes ...")
    settings = TrainSettings(minutes=minutes, crop=CROP, batch=BATCH, stride=STRIDE)
    with nullcontext() if quiet else TrainingProgress(console) as watcher:
        trained = train(scenes, run, settings, observer=watcher)

    console.print(f"[bold]3.[/] Evaluating it on {N_TEST} scenes that it has never seen ...")
    predictor, dataset = load(run), open_dataset(scenes)
    report = evaluate(predictor, dataset, "test")
    write_bytes(root / "evaluation.json", (json.dumps(report, indent=1) + "\n").encode())
    pictures = [entry.picture for entry in dataset.split("test")]
    predict_files(predictor, pictures, answers, OutputOptions(outputs={"overlay"}))
    shown = _shown(dataset)
    write_picture(root / "side_by_side.png", page(predictor, shown))

    seconds = time.monotonic() - started
    console.print(f"\n[bold]Done in {seconds / 60:.1f} minutes.[/] On {report['n_pictures']} unseen scenes:\n")
    console.print(score_table(report), "", count_table(report), sep="\n")
    if trained.steps < FEW_STEPS:
        console.print(
            f"\n[bold]Only {trained.steps} training steps fitted into the time[/]: this machine is slow or busy, "
            "so the answers are poor. Set more time with --minutes."
        )
    console.print(f"\n{easiest_and_hardest(report)}\n\n{what_next(str(root), len(shown), RUN, SCENES)}")
    return {
        "seconds": seconds,
        "evaluation": report,
        "scenes": scenes,
        "run": run,
        "answers": answers,
        "side_by_side": root / "side_by_side.png",
        "report": root / "evaluation.json",
    }


def _shown(dataset: Dataset) -> list[Sample]:
    """The first parking scene and the first street scene of the test split, if it has them."""
    names = sorted(entry.name for entry in dataset.split("test"))
    first = {name.partition("_")[0]: name for name in reversed(names)}
    return [dataset.read(entry) for entry in dataset.split("test") if entry.name in first.values()]
