"""Areas and largest regions of class maps: their numbers are those of drawn shapes, in bands as in the whole map."""

from __future__ import annotations

import math

import cv2
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from smalta.answers.regions import Region, Regions
from smalta.classes import ClassTree

FLAT = ClassTree(["ground", "crack"])
TREE = ClassTree({"ground": {}, "defect": {"children": {"crack": {}, "hole": {}}}})  # 1, 2, 3, 4
GROUND, DEFECT, CRACK, HOLE = 1, 2, 3, 4


def largest(mask: np.ndarray) -> Region:
    """The largest region of a mask."""
    return Regions.of(FLAT, np.where(mask, 2, 1).astype(np.uint16)).largest()[2]


def strip(angle: float, width: float, length: float = 150) -> np.ndarray:
    """(400, 400) bool: a strip through the middle."""
    y, x = np.mgrid[:400, :400] - 200.0
    along = x * math.cos(angle) + y * math.sin(angle)
    across = y * math.cos(angle) - x * math.sin(angle)
    return (np.abs(along) <= length / 2) & (np.abs(across) <= width / 2)


@pytest.mark.parametrize("width", [1, 3, 9])
@pytest.mark.parametrize("degrees", [0, 10, 22.5, 45, 60, 90])
def test_a_straight_line_has_its_length_and_width(degrees: float, width: int) -> None:
    found = largest(strip(math.radians(degrees), width))

    assert found.length == pytest.approx(150, abs=2)
    assert found.width == pytest.approx(width, abs=0.6)


@pytest.mark.parametrize("width", [1, 3, 9])
def test_a_bent_line_is_measured_along_its_bend(width: int) -> None:
    y, x = np.mgrid[:400, :400] - 200.0
    angle = np.degrees(np.arctan2(y, x))
    arc = (np.abs(np.hypot(x, y) - 60) <= width / 2) & (angle > -170) & (angle < 100)

    found = largest(arc)

    assert found.length == pytest.approx(60 * math.radians(270), rel=0.03)
    assert found.width == pytest.approx(width, rel=0.05)


def test_branches_add_up() -> None:
    mask = np.zeros((200, 200), bool)
    mask[100, 20:180] = mask[20:180, 100] = True  # a cross of two lines of 160

    assert largest(mask).length == pytest.approx(320, rel=0.07)  # lines along the axes lose 5 %


def test_a_disc_is_as_long_as_it_is_across() -> None:
    y, x = np.mgrid[:100, :100] - 50
    found = largest(x * x + y * y <= 30 * 30)

    assert found.length == 61
    assert found.box_xyxy == (20, 20, 81, 81)


def test_one_pixel_has_length_and_width_one() -> None:
    mask = np.zeros((5, 7), bool)
    mask[2, 3] = True

    assert largest(mask) == Region(area=1, box_xyxy=(3, 2, 4, 3), length=1.0, width=1.0)


def test_a_parent_is_one_region_where_its_children_touch() -> None:
    classes = np.full((6, 10), GROUND, np.uint16)
    classes[2, 1:4], classes[3, 4:6], classes[5, 9] = CRACK, HOLE, HOLE

    regions = Regions.of(TREE, classes)

    found = regions.largest()
    assert regions.areas.tolist() == [60, 54, 6, 3, 3]
    assert {node: found[node].area for node in found} == {GROUND: 54, DEFECT: 5, CRACK: 3, HOLE: 2}
    assert found[DEFECT].box_xyxy == (1, 2, 6, 4)


def test_a_node_without_pixels_has_no_region() -> None:
    assert Regions.of(TREE, np.full((3, 3), GROUND, np.uint16)).largest().keys() == {GROUND}


@given(seed=st.integers(0, 10**6), smooth=st.booleans(), data=st.data())
def test_bands_give_the_numbers_of_the_whole_map(seed: int, smooth: bool, data: st.DataObject) -> None:
    rng = np.random.default_rng(seed)
    height, width = rng.integers(1, 40, 2).tolist()
    classes = rng.choice([GROUND, CRACK, HOLE], p=[0.6, 0.3, 0.1], size=(height, width)).astype(np.uint16)
    if smooth:
        classes = cv2.medianBlur(classes.astype(np.uint8), 3).astype(np.uint16)
    whole, bands, top = Regions.of(TREE, classes), Regions(TREE, (height, width)), 0
    while top < height:
        rows = data.draw(st.integers(1, 9))
        bands.add(classes[top : top + rows])
        top += rows

    assert np.array_equal(whole.areas, bands.areas)
    found = bands.largest()
    for node, region in whole.largest().items():
        assert (found[node].area, found[node].box_xyxy) == (region.area, region.box_xyxy)
        assert found[node].length == pytest.approx(region.length)
    assert found.keys() == whole.largest().keys()


def test_the_edge_is_that_of_opencv_with_other_steps() -> None:
    points = np.random.default_rng(0).integers(5, 395, (12, 1, 2)).astype(np.int32)
    one = cv2.polylines(np.zeros((400, 400), np.uint8), [points], isClosed=False, color=1, thickness=3)
    contours, _ = cv2.findContours(one, cv2.RETR_CCOMP, cv2.CHAIN_APPROX_NONE)
    steps = np.abs(np.concatenate([np.roll(c[:, 0], 1, axis=0) - c[:, 0] for c in contours])).sum(axis=1)
    half = (0.948 * (steps == 1).sum() + 1.340 * (steps == 2).sum()) / 2 + 2
    area = int(one.sum())

    assert largest(one > 0).length == pytest.approx((half + math.sqrt(half * half - 4 * area)) / 2)
