from __future__ import annotations

import cv2
import numpy as np
import pytest

from smalta.video.looks import _pooled, look, seen_by, sharpness
from stand_ins import cars


def street(size_hw: tuple[int, int] = (96, 144), seed: int = 0) -> np.ndarray:
    """Coarse blocks of colours."""
    blocks = np.random.default_rng(seed).integers(40, 215, (8, 12, 3), dtype=np.uint8)
    return cv2.resize(blocks, size_hw[::-1], interpolation=cv2.INTER_NEAREST)


def apart(first: np.ndarray, second: np.ndarray) -> float:
    return float(np.linalg.norm(look(first) - look(second)))


def test_a_blurred_picture_is_less_sharp_and_a_flat_one_not_at_all() -> None:
    picture = street()

    assert sharpness(cv2.GaussianBlur(picture, (0, 0), 2)) < 0.3 * sharpness(picture)
    assert sharpness(np.full((8, 8, 3), 90, dtype=np.uint8)) == 0


def test_sharpness_is_the_same_in_dim_light() -> None:
    dim = (street() * 0.3).astype(np.uint8)

    assert sharpness(dim) == pytest.approx(sharpness(street()), rel=0.05)


def test_pictures_of_one_colour_differ_by_that_colour_alone() -> None:
    black, grey, white = (np.full((9, 9, 3), value, dtype=np.uint8) for value in (0, 119, 255))  # L = 0, 50, 100

    assert apart(black, white) == pytest.approx(0.4)
    assert apart(black, grey) == pytest.approx(0.2, abs=0.002)


def test_a_camera_that_adapts_its_exposure_shows_no_new_scene() -> None:
    picture = (street() * 0.7).astype(np.uint8)
    person = picture.copy()
    person[40:80, 60:72] = (250, 30, 30)

    brighter = np.clip(picture.astype(int) + 20, 0, 255).astype(np.uint8)

    assert apart(picture, brighter) < apart(picture, person)


def test_noise_flicker_and_size_matter_less_than_a_person() -> None:
    picture = street()
    noisy = np.clip(picture + np.random.default_rng(1).normal(0, 4, picture.shape), 0, 255).astype(np.uint8)
    flicker = (picture * 0.97).astype(np.uint8)
    person = picture.copy()
    person[40:80, 60:72] = (250, 30, 30)

    usual = max(apart(picture, noisy), apart(picture, flicker), apart(picture, street((192, 288))))
    assert usual < 0.6 * apart(picture, person)
    assert apart(picture, person) < apart(picture, street(seed=1))
    assert apart(picture, person) < apart(picture, picture // 3)


@pytest.mark.parametrize("size_hw", [(1, 1), (3, 500), (97, 41)])
def test_pictures_of_any_size_have_a_look(size_hw: tuple[int, int]) -> None:
    found = look(np.full((*size_hw, 3), 128, dtype=np.uint8))

    assert found.shape == look(street()).shape
    assert np.isfinite(found).all()


def test_maps_are_pooled_by_area_also_if_they_are_smaller_than_the_grid() -> None:
    even = np.arange(2 * 8 * 12, dtype=np.float32).reshape(2, 8, 12)

    np.testing.assert_allclose(_pooled(even), even.reshape(2, 4, 2, 6, 2).mean(axis=(2, 4)))
    np.testing.assert_allclose(_pooled(np.array([[[3.0]]])), np.full((1, 4, 6), 3.0))
    np.testing.assert_allclose(_pooled(np.ones((1, 7, 5))), np.ones((1, 4, 6)))


def test_a_model_makes_frames_unlike_in_which_it_sees_another_class() -> None:
    see = seen_by(cars())  # ground is blue, honda is green
    ground, car = (np.full((32, 48, 3), colour, dtype=np.uint8) for colour in ((0, 0, 200), (0, 200, 0)))

    assert np.linalg.norm(see(ground) - see(car)) ** 2 == pytest.approx((apart(ground, car) ** 2 + 1) / 2, abs=0.01)
    assert np.linalg.norm(see(ground) - see(ground)) == 0
