"""Cells that touch: each is an object of its own, and the number is what people want.

In:  nothing.
Out: `CELLS`.

Must not know: how examples are run, how cells are drawn.
"""

from __future__ import annotations

from pathlib import Path

import cv2
import numpy as np
from scipy import ndimage

from smalta.classes import ROOT, ClassTree
from smalta.data.dataset import Dataset
from smalta.demo.examples.commands import commands, quoted
from smalta.demo.examples.counted import count_line, true_count, with_interval
from smalta.demo.examples.example import Example
from smalta.demo.examples.panels import enlarged, row
from smalta.errors import ShapeError
from smalta.inference.predictor import Predictor
from smalta.pictures.overlay import overlay
from smalta.scenes.cells import cell_tree, draw_cells
from smalta.scenes.data_set import write_data_set
from smalta.training.settings import TrainSettings

WIDTH, SHOWN = 400, 2


def _write(folder: Path) -> Path:
    return write_data_set(folder, cell_tree(), draw_cells, n_train=40, n_val=16, n_test=12)


def _picture(predictor: Predictor, dataset: Dataset) -> np.ndarray:
    """Two pictures: as they are, with the spots above a brightness threshold, and with the cells that smalta finds."""
    rows = []
    for entry in dataset.split("test")[:SHOWN]:
        sample = dataset.read(entry)
        objects = predictor(sample.picture).objects
        if objects is None:
            raise ShapeError("the example of cells needs a model with objects; train with kind 'instance'")
        spots = _bright_spots(sample.picture)
        found = with_interval(predictor, objects, "cell")
        rows.append(
            row(
                [
                    (f"picture: {true_count(sample)} cells", enlarged(sample.picture, WIDTH)),
                    (f"brightness threshold: {spots.max()}", _outlined(sample.picture, spots, dataset.tree)),
                    (f"smalta: {found}", _outlined(sample.picture, objects.instances, dataset.tree)),
                ]
            )
        )
    return np.vstack(rows)


def _bright_spots(picture: np.ndarray) -> np.ndarray:
    """(H, W) int32: connected regions above Otsu's threshold, those below 20 pixels left out."""
    _, bright = cv2.threshold(cv2.cvtColor(picture, cv2.COLOR_RGB2GRAY), 0, 1, cv2.THRESH_BINARY + cv2.THRESH_OTSU)
    regions, _ = ndimage.label(bright)
    kept = np.bincount(regions.ravel()) >= 20
    kept[0] = False
    return np.where(kept, np.cumsum(kept), 0).astype(np.int32)[regions]


def _outlined(picture: np.ndarray, instances: np.ndarray, tree: ClassTree) -> np.ndarray:
    large = enlarged(instances, WIDTH)
    classes = np.where(large > 0, tree["cell"].id, ROOT)
    return overlay(enlarged(picture, WIDTH), classes, tree, instances=large, opacity=0.35)


def _commands(folder: Path) -> str:
    run = quoted(folder / "run")
    return commands(
        {
            f"smalta count {run} mine/images": "how many cells in each picture, with intervals",
            f"smalta predict {run} mine/images --out answers --overlay": "outlines, and sizes in objects.csv",
            "smalta train mine --kind instance --minutes 30": "for your own cells: mine/images, mine/instances",
        }
    )


CELLS = Example(
    name="cells",
    question="How many cells are in the picture, when many of them touch?",
    kind="instance",
    write=_write,
    settings=TrainSettings(kind="instance", steps=100, batch=6, crop=128, stride=4),
    start="imagenet",
    picture=_picture,
    score=lambda report, dataset: count_line(report, dataset, "cell", "cells"),
    commands=_commands,
)
