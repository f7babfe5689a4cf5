from __future__ import annotations

import cv2
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from smalta.data.thickness import ridge_widths


def widths_of(regions: np.ndarray, value: int = 1) -> np.ndarray:
    widths, flat = ridge_widths(regions)
    return widths[regions.ravel()[flat] == value]


@given(width=st.integers(1, 20), start=st.integers(2, 9), upright=st.booleans())
def test_a_bar_is_as_wide_as_it_was_drawn_odd_or_even(width: int, start: int, upright: bool) -> None:
    regions = np.zeros((100, 200), dtype=np.uint8)
    regions[40 + start : 40 + start + width] = 1

    found = widths_of(regions if not upright else np.ascontiguousarray(regions.T))

    np.testing.assert_allclose(found, width, rtol=0.03)


@pytest.mark.parametrize(("width", "least", "most"), [(2, 1.0, 2.5), (5, 4.0, 5.5), (20, 18.0, 21.0)])
@pytest.mark.parametrize("angle", [20, 45, 70])
def test_a_slanted_bar_is_about_as_wide_as_it_was_drawn(width: int, least: float, most: float, angle: int) -> None:
    y, x = np.mgrid[:300, :300] - 149.5
    across = x * np.sin(np.deg2rad(angle)) - y * np.cos(np.deg2rad(angle))
    regions = ((across > -width / 2) & (across <= width / 2)).astype(np.uint8)

    assert least <= np.median(widths_of(regions)) <= most


def test_a_disc_is_as_wide_as_its_diameter_and_its_rim_says_nothing() -> None:
    regions = np.zeros((101, 101), dtype=np.uint8)
    cv2.circle(regions, (50, 50), 20, 1, thickness=-1)  # 41 pixels across

    found = widths_of(regions)

    assert found.max() == pytest.approx(41, rel=0.1)  # the rim is a staircase, inside the circle
    assert np.average(found, weights=found) > 30


def test_touching_objects_of_different_keys_are_measured_apart() -> None:
    regions = np.zeros((40, 60), dtype=np.int64)
    regions[10:14, 5:55] = 1
    regions[14:20, 5:55] = 2

    assert np.median(widths_of(regions, 1)) == 4
    assert np.median(widths_of(regions, 2)) == 6


def test_a_picture_of_one_region_has_no_ridge() -> None:
    widths, flat = ridge_widths(np.full((5, 7), 3))

    assert (widths.size, flat.size) == (0, 0)
