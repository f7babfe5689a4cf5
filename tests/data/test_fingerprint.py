from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import given

from hostile import damaged
from labelled_sets import write_set
from smalta.classes import ClassTree
from smalta.data.any_format import open_dataset
from smalta.data.fingerprint import Fingerprint, NodeFacts, choose_stride, measure, measure_samples
from smalta.data.sample import Sample
from smalta.errors import ConfigError, DataError, SmaltaError

ROAD = ClassTree({"road": {}, "mark": {"children": {"line": {}, "arrow": {}}}})  # ids 1, 2, 3, 4


def sample(classes: np.ndarray, picture: np.ndarray | None = None, instances: np.ndarray | None = None) -> Sample:
    if picture is None:
        picture = np.zeros((*classes.shape, 3), dtype=np.uint8)
    return Sample(name="a", picture=picture, classes=classes.astype(np.uint16), instances=instances)


def bars(width: int, value: int, size_hw: tuple[int, int] = (120, 160)) -> np.ndarray:
    """Class 1 with two horizontal bars of `value`, `width` pixels wide."""
    classes = np.ones(size_hw, dtype=np.uint16)
    classes[20 : 20 + width] = value
    classes[70 : 70 + width] = value
    return classes


# -- counts -------------------------------------------------------------------------------------------


def test_shares_are_of_labelled_pixels_and_by_own_label() -> None:
    #                    road x3, line, mark itself, unlabelled x3
    classes = np.array([[1, 1, 1, 3], [2, 0, 0, 0]])

    found = measure_samples([sample(classes), sample(np.ones((2, 1)))], ROAD)

    np.testing.assert_allclose(found.shares(ROAD), [0, 5 / 7, 1 / 7, 1 / 7, 0])
    assert found.unlabelled_share == 3 / 10
    assert [found.nodes[path].n_pictures for path in ("road", "mark", "mark/line", "mark/arrow")] == [2, 1, 1, 0]


def test_a_class_that_never_shows_has_no_width_and_no_objects() -> None:
    found = measure_samples([sample(bars(5, 3))], ROAD)

    assert found.nodes["mark/arrow"] == NodeFacts(share=0.0, n_pictures=0, width=None, object_area=None, n_objects=0)


def test_sizes_are_least_median_and_largest() -> None:
    samples = [sample(np.ones(size_hw)) for size_hw in ((10, 20), (30, 5), (11, 50))]

    found = measure_samples(samples, ROAD)

    assert (found.height, found.width) == ((10, 11, 30), (5, 20, 50))


def test_colour_is_pooled_over_all_pixels() -> None:
    dark = sample(np.ones((1, 3)), np.zeros((1, 3, 3), dtype=np.uint8))
    bright = sample(np.ones((1, 1)), np.array([[[255, 51, 0]]], dtype=np.uint8))

    found = measure_samples([dark, bright], ROAD)

    assert found.color_mean == (0.25, 0.05, 0.0)  # three pixels of 0 and one of 1.0, 0.2, 0
    assert found.color_std == (0.433, 0.0866, 0.0)  # sqrt(1/4 - 1/16), a fifth of it, 0
    assert not found.grey_only


def test_equal_channels_are_grey() -> None:
    assert measure_samples([sample(np.ones((2, 2)))], ROAD).grey_only


def test_no_samples_are_an_error() -> None:
    with pytest.raises(DataError, match="no picture"):
        measure_samples([], ROAD)


# -- widths and objects -------------------------------------------------------------------------------


@pytest.mark.parametrize("width", [2, 5, 20])
def test_the_width_of_a_class_is_that_of_its_bars(width: int) -> None:
    found = measure_samples([sample(bars(width, 3))], ROAD)

    assert found.nodes["mark/line"].width == pytest.approx(width, rel=0.05)


def test_a_few_thin_specks_do_not_make_a_wide_class_thin() -> None:
    classes = bars(20, 3)
    classes[100:112:2, ::4] = 3  # 240 single pixels: a quarter of the ridge, but a small part of 6,400 pixels

    assert measure_samples([sample(classes)], ROAD).nodes["mark/line"].width == pytest.approx(20, rel=0.05)


def test_a_thin_class_is_seen_in_a_picture_that_is_much_larger_than_the_window() -> None:
    classes = np.ones((1500, 4000), dtype=np.uint16)
    classes[1400:1403, 3500:3990] = 3
    classes[0, :100] = 0  # unlabelled pixels are rarer still, and do not matter

    assert measure_samples([sample(classes)], ROAD).nodes["mark/line"].width == pytest.approx(3, rel=0.05)


def test_objects_are_connected_regions_diagonals_included_where_none_are_labelled() -> None:
    classes = np.ones((10, 10))
    classes[0, 0] = classes[1, 1] = 3  # one object of 2 pixels
    classes[5:9, 5:9] = 3  # one of 16

    facts = measure_samples([sample(classes)], ROAD).nodes["mark/line"]

    assert (facts.n_objects, facts.object_area) == (2, 3.4)  # 2 + a tenth of the way to 16


def test_labelled_objects_count_although_they_touch() -> None:
    tree = ClassTree({"ground": {}, "cell": {"kind": "thing"}})
    classes = np.ones((10, 10))
    classes[2:6, 2:8] = 2
    instances = np.zeros((10, 10), dtype=np.int32)
    instances[2:6, 2:5], instances[2:6, 5:8] = 4, 900

    found = measure_samples([sample(classes, instances=instances)], tree)

    assert found.has_instances
    assert found.nodes["cell"].n_objects == 2
    assert found.nodes["cell"].object_area == 12.0
    assert found.nodes["cell"].width == 3.0


