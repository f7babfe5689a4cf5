"""Which nodes the labels of a picture say are there.

In:  a label map.
Out: for each node whether it is there, and whether the labels say so.

Pure numpy. Must not know: networks, files, how answers are made.
"""

from __future__ import annotations

import numpy as np

from smalta.classes import ROOT, ClassTree

MOST_UNLABELLED = 0.1  # of the picture; with more, nobody knows what else is there


def true_presence(tree: ClassTree, classes: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Presence of every node in the labels of one picture.

    A node is there if a pixel is labelled as it or as a node below it. It is known not to be there if no pixel is, no
    pixel is labelled as a node above it, and at most a tenth of the pixels are unlabelled. Otherwise it is not known.

    Args:
        tree: the classes.
        classes: (H, W) node ids of the labels, 0 = unlabelled.

    Returns:
        Two (N + 1,) bool by node id: whether the node is there, and whether that is known; entry 0 is False.
    """
    own = np.bincount(classes.ravel(), minlength=len(tree) + 1)
    present = tree.roll_up(own) > 0
    clear = own[ROOT] <= MOST_UNLABELLED * max(classes.size, 1)
    above = np.zeros(len(tree) + 1, dtype=bool)  # whether a pixel is labelled as a node above
    for node in tree:  # parents before children
        above[node.id] = node.parent != ROOT and (above[node.parent] or own[node.parent] > 0)
    known = present | (clear & ~above)
    present[ROOT] = known[ROOT] = False
    return present, known
