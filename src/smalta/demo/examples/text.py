"""Ink on paper: a brightness threshold finds it on an even page and fails on a stained one.

In:  nothing.
Out: `TEXT`.

Must not know: how examples are run, how pages are drawn.
"""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import cv2
import numpy as np

from smalta.data.dataset import Dataset
from smalta.data.sample import Sample
from smalta.demo.examples.commands import commands, quoted
from smalta.demo.examples.example import Example
from smalta.demo.examples.panels import enlarged, row
from smalta.inference.predictor import Predictor
from smalta.metrics.binary import binary_counts, f1
from smalta.scenes.data_set import write_data_set
from smalta.scenes.ink import draw_ink, ink_tree
from smalta.training.settings import TrainSettings

WIDTH = 400


def _write(folder: Path) -> Path:
    return write_data_set(folder, ink_tree(), draw_ink, n_train=40, n_val=10, n_test=12)


def _picture(predictor: Predictor, dataset: Dataset) -> np.ndarray:
    """An even and a stained page, each with the ink below a brightness threshold and the ink that smalta finds."""
    rows = []
    for kind in ("even", "stained"):
        entry = next(entry for entry in dataset.split("test") if entry.name.startswith(kind))
        sample = dataset.read(entry)
        panels = [(f"{kind} page", enlarged(sample.picture, WIDTH))]
        dark, found = _below_threshold(sample), predictor(sample.picture).mask("ink")
        for title, mask in (("brightness threshold", dark), ("smalta", found)):
            score = float(f1(binary_counts(_labels(sample, dataset), mask)))
            panels.append((f"{title}: F1 {score:.2f}", _black_on_white(mask)))
        rows.append(row(panels))
    return np.vstack(rows)


def _below_threshold(sample: Sample) -> np.ndarray:
    """(H, W) bool: pixels that are darker than Otsu's threshold for the whole page."""
    grey = cv2.cvtColor(sample.picture, cv2.COLOR_RGB2GRAY)
    _, dark = cv2.threshold(grey, 0, 1, cv2.THRESH_BINARY_INV + cv2.THRESH_OTSU)
    return dark > 0


def _labels(sample: Sample, dataset: Dataset) -> np.ndarray:
    """(H, W) 1 = paper, 2 = ink."""
    return np.where(sample.classes == dataset.tree["ink"].id, 2, 1)


def _black_on_white(mask: np.ndarray) -> np.ndarray:
    grey = np.where(enlarged(mask, WIDTH), 20, 245).astype(np.uint8)
    return np.repeat(grey[..., None], 3, axis=2)


def _score(report: Mapping[str, Any], dataset: Dataset) -> str:
    counts = [
        binary_counts(_labels(sample, dataset), _below_threshold(sample))
        for sample in dataset.read_many(dataset.split("test"))
    ]
    found, trivial = report["binary"]["thresholds"][0]["f1"], float(f1(np.sum(counts, axis=0)))
    return (
        f"F1 of ink on {report['n_pictures']} unseen pages, half of them stained: {found:.2f} "
        f"(a brightness threshold: {trivial:.2f})"
    )


def _commands(folder: Path) -> str:
    run = quoted(folder / "run")
    return commands(
        {
            f"smalta predict {run} mine/images --out answers --overlay": "the ink of each page",
            "smalta train mine --kind binary --minutes 30": "for your own pages: mine/images, mine/masks with 0 and 1",
        }
    )


TEXT = Example(
    name="text",
    question="Which pixels are ink, also on a stained page with writing that shows through from its back?",
    kind="binary",
    write=_write,
    settings=TrainSettings(kind="binary", steps=130, batch=6, crop=128, stride=2),
    start="imagenet",
    picture=_picture,
    score=_score,
    commands=_commands,
)
