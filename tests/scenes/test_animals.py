"""Animals walk into scenes that stay as they are."""

from __future__ import annotations

import numpy as np
import pytest

from smalta.scenes import KINDS, generate, scene_tree
from smalta.scenes.animals import KINDS as ANIMALS
from smalta.scenes.animals import animal

SIZE_HW = (96, 128)


def test_the_class_of_animals_is_the_only_difference_between_the_trees() -> None:
    plain, extended = ([node.path for node in scene_tree(animals=there)] for there in (False, True))

    assert extended == [*plain, "animal"]
    assert scene_tree(animals=True)["animal"].kind == "thing"


def test_most_scenes_with_animals_show_some_each_with_a_number_of_its_own() -> None:
    node = scene_tree(animals=True)["animal"].id

    shown = 0
    for seed in range(12):
        sample = generate("mixed", seed, SIZE_HW, animals=True)
        of_animals = sample.classes == node
        numbers = np.setdiff1d(sample.instances[of_animals], 0)
        shown += len(numbers) > 0
        assert all((sample.classes[sample.instances == number] == node).all() for number in numbers)
    assert shown >= 8


@pytest.mark.parametrize("kind", [kind for kind in KINDS if kind != "mixed"])
def test_a_scene_with_animals_is_else_the_same(kind: str) -> None:
    node = scene_tree(kind, animals=True)["animal"].id

    with_animals, plain = (generate(kind, 3, SIZE_HW, animals=there) for there in (True, False))

    elsewhere = (with_animals.classes != node) & (with_animals.classes != 0) & (plain.classes != 0)
    np.testing.assert_array_equal(with_animals.classes[elsewhere], plain.classes[elsewhere])
    assert np.mean(with_animals.picture == plain.picture) > 0.6  # weather and noise too


def test_the_same_seed_gives_the_same_animals() -> None:
    first, second = (generate("street", 8, SIZE_HW, animals=True) for _ in range(2))

    np.testing.assert_array_equal(first.picture, second.picture)
    np.testing.assert_array_equal(first.instances, second.instances)


@pytest.mark.parametrize("kind", list(ANIMALS))
def test_every_kind_stands_on_the_ground_and_has_one_class(kind: str) -> None:
    for seed in range(8):
        (piece,) = animal(np.random.default_rng(seed), kind).pieces
        height = piece.polygons.points[:, 1]

        assert set(piece.polygons.nodes) == {"animal"}
        assert 0 <= height.min() < 0.05
        assert 0.4 < height.max() < 3.0
