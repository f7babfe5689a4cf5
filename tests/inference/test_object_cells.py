"""Of a part are kept the cells that may belong to an object."""

from __future__ import annotations

from pathlib import Path

import numpy as np

from smalta.classes import ClassTree
from smalta.inference.object_cells import ObjectCells, bits_of

TREE = ClassTree({"lawn": {}, "ball": {"kind": "thing", "attributes": {"lit": ["yes", "no"]}}})


def cells_of_a_part() -> ObjectCells:
    """A part of 3 x 4 pixels at stride 2, which begins at the cell (10, 20); its last row of cells is cut."""
    ball = np.array([[0.9, 0.1, 0.0, 0.0], [0.5, 0.2, 0.0, 0.0], [0.0, 0.0, 0.4, 0.8]], np.float32)
    fields = {
        "semantic": np.stack([1 - ball, ball]),
        "attribute:lit": np.stack([np.full((3, 4), 0.25, np.float32), np.full((3, 4), 0.75, np.float32)]),
        "center": np.zeros((1, 2, 2), np.float32),
        "offsets": np.arange(8, dtype=np.float32).reshape(2, 2, 2),
    }
    return ObjectCells.of_fields(fields, TREE, min_thing=0.5, stride=2, corner_yx=(10, 20))


def test_a_cell_is_kept_with_its_pixels_offset_and_sums_where_a_pixel_may_belong_to_an_object() -> None:
    cells = cells_of_a_part()

    np.testing.assert_array_equal(cells.places, [[10, 20], [11, 21]])
    np.testing.assert_array_equal(bits_of(cells.pixels, 2), [[1, 0, 1, 0], [0, 1, 0, 0]])
    np.testing.assert_array_equal(cells.steps, [[0, 1.5], [2, 3.5]])  # cells of two pixels
    np.testing.assert_allclose(cells.sums, [[1.4, 1.4, 0.5, 1.5], [0.8, 0.8, 0.25, 0.75]], rtol=1e-6)


def test_cells_come_back_from_their_file_as_they_were(tmp_path: Path) -> None:
    cells = cells_of_a_part()

    cells.save(tmp_path / "cells.npz")
    found = ObjectCells.load(tmp_path / "cells.npz")

    for name in ("places", "pixels", "steps", "sums"):
        np.testing.assert_array_equal(getattr(found, name), getattr(cells, name))
        assert getattr(found, name).dtype == getattr(cells, name).dtype
