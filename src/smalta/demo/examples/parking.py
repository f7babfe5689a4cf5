"""A car park: every car with its make and its body.

In:  nothing.
Out: `PARKING`.

Must not know: how examples are run, how car parks are drawn.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np

from smalta.answers.objects import Objects
from smalta.classes import ROOT, ClassTree
from smalta.data.dataset import Dataset
from smalta.data.sample import Sample
from smalta.demo.examples.choosing import with_most
from smalta.demo.examples.commands import commands, quoted
from smalta.demo.examples.example import Example
from smalta.demo.examples.panels import enlarged, row
from smalta.demo.examples.scenes import MODEL, large_map, objects_of, writer
from smalta.inference.predictor import Predictor
from smalta.pictures.overlay import overlay, write_names

WIDTH, SHOWN = 420, 2
BODY, CAR = "body", "vehicle/car"


def _picture(predictor: Predictor, dataset: Dataset) -> np.ndarray:
    """Two car parks: as they are, with the make of every car, with the body of every car."""
    return np.vstack([_row(predictor, dataset.read(entry)) for entry in with_most(dataset, [CAR], SHOWN)])


def _row(predictor: Predictor, sample: Sample) -> np.ndarray:
    objects = objects_of(predictor, sample.picture)
    tree, picture = predictor.tree, enlarged(sample.picture, WIDTH)
    makes = np.where(np.isin(objects.classes, tree.descendants(tree[CAR].id)), objects.classes, ROOT)
    bodies = objects.attribute(BODY)
    values = next(attribute.values for attribute in tree.attributes if attribute.name == BODY)
    return row(
        [
            (f"picture: {_true_cars(sample, tree)} cars", picture),
            (f"smalta: {_listed(makes, tree)}", _named(picture, objects, makes, tree)),
            (f"smalta: {_listed(bodies, _as_tree(values))}", _named(picture, objects, bodies, _as_tree(values))),
        ]
    )


def _true_cars(sample: Sample, tree: ClassTree) -> int:
    assert sample.instances is not None  # generated scenes always have them
    return len(np.setdiff1d(sample.instances[np.isin(sample.classes, tree.descendants(tree[CAR].id))], 0))


def _as_tree(values: tuple[str, ...]) -> ClassTree:
    """The values of an attribute as classes 1.., for their colours."""
    return ClassTree({value: {"kind": "thing"} for value in values})


def _listed(values: np.ndarray, tree: ClassTree) -> str:
    found = Counter(tree[int(value)].name for value in values if value)
    return ", ".join(f"{count} {name}" for name, count in sorted(found.items()))


def _named(picture: np.ndarray, objects: Objects, values: np.ndarray, tree: ClassTree) -> np.ndarray:
    """The picture with every object that has a value in the colour of this value, and its name where it fits."""
    instances, classes = large_map(objects.instances, values, picture.shape[1])
    names = [[tree[int(value)].name] if value else [] for value in values]
    shown = np.where(classes > 0, instances, 0)
    return write_names(overlay(picture, classes, tree, instances=shown, opacity=0.55), shown, names)


def _score(report: Mapping[str, Any], dataset: Dataset) -> str:
    cars = next(entry for entry in report["counts"]["nodes"] if entry["class"] == CAR)
    body = next(entry for entry in report["attributes"] if entry["attribute"] == BODY)
    leaves = {entry["class"]: entry for entry in report["levels"][-1]["classes"]}
    makes = [entry for name, entry in leaves.items() if name.startswith(f"{CAR}/") and entry["state"] == "present"]
    most = max(makes, key=lambda entry: float(entry["truth_share"]))
    trivial = most["truth_share"] / sum(entry["truth_share"] for entry in makes)
    right = sum(entry["accuracy"] * entry["truth_share"] for entry in makes) / sum(e["truth_share"] for e in makes)
    return (
        f"{cars['predicted']} of {cars['true']} cars counted on {report['n_pictures']} unseen car parks; right pixels: "
        f"make {right:.2f} (always the most frequent make: {trivial:.2f}), "
        f"body {body['accuracy']:.2f} (always the most frequent body: {_usual_body(dataset):.2f})"
    )


def _usual_body(dataset: Dataset) -> float:
    """Share of the most frequent body among the labelled pixels of the test pictures."""
    samples = dataset.read_many(dataset.split("test"))
    pixels = np.sum([np.bincount(sample.attributes[BODY].ravel(), minlength=256)[1:] for sample in samples], axis=0)
    return float(pixels.max() / pixels.sum())


def _commands(folder: Path) -> str:
    model, pictures = quoted(MODEL), quoted(folder / "data/test/images")
    return commands(
        {
            f"smalta count {model} {pictures}": "cars by make in each picture",
            f"smalta predict {model} {pictures} --out answers --overlay": "make and body of each car in objects.csv",
            "smalta train mine --minutes 30": "for your own cars: mine/images, masks, instances and attributes/body",
        }
    )


PARKING = Example(
    name="parking",
    question="Which cars stand in the car park, and what are the make and the body of each?",
    kind="instance",
    write=writer("parking"),
    settings=None,
    start="shipped",
    picture=_picture,
    score=_score,
    commands=_commands,
)
