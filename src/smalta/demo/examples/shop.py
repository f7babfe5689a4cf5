"""People in a shop from above: how many, with an interval for every picture.

In:  nothing.
Out: `SHOP`.

Must not know: how examples are run, how shops are drawn.
"""

from __future__ import annotations

from pathlib import Path

import numpy as np

from smalta.classes import ROOT
from smalta.data.dataset import Dataset
from smalta.demo.examples.commands import commands, quoted
from smalta.demo.examples.counted import count_line, true_count, with_interval
from smalta.demo.examples.example import Example
from smalta.demo.examples.panels import enlarged, row
from smalta.errors import ShapeError
from smalta.inference.predictor import Predictor
from smalta.pictures.overlay import overlay, write_names
from smalta.results.overlays import object_names
from smalta.scenes.data_set import write_data_set
from smalta.scenes.shop import draw_shop, shop_tree
from smalta.training.settings import TrainSettings

WIDTH, SHOWN = 560, 2


def _write(folder: Path) -> Path:
    return write_data_set(folder, shop_tree(), draw_shop, n_train=80, n_val=16, n_test=12)


def _picture(predictor: Predictor, dataset: Dataset) -> np.ndarray:
    """The two fullest test pictures, each beside its people with their numbers."""
    samples = sorted(dataset.read_many(dataset.split("test")), key=true_count, reverse=True)[:SHOWN]
    rows = []
    for sample in samples:
        objects = predictor(sample.picture).objects
        if objects is None:
            raise ShapeError("the example of the shop needs a model with objects; train with kind 'instance'")
        picture, instances = enlarged(sample.picture, WIDTH), enlarged(objects.instances, WIDTH)
        people = np.where(instances > 0, dataset.tree["person"].id, ROOT)
        drawn = overlay(picture, people, dataset.tree, instances=instances, opacity=0.4)
        rows.append(
            row(
                [
                    (f"picture: {true_count(sample)} people", picture),
                    (
                        f"smalta: {with_interval(predictor, objects, 'person')}",
                        write_names(drawn, instances, object_names(objects)),
                    ),
                ]
            )
        )
    return np.vstack(rows)


def _commands(folder: Path) -> str:
    run = quoted(folder / "run")
    return commands(
        {
            f"smalta count {run} mine/images": "people in each picture, with intervals",
            f"smalta predict {run} mine/images --out answers --overlay": "each person with a number",
            "smalta train mine --minutes 30": "for your own camera: mine/images, masks, instances and classes.yaml",
        }
    )


SHOP = Example(
    name="shop",
    question="How many people are in the shop, seen by a camera at the ceiling?",
    kind="instance",
    write=_write,
    settings=TrainSettings(kind="instance", steps=150, batch=6, crop=128, stride=4),
    start="imagenet",
    picture=_picture,
    score=lambda report, dataset: count_line(report, dataset, "person", "people"),
    commands=_commands,
)
