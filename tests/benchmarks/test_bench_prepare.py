from collections import Counter
from pathlib import Path

import cv2
import numpy as np
import pytest
from bench import prepare

from smalta.data.any_format import open_dataset
from smalta.data.check import check
from smalta.data.convert import convert
from smalta.errors import ConfigError
from smalta.scenes import write_scenes


def write(path: Path, array: np.ndarray) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    cv2.imwrite(str(path), array)


def values_by_name(folder: Path, split: str) -> dict[str, np.ndarray]:
    dataset = open_dataset(folder)
    return {entry.name: dataset.read_values(entry) for entry in dataset.split(split)}


def test_partial_camvid_keeps_every_tenth_label_and_lifts_the_others_to_their_parents(tmp_path: Path) -> None:
    labels = np.arange(12, dtype=np.uint8).reshape(3, 4)
    for index in range(12):
        write(tmp_path / f"camvid11/train/images/{index:02}.png", np.zeros((3, 4, 3), np.uint8))
        write(tmp_path / f"camvid11/train/masks/{index:02}.png", labels)
    write(tmp_path / "camvid11/val/images/v.png", np.zeros((3, 4, 3), np.uint8))
    write(tmp_path / "camvid11/val/masks/v.png", labels)

    prepare.camvid37(tmp_path, tmp_path / "alone")
    prepare.camvid37_330(tmp_path, tmp_path / "both")

    alone, both = values_by_name(tmp_path / "alone", "train"), values_by_name(tmp_path / "both", "train")
    assert sorted(alone) == ["00", "10"]
    assert sorted(both) == [f"{index:02}" for index in range(12)]
    #          sky building pole road pavement tree sign fence car pedestrian bicyclist unlabelled
    parents = [0, 21, 21, 22, 22, 23, 21, 21, 24, 24, 24, 11]
    for name, values in both.items():
        assert values.ravel().tolist() == (list(range(12)) if name in alone else parents)
    assert values_by_name(tmp_path / "both", "val")["v"].tolist() == labels.tolist()


def test_magnetic_tile_cuts_masks_at_127_and_drops_defects_that_vanish(tmp_path: Path) -> None:
    masks = {"MT_Crack/Imgs/a": [[127, 128]], "MT_Crack/Imgs/b": [[127, 0]], "MT_Free/Imgs/a": [[0, 0]]}
    tiles = dict.fromkeys(masks, 7) | {"MT_Free/Imgs/c": 8}
    masks["MT_Free/Imgs/c"] = [[0, 0]]
    for name, mask in masks.items():
        write(tmp_path / f"magnetic_tile/{name}.jpg", np.zeros((1, 2), np.uint8))
        write(tmp_path / f"magnetic_tile/{name}.png", np.array(mask, np.uint8))
    (tmp_path / "magnetic_tile/tiles.txt").write_text("".join(f"{name}.jpg\t{tile}\n" for name, tile in tiles.items()))

    prepare.magnetic_tile(tmp_path, tmp_path / "out")

    dataset = open_dataset(tmp_path / "out")
    values = {entry.name: dataset.read_values(entry).tolist() for entry in dataset.entries}
    assert values == {"crack_a": [[0, 3]], "free_a": [[0, 0]], "free_c": [[0, 0]]}
    sides = [{entry.name for entry in entries} for entries in dataset.splits.values()]
    assert {"crack_a", "free_a"} in sides  # one tile, one side
    assert dataset.tree.name(dataset.tree.value_to_node[3]) == "defect/crack"


def test_dibco_splits_by_year_and_takes_black_as_the_positive_class(tmp_path: Path) -> None:
    years = {"DIBCO2009_H01": "train", "DIBCO2011_P07": "train", "DIBCO2012_H04": "val", "DIBCO2013_P05": "test"}
    for name in years:
        write(tmp_path / f"dibco/images/{name}.png", np.zeros((2, 2), np.uint8))
        write(tmp_path / f"dibco/masks/{name}.png", np.array([[0, 255], [255, 255]], np.uint8))

    prepare.dibco(tmp_path, tmp_path / "out")

    dataset = open_dataset(tmp_path / "out")
    assert {entry.name: split for split, entries in dataset.splits.items() for entry in entries} == years
    classes = dataset.read(dataset.split("val")[0]).classes
    assert classes.tolist() == [[dataset.tree.leaves[1], dataset.tree.leaves[0]], [dataset.tree.leaves[0]] * 2]


