"""The zones of a page: title, body, and a closing with date and signature.

In:  nothing.
Out: `DOCUMENT`.

Must not know: how examples are run, how pages are drawn.
"""

from __future__ import annotations

from pathlib import Path

import numpy as np

from smalta.data.dataset import Dataset
from smalta.demo.examples.commands import commands, quoted
from smalta.demo.examples.example import Example
from smalta.demo.examples.scored import level_line
from smalta.demo.examples.semantic_rows import semantic_rows
from smalta.inference.predictor import Predictor
from smalta.scenes.data_set import write_data_set
from smalta.scenes.letter import draw_letter, letter_tree
from smalta.training.settings import TrainSettings

LEVELS = {2: "level 2: title, body, closing", 3: "level 3: date, signature"}


def _write(folder: Path) -> Path:
    return write_data_set(folder, letter_tree(), draw_letter, n_train=40, n_val=10, n_test=10)


def _picture(predictor: Predictor, dataset: Dataset) -> np.ndarray:
    return semantic_rows(predictor, dataset, dataset.split("test")[:1], LEVELS, width=300, hidden=["paper"])


def _commands(folder: Path) -> str:
    run = quoted(folder / "run")
    return commands(
        {
            f"smalta predict {run} mine/images --out answers --overlay": "all zones",
            f"smalta predict {run} mine/images --out coarse --level 2 --overlay": "title, body and closing",
            "smalta train mine --minutes 30": "for your own pages: mine/images, mine/masks, mine/classes.yaml",
        }
    )


DOCUMENT = Example(
    name="document",
    question="Which part of the page is title, body and closing, and where are date and signature?",
    kind="semantic",
    write=_write,
    settings=TrainSettings(kind="semantic", steps=110, batch=4, crop=192, stride=4),
    start="imagenet",
    picture=_picture,
    score=lambda report, dataset: level_line(report, {2: "title, body, closing", 3: "with date and signature"}),
    commands=_commands,
)
