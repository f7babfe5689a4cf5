"""Run one example: made pictures, a short training, a score, one picture worth looking at.

    OUT/data --training--> OUT/run --> OUT/evaluation.json, OUT/picture.png, OUT/demo.json

In:  the name of an example, a folder, minutes.
Out: the folder; lines about progress.

Must not know: what the examples show, command lines.
"""

from __future__ import annotations

import json
import time
from dataclasses import replace
from pathlib import Path
from typing import Any

from rich.console import Console
from rich.markup import escape

from smalta.data.any_format import open_dataset
from smalta.demo.answering import remembering
from smalta.demo.examples import EXAMPLES, Example
from smalta.demo.folder import DemoFolder
from smalta.demo.shipped import shipped_model
from smalta.errors import ConfigError
from smalta.inference.predictor import Predictor
from smalta.inference.split_evaluation import evaluate
from smalta.pictures.writing import write_picture
from smalta.system.whole_files import write_bytes

DATA, RUN, EVALUATION, PICTURE = "data", "run", "evaluation.json", "picture.png"


def run_example(
    name: str, out: str | Path, *, minutes: float = 1.0, quiet: bool = False, started: float | None = None
) -> dict[str, Any]:
    """Run an example.

    Args:
        name: one of `smalta.demo.examples.EXAMPLES`.
        out: a new or empty folder.
        minutes: at most, for the training.
        quiet: print nothing.
        started: `time.monotonic()` at the start of the program; None for now.

    Returns:
        The content of `demo.json` about the example: "seconds", "steps", "wanted_steps" and "score", a line of text.

    Raises:
        ConfigError: if the name is unknown, `out` holds files, or `minutes` is not above 0.
        TrainingError: if training cannot go on.
    """
    if name not in EXAMPLES:
        raise ConfigError(
            f"there is no example {name!r}; examples are {', '.join(EXAMPLES)}, and `smalta demo --list` describes them"
        )
    if not minutes > 0:
        raise ConfigError(f"minutes must be above 0, got {minutes}; set a higher --minutes")
    console = Console(quiet=quiet, soft_wrap=True, highlight=False)
    folder = DemoFolder(Path(out), console, time.monotonic() if started is None else started)
    folder.check_new()
    try:
        _run(EXAMPLES[name], folder, minutes)
    except KeyboardInterrupt:
        folder.stopped()
        raise
    return dict(folder.summary()[name])


def _run(example: Example, folder: DemoFolder, minutes: float) -> None:
    root = folder.root
    folder.console.print(f"[bold]{escape(example.question)}[/]")
    folder.say(f"making labelled pictures ({DATA}/)")
    with folder.item(DATA) as draft:
        example.write(draft)
    dataset = open_dataset(root / DATA)
    predictor, steps = _model(example, folder, minutes)
    folder.say(f"answering {len(dataset.split('test'))} unseen pictures ({EVALUATION}, {PICTURE})")
    report = evaluate(predictor, dataset, "test")
    write_bytes(root / EVALUATION, (json.dumps(report, indent=1) + "\n").encode())
    write_picture(root / PICTURE, example.picture(predictor, dataset))
    score, wanted = example.score(report, dataset), example.settings.steps if example.settings else None
    facts = {"seconds": round(folder.seconds, 1), "steps": steps, "wanted_steps": wanted, "score": score}
    folder.record(example.name, facts)
    folder.console.print(f"\n{escape(score)}")
    if steps is not None and wanted is not None and steps < wanted:
        folder.console.print(
            f"Only {steps} of {wanted} training steps fitted into the time, because this machine is slow or busy; set "
            "a higher --minutes for better answers."
        )
    folder.console.print(f"\nLook at [bold]{escape(str(root / PICTURE))}[/]\n\n{escape(example.commands(root))}")


def _model(example: Example, folder: DemoFolder, minutes: float) -> tuple[Predictor, int | None]:
    """The model that answers, and the steps of its training; no steps for the shipped model."""
    if example.settings is None:
        return remembering(shipped_model()), None
    from smalta.demo.lesson_progress import LessonProgress
    from smalta.training.train import train

    settings = replace(example.settings, minutes=minutes)
    if example.start == "shipped":
        settings = replace(settings, initial=str(shipped_model()))
    folder.say(f"training at most {settings.steps} steps in {60 * minutes:.0f} seconds ({RUN}/)")
    with folder.item(RUN) as draft, LessonProgress(folder, settings.steps or 0) as watcher:
        trained = train(folder.root / DATA, draft, settings, observer=watcher)
    return remembering(folder.root / RUN), trained.steps
