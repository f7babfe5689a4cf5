"""The job of a run: everything that is decided and built before its first step.

In:  nothing.
Out: `Job`.

Must not know: how its parts are made, how a run proceeds.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np

from smalta.data.dataset import Dataset
from smalta.metrics.trivial import TrivialAnswers
from smalta.model.network import Network
from smalta.planning.machine import Machine
from smalta.planning.plan import Plan
from smalta.training.losses import TreeLoss
from smalta.training.recipe import Recipe
from smalta.training.settings import TrainSettings


@dataclass(frozen=True, slots=True, kw_only=True)
class Job:
    """A run that can start.

    Attributes:
        run: the folder to write to.
        dataset: with the splits "train" and "val".
        settings: as the user gave them.
        recipe: the decisions of the program.
        plan: of the machine, which the recipe obeys.
        network: with its initial weights.
        loss: for the semantic head.
        draw_weights: (P,) how often each training picture is drawn.
        picture_hw: median height and width of the pictures, pixels.
        readable: nodes whose labels may become pseudo-labels of their children.
        facts: about data and weights, stored with the model.
        trivial: the trivial answers of the data; None if they are not known.
        replan: the plan of this run on another machine, with the same device and batch; None to keep the plan.
    """

    run: Path
    dataset: Dataset
    settings: TrainSettings
    recipe: Recipe
    plan: Plan
    network: Network
    loss: TreeLoss
    draw_weights: np.ndarray
    picture_hw: tuple[int, int]
    readable: tuple[int, ...] = ()
    facts: Mapping[str, Any] = field(default_factory=dict)
    trivial: TrivialAnswers | None = None
    replan: Callable[[Machine], Plan] | None = None

    @property
    def objects(self) -> bool:
        """Whether the network has heads for objects."""
        return self.network.config.objects
