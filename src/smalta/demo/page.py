"""One picture with all kinds of answers of one network, and one with answers before and after a lesson.

In:  panels of scenes.
Out: pictures.

Must not know: models, files.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from smalta.classes import ClassTree
from smalta.demo.panels import Panel, Shown
from smalta.pictures.overlay import caption, with_legend


def side_by_side(scenes: Sequence[Shown], tree: ClassTree) -> np.ndarray:
    """Eight pictures of every scene in two rows, and a legend of the classes below: (H, W, 3) uint8 RGB."""
    rows = [row for scene in scenes for row in (scene.panels[:4], scene.panels[4:])]
    return in_rows(rows, tree, {node for scene in scenes for node in scene.nodes})


def in_rows(rows: Sequence[Sequence[Panel]], tree: ClassTree, nodes: set[int]) -> np.ndarray:
    """Rows of panels of one size, and a legend of these classes below: (H, W, 3) uint8 RGB."""
    drawn = [
        np.hstack([np.vstack([caption(panel.title, panel.picture.shape[1]), panel.picture]) for panel in row])
        for row in rows
    ]
    return with_legend(np.vstack(drawn), tree, sorted(nodes))
