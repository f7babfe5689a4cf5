"""Labels and answers of rows of a few pixels, and the report on them."""

from __future__ import annotations

from typing import Any

import numpy as np

from smalta.answers.count_intervals import CountCalibration, NodeErrors
from smalta.answers.objects import Objects
from smalta.answers.segmentation import Segmentation
from smalta.classes import ClassTree
from smalta.metrics.evaluation import Evaluation

# 1 road, 2 car, 3 car/audi, 4 car/honda, 5 person
TREE = ClassTree(
    {"road": {}, "car": {"kind": "thing", "children": {"audi": {}, "honda": {}}}, "person": {"kind": "thing"}}
)
CALIBRATION = CountCalibration(
    pictures=20, nodes={path: NodeErrors(pictures=20, found=0.5, empty=0.0) for path in ("car", "person")}
)


def rows(values: Any, height: int = 4) -> np.ndarray:
    """A picture of equal rows."""
    return np.array([values] * height)


def answer(classes: Any, instances: Any, scores: list[float] | None = None, height: int = 4) -> Segmentation:
    """A sure answer: probability 1 for the leaf of each pixel."""
    classes, instances = rows(classes, height).astype(np.uint16), rows(instances, height).astype(np.int32)
    probabilities = (np.array(TREE.leaves)[:, None, None] == classes).astype(np.float32)
    scores = [0.5] * int(instances.max()) if scores is None else scores
    objects = Objects.from_instances(TREE, instances, probabilities, np.array(scores))
    return Segmentation.from_probabilities(TREE, probabilities, objects=objects)


def report_of(
    *pictures: tuple[Any, Any, Segmentation], calibration: CountCalibration | None = CALIBRATION
) -> dict[str, Any]:
    evaluation = Evaluation(TREE, calibration=calibration)
    for i, (classes, instances, found) in enumerate(pictures):
        evaluation.add(f"picture{i}", rows(classes).astype(np.uint16), found, instances=rows(instances))
    return evaluation.report(dataset="streets", split="val", n_resamples=50)


#         road  audi  honda  person, another
CLASSES = [1, 1, 3, 3, 4, 4, 4, 4, 5, 1, 5, 1]
OBJECTS = [0, 0, 1, 1, 2, 2, 2, 2, 3, 0, 4, 0]
#                  right  half of it, as audi    one person lost, one invented
FOUND = answer([1, 1, 3, 3, 3, 3, 1, 1, 5, 5, 1, 1], [0, 0, 1, 1, 2, 2, 0, 0, 3, 4, 0, 0])
