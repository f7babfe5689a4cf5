"""Outlines and run lengths: the pixels they mean, and masks that come back as they were."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp
from pycocotools import mask as coco_mask

from smalta.data.formats.outlines import (
    Layer,
    Region,
    Shape,
    decode_runs,
    encode_runs,
    fill_box,
    fill_polygons,
    fill_rings,
    has_holes,
    join,
    outline,
    paint,
    rings,
)
from smalta.errors import DataError

MASKS = hnp.arrays(bool, hnp.array_shapes(min_dims=2, max_dims=2, min_side=1, max_side=9)).filter(np.any)


def whole(region: Region, size_hw: tuple[int, int]) -> np.ndarray:
    mask = np.zeros(size_hw, dtype=bool)
    mask[region.window] = region.mask
    return mask


def square(left: float, top: float, right: float, bottom: float) -> list[float]:
    return [left, top, right, top, right, bottom, left, bottom]


def pixels(rows: str) -> np.ndarray:
    return np.array([[letter == "#" for letter in row] for row in rows.split()])


# -- polygons -----------------------------------------------------------------------------------------


def test_a_polygon_covers_the_pixels_whose_centres_it_holds() -> None:
    region = fill_polygons([square(1, 0, 3, 2)], (3, 5))

    np.testing.assert_array_equal(whole(region, (3, 5)), pixels(".##.. .##.. ....."))


def test_parts_add_up_and_a_part_inside_another_is_a_hole() -> None:
    region = fill_polygons([square(0, 0, 3, 3), square(1, 1, 2, 2), square(4, 0, 5, 2)], (3, 5))

    np.testing.assert_array_equal(whole(region, (3, 5)), pixels("###.# #.#.# ###.."))


def test_an_island_in_a_hole_and_a_part_that_stands_twice() -> None:
    ring = [square(0, 0, 5, 5), square(1, 1, 4, 4), square(2, 2, 3, 3)]

    once = whole(fill_polygons(ring, (5, 5)), (5, 5))
    twice = whole(fill_polygons([*ring, square(0, 0, 5, 5)], (5, 5)), (5, 5))

    np.testing.assert_array_equal(once, pixels("##### #...# #.#.# #...# #####"))
    np.testing.assert_array_equal(twice, once)


def test_overlapping_parts_add_up() -> None:
    region = fill_polygons([square(0, 0, 2, 1), square(1, 0, 3, 1)], (1, 4))

    np.testing.assert_array_equal(whole(region, (1, 4)), pixels("###."))


def test_outlines_may_leave_the_picture_and_lines_have_no_area() -> None:
    assert whole(fill_polygons([square(-2, -2, 1, 1)], (2, 2)), (2, 2)).tolist() == [[True, False], [False, False]]
    assert fill_polygons([[0, 0, 2, 2]], (2, 2)).area == 0
    assert fill_polygons([square(2, 0, 2, 2)], (2, 2)).area == 0  # what cutting a picture leaves at its edge
    assert fill_polygons([], (2, 2)).area == 0


@pytest.mark.parametrize(
    "part",
    [
        [0, 0, 1],
        [0, 0, 1, 1, 1, float("nan")],
        [0, 0, 1, 1, 1e9, 0],
        square(5, 0, 9, 2),
        square(0, 5, 2, 9),
        square(-9, 0, -1, 2),
        square(0, -9, 2, -1),
    ],
)
def test_impossible_outlines_are_refused(part: list[float]) -> None:
    with pytest.raises(DataError, match="an outline"):
        fill_polygons([part], (4, 4))


def test_an_object_may_have_a_part_outside_of_the_picture() -> None:
    assert fill_polygons([square(0, 0, 1, 1), square(5, 5, 9, 9)], (4, 4)).area == 1


def test_rings_say_themselves_which_are_holes() -> None:
    ring, hole, island = square(0, 0, 5, 3), square(1, 1, 4, 2), square(2, 1, 3, 2)
    points = [[np.reshape(ring, (4, 2)), np.reshape(hole, (4, 2))], [np.reshape(island, (4, 2))]]

    region = fill_rings(points, (3, 5))

    np.testing.assert_array_equal(whole(region, (3, 5)), pixels("##### #.#.# #####"))


def test_rings_may_leave_the_picture_and_rings_of_two_points_have_no_area() -> None:
    line = np.array([[0, 0], [2, 2]])
    outer = np.reshape(square(-1, -1, 2, 2), (4, 2))

    assert fill_rings([[outer, line], [line], []], (2, 2)).area == 4
    assert fill_rings([[line]], (2, 2)).area == 0
    with pytest.raises(DataError, match=r"outside of its picture of 2 x 2 pixels: x 9 to 12, y 9 to 12"):
        fill_rings([[outer + 10]], (2, 2))


def test_rings_run_along_the_edges_of_pixels_and_holes_run_the_other_way() -> None:
    ((outer, hole),) = rings(Region(1, 2, pixels("### #.# ###")))

    assert sorted(map(tuple, outer[:-1].tolist())) == [(2, 1), (2, 4), (5, 1), (5, 4)]
    assert sorted(map(tuple, hole[:-1].tolist())) == [(3, 2), (3, 3), (4, 2), (4, 3)]
    assert (signed_area(outer), signed_area(hole)) == (9, -1)


def signed_area(ring: np.ndarray) -> float:
    x, y = ring.T
    return float((x[:-1] * y[1:] - x[1:] * y[:-1]).sum() / 2)


@given(mask=MASKS, left=st.integers(0, 3), top=st.integers(0, 3))
@settings(deadline=None)
def test_rings_give_the_mask_back_and_are_simple(mask: np.ndarray, left: int, top: int) -> None:
    size_hw = (mask.shape[0] + 4, mask.shape[1] + 4)
    expected = whole(Region(top, left, mask), size_hw)

    polygons = rings(Region(top, left, mask))

    np.testing.assert_array_equal(whole(fill_rings(polygons, size_hw), size_hw), expected)
    assert sum(signed_area(ring) for polygon in polygons for ring in polygon) == mask.sum()
    for outer, *holes in polygons:
        assert signed_area(outer) > 0
        assert all(signed_area(hole) < 0 for hole in holes)
        for ring in (outer, *holes):
            assert ring[0].tolist() == ring[-1].tolist()
            assert len(np.unique(ring[:-1], axis=0)) == len(ring) - 1  # no point twice: the ring does not touch itself


@pytest.mark.filterwarnings("ignore:__array__ implementation:DeprecationWarning")  # pycocotools' own, with NumPy 2
@given(
    points=st.lists(st.tuples(st.floats(-3, 12), st.floats(-3, 12)), min_size=3, max_size=8),
)
@settings(deadline=None)
def test_one_polygon_has_the_pixels_that_coco_gives_it(points: list[tuple[float, float]]) -> None:
    flat = [value for point in [*points, (2.0, 2.0)] for value in point]  # one point lies in the picture for sure
    expected = coco_mask.decode(coco_mask.frPyObjects([flat], 9, 11))[..., 0].astype(bool)

    filled = whole(fill_polygons([flat], (9, 11)), (9, 11))

    # the window moves an outline by whole pixels; only points left of or above the picture may round differently
    if min(flat) >= 0:
        np.testing.assert_array_equal(filled, expected)
    else:
        assert (filled != expected).mean() < 0.1


def test_a_box_touches_every_pixel_that_it_cuts() -> None:
    np.testing.assert_array_equal(whole(fill_box((0.5, 1, 1, 9), (3, 4)), (3, 4)), pixels(".... ##.. ##.."))


def test_an_outline_runs_a_sixth_of_a_pixel_inside() -> None:
    (points,) = outline(Region(1, 2, np.ones((1, 1), dtype=bool)))

    np.testing.assert_allclose(points.min(axis=0), [2 + 1 / 6, 1 + 1 / 6])
    np.testing.assert_allclose(points.max(axis=0), [2 + 5 / 6, 1 + 5 / 6])


@given(mask=MASKS, left=st.integers(0, 3), top=st.integers(0, 3))
@settings(deadline=None)
def test_outlines_give_the_mask_back_joined_to_one_polygon_or_apart(mask: np.ndarray, left: int, top: int) -> None:
    size_hw = (mask.shape[0] + 4, mask.shape[1] + 4)
    expected = whole(Region(top, left, mask), size_hw)

    outlines = outline(Region(top, left, mask))

    joined = fill_polygons([join(outlines).ravel().tolist()], size_hw)
    np.testing.assert_array_equal(whole(joined, size_hw), expected)
    apart = fill_polygons([points.round(2).ravel().tolist() for points in outlines], size_hw)
    np.testing.assert_array_equal(whole(apart, size_hw), expected)


def test_holes_are_enclosed_by_sides() -> None:
    assert has_holes(pixels("### #.# ###"))
    assert has_holes(pixels(".#. #.# .#."))  # corners that touch enclose, too
    assert not has_holes(pixels("### #.# #.#"))
    assert not has_holes(pixels("#"))


# -- run lengths --------------------------------------------------------------------------------------


def test_runs_go_down_the_columns_and_start_off() -> None:
    region = decode_runs([1, 2, 3], (3, 2))

    np.testing.assert_array_equal(whole(region, (3, 2)), pixels(".. #. #."))


def test_runs_may_start_on_and_have_no_length() -> None:
    np.testing.assert_array_equal(whole(decode_runs([0, 1, 0, 2, 1], (2, 2)), (2, 2)), pixels("## #."))
    assert decode_runs([4], (2, 2)).area == 0


@pytest.mark.filterwarnings("ignore:__array__ implementation:DeprecationWarning")
@given(mask=MASKS, left=st.integers(0, 3), top=st.integers(0, 3), right=st.integers(0, 2), bottom=st.integers(0, 2))
@settings(deadline=None)
def test_compressed_runs_are_those_of_coco_and_give_the_mask_back(
    mask: np.ndarray, left: int, top: int, right: int, bottom: int
) -> None:
    size_hw = (top + mask.shape[0] + bottom, left + mask.shape[1] + right)
    expected = whole(Region(top, left, mask), size_hw)

    runs = encode_runs(Region(top, left, mask), size_hw)

    assert runs == coco_mask.encode(np.asfortranarray(expected.astype(np.uint8)))["counts"].decode()
    np.testing.assert_array_equal(whole(decode_runs(runs, size_hw), size_hw), expected)


def test_long_compressed_runs_are_decoded_like_coco_does() -> None:
    mask = np.zeros((700, 900), dtype=np.uint8)
    mask[100:650, 20:880] = 1
    mask[300:310, 500:510] = 0

    region = decode_runs(coco_mask.encode(np.asfortranarray(mask))["counts"].decode(), (700, 900))

    np.testing.assert_array_equal(whole(region, (700, 900)), mask.astype(bool))


@pytest.mark.parametrize("counts", [[1, 2], [7, -1], [2**40], "04", "0", "o", " ", "ooooooooooooooooooooo", "\u20ac"])
def test_runs_that_are_not_the_pictures_pixels_are_refused(counts: list[int] | str) -> None:
    with pytest.raises(DataError, match="run lengths"):
        decode_runs(counts, (2, 3))


# -- painting -----------------------------------------------------------------------------------------


def test_smaller_objects_lie_on_larger_ones_and_of_two_equal_ones_the_later() -> None:
    small = Shape(Region(0, 1, np.ones((1, 1), dtype=bool)), node=2)
    large = Shape(Region(0, 0, np.ones((1, 3), dtype=bool)), node=3)
    equal = Shape(Region(0, 2, np.ones((1, 3), dtype=bool)), node=4)

    classes, instances = paint([small, large, equal], (1, 6), rest=1)

    assert classes.tolist() == [[3, 2, 4, 4, 4, 1]]
    assert instances.tolist() == [[2, 1, 3, 3, 3, 0]]


def test_boxes_lie_lowest_then_crowds_then_outlines_whatever_their_size() -> None:
    box = Shape(Region(0, 0, np.ones((1, 1), dtype=bool)), node=0, layer=Layer.BOX)
    crowd = Shape(Region(0, 0, np.ones((1, 2), dtype=bool)), node=2, layer=Layer.CROWD)
    large = Shape(Region(0, 1, np.ones((1, 3), dtype=bool)), node=2)
    silent = Shape(Region(0, 3, np.ones((1, 2), dtype=bool)), node=0)

    classes, instances = paint([silent, box, large, crowd], (1, 6), rest=1)

    assert classes.tolist() == [[2, 2, 2, 0, 0, 1]]
    assert instances.tolist() == [[0, 1, 1, 0, 0, 0]]  # a crowd and what makes no statement have no number


def test_stuff_is_painted_without_a_number() -> None:
    road = Shape(Region(0, 0, np.ones((1, 2), dtype=bool)), node=4, is_object=False)
    car = Shape(Region(0, 1, np.ones((1, 1), dtype=bool)), node=5)

    classes, instances = paint([road, car], (1, 3), rest=1)

    assert classes.tolist() == [[4, 5, 1]]
    assert instances.tolist() == [[0, 1, 0]]
