"""A small answer, and the files of it."""

from __future__ import annotations

import csv
from dataclasses import replace
from pathlib import Path

import numpy as np

from smalta.answers.decoding import Decoding
from smalta.answers.objects import Objects
from smalta.answers.segmentation import Segmentation
from smalta.classes import ClassTree
from smalta.description.kinds import Kind
from smalta.results.options import OutputOptions
from smalta.results.output import Written
from smalta.results.result_folder import ResultFolder

# 1 sky  2 car  3 car/audi  4 car/honda  5 person; the values are a user's own
TREE = ClassTree(
    {
        "sky": {"ids": [5]},
        "car": {
            "kind": "thing",
            "ids": [20],
            "attributes": {"body": ["van", "bus"], "score": ["low", "high"]},
            "children": {"audi": {"ids": [7]}, "honda": {"ids": [3]}},
        },
        "person": {"kind": "thing", "ids": [9]},
    },
    ignore=[99],
)
INSTANCES = np.array(
    [
        [1, 1, 0, 2, 2, 0],
        [1, 1, 0, 2, 2, 0],
        [0, 0, 0, 0, 0, 0],
        [3, 0, 0, 0, 0, 0],
    ],
    dtype=np.int32,
)
PIXELS = np.full((4, 6, 3), 100, dtype=np.uint8)
PLAIN = OutputOptions()


def answer(*, level: int | None = None, min_confidence: float = 0.0, stray: bool = False) -> Segmentation:
    """An audi (a van, P 0.89 among things), a honda (a bus, P 0.6), a person; perhaps a pixel of car in no object."""
    leaves = np.array([[0.97, 0.01, 0.01, 0.01], [0.1, 0.8, 0, 0.1], [0, 0.4, 0.6, 0], [0.2, 0, 0, 0.8]], np.float32)
    probabilities = np.moveaxis(leaves[INSTANCES], -1, 0).copy()
    if stray:
        probabilities[:, 3, 5] = [0.1, 0.9, 0, 0]
    decoding = Decoding(level=level, min_confidence=min_confidence)
    vans = np.where(INSTANCES == 1, 0.9, 0.2).astype(np.float32)
    objects = Objects.from_instances(
        TREE,
        INSTANCES,
        probabilities,
        np.array([0.9, 0.85, 0.123456]),
        attributes={"body": np.stack([vans, 1 - vans]), "score": np.stack([1 - vans, vans])},
        decoding=decoding,
    )
    return replace(Segmentation.from_probabilities(TREE, probabilities, decoding=decoding), objects=objects)


def made(folder: Path, kind: Kind, options: OutputOptions = PLAIN, tree: ClassTree = TREE) -> ResultFolder:
    place = ResultFolder(folder, tree, kind, options)
    place.make()
    return place


def written(folder: Path, kind: Kind, given: Segmentation, options: OutputOptions = PLAIN) -> Written:
    place = made(folder, kind, options)
    one = place.write(Path("shots/a.jpg"), PIXELS, given)
    place.write_joined([one])
    return one


def table(folder: Path) -> list[dict[str, str]]:
    with (folder / "objects.csv").open(newline="", encoding="utf-8") as file:
        return list(csv.DictReader(file))
