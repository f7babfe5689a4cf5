"""Zones: points and masks inside polygons, objects on stuff, checks of polygons."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from camera_rules import TREE
from smalta.video.values import Ground, Mask
from smalta.video.zones import (
    area,
    centre_yx,
    cover,
    crosses_itself,
    cut_to_picture,
    inside,
    is_flat,
    share_inside,
    stuff_cells,
    thing_cells,
    touches,
)

SQUARE = np.array([[10.0, 20.0], [30.0, 20.0], [30.0, 50.0], [10.0, 50.0]])
HOOK = np.array([[0.0, 0.0], [40.0, 0.0], [40.0, 40.0], [30.0, 40.0], [30.0, 10.0], [0.0, 10.0]])  # an L
BOW = np.array([[0.0, 0.0], [10.0, 10.0], [10.0, 0.0], [0.0, 10.0]])


def mask(rows: slice, columns: slice, *, size_hw: tuple[int, int] = (20, 20), cell: int = 4) -> Mask:
    whole = np.zeros(size_hw, dtype=bool)
    whole[rows, columns] = True
    return Mask.of(whole, cell)


def test_points_are_inside_on_the_edge_and_outside() -> None:
    points = np.array([(35.0, 20.0), (50.0, 20.0), (20.0, 10.0), (51.0, 20.0), (35.0, 9.0), (20.0, 35.0)])

    assert inside(SQUARE, points).tolist() == [True, True, True, False, False, False]
    assert inside(HOOK, np.array([(5.0, 5.0), (30.0, 35.0), (30.0, 15.0)])).tolist() == [True, True, False]


def test_no_points_give_no_answers() -> None:
    assert inside(SQUARE, np.zeros((0, 2))).shape == (0,)


@given(y=st.floats(-20, 80), x=st.floats(-20, 80), turn=st.integers(0, 3), dy=st.integers(-9, 9), dx=st.integers(-9, 9))
def test_the_first_corner_the_direction_and_the_place_do_not_matter(
    y: float, x: float, turn: int, dy: int, dx: int
) -> None:
    before = inside(HOOK, np.array([(y, x)]))[0]
    moved = np.roll(HOOK, turn, axis=0)[::-1] + np.array([dx, dy])

    near_edge = min(abs(value - limit) for value in (x, y) for limit in (0, 10, 30, 40)) < 1e-3
    assert near_edge or inside(moved, np.array([(y + dy, x + dx)]))[0] == before


def test_cells_are_covered_in_part() -> None:
    covered = cover(SQUARE, (16, 10), 4)

    assert covered.shape == (16, 10)
    assert covered[5, 2] == 0.5  # columns 8 to 11: half of them are right of x = 10
    assert covered[6, 3] == 1.0
    assert covered[4, 4] == 0.0
    assert covered.sum() * 16 == area(SQUARE)


def test_a_polygon_beyond_the_picture_covers_what_is_there() -> None:
    assert cover(SQUARE + 1000, (4, 4), 4).sum() == 0
    assert cover(SQUARE * 100 - 2500, (4, 4), 4).sum() == 16


def test_the_share_is_that_of_the_object() -> None:
    covered = cover(SQUARE, (20, 20), 4)

    assert share_inside(mask(slice(5, 10), slice(3, 7)), covered) == 1.0
    assert share_inside(mask(slice(5, 15), slice(3, 7)), covered) == pytest.approx(7.5 / 10)
    assert share_inside(mask(slice(0, 2), slice(0, 2)), covered) == 0.0
    assert share_inside(mask(slice(0, 0), slice(0, 0)), covered) == 0.0


def test_a_mask_beyond_the_picture_counts_as_outside() -> None:
    moved = Mask(cells=np.ones((10, 4), dtype=bool), top_left=(-5, 3), cell=4)

    assert share_inside(moved, np.ones((20, 20), dtype=np.float32)) == 0.5
    assert share_inside(Mask(cells=np.ones((2, 2), dtype=bool), top_left=(50, 3), cell=4), np.ones((20, 20))) == 0.0


def test_the_centre_is_that_of_the_box() -> None:
    assert centre_yx(mask(slice(2, 6), slice(3, 4))) == (16.0, 14.0)


def test_the_class_map_says_where_stuff_and_things_are() -> None:
    road, crossing, car = (TREE[name].id for name in ("road", "road/crossing", "car"))
    ground = Ground(classes=np.array([[1, road, crossing, car, 0]], dtype=np.uint16), cell=4)

    assert stuff_cells(ground, TREE, road).tolist() == [[False, True, True, False, False]]
    assert stuff_cells(ground, TREE, crossing).tolist() == [[False, False, True, False, False]]
    assert thing_cells(ground, TREE).tolist() == [[False, False, False, True, False]]


NOTHING = np.zeros((20, 20), dtype=bool)


@pytest.mark.parametrize(
    ("road_from_row", "on"),
    [
        (0, True),
        (13, True),  # the row below the foot and the last row beside it: 6 + 2 of 6 + 2 * 2
        (14, False),  # only the row below: 6 of 10, and the side of the row above is not road
        (15, False),
    ],
)
def test_an_object_is_on_stuff_that_more_than_half_of_its_foot_touches(road_from_row: int, on: bool) -> None:
    person = mask(slice(4, 14), slice(5, 9))  # rows 12 and 13 are the foot; the grown one reaches rows 11 to 14
    road = NOTHING.copy()
    road[road_from_row:] = True

    assert touches(person, road, NOTHING) == on


def test_a_foot_between_two_grounds_is_on_neither() -> None:
    person = mask(slice(4, 14), slice(5, 9))
    left, right = NOTHING.copy(), NOTHING.copy()
    left[:, :7], right[:, 7:] = True, True

    assert not touches(person, left, NOTHING)
    assert not touches(person, right, NOTHING)


def test_what_objects_cover_is_no_ground() -> None:
    person = mask(slice(4, 14), slice(5, 9))
    road, things = NOTHING.copy(), NOTHING.copy()
    road[:, :6] = True
    assert not touches(person, road, things)

    things[:, 6:] = True

    assert touches(person, road, things)
    assert not touches(person, road, ~NOTHING)


def test_the_object_itself_is_no_ground_where_the_map_disagrees() -> None:
    person = mask(slice(4, 14), slice(5, 9))
    road = person.on((20, 20))

    assert not touches(person, road, NOTHING)


def test_an_object_at_the_lower_edge_stands_on_what_is_beside_it() -> None:
    person = mask(slice(10, 20), slice(5, 9))
    road = NOTHING.copy()
    road[17:] = True

    assert touches(person, road, NOTHING)


def test_a_mask_without_cells_is_on_nothing() -> None:
    assert not touches(mask(slice(0, 0), slice(0, 0)), ~NOTHING, NOTHING)


@pytest.mark.parametrize(("road_from_row", "on"), [(13, True), (14, False), (15, False)])
def test_small_cells_grow_by_three_pixels(road_from_row: int, on: bool) -> None:
    person = mask(slice(4, 14), slice(5, 9), cell=1)  # the foot, rows 12 and 13, grows to rows 9 to 16, columns 2 to 11
    road = NOTHING.copy()
    road[road_from_row:] = True  # from row 14: 30 of 60, which is not more than half

    assert touches(person, road, NOTHING) == on


def test_polygons_that_cross_themselves_or_have_no_area_are_found() -> None:
    assert [crosses_itself(polygon) for polygon in (SQUARE, HOOK, BOW, SQUARE[:3])] == [False, False, True, False]
    assert crosses_itself(np.array([[0.0, 0.0], [10, 0], [10, 10], [5, 0], [0, 10]]))  # a corner on another edge
    assert is_flat(np.array([[0.0, 0.0], [10, 10], [20, 20.4]]))
    assert not is_flat(SQUARE)


def test_a_polygon_is_cut_to_the_picture() -> None:
    kept = cut_to_picture(SQUARE, (20, 40))

    assert area(kept) == 10 * 20
    assert kept.max(axis=0).tolist() == [20, 40]
    assert len(cut_to_picture(SQUARE + 100, (20, 40))) == 0
    assert np.array_equal(cut_to_picture(SQUARE, (640, 360)), SQUARE)


@given(st.lists(st.tuples(st.integers(-20, 60), st.integers(-20, 60)), min_size=3, max_size=7))
def test_what_is_left_of_a_polygon_is_what_was_inside(corners: list[tuple[int, int]]) -> None:
    polygon = np.array(corners, dtype=float)
    grid = np.stack(np.meshgrid(np.arange(40) + 0.37, np.arange(30) + 0.61, indexing="ij"), axis=-1).reshape(-1, 2)

    kept = cut_to_picture(polygon, (30, 40))

    expected = inside(polygon, grid)
    found = inside(kept, grid) if len(kept) >= 3 else np.zeros(len(grid), dtype=bool)
    assert np.array_equal(found, expected)
