from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from smalta.classes import ClassTree
from smalta.errors import ShapeError
from smalta.pictures.overlay import caption, legend, object_colors, overlay, with_legend, write_names

TREE = ClassTree({"sky": {"color": "#0000ff"}, "road": {"color": "#ff0000"}})
THINGS = ClassTree({"sky": {}, "car": {"kind": "thing"}, "person": {"kind": "thing"}})


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


def test_touching_objects_have_outlines_of_their_own_colours() -> None:
    picture, classes = np.full((6, 12, 3), 100, dtype=np.uint8), np.full((6, 12), 2)
    instances = np.zeros((6, 12), dtype=np.int32)
    instances[:, :6], instances[:, 6:] = 300, 301

    drawn = overlay(picture, classes, THINGS, instances=instances)

    assert (drawn[:, 4] == drawn[0, 0]).all()  # inside: its class
    assert (drawn[:, 5] == object_colors(np.array(300))).all()
    assert (drawn[:, 6] == object_colors(np.array(301))).all()


def test_where_a_class_says_nothing_an_object_is_filled_with_its_own_colour() -> None:
    tree = ClassTree({"ground": {}, "cell": {"kind": "thing", "color": "#ff0000"}})
    instances = np.zeros((9, 9), dtype=np.int32)
    instances[1:8, 1:8] = 1

    drawn = overlay(np.zeros((9, 9, 3), dtype=np.uint8), instances * 2, tree, instances=instances, opacity=0.5)

    assert (drawn[instances == 0] == 0).all()
    assert (drawn[1, 1:8] == object_colors(np.array(1))).all()
    assert np.abs(drawn[4, 4] - object_colors(np.array(1)) / 2).max() <= 0.5


def test_an_object_without_a_class_has_an_outline_alone() -> None:
    picture = np.full((9, 9, 3), 100, dtype=np.uint8)
    instances = np.zeros((9, 9), dtype=np.int32)
    instances[1:8, 1:8] = 4

    drawn = overlay(picture, np.zeros((9, 9), np.uint16), THINGS, instances=instances)

    assert (drawn[2:7, 2:7] == 100).all()
    assert (drawn[1, 1:8] == object_colors(np.array(4))).all()


def test_objects_that_follow_each_other_look_different() -> None:
    colors = object_colors(np.arange(1000)).astype(int)

    assert np.abs(colors[1:] - colors[:-1]).sum(axis=1).min() > 100


# -- names --------------------------------------------------------------------------------------------


def test_a_name_is_written_where_it_fits_and_changes_no_pixel_outside_of_its_object() -> None:
    image = np.full((60, 200, 3), 90, dtype=np.uint8)
    instances = np.zeros((60, 200), dtype=np.int32)
    instances[5:55, 5:125] = 1
    instances[5:55, 130:150] = 2
    instances[5:9, 160:164] = 3

    named = write_names(image, instances, [["lorry 1", "1"], ["lorry 2", "2"], ["lorry 3", "3"]])

    changed = (named != image).any(axis=-1)
    widths = [np.flatnonzero((changed & (instances == n)).any(axis=0)).size for n in (1, 2, 3)]
    assert widths[0] > 30  # the long name
    assert 0 < widths[1] <= 12  # the short one
    assert widths[2] == 0
    assert not changed[instances == 0].any()
    assert (image == 90).all()


def test_a_name_stands_inside_of_a_ring_not_in_its_hole() -> None:
    instances = np.zeros((90, 90), dtype=np.int32)
    instances[5:85, 5:85] = 1
    instances[30:60, 30:60] = 0

    named = write_names(np.zeros((90, 90, 3), dtype=np.uint8), instances, [["1"]])

    changed = named.any(axis=-1)
    assert changed.any()
    assert not changed[instances == 0].any()


@given(shape=st.tuples(st.integers(1, 40), st.integers(1, 40)), n=st.integers(0, 5), seed=st.integers(0, 99))
def test_names_are_written_into_objects_of_any_shape(shape: tuple[int, int], n: int, seed: int) -> None:
    instances = np.random.default_rng(seed).integers(0, n + 1, shape).astype(np.int32)
    blank = np.zeros((*shape, 3), dtype=np.uint8)

    named = write_names(blank, instances, [[str(k)] for k in range(1, n + 1)])

    assert named.shape == blank.shape
    assert not named[instances == 0].any()


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


def test_a_legend_counts_the_objects_of_things() -> None:
    plain, counted, other = (legend(THINGS, [1, 2], 300, counts) for counts in (None, {2: 3}, {2: 4}))

    assert (plain != counted).any()
    assert (counted != other).any()
    assert (legend(THINGS, [1], 300, {2: 3}) == legend(THINGS, [1], 300)).all()  # stuff has no count


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


def test_a_caption_of_larger_letters_is_a_higher_strip_of_the_same_width() -> None:
    small, large = caption("cells", 120), caption("cells", 120, size=24)

    assert small.shape == (20, 120, 3)
    assert large.shape == (40, 120, 3)
    assert (large > 200).sum() > 2 * (small > 200).sum()
