"""Objects and ground of a frame on cells."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np
import pytest

from smalta.classes import ClassTree
from smalta.demo.shipped import shipped_model
from smalta.description.model_info import ModelInfo
from smalta.description.network_config import NetworkConfig
from smalta.errors import ShapeError
from smalta.inference.predictor import Predictor, load
from smalta.scenes import generate
from smalta.video.crop import Crop
from smalta.video.seeing import Seer, mostly_covered, pixels_of_things
from smalta.video.values import Detections
from stand_ins import BALLS, GREEN, RED, balls, cars

SEEDS = range(1_000_000, 1_000_006)  # the shipped model has never seen them


class Counting:
    """A runtime that counts its passes."""

    def __init__(self, predictor: Predictor) -> None:
        self._runtime = predictor.runtime
        self.stride, self.streams, self.passes = predictor.runtime.stride, 1, 0

    def maps(self, pictures: np.ndarray, /) -> dict[str, np.ndarray]:
        self.passes += 1
        return self._runtime.maps(pictures)


@pytest.fixture(scope="module")
def shipped() -> Predictor:
    return load(shipped_model())


def usual_on_cells(instances: np.ndarray, cell: int) -> Iterator[np.ndarray]:
    """(h, w) bool of each object of an instance map of full size: the cells of which it covers at least half."""
    height, width = (-(-side // cell) for side in instances.shape)
    padded = np.full((height * cell, width * cell), -1)
    padded[: instances.shape[0], : instances.shape[1]] = instances
    by_cell = padded.reshape(height, cell, width, cell).swapaxes(1, 2).reshape(height, width, -1)
    pixels = (by_cell >= 0).sum(axis=2)
    for number in range(1, instances.max() + 1):
        covered = (by_cell == number).sum(axis=2)
        mostly = (2 * covered >= pixels) & (covered > 0)
        yield mostly if mostly.any() else covered == covered.max()


def iou(a: np.ndarray, b: np.ndarray) -> float:
    return float((a & b).sum() / (a | b).sum())


@pytest.mark.parametrize("size_hw", [(192, 256), (187, 253)])
def test_the_objects_are_those_of_the_usual_answer(shipped: Predictor, size_hw: tuple[int, int]) -> None:
    seer, n_objects = Seer(shipped, size_hw=size_hw), 0
    for seed in SEEDS:
        picture = generate("mixed", seed, size_hw).picture
        found, _ = seer(picture)
        usual = shipped(picture).objects

        assert found is not None
        assert usual is not None
        assert len(found) == len(usual)
        overlaps = [
            iou(found.instances == number, cells)
            for number, cells in enumerate(usual_on_cells(usual.instances, seer.cell), start=1)
        ]
        assert min(overlaps, default=1.0) >= 0.9
        np.testing.assert_allclose(found.scores, usual.scores, atol=0.005)
        np.testing.assert_allclose(found.probabilities, usual.probabilities, atol=0.1)
        for name, values in usual.attributes.items():
            np.testing.assert_allclose(found.attributes[name], values, atol=0.1)
        n_objects += len(found)
    assert n_objects > 40


def test_the_ground_is_the_usual_map_outside_objects_and_stuff_below_them(shipped: Predictor) -> None:
    seer, tree = Seer(shipped, size_hw=(192, 256)), shipped.tree
    for seed in SEEDS:
        picture = generate("mixed", seed).picture
        _, ground = seer(picture)
        answer = shipped(picture)
        assert answer.objects is not None

        assert not tree.is_thing[ground.classes].any()
        full = np.kron(ground.classes, np.ones((seer.cell, seer.cell), np.uint16))
        outside = answer.objects.instances == 0
        assert (full == answer.agreeing())[outside].mean() > 0.93


def test_the_full_answer_takes_no_second_pass(shipped: Predictor) -> None:
    runtime = Counting(shipped)
    predictor = Predictor(runtime, shipped.info)
    picture = generate("mixed", 1_000_000).picture
    seer = Seer(predictor, size_hw=(192, 256))

    seer(picture)
    answer = seer.full(picture)

    assert runtime.passes == 1
    assert np.array_equal(answer.classes, shipped(picture).classes)
    seer(picture.copy())
    assert runtime.passes == 2


def lawn(*balls_yx: tuple[int, int], size_hw: tuple[int, int] = (24, 40)) -> np.ndarray:
    """A picture of green balls of 4 x 4 px on a lawn, given by their upper left corners."""
    picture = np.zeros((*size_hw, 3), np.uint8)
    for y, x in balls_yx:
        picture[y : y + 4, x : x + 4] = GREEN
    return picture


def test_a_crop_sees_its_region_and_places_what_it_sees() -> None:
    picture = lawn((4, 4), (12, 20), (16, 32))
    crop = Crop.around((18, 8, 30, 20), size_hw=(24, 40), cell=2, factor=2)
    seer = Seer(balls(), size_hw=(24, 40), crop=crop)

    found, ground = seer(picture)

    assert found is not None
    assert (seer.cell, found.cell, ground.cell) == (2, 2, 2)
    assert found.size_hw == (24, 40)
    expected = np.zeros((12, 20), np.int32)
    expected[6:8, 10:12] = 1  # the ball at (12, 20), alone in the region
    assert np.array_equal(found.instances, expected)
    assert found.probabilities.argmax(axis=1).tolist() == [3]  # ball/green
    seen = np.zeros((12, 20), bool)
    seen[4:10, 9:15] = True
    assert np.array_equal(ground.classes != 0, seen)
    assert set(ground.classes[seen]) == {BALLS["lawn"].id}


def test_reduced_cells_are_larger_and_objects_the_same() -> None:
    picture = np.kron(lawn((4, 4), (12, 20), (16, 32)), np.ones((3, 3, 1), np.uint8))
    large = Seer(balls(), size_hw=(72, 120), crop=Crop.whole((72, 120), 3))
    small = Seer(balls(), size_hw=(24, 40))

    found, _ = large(picture)
    expected, _ = small(picture[1::3, 1::3])

    assert found is not None
    assert expected is not None
    assert large.cell == 3
    assert np.array_equal(found.instances, expected.instances)


def test_nothing_to_see_gives_no_objects_and_their_arrays_are_empty() -> None:
    found, ground = Seer(balls(), size_hw=(24, 40))(lawn())

    assert isinstance(found, Detections)
    assert (len(found), found.probabilities.shape, found.instances.max()) == (0, (0, 4), 0)
    assert (ground.classes == BALLS["lawn"].id).all()


def test_a_model_without_objects_gives_only_its_class_map() -> None:
    picture = np.array([[RED, GREEN, (0, 0, 250)]], np.uint8)

    found, ground = Seer(cars(), size_hw=(1, 3))(picture)

    assert found is None
    assert ground.classes.tolist() == [[3, 4, 1]]  # audi, honda, ground


class AllThings:
    """Every pixel is surely the second of two things, and all are one object."""

    stride = streams = 1

    def maps(self, pictures: np.ndarray, /) -> dict[str, np.ndarray]:
        shape = pictures.shape[1:3]
        y, x = np.indices(shape)
        center = np.zeros((1, 1, *shape), np.float32)
        center[0, 0, 3, 3] = 1
        return {
            "logits": np.stack([np.zeros(shape), np.full(shape, 9.0)])[None].astype(np.float32),
            "center": center,
            "offsets": np.stack([3 - y, 3 - x])[None].astype(np.float32),
        }


def test_a_tree_without_stuff_has_no_ground() -> None:
    tree = ClassTree({"cat": {"kind": "thing"}, "dog": {"kind": "thing"}})
    info = ModelInfo(tree=tree, network=NetworkConfig.for_tree(tree, objects=True), kind="instance")

    found, ground = Seer(Predictor(AllThings(), info), size_hw=(7, 7))(np.zeros((7, 7, 3), np.uint8))

    assert found is not None
    assert (found.instances == 1).all()
    assert found.probabilities.argmax(axis=1).tolist() == [1]
    assert (ground.classes == 0).all()


def test_another_size_is_refused() -> None:
    with pytest.raises(ShapeError, match="frames of one video must have one size"):
        Seer(balls(), size_hw=(24, 40))(lawn(size_hw=(24, 41)))


def test_pixels_at_an_edge_are_counted_as_a_resize_of_the_logits_places_it() -> None:
    # thing minus stuff: -4 in the left cells, 12 in the right ones; interpolated it passes 0 at a quarter of the way
    # between the middles x = 2 and 6, which is x = 3; the middles of pixels are 0.5, 1.5, ...
    logits = np.zeros((2, 3, 2), np.float32)
    logits[1] = [-4, 12]

    pixels, totals = pixels_of_things(logits, np.array([False, True]), 0.5, 4, (10, 7))

    assert pixels.tolist() == [[4, 12], [4, 12], [2, 6]]  # x 3 to 6 of 7, rows 4, 4 and 2
    assert (totals <= pixels).all()
    assert (totals >= 0.5 * pixels).all()


def test_a_cell_belongs_to_the_object_that_covers_half_of_it_and_no_object_vanishes() -> None:
    owner = np.array([[1, 1, 2], [0, 3, 3]], np.int32)
    pixels = np.array([[16, 7, 3], [0, 8, 4]], np.float32)

    kept = mostly_covered(owner, pixels, 4, (8, 10))  # the last column has cells of 2 x 4 px

    assert kept.tolist() == [[1, 0, 2], [0, 3, 3]]
