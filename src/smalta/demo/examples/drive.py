"""The road ahead: own and oncoming lane, signs and others, at two levels of the tree.

In:  nothing.
Out: `DRIVE`.

Must not know: how examples are run, how streets are drawn.
"""

from __future__ import annotations

from pathlib import Path

import numpy as np

from smalta.data.dataset import Dataset
from smalta.demo.examples.choosing import with_most
from smalta.demo.examples.commands import commands, quoted
from smalta.demo.examples.example import Example
from smalta.demo.examples.scenes import MODEL, writer
from smalta.demo.examples.scored import level_line
from smalta.demo.examples.semantic_rows import semantic_rows
from smalta.inference.predictor import Predictor

LEVELS = {1: "level 1: road, sign, vehicle ...", 2: "level 2: own and oncoming lane ..."}


def _picture(predictor: Predictor, dataset: Dataset) -> np.ndarray:
    return semantic_rows(predictor, dataset, with_most(dataset, ["sign"], 2), LEVELS, width=320, opacity=0.6)


def _commands(folder: Path) -> str:
    model, pictures = quoted(MODEL), quoted(folder / "data/test/images")
    return commands(
        {
            f"smalta predict {model} {pictures} --out answers --kind semantic --level 2 --overlay": "all test pictures",
            "smalta train mine --minutes 30": "for your own roads: mine/images, mine/masks, mine/classes.yaml",
        }
    )


DRIVE = Example(
    name="drive",
    question="Which part of the road is the own lane, which the oncoming one, and where are signs?",
    kind="semantic",
    write=writer("street"),
    settings=None,
    start="shipped",
    picture=_picture,
    score=lambda report, dataset: level_line(report, {1: "level 1", 2: "level 2, with lanes"}),
    commands=_commands,
)
