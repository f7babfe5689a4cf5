"""The examples of generated streets and car parks, which the shipped model answers without training.

In:  nothing.
Out: writers of their data sets; cars with names.

Must not know: how examples are run, how scenes are drawn.
"""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Literal

import numpy as np

from smalta.answers.objects import Objects
from smalta.demo import shipped
from smalta.demo.examples.panels import enlarged
from smalta.errors import ShapeError
from smalta.inference.predictor import Predictor
from smalta.scenes import generate, scene_tree
from smalta.scenes.data_set import write_data_set

MODEL = shipped.FOLDER / shipped.MODEL
FIRST_SEED = 500  # the shipped model was trained on other scenes


def writer(kind: Literal["street", "parking"]) -> Callable[[Path], Path]:
    """Writes scenes of one kind, in the classes of the shipped model."""
    odd = kind == "parking"  # mixed scenes are streets for even seeds and car parks for odd seeds

    def write(folder: Path) -> Path:
        return write_data_set(
            folder,
            scene_tree("mixed"),
            lambda number: generate("mixed", 2 * number + odd),
            n_train=4,
            n_val=2,
            n_test=12,
            seed=FIRST_SEED,
        )

    return write


def objects_of(predictor: Predictor, picture: np.ndarray) -> Objects:
    """The objects of a picture.

    Raises:
        ShapeError: if the model has none.
    """
    objects = predictor(picture, kind="panoptic").objects
    if objects is None:
        raise ShapeError("this example needs a model with objects, such as the shipped one")
    return objects


def large_map(instances: np.ndarray, values: np.ndarray, width: int) -> tuple[np.ndarray, np.ndarray]:
    """Enlarged instances, and in the pixels of each object its value (N,), elsewhere 0."""
    large = enlarged(instances, width)
    return large, np.append(0, values)[large]
