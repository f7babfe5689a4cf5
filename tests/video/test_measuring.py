"""Which sides of an object are its own."""

from __future__ import annotations

import numpy as np

from boxes_on_cells import found
from smalta.video.following.measuring import BOTTOM, LEFT, RIGHT, TOP, measure


def test_areas_boxes_and_middles_are_those_of_the_cells() -> None:
    instances = np.zeros((8, 8), np.int32)
    instances[1:3, 2:6] = 1
    instances[2, 2] = 0

    measured = measure(instances, 1, cell=4)

    assert measured.areas.tolist() == [7]
    assert measured.boxes.tolist() == [[4, 8, 12, 24]]
    assert measured.heights.tolist() == [8]
    assert measured.widths.tolist() == [16]
    assert measured.middles_x.tolist() == [(2 + 3 * 2 + 4 * 2 + 5 * 2) / 7 * 4 + 2]


def test_an_object_that_stands_alone_owns_all_its_sides() -> None:
    measured = measure(found((5, 5, 15, 10)).instances, 1, cell=4)

    assert measured.own.all()
    assert not measured.edge.any()


def test_the_one_in_front_hides_a_side_of_the_one_behind() -> None:
    behind, front = (5, 5, 15, 10), (4, 9, 17, 14)

    measured = measure(found(behind, front).instances, 2, cell=4)

    assert measured.own[0, [TOP, LEFT, RIGHT]].tolist() == [True, True, False]
    assert measured.own[1].all()


def test_a_gap_of_one_cell_is_no_gap() -> None:
    behind, front = (5, 5, 15, 10), (3, 11, 17, 14)

    measured = measure(found(behind, front).instances, 2, cell=4)

    assert measured.own[0, [LEFT, RIGHT]].tolist() == [True, False]


def test_feet_behind_someone_are_not_the_lower_edge() -> None:
    behind, front = (5, 5, 15, 10), (10, 4, 20, 11)

    measured = measure(found(behind, front).instances, 2, cell=4)

    assert measured.boxes[0, BOTTOM] == 40
    assert measured.own[0, [TOP, BOTTOM]].tolist() == [True, False]


def test_the_edge_of_the_picture_cuts_an_object() -> None:
    measured = measure(found((5, 0, 15, 5)).instances, 1, cell=4)

    assert measured.edge.tolist() == [True]
    assert measured.own[0, [LEFT, RIGHT]].tolist() == [False, True]


def test_a_number_without_cells_has_no_area() -> None:
    instances = np.zeros((6, 6), np.int32)
    instances[2:4, 2:4] = 3

    measured = measure(instances, 3, cell=4)

    assert measured.areas.tolist() == [0, 0, 4]
    assert measured.edge.tolist() == [False, False, False]


def test_a_frame_without_objects_has_nothing_to_measure() -> None:
    assert len(measure(np.zeros((6, 6), np.int32), 0, cell=4).areas) == 0
