"""Objects are measured from sums over their cells."""

from __future__ import annotations

import numpy as np

from smalta.answers.decoding import Decoding
from smalta.classes import ClassTree
from smalta.inference.object_cells import ObjectCells
from smalta.inference.object_sums import ObjectSums

TREE = ClassTree({"lawn": {}, "ball": {"kind": "thing", "children": ["red", "green"]}})


def cells(*of: tuple[int, int, int, float, float]) -> ObjectCells:
    """Cells from (row, column, pattern of pixels, sum of P(red), sum of P(green))."""
    rows, columns, pixels, red, green = map(np.array, zip(*of, strict=True))
    return ObjectCells(
        places=np.stack([rows, columns], axis=1),
        pixels=pixels.astype(np.uint16),
        steps=np.zeros((2, len(of)), np.float32),
        sums=np.stack([red + green, red, green], axis=1).astype(np.float32),
    )


def test_an_object_over_two_parts_is_measured_as_one() -> None:
    sums = ObjectSums(2, TREE, stride=2)

    #            pixels of the cell:  . #        # #                 # .
    #                                 . #        . .                 . .
    sums.add(cells((0, 0, 0b1010, 2, 0), (0, 1, 0b0011, 1, 0.5), (3, 5, 0b0001, 0, 1)), np.array([1, 1, 2]))
    sums.add(cells((1, 0, 0b0001, 0.5, 0), (9, 9, 0b1111, 4, 0)), np.array([1, 0]))
    found = sums.objects(np.array([1, 2]), np.array([0.8, 0.9], np.float32), Decoding())

    np.testing.assert_array_equal(sums.areas, [4, 5, 1])
    np.testing.assert_allclose(sums.sums, [[4, 4, 0], [4, 3.5, 0.5], [1, 0, 1]])
    np.testing.assert_array_equal(found.areas, [5, 1])
    np.testing.assert_array_equal(found.boxes_xyxy, [[0, 0, 4, 3], [10, 6, 11, 7]])
    # of the first: the pixels (0, 1), (1, 1), (0, 2), (0, 3) and (2, 0)
    np.testing.assert_allclose(found.centroids_yx, [[3 / 5, 7 / 5], [6, 10]])
    assert [TREE.name(node) for node in found.classes] == ["ball/red", "ball/green"]
    np.testing.assert_allclose(found.scores, [0.8, 0.9], rtol=1e-6)


def test_an_object_that_is_not_kept_is_not_among_the_objects() -> None:
    sums = ObjectSums(2, TREE, stride=1)
    sums.add(cells((4, 4, 1, 1, 0), (6, 7, 1, 1, 0)), np.array([1, 2]))

    found = sums.objects(np.array([2]), np.array([0.5], np.float32), Decoding())

    np.testing.assert_array_equal(found.boxes_xyxy, [[7, 6, 8, 7]])