# -- the stride ---------------------------------------------------------------------------------------


def nodes_of_widths(widths: Sequence[float | None]) -> dict[str, NodeFacts]:
    """A wide ground, and a class of each width."""
    facts = NodeFacts(share=0.01, n_pictures=5, width=None, object_area=None, n_objects=9)
    classes = {f"c{i}": replace(facts, width=width) for i, width in enumerate(widths)}
    return {"ground": replace(facts, share=0.9, width=64.0), **classes}


@pytest.mark.parametrize(
    ("widths", "stride"),
    [
        ([20.0], 4),
        ([4.0], 4),
        ([3.75], 2),  # thinner than 4
        ([2.0], 2),
        ([1.75], 1),
        ([2.0, 9, 9, 9, 9, 9, 9, 5, 9, 9], 4),  # one thin class of ten
        ([2.0, 9, 9, 9], 2),  # one of four
        ([1.0, 1.0, 9, 9, 9, 9, 9], 1),  # two of seven are more than a quarter, at 4 and at 2
    ],
)
def test_the_stride_follows_the_thin_classes(widths: list[float], stride: int) -> None:
    assert choose_stride(nodes_of_widths(widths))[0] == stride


def test_the_reason_names_the_classes_that_are_too_fine() -> None:
    stride, reason = choose_stride(nodes_of_widths([2.25]))

    assert (stride, reason) == (
        2,
        "stride 2: 1 of 1 classes beside 'ground' are too fine for stride 4 (c0: 2.25 px wide)",
    )


def test_small_labelled_objects_ask_for_a_finer_map_and_small_specks_do_not() -> None:
    nodes = nodes_of_widths([10.0])
    nodes["c0"] = replace(nodes["c0"], object_area=31.0)  # fewer than two places of 4 x 4 pixels

    assert choose_stride(nodes, things=["c0"])[0] == 2
    assert choose_stride(nodes, things=[])[0] == 4


def test_without_a_second_class_the_stride_is_the_coarsest() -> None:
    assert choose_stride(nodes_of_widths([]))[0] == 4


def test_a_set_of_two_pixel_cracks_gets_stride_2() -> None:
    assert measure_samples([sample(bars(2, 3))], ROAD).output_stride == 2


# -- a data set on the disk ---------------------------------------------------------------------------


def test_measure_reads_pictures_evenly_and_estimates_the_bytes_of_all(tmp_path: Path) -> None:
    dataset = open_dataset(write_set(tmp_path, n_train=5, n_val=2))

    found = measure(dataset, most=3)

    assert (found.n_measured, found.n_pictures) == (3, {"train": 5, "val": 2})
    assert found.decoded_bytes == 5 * 72 * 96 * (3 + 2)  # RGB and 16-bit classes
    assert found == measure(dataset, most=3)


def test_measure_names_the_splits_when_asked_for_another(tmp_path: Path) -> None:
    with pytest.raises(DataError, match="train, val"):
        measure(open_dataset(write_set(tmp_path)), split="test")


# -- files --------------------------------------------------------------------------------------------


def test_a_fingerprint_comes_back_from_json_equal() -> None:
    found = measure_samples([sample(bars(3, 3)), sample(bars(2, 4))], ROAD)

    assert Fingerprint.from_dict(json.loads(json.dumps(found.to_dict()))) == found


def test_a_fingerprint_of_other_classes_or_with_other_keys_is_refused() -> None:
    found = measure_samples([sample(bars(3, 3))], ROAD)
    values = found.to_dict()
    del values["grey_only"]

    with pytest.raises(ConfigError, match="grey_only"):
        Fingerprint.from_dict(values)
    with pytest.raises(ConfigError, match="'sky'"):
        found.shares(ClassTree(["road", "sky"]))


@given(values=damaged(json.loads(json.dumps(measure_samples([sample(bars(3, 3))], ROAD).to_dict()))))
def test_a_fingerprint_damaged_anywhere_is_read_or_refused_in_words(values: dict[str, Any]) -> None:
    try:
        found = Fingerprint.from_dict(values)
    except SmaltaError:
        return
    assert Fingerprint.from_dict(found.to_dict()) == found


# -- trivial answers ----------------------------------------------------------------------------------


def test_trivial_answers_follow_from_the_measured_pictures() -> None:
    tree = ClassTree({"ground": {}, "cell": {"kind": "thing", "children": {"round": {}, "long": {}}}})
    classes = np.array([[1, 1, 1, 3, 1, 4, 2]])
    objects = np.array([[0, 0, 0, 1, 0, 2, 3]])

    found = measure_samples([sample(classes, instances=objects), sample(np.ones((2, 2)))], tree).trivial(tree)

    assert found.frequent == found.stuff == ("ground", "ground")
    assert found.counts == {"": 1.5, "cell": 1.5, "cell/round": 0.5, "cell/long": 0.5}
    assert found.brightness is None  # three leaves


def test_a_tree_of_two_leaves_gets_a_threshold_on_brightness() -> None:
    picture = np.repeat(np.array([[200, 210, 30]], np.uint8)[..., None], 3, axis=2)
    tree = ClassTree(["paper", "ink"])

    found = measure_samples([sample(np.array([[1, 1, 2]]), picture)], tree)

    assert found.brightness is not None
    assert found.brightness(picture).tolist() == [[False, False, True]]
    assert Fingerprint.from_dict(json.loads(json.dumps(found.to_dict()))) == found
