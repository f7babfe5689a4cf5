"""A street, everything in it: one class for every pixel, one number for every person and vehicle.

In:  nothing.
Out: `STREET`.

Must not know: how examples are run, how streets are drawn.
"""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np

from smalta.classes import ROOT
from smalta.data.dataset import Dataset
from smalta.demo.examples.choosing import with_most
from smalta.demo.examples.commands import commands, quoted
from smalta.demo.examples.example import Example
from smalta.demo.examples.panels import enlarged, row
from smalta.demo.examples.scenes import MODEL, writer
from smalta.errors import ShapeError
from smalta.inference.predictor import Predictor
from smalta.pictures.overlay import overlay, with_legend, write_names
from smalta.results.overlays import object_names

WIDTH, SHOWN = 420, 2


def _picture(predictor: Predictor, dataset: Dataset) -> np.ndarray:
    """Two streets: as they are, the panoptic answer with names, the truth; a legend below."""
    tree, rows, nodes = predictor.tree, [], set()
    for entry in with_most(dataset, ["person", "vehicle"], SHOWN):
        sample = dataset.read(entry)
        answer = predictor(sample.picture, kind="panoptic")
        objects = answer.objects
        if objects is None or sample.instances is None:
            raise ShapeError("the example of the street needs a model with objects, such as the shipped one")
        found, counts = answer.panoptic(), objects.counts()
        picture, instances = enlarged(sample.picture, WIDTH), enlarged(objects.instances, WIDTH)
        drawn = overlay(picture, enlarged(found, WIDTH), tree, instances=instances, opacity=0.55)
        truth = overlay(
            picture, enlarged(sample.classes, WIDTH), tree, instances=enlarged(sample.instances, WIDTH), opacity=0.55
        )
        title = f"smalta: {counts['person']} people, {counts['vehicle']} vehicles"
        named = write_names(drawn, instances, object_names(objects))
        rows.append(row([("picture", picture), (title, named), ("truth", truth)]))
        nodes |= set(np.unique([found, sample.classes]).tolist())
    return with_legend(np.vstack(rows), tree, sorted(nodes - {ROOT}))


def _score(report: Mapping[str, Any], dataset: Dataset) -> str:
    scores = {(row["scope"], row["measure"]): row["value"] for row in report["headline"]}
    level = report["levels"][0]
    shares = [entry["truth_share"] for entry in level["classes"] if entry["state"] == "present"]
    # the most frequent class everywhere is one segment with the IoU of its share; all others are missed
    trivial = max(shares) / len(shares)
    return (
        f"panoptic quality on {report['n_pictures']} unseen streets, top of the tree: {scores['level 1', 'pq']:.2f} "
        f"(always the most frequent class: at most {trivial:.2f}); "
        f"F1 of people and vehicles {scores['objects, IoU 0.5', 'f1']:.2f} (finding none: 0)"
    )


def _commands(folder: Path) -> str:
    model, pictures = quoted(MODEL), quoted(folder / "data/test/images")
    return commands(
        {
            f"smalta predict {model} {pictures} --out answers --kind panoptic --overlay": "all test pictures",
            "smalta train mine --kind panoptic --minutes 30": "for your own: mine/images, masks and instances",
        }
    )


STREET = Example(
    name="street",
    question="What is every pixel of the street, and which person or vehicle does it belong to?",
    kind="panoptic",
    write=writer("street"),
    settings=None,
    start="shipped",
    picture=_picture,
    score=_score,
    commands=_commands,
)
