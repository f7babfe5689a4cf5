"""Cityscapes: its folders, its two numberings, its objects."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import numpy as np

from small_sets import first, names_at, picture
from smalta.data.formats.cityscapes import cityscapes_tree
from smalta.pictures.writing import write_index


def cityscapes(root: Path, split: str, kind: str, values: Sequence[int], objects: Sequence[int] | None = None) -> None:
    picture(root / f"leftImg8bit/{split}/ulm/ulm_000001_000019_leftImg8bit.png", (1, len(values)))
    folder = root / f"gtFine/{split}/ulm"
    folder.mkdir(parents=True, exist_ok=True)
    write_index(folder / f"ulm_000001_000019_gtFine_{kind}.png", np.array([values]))
    (folder / "ulm_000001_000019_gtFine_polygons.json").write_text("{}")
    if objects is not None:
        write_index(folder / "ulm_000001_000019_gtFine_instanceIds.png", np.array([objects]))


def test_cityscapes_label_ids_stand_in_its_groups(tmp_path: Path) -> None:
    for split in ("train", "val"):
        cityscapes(tmp_path, split, "labelIds", [7, 26, 26, 23, 4, 24], [7, 26001, 26000, 23, 4, 24])

    data, sample = first(tmp_path)

    assert data.format == "cityscapes"
    assert [entry.name for entry in data.entries] == [
        "train/ulm_000001_000019_leftImg8bit",
        "val/ulm_000001_000019_leftImg8bit",
    ]
    assert names_at(data, sample, 0) == ["flat/road", "vehicle/car", "vehicle/car", "sky", "unlabelled", "human/person"]
    assert sample.instances is not None
    assert sample.instances[0].tolist() == [0, 2, 1, 0, 0, 0]
    values = data.read_values(data.entries[0])
    assert values is not None
    assert values[0].tolist() == [7, 26, 26, 23, 4, 24]


def test_cityscapes_objects_of_ignored_classes_are_no_objects_and_groups_are_crowds(tmp_path: Path) -> None:
    for split in ("train", "val"):  # 29 is a caravan, which Cityscapes does not evaluate; 26 without a number a group
        cityscapes(tmp_path, split, "labelIds", [29, 26, 26], [29000, 26, 26000])

    data, sample = first(tmp_path)

    assert names_at(data, sample, 0) == ["unlabelled", "vehicle/car", "vehicle/car"]
    assert sample.instances is not None
    assert (sample.instances[0] > 0).tolist() == [False, False, True]


def test_cityscapes_train_ids_and_withheld_test_labels(tmp_path: Path) -> None:
    cityscapes(tmp_path, "train", "labelTrainIds", [0, 13, 255])
    cityscapes(tmp_path, "val", "labelTrainIds", [0, 13, 255])
    cityscapes(tmp_path, "test", "labelTrainIds", [255, 255, 255])

    data, sample = first(tmp_path)

    assert names_at(data, sample, 0) == ["flat/road", "vehicle/car", "unlabelled"]
    assert list(data.splits) == ["train", "val"]
    assert any("test masks hold ignored values only" in note for note in data.notes)
    assert not data.has_instances


def test_cityscapes_has_19_classes_in_both_numberings() -> None:
    by_label, by_train = cityscapes_tree(), cityscapes_tree(train_ids=True)

    assert by_label.n_leaves == by_train.n_leaves == 19
    assert sorted(by_train[node].ids[0] for node in by_train.leaves) == list(range(19))
    assert set(by_label.value_to_node) == {*range(34), 255}
