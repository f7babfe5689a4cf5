"""Pictures for people: what is drawn where, and that blurred things cannot be recognised."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from smalta.video.draw import BRIGHT, LINE, Overlay, Painter, inwards, on_picture
from smalta.video.rules import Line
from smalta.video.values import Ground, Mask
from watched import CELL, SIZE_HW, TREE, mask, rules, track

MOMENT = Overlay(time_s=1.0, clock="0:01", tracks=[], ground=None, occupancy={}, crossed={})
NOISE = np.random.default_rng(0).integers(0, 256, (*SIZE_HW, 3), dtype=np.uint8)
GREY = np.full((*SIZE_HW, 3), 100, dtype=np.uint8)


def color_at(image: np.ndarray, x: int, y: int) -> tuple[int, ...]:
    return tuple(image[y, x].tolist())


@pytest.mark.parametrize(
    ("start", "end", "side", "expected"),
    [((0, 0), (10, 0), "right", (0, 1)), ((0, 0), (10, 0), "left", (0, -1)), ((0, 9), (0, 0), "right", (1, 0))],
)
def test_right_and_left_are_seen_along_a_line(
    start: tuple[int, int], end: tuple[int, int], side: str, expected: tuple[int, int]
) -> None:
    line = Line(name="l", start_xy=start, end_xy=end, in_side=side, of=0)  # type: ignore[arg-type]

    np.testing.assert_allclose(inwards(line), expected, atol=1e-12)


def test_a_mask_covers_its_cells_and_is_cut_at_the_edges() -> None:
    rows, columns, patch = on_picture(mask(8, 12, 24, 32), SIZE_HW)
    whole = np.zeros(SIZE_HW, bool)
    whole[rows, columns] = patch

    assert whole[13:31, 9:23].all()
    assert not whole[:12].any()
    assert not whole[:, 24:].any()

    outside = Mask(cells=np.ones((3, 3), bool), top_left=(-2, 39), cell=CELL)
    rows, columns, patch = on_picture(outside, SIZE_HW)
    assert (rows.start, columns.stop) == (0, SIZE_HW[1])
    assert patch.shape == (rows.stop - rows.start, columns.stop - columns.start)


def test_things_of_a_class_are_blurred_by_their_mask_and_nothing_else_is() -> None:
    painter = Painter(rules(), SIZE_HW, blur=[TREE["person"].id])
    guest, car = track(1, (16, 16, 48, 64), "person/guest"), track(2, (80, 16, 112, 64), "car")

    image = painter.blurred(NOISE, [guest, car])

    inside = image[16:64, 16:48].astype(float)
    assert inside.std() < 0.2 * NOISE[16:64, 16:48].std()
    far = np.ones(SIZE_HW, bool)
    far[16 - 2 * CELL : 64 + 2 * CELL, 16 - 2 * CELL : 48 + 2 * CELL] = False
    np.testing.assert_array_equal(image[far], NOISE[far])
    np.testing.assert_array_equal(NOISE, np.random.default_rng(0).integers(0, 256, (*SIZE_HW, 3), dtype=np.uint8))


@pytest.mark.parametrize("change", [{"sure": False}, {"seen": False}])
def test_unsure_and_hidden_things_are_blurred_too(change: dict[str, bool]) -> None:
    painter = Painter(rules(), SIZE_HW, blur=[TREE["person"].id])

    image = painter.blurred(NOISE, [track(1, (16, 16, 48, 64), **change)])

    assert image[16:64, 16:48].astype(float).std() < 0.2 * NOISE.std()


def test_a_line_is_drawn_where_it_is_and_flashes_when_it_is_crossed() -> None:
    painter = Painter(rules(), SIZE_HW)
    crossed = replace(MOMENT, now=["door"])
    painter.follow(MOMENT)
    usual = painter.draw(GREY, MOMENT)
    painter.follow(crossed)
    bright = painter.draw(GREY, crossed)
    later = replace(MOMENT, time_s=1.6)
    painter.follow(later)

    assert color_at(usual, 60, 48) == LINE
    assert color_at(bright, 60, 48) == BRIGHT
    assert color_at(painter.draw(GREY, later), 60, 48) == LINE


def test_sure_tracks_are_filled_and_others_are_outlined() -> None:
    painter = Painter(rules(zones={"out": {"stuff": "street"}}, lines={}, events=[]), SIZE_HW)
    moment = replace(MOMENT, tracks=[track(1, (16, 40, 48, 80)), track(2, (80, 40, 112, 80), sure=False)])
    painter.follow(moment)

    image = painter.draw(GREY, moment)

    assert color_at(image, 32, 60) != (100, 100, 100)
    assert color_at(image, 96, 60) == (100, 100, 100)
    assert color_at(image, 81, 60) != (100, 100, 100)


def test_stuff_that_is_a_zone_is_tinted() -> None:
    painter = Painter(rules(zones={"out": {"stuff": "street"}}, lines={}, events=[]), SIZE_HW)
    classes = np.full((24, 40), TREE["floor"].id, np.uint16)
    classes[12:] = TREE["street"].id

    image = painter.draw(GREY, replace(MOMENT, ground=Ground(classes=classes, cell=CELL)))

    assert color_at(image, 150, 30) == (100, 100, 100)
    assert color_at(image, 150, 90) != (100, 100, 100)


def test_a_track_without_a_visible_part_is_not_drawn() -> None:
    painter = Painter(rules(zones={"out": {"stuff": "street"}}, lines={}, events=[]), SIZE_HW, blur=[TREE["person"].id])
    empty = Mask(cells=np.zeros((0, 0), bool), top_left=(0, 0), cell=CELL)
    moment = replace(MOMENT, tracks=[track(1, (16, 40, 48, 80), mask=empty)])

    image = painter.draw(GREY, moment)

    assert color_at(image, 32, 60) == (100, 100, 100)
