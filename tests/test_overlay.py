from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from smalta.classes import ClassTree
from smalta.data.overlay import caption, legend, overlay, with_legend
from smalta.errors import ShapeError

TREE = ClassTree({"sky": {"color": "#0000ff"}, "road": {"color": "#ff0000"}})


def test_inside_a_class_its_colour_is_blended_with_the_picture() -> None:
    picture = np.full((5, 5, 3), 100, dtype=np.uint8)

    drawn = overlay(picture, np.full((5, 5), 2), TREE, opacity=0.4)

    assert (drawn == [162, 60, 60]).all()  # 100 + 0.4 * (255 - 100), 100 - 0.4 * 100


def test_borders_stand_in_full_colour_on_both_sides() -> None:
    classes = np.ones((4, 6), dtype=np.uint16)
    classes[:, 3:] = 2

    drawn = overlay(np.full((4, 6, 3), 100, dtype=np.uint8), classes, TREE)

    assert (drawn[:, 2] == [0, 0, 255]).all()
    assert (drawn[:, 3] == [255, 0, 0]).all()
    assert (drawn[:, 1] != [0, 0, 255]).any()


def test_unlabelled_pixels_keep_the_picture_also_at_borders() -> None:
    picture = np.random.default_rng(0).integers(0, 256, (8, 8, 3)).astype(np.uint8)
    classes = np.zeros((8, 8), dtype=np.uint16)
    classes[2:5, 2:5] = 1

    drawn = overlay(picture, classes, TREE)

    assert (drawn[classes == 0] == picture[classes == 0]).all()


def test_touching_objects_of_one_class_are_parted_where_objects_are_given() -> None:
    picture, classes = np.full((4, 10, 3), 100, dtype=np.uint8), np.full((4, 10), 1)
    instances = np.ones((4, 10), dtype=np.int32)
    instances[:, 5:] = 2

    assert (overlay(picture, classes, TREE)[:, 4] != [0, 0, 255]).any()
    assert (overlay(picture, classes, TREE, instances=instances)[:, 4:6] == [0, 0, 255]).all()


def test_a_picture_of_another_size_is_refused() -> None:
    with pytest.raises(ShapeError, match=r"\(4, 5, 3\)"):
        overlay(np.zeros((5, 4, 3), dtype=np.uint8), np.zeros((4, 5), dtype=np.uint16), TREE)


def test_a_legend_shows_the_colour_of_every_class_it_names() -> None:
    strip = legend(TREE, [2, 1], 300)

    colors = {tuple(pixel) for pixel in strip.reshape(-1, 3).tolist()}
    assert strip.shape == (20, 300, 3)
    assert {(255, 0, 0), (0, 0, 255)} <= colors


@given(width=st.integers(1, 400), n_classes=st.integers(2, 9))
def test_a_legend_has_the_width_asked_for_and_as_many_lines_as_it_needs(width: int, n_classes: int) -> None:
    tree = ClassTree([f"class number {i}" for i in range(n_classes)])

    strip = legend(tree, range(n_classes + 1), width)

    assert strip.shape[1:] == (width, 3)
    assert strip.shape[0] % 20 == 0
    assert strip.shape[0] <= 20 * (n_classes + 1)


def test_a_narrow_legend_breaks_its_lines() -> None:
    assert legend(TREE, [1, 2], 80).shape[0] == 40


def test_a_legend_of_no_classes_is_one_empty_line() -> None:
    assert legend(TREE, [], 50).shape == (20, 50, 3)


def test_the_legend_stands_below_the_picture() -> None:
    picture = np.full((30, 200, 3), 7, dtype=np.uint8)

    joined = with_legend(picture, TREE, [1])

    assert joined.shape == (50, 200, 3)
    assert (joined[:30] == picture).all()


def test_a_long_name_keeps_its_end() -> None:
    assert (caption("a" * 99 + "tail", 90) == caption("a" * 200 + "tail", 90)).all()
    assert (caption("a" * 99 + "tail", 90) != caption("a" * 99 + "head", 90)).any()