def test_car_parts_swap_sides_in_a_mirror_and_nothing_else(tmp_path: Path) -> None:
    for index in range(10):
        write(tmp_path / f"car_parts/train/images/{index}.png", np.zeros((1, 19, 3), np.uint8))
        write(tmp_path / f"car_parts/train/masks/{index}.png", np.arange(19, dtype=np.uint8)[None])

    prepare.car_parts(tmp_path, tmp_path / "out")

    dataset = open_dataset(tmp_path / "out")
    tree = dataset.tree
    swapped = {tree.name(node.id): tree.name(int(tree.mirror[node.id])) for node in tree.nodes}
    assert {name: to for name, to in swapped.items() if to != name} == {
        f"{part}{side}": f"{part}{other}"
        for part in ("door/back_", "door/front_", "light/back_", "light/front_", "mirror/")
        for side, other in (("left", "right"), ("right", "left"))
    }
    assert {split: len(entries) for split, entries in dataset.splits.items()} == {"train": 7, "val": 1, "test": 2}
    assert tree.name(tree.value_to_node[10]) == "light/front_left"
    assert tree.name(tree.value_to_node[5]) == "door/back_right"


def test_nuclei_keep_small_families_whole_and_deal_large_ones_by_the_shares(tmp_path: Path) -> None:
    families = {"a": ("fluorescence", (4, 4), 100), "b": ("other", (4, 5), 50), "c": ("other", (6, 6), 12)}
    kinds = []
    for family, (kind, size, count) in families.items():
        for index in range(count):
            write(tmp_path / f"dsb2018_nuclei/images/{family}{index:03}.webp", np.zeros((*size, 3), np.uint8))
            write(tmp_path / f"dsb2018_nuclei/instances/{family}{index:03}.png", np.full(size, 300, np.uint16))
            kinds.append(f"{family}{index:03}\t{kind}\n")
    (tmp_path / "dsb2018_nuclei/kinds.txt").write_text("".join(kinds))

    prepare.nuclei(tmp_path, tmp_path / "out")

    dataset = open_dataset(tmp_path / "out")
    parts = {split: Counter(entry.name[0] for entry in entries) for split, entries in dataset.splits.items()}
    assert [parts[split]["a"] for split in ("train", "val", "test")] == pytest.approx([70, 10, 20], abs=2)
    assert sorted(counts["c"] for counts in parts.values()) == [0, 0, 12]
    # of the 62 of the other kind, 43, 6 and 13
    assert [parts[split]["b"] + parts[split]["c"] for split in ("train", "val", "test")] == pytest.approx(
        [43.4, 6.2, 12.4], abs=3
    )
    sample = dataset.read(dataset.split("val")[0])
    assert sample.instances is not None
    assert sample.instances.max() == 300
    assert dataset.tree.name(int(sample.classes[0, 0])) == "nucleus"
    assert (tmp_path / "out/kinds.txt").read_text() == "".join(kinds)

    prepare.nuclei_by_picture(tmp_path, tmp_path / "dealt")

    dealt = open_dataset(tmp_path / "dealt").splits.values()
    small = [sum(entry.name.startswith("c") for entry in entries) for entries in dealt]
    assert sum(small) == 12
    assert max(small) < 12


def test_without_the_data_the_way_out_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("SMALTA_DATA", raising=False)

    with pytest.raises(ConfigError, match="SMALTA_DATA is not set: point it at"):
        prepare.data_root()


def test_the_coco_part_trains_all_pictures_and_chooses_by_copies_that_smalta_accepts(tmp_path: Path) -> None:
    source = tmp_path / "scenes"
    write_scenes(source, n_train=4, n_val=1, n_test=1, size_hw=(48, 64))
    convert(open_dataset(source), tmp_path / "coco128_panoptic", "coco-panoptic")

    prepare.coco_overfit(tmp_path, tmp_path / "out")

    dataset = open_dataset(tmp_path / "out")
    train, val = ({e.picture.stem: dataset.read(e) for e in dataset.split(split)} for split in ("train", "val"))
    assert len(train) == 6
    assert len(val) == 2
    for name, copy in val.items():
        assert np.abs(copy.picture.astype(int) - train[name].picture).sum() == 1
        assert np.array_equal(copy.classes, train[name].classes)
        assert np.array_equal(copy.instances, train[name].instances)
    assert not check(tmp_path / "out").errors
