"""The objects of a picture: their number, and class, position, size and score of each.

In:  an instance map, leaf probabilities per pixel, a class tree.
Out: `Objects`, one row per object in arrays of equal length; counts of every node.

numpy, SciPy and OpenCV. Must not know: networks, files, how pixels were grouped.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any, Self

import cv2
import numpy as np
from scipy import ndimage, sparse

from smalta.answers.decoding import USUAL, Decoding, decode
from smalta.classes import ClassTree
from smalta.errors import ShapeError


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Objects:
    """N objects of one picture; row i is object i + 1 of the instance map.

    Attributes:
        tree: the classes.
        instances: (H, W) int32 instance map, 0 = no object, 1..N objects; empty if it does not fit in memory.
        classes: (N,) uint16 node ids, all of things; 0 where no node reached the requested confidence.
        probabilities: (N, L) float32 of the leaves: mean over the object's pixels, only of things; sums to 1 over L.
        scores: (N,) float32 in 0..1, confidence that the object exists.
        areas: (N,) int64 pixels.
        boxes_xyxy: (N, 4) int64 pixels: left, top, and the first column and row outside.
        centroids_yx: (N, 2) float64 pixels, the middle of the upper left pixel being (0, 0).
        attributes: by attribute name, (N, V) float32 that sums to 1 over its values; it means nothing for objects
            whose class is not at or below the attribute's node.

    Example:
        >>> objects = load("run")(open_dataset("scenes").split("test")[0].picture).objects
        >>> len(objects) == len(objects.scores) == int(objects.instances.max())
        True
    """

    tree: ClassTree
    instances: np.ndarray
    classes: np.ndarray
    probabilities: np.ndarray
    scores: np.ndarray
    areas: np.ndarray
    boxes_xyxy: np.ndarray
    centroids_yx: np.ndarray
    attributes: Mapping[str, np.ndarray] = field(default_factory=dict)

    def __len__(self) -> int:
        """N."""
        return len(self.areas)

    @classmethod
    def from_instances(
        cls,
        tree: ClassTree,
        instances: np.ndarray,
        probabilities: np.ndarray,
        scores: np.ndarray,
        *,
        attributes: Mapping[str, np.ndarray] | None = None,
        decoding: Decoding = USUAL,
    ) -> Self:
        """Measure the objects of an instance map.

        Args:
            tree: the classes.
            instances: (H, W) int32, 0 = no object, 1..N, each with at least one pixel.
            probabilities: (L, H, W) float of the leaves.
            scores: (N,) float.
            attributes: by attribute name, (V, H, W) float.
            decoding: how to choose the class from the probabilities of things; its threshold is not used.

        Raises:
            ShapeError: if the arrays do not fit each other.
        """
        n = len(scores)
        if probabilities.shape != (tree.n_leaves, *instances.shape):
            raise ShapeError(f"probabilities must be {(tree.n_leaves, *instances.shape)}, got {probabilities.shape}")
        flat = instances.ravel()
        inside = np.flatnonzero(flat)
        of = flat[inside] - 1
        areas = np.bincount(of, minlength=n)
        if len(areas) != n or np.any(areas == 0):
            raise ShapeError(f"{n} scores need an instance map with the objects 1..{n}, each with at least one pixel")
        member = sparse.csr_matrix((np.ones(len(of), np.float32), (of, np.arange(len(of)))), shape=(n, len(of)))

        def mean(planes: np.ndarray) -> np.ndarray:
            values = planes.reshape(len(planes), -1)[:, inside].T.astype(np.float32, copy=False)
            return np.asarray(member @ values) / areas[:, None]

        rows, columns = np.divmod(inside, instances.shape[1])
        slices = ndimage.find_objects(instances, n)
        boxes = np.array([(x.start, y.start, x.stop, y.stop) for y, x in slices], dtype=np.int64).reshape(n, 4)
        centroids = np.stack([np.bincount(of, weights=axis, minlength=n) for axis in (rows, columns)], axis=1)
        return cls.from_means(
            tree,
            mean(probabilities[tree.is_thing[list(tree.leaves)]]),
            scores,
            instances=instances,
            areas=areas,
            boxes_xyxy=boxes,
            centroids_yx=centroids / areas[:, None],
            attributes={name: mean(planes) for name, planes in (attributes or {}).items()},
            decoding=decoding,
        )

    @classmethod
    def from_means(
        cls,
        tree: ClassTree,
        means: np.ndarray,
        scores: np.ndarray,
        *,
        decoding: Decoding = USUAL,
        **measured: Any,
    ) -> Self:
        """Choose the classes of N objects that were measured elsewhere.

        Args:
            tree: the classes.
            means: (N, T) of the probabilities of the tree's things, over each object's pixels.
            scores: (N,) float.
            decoding: as for `from_instances`.
            measured: all other attributes of this class.
        """
        leaves = leaf_probabilities(tree, means)
        classes = decode(tree, leaves.T[:, :, None], replace(decoding, threshold=None))[:, 0]
        return cls(
            tree=tree,
            classes=classes,
            probabilities=leaves,
            scores=np.asarray(scores, dtype=np.float32),
            **measured,
        )

    def level(self, k: int) -> np.ndarray:
        """(N,) uint16 node ids at level k of the tree; 0 for objects whose class stopped above it."""
        return self.tree.level_table(k).astype(np.uint16)[self.classes]

    def attribute(self, name: str) -> np.ndarray:
        """(N,) uint8: 1.. = the likeliest value, 0 for objects outside the attribute's node.

        Raises:
            ClassTreeError: if the tree has no such attribute.
        """
        question = self.tree.attribute(name)
        asked = np.isin(self.classes, [question.node, *self.tree.descendants(question.node)])
        return np.where(asked, self.attributes[name].argmax(axis=1) + 1, 0).astype(np.uint8)

    def counts(self) -> dict[str, int]:
        """Number of objects by path of every node of things; a parent's includes its children's."""
        total = self.tree.roll_up(np.bincount(self.classes, minlength=len(self.tree) + 1))
        return {node.path: int(total[node.id]) for node in self.tree if self.tree.is_thing[node.id]}

    def contours(self) -> list[list[np.ndarray]]:
        """For each object its outer outlines, one per separate part: (M, 2) int32 pixels as (x, y)."""
        found = []
        for number, (left, top, right, bottom) in enumerate(self.boxes_xyxy, start=1):
            mask = (self.instances[top:bottom, left:right] == number).astype(np.uint8)
            offset = (int(left), int(top))
            outlines, _ = cv2.findContours(mask, cv2.RETR_EXTERNAL, cv2.CHAIN_APPROX_SIMPLE, offset=offset)
            found.append([outline[:, 0] for outline in outlines])
        return found

    def select(self, chosen: np.ndarray | Sequence[int]) -> Self:
        """Some of the objects, renumbered in their order.

        Args:
            chosen: (N,) bool, or row numbers in rising order.
        """
        rows = np.flatnonzero(chosen) if np.asarray(chosen).dtype == bool else np.asarray(chosen, dtype=np.intp)
        number = np.zeros(len(self) + 1, dtype=np.int32)
        number[rows + 1] = np.arange(1, len(rows) + 1)
        return type(self)(
            tree=self.tree,
            instances=number[self.instances],
            classes=self.classes[rows],
            probabilities=self.probabilities[rows],
            scores=self.scores[rows],
            areas=self.areas[rows],
            boxes_xyxy=self.boxes_xyxy[rows],
            centroids_yx=self.centroids_yx[rows],
            attributes={name: values[rows] for name, values in self.attributes.items()},
        )


def leaf_probabilities(tree: ClassTree, means: np.ndarray) -> np.ndarray:
    """(N, L) float32 of the leaves for N objects, which sum to 1 over L and are 0 for stuff.

    Args:
        tree: the classes.
        means: (N, T) of the probabilities of the tree's things, over each object's pixels.
    """
    leaves = np.zeros((len(means), tree.n_leaves), dtype=np.float32)
    leaves[:, tree.is_thing[list(tree.leaves)]] = means + 1e-9
    leaves /= np.maximum(leaves.sum(axis=1, keepdims=True), 1e-9)
    return leaves
