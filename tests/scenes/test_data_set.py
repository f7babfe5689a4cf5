"""Samples of any kind are written as a folder data set and read back as they are."""

from __future__ import annotations

import numpy as np

from smalta.classes import ClassTree
from smalta.data.any_format import open_dataset
from smalta.data.sample import Sample
from smalta.scenes.data_set import write_data_set

TREE = ClassTree({"ground": {}, "box": {"kind": "thing", "attributes": {"full": ["no", "yes"]}}})


def sample(seed: int, *, plain: bool = False) -> Sample:
    instances = np.zeros((40, 50), dtype=np.int32)
    instances[5:15, 5 + seed : 20 + seed] = 1
    classes = np.where(instances > 0, TREE["box"].id, TREE["ground"].id).astype(np.uint16)
    picture = np.full((40, 50, 3), 10 * seed, dtype=np.uint8)
    if plain:
        return Sample(name=f"s{seed}", picture=picture, classes=classes)
    return Sample(
        name=f"s{seed}",
        picture=picture,
        classes=classes,
        instances=instances,
        attributes={"full": (instances * 2).astype(np.uint8)},
    )


def test_seeds_go_on_from_split_to_split(tmp_path) -> None:
    write_data_set(tmp_path / "set", TREE, sample, n_train=2, n_val=1, n_test=1, seed=3)

    dataset = open_dataset(tmp_path / "set")

    assert {split: [e.name for e in entries] for split, entries in dataset.splits.items()} == {
        "train": ["s3", "s4"],
        "val": ["s5"],
        "test": ["s6"],
    }


def test_objects_and_attributes_are_read_back(tmp_path) -> None:
    write_data_set(tmp_path / "set", TREE, sample, n_train=1, n_val=1, n_test=0)

    dataset = open_dataset(tmp_path / "set")
    there, here = dataset.read(dataset.split("val")[0]), sample(1)

    assert dataset.tree == TREE
    np.testing.assert_array_equal(there.picture, here.picture)
    np.testing.assert_array_equal(there.classes, here.classes)
    np.testing.assert_array_equal(there.instances, here.instances)
    np.testing.assert_array_equal(there.attributes["full"], here.attributes["full"])


def test_samples_without_objects_have_no_folder_for_them(tmp_path) -> None:
    write_data_set(tmp_path / "set", TREE, lambda seed: sample(seed, plain=True), n_train=1, n_val=1, n_test=0)

    assert sorted(path.name for path in (tmp_path / "set" / "train").iterdir()) == ["images", "masks"]
