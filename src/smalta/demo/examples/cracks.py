"""Cracks and scratches on a rough surface: thin defects, in a tree of two levels.

In:  nothing.
Out: `CRACKS`.

Must not know: how examples are run, how surfaces are drawn.
"""

from __future__ import annotations

from pathlib import Path

import numpy as np

from smalta.data.dataset import Dataset
from smalta.demo.examples.choosing import with_most
from smalta.demo.examples.commands import commands, quoted
from smalta.demo.examples.example import Example
from smalta.demo.examples.scored import level_line
from smalta.demo.examples.semantic_rows import semantic_rows
from smalta.inference.predictor import Predictor
from smalta.scenes.data_set import write_data_set
from smalta.scenes.surface import draw_surface, surface_tree
from smalta.training.settings import TrainSettings

LEVELS = {1: "level 1: is it a defect?", 2: "level 2: crack or scratch?"}


def _write(folder: Path) -> Path:
    return write_data_set(folder, surface_tree(), draw_surface, n_train=48, n_val=12, n_test=12)


def _picture(predictor: Predictor, dataset: Dataset) -> np.ndarray:
    return semantic_rows(
        predictor,
        dataset,
        with_most(dataset, ["crack", "scratch"], 2),
        LEVELS,
        width=300,
        hidden=["sound"],
        opacity=0.6,
    )


def _commands(folder: Path) -> str:
    run = quoted(folder / "run")
    return commands(
        {
            f"smalta predict {run} mine/images --out answers --overlay": "cracks and scratches in colour",
            f"smalta predict {run} mine/images --out coarse --level 1 --overlay": "defect or sound",
            "smalta train mine --minutes 30": "for your own surfaces: mine/images, mine/masks, mine/classes.yaml",
        }
    )


CRACKS = Example(
    name="cracks",
    question="Where is the surface damaged, and is it a crack or a scratch?",
    kind="semantic",
    write=_write,
    settings=TrainSettings(kind="semantic", steps=110, batch=6, crop=128, stride=2),
    start="imagenet",
    picture=_picture,
    score=lambda report, dataset: level_line(report, {1: "defect or sound", 2: "crack, scratch or sound"}),
    commands=_commands,
)
