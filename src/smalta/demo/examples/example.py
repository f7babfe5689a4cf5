"""What an example of the demo is: made pictures, a short training, one picture to look at.

In:  nothing; one module per example makes these values.
Out: `Example`.

Must not know: any one example, how examples are run.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal

import numpy as np

from smalta.data.dataset import Dataset
from smalta.description.kinds import Kind
from smalta.errors import ConfigError
from smalta.inference.predictor import Predictor
from smalta.training.settings import TrainSettings

Start = Literal["shipped", "imagenet"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Example:
    """One use of smalta, shown on pictures that are made by code.

    Attributes:
        name: of the command, such as "cells".
        question: what the example answers, one plain sentence.
        kind: of the answers.
        write: writes the labelled pictures as a folder data set with train, val and test; takes the folder.
        settings: of the training; None if the shipped model answers without training.
        start: the weights that the training starts from: those of the shipped model, or ImageNet's.
        picture: the picture worth looking at, (H, W, 3) uint8 RGB, from a model and the data set.
        score: one line with the score on the test split and that of a trivial answer beside it, from the report of
            `evaluate` and the data set.
        commands: the commands for the user's own pictures; takes the example's folder.
    """

    name: str
    question: str
    kind: Kind
    write: Callable[[Path], Path]
    settings: TrainSettings | None
    start: Start
    picture: Callable[[Predictor, Dataset], np.ndarray]
    score: Callable[[Mapping[str, Any], Dataset], str]
    commands: Callable[[Path], str]

    def __post_init__(self) -> None:
        if self.settings is None and self.start != "shipped":
            raise ConfigError(f"example {self.name!r} has no training, so it must start from 'shipped'")
