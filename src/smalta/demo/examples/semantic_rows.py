"""Pictures beside their classes at several levels of the tree.

In:  a model, labelled pictures.
Out: one picture.

Must not know: any one example.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np

from smalta.classes import ROOT
from smalta.data.dataset import Dataset
from smalta.data.sample import Entry
from smalta.demo.examples.panels import enlarged, row
from smalta.inference.predictor import Predictor
from smalta.pictures.overlay import overlay, with_legend


def semantic_rows(
    predictor: Predictor,
    dataset: Dataset,
    entries: Sequence[Entry],
    levels: Mapping[int, str],
    *,
    width: int,
    hidden: Sequence[str] = (),
    opacity: float = 0.5,
) -> np.ndarray:
    """For each picture one row: the picture, the answer at some levels of the tree, the truth at the finest of
    them; a legend below.

    Args:
        predictor: a model for the classes of the data set.
        dataset: holds the truth.
        entries: the pictures.
        levels: by level, the title of its panel.
        width: of a panel in pixels.
        hidden: classes that are not coloured, so that the picture stays visible there.
        opacity: of the colours.

    Returns:
        (H, W, 3) uint8 RGB.
    """
    tree, rows, nodes = dataset.tree, [], set()
    finest = tree.level_table(max(levels)).astype(np.uint16)
    unseen = [tree[name].id for name in hidden]
    for entry in entries:
        sample = dataset.read(entry)
        picture = enlarged(sample.picture, width)
        maps = {title: predictor(sample.picture, kind="semantic", level=k).classes for k, title in levels.items()}
        panels = [("picture", picture)]
        for title, found in {**maps, "truth": finest[sample.classes]}.items():
            shown = np.where(np.isin(found, unseen), ROOT, found)
            panels.append((title, overlay(picture, enlarged(shown, width), tree, opacity=opacity)))
            nodes |= set(np.unique(shown).tolist())
        rows.append(row(panels))
    return with_legend(np.vstack(rows), tree, sorted(nodes - {ROOT}))
