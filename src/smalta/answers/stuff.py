"""The least share of a picture that a class of stuff covers in a panoptic answer; learned on validation pictures.

In:  panoptic class maps and labels, one picture after the other.
Out: the least share of a picture by class.

Pure numpy. Must not know: networks, files, objects.

A few stray pixels of a class barely change its mean IoU. For panoptic quality they are a whole false segment, and a
reader of the file sees a class that does not occur. Panoptic-DeepLab (Cheng et al. 2020) drops small regions of stuff,
with one limit in pixels for all classes. Here the size of a class's true segments sets its own limit, so a pole may be
smaller than a sky. Dropped pixels get the next likely class, not void.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from smalta.answers.decoding import best_stuff
from smalta.classes import ROOT, ClassTree

SMALL = 0.1  # share of a class's true segments that are smaller than its largest limit
PARTS = np.array([0.0, 0.1, 0.25, 0.5, 0.75, 1.0])  # shares of the largest limit that are tried


@dataclass(frozen=True, slots=True, kw_only=True)
class StuffSegments:
    """The stuff of one picture, each (N + 1,) float64 by node id; 0 for classes that do not occur.

    Attributes:
        area: share of the picture that the answer gives to the class.
        iou: of the answered and the true segment of the class, without unlabelled pixels.
        false: whether it would be a false segment: most of it is labelled, and the IoU is not above one half.
        true_area: share of the picture that has the class in its labels.
    """

    area: np.ndarray
    iou: np.ndarray
    false: np.ndarray
    true_area: np.ndarray

    @classmethod
    def of(cls, tree: ClassTree, answer: np.ndarray, classes: np.ndarray) -> StuffSegments:
        """Compare two class maps.

        Args:
            tree: the classes.
            answer: (H, W) node ids of a panoptic answer.
            classes: (H, W) node ids of the labels; 0 and parents do not say what a pixel is.
        """
        n = len(tree) + 1
        is_leaf = np.zeros(n, dtype=bool)
        is_leaf[list(tree.leaves)] = True
        truth = np.where(is_leaf[classes], classes, ROOT)
        stuff = is_leaf & ~tree.is_thing
        area, true_area = (np.bincount(x.ravel(), minlength=n) * stuff for x in (answer, truth))
        both = np.bincount(answer[answer == truth], minlength=n) * stuff
        on_void = np.bincount(answer[truth == ROOT], minlength=n) * stuff
        union = area + true_area - both - on_void
        iou = both / np.maximum(union, 1)
        return cls(
            area=area / answer.size,
            iou=np.where(iou > 0.5, iou, 0.0),
            false=(area > 0) & (iou <= 0.5) & (on_void <= 0.5 * area),
            true_area=true_area / answer.size,
        )


def least_shares(tree: ClassTree, pictures: Sequence[StuffSegments]) -> tuple[float, ...]:
    """(N + 1,) by node id: the limit that gives each class its best panoptic quality, the least of equal ones.

    Args:
        tree: the classes.
        pictures: of the validation split; without any, no class has a limit.
    """
    limits = np.zeros(len(tree) + 1)
    if not pictures:
        return tuple(limits.tolist())
    area, iou, false, true_area = (
        np.stack([getattr(picture, name) for picture in pictures]) for name in ("area", "iou", "false", "true_area")
    )
    for node in np.flatnonzero((true_area > 0).any(axis=0)):
        true = true_area[true_area[:, node] > 0, node]
        tried = PARTS * np.quantile(true, SMALL)
        kept = area[:, node] >= tried[:, None]  # (limits, pictures)
        answered = (kept & ((iou[:, node] > 0) | false[:, node])).sum(axis=1)
        quality = 2 * (kept * iou[:, node]).sum(axis=1) / (answered + len(true))
        limits[node] = tried[quality.argmax()]
    return tuple(limits.round(6).tolist())


def without_crumbs(
    tree: ClassTree, answer: np.ndarray, probabilities: np.ndarray, loose: np.ndarray, least: Sequence[float]
) -> np.ndarray:
    """A panoptic class map without small regions: classes of stuff below their limit go to the likeliest of the others.

    If no class of stuff reaches its limit, the map does not change.

    Args:
        tree: the classes.
        answer: (H, W) uint16 node ids.
        probabilities: (L, H, W) of the leaves.
        loose: (H, W) bool: pixels in no object.
        least: (N + 1,) share of the picture by node id.
    """
    areas = np.bincount(answer[loose], minlength=len(tree) + 1)
    areas[ROOT] = 0
    shown = np.flatnonzero((areas > 0) & ~tree.is_thing)
    enough = areas[shown] >= np.asarray(least)[shown] * answer.size
    crumbs, kept = shown[~enough], shown[enough]
    if len(crumbs) == 0 or len(kept) == 0:
        return answer
    allowed = np.zeros(tree.n_leaves, dtype=bool)
    for node in kept:
        allowed[slice(*tree.leaf_slices[node])] = True
    lost = loose & np.isin(answer, crumbs)
    cleaned = answer.copy()
    cleaned[lost] = best_stuff(tree, probabilities[:, lost], allowed)
    return cleaned
