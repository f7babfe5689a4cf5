"""Scenes are labelled samples: the same for a seed, with classes of their kind, and can be written as a data set."""

from __future__ import annotations

import hashlib
import subprocess
import sys

import cv2
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from smalta.classes import ClassTree
from smalta.data.any_format import open_dataset
from smalta.data.check import check
from smalta.data.sample import Sample
from smalta.errors import ConfigError
from smalta.scenes import KINDS, generate, scene_tree, write_scenes
from smalta.scenes.stage import MIN_PIXELS
from smalta.scenes.vehicles import BODIES, MAKES


def test_the_tree_has_makes_under_cars_and_bodies_as_an_attribute() -> None:
    tree = scene_tree("mixed")

    assert [tree.name(child) for child in tree.children(tree["car"].id)] == [f"vehicle/car/{make}" for make in MAKES]
    assert [(a.name, tree.name(a.node), a.values) for a in tree.attributes] == [("body", "vehicle/car", BODIES)]
    assert {node.path for node in tree if node.depth == 1 and node.kind == "thing"} == {"person", "vehicle"}
    assert ClassTree.from_dict(tree.to_dict()) == tree


def test_each_kind_has_only_its_own_classes() -> None:
    paths = {kind: {node.path for node in scene_tree(kind)} for kind in KINDS}

    assert paths["mixed"] == paths["street"] | paths["parking"]
    assert paths["street"] - paths["parking"] == {"road/own_lane", "road/oncoming_lane", "vehicle/bus"}
    assert paths["parking"] - paths["street"] == {"road/aisle"}


@pytest.mark.parametrize("kind", ["street", "parking"])
def test_every_class_of_a_kind_occurs(kind: str) -> None:
    tree = scene_tree(kind)

    seen = np.zeros(len(tree) + 1, dtype=int)
    for seed in range(14):
        seen[np.unique(generate(kind, seed, (96, 128)).classes)] += 1

    assert [tree.name(leaf) for leaf in tree.leaves if seen[leaf] == 0] == []


@settings(max_examples=30, deadline=None)
@given(
    kind=st.sampled_from(KINDS),
    seed=st.integers(0, 2**40),
    size_hw=st.tuples(st.integers(32, 150), st.integers(32, 150)),
)
def test_maps_agree_with_each_other(kind: str, seed: int, size_hw: tuple[int, int]) -> None:
    tree = scene_tree(kind)

    sample = generate(kind, seed, size_hw)

    assert sample.picture.shape == (*size_hw, 3)
    assert sample.classes.dtype == np.uint16
    assert sample.instances.dtype == np.int32
    assert set(np.unique(sample.classes)) <= {0, *tree.leaves}
    assert (tree.is_thing[sample.classes] == (sample.instances > 0)).all()
    numbers, pixels = np.unique(sample.instances[sample.instances > 0], return_counts=True)
    assert numbers.tolist() == list(range(1, len(numbers) + 1))
    assert (pixels >= MIN_PIXELS).all()
    cars = np.isin(sample.classes, tree.descendants(tree["car"].id))
    body = sample.attributes["body"]
    assert (cars == (body > 0)).all()
    assert body.max() <= len(BODIES)
    pairs = np.unique(np.stack([sample.instances, sample.classes, body])[:, sample.instances > 0], axis=1)
    assert pairs.shape[1] == len(numbers)  # an object has one class and one body


def digest(sample: Sample) -> str:
    arrays = (sample.picture, sample.classes, sample.instances, sample.attributes["body"])
    return hashlib.sha256(b"".join(array.tobytes() for array in arrays)).hexdigest()


def test_a_seed_gives_the_same_scene_in_another_process() -> None:
    program = (
        "import hashlib; from smalta.scenes import generate\n"
        "for seed in (3, 4):\n"
        "    s = generate('mixed', seed, (64, 96))\n"
        "    arrays = (s.picture, s.classes, s.instances, s.attributes['body'])\n"
        "    print(hashlib.sha256(b''.join(a.tobytes() for a in arrays)).hexdigest())"
    )

    there = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True).stdout.split()

    assert [digest(generate("mixed", seed, (64, 96))) for seed in (4, 3)][::-1] == there
    assert there[0] != there[1]


def test_mixed_scenes_alternate() -> None:
    names = [generate("mixed", seed, (32, 32)).name for seed in (6, 7)]

    assert names == ["street_000006", "parking_000007"]


def test_a_larger_picture_shows_the_same_scene() -> None:
    small, large = generate("street", 5, (96, 128)), generate("street", 5, (192, 256))

    halved = cv2.resize(large.classes, (128, 96), interpolation=cv2.INTER_NEAREST)

    assert (halved == small.classes).mean() > 0.9


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (("forest", 0), "street, parking, mixed, got 'forest'"),
        (("street", -1), "seed must be 0 or more, got -1"),
        (("street", 0, (16, 64)), r"at least 32 by 32 pixels, got \(16, 64\)"),
    ],
)
def test_bad_requests_are_refused(arguments: tuple, message: str) -> None:
    with pytest.raises(ConfigError, match=message):
        generate(*arguments)


def test_written_scenes_are_read_back_as_they_are(tmp_path) -> None:
    write_scenes(tmp_path / "scenes", n_train=3, n_val=0, n_test=2, seed=8, size_hw=(48, 64))

    dataset = open_dataset(tmp_path / "scenes")

    assert dataset.tree == scene_tree("mixed")
    assert dataset.has_instances
    assert {name: len(entries) for name, entries in dataset.splits.items() if name == "test"} == {"test": 2}
    for entry, seed in zip(dataset.split("test"), (11, 12), strict=True):
        there, here = dataset.read(entry), generate("mixed", seed, (48, 64))
        assert there.name == here.name
        np.testing.assert_array_equal(there.picture, here.picture)
        np.testing.assert_array_equal(there.classes, here.classes)
        np.testing.assert_array_equal(there.instances, here.instances)
        np.testing.assert_array_equal(there.attributes["body"], here.attributes["body"])


def test_the_doctor_finds_no_error_in_written_scenes(tmp_path) -> None:
    write_scenes(tmp_path, n_train=8, n_val=4, n_test=4)

    assert [finding.message for finding in check(tmp_path).findings if finding.level == "error"] == []


def test_a_folder_that_holds_files_is_not_written_into(tmp_path) -> None:
    (tmp_path / "notes.txt").write_text("mine")

    with pytest.raises(ConfigError, match="not empty"):
        write_scenes(tmp_path, n_train=1, n_val=1, n_test=1)


@pytest.mark.parametrize("counts", [(0, 0, 0), (-1, 2, 2)])
def test_numbers_of_scenes_must_make_sense(tmp_path, counts: tuple[int, int, int]) -> None:
    n_train, n_val, n_test = counts

    with pytest.raises(ConfigError, match="numbers of scenes"):
        write_scenes(tmp_path, n_train=n_train, n_val=n_val, n_test=n_test)
