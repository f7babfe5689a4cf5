"""Folders of pictures and masks: pairing, classes, samples, and what is said when it does not fit."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import cv2
import numpy as np
import pytest
from PIL import Image

from folder_sets import labels, pair, picture
from smalta.classes import ClassTree
from smalta.data.any_format import open_dataset
from smalta.data.dataset import Dataset
from smalta.errors import ClassTreeError, DataError
from smalta.pictures.writing import write_index


def stems(data: Dataset, split: str) -> list[str]:
    return [entry.name for entry in data.split(split)]


def test_files_pair_by_stem_whatever_their_suffix(tmp_path: Path) -> None:
    picture(tmp_path / "train/images/a.JPG")
    picture(tmp_path / "train/images/b.c.webp")
    labels(tmp_path / "train/masks/a.png", [0, 1])
    labels(tmp_path / "train/masks/b.c.png", [0, 1])
    (tmp_path / "train/masks/b.c.png").rename(tmp_path / "train/masks/b.c.PNG")
    pair(tmp_path / "valid", "v")

    data = open_dataset(tmp_path)

    assert data.format == "folder"
    assert stems(data, "train") == ["a", "b.c"]
    assert stems(data, "val") == ["v"]
    assert data.split("train")[1].labels == (tmp_path / "train/masks/b.c.PNG",)


def test_splits_may_lie_inside_the_folders(tmp_path: Path) -> None:
    for split in ("train", "val"):
        picture(tmp_path / "images" / split / "a.png")
        labels(tmp_path / "masks" / split / "a.png", [0, 1])

    data = open_dataset(tmp_path)

    assert {split: stems(data, split) for split in data.splits} == {"train": ["train/a"], "val": ["val/a"]}


def test_pictures_and_labels_without_partner_are_listed_and_left_out(tmp_path: Path) -> None:
    pair(tmp_path, "a")
    picture(tmp_path / "images/lone.png")
    picture(tmp_path / "images/.hidden.png")
    labels(tmp_path / "masks/extra.png", [0, 1])
    (tmp_path / "images/Thumbs.db").touch()

    data = open_dataset(tmp_path)

    assert [entry.name for entry in data.entries] == ["a"]
    assert data.unpaired_pictures == (tmp_path / "images/lone.png",)
    assert data.unpaired_labels == (tmp_path / "masks/extra.png",)


def test_two_pictures_of_one_stem_are_refused(tmp_path: Path) -> None:
    pair(tmp_path, "a")
    picture(tmp_path / "images/a.jpg")

    with pytest.raises(DataError, match=r"a\.jpg and a\.png.*stems must differ"):
        open_dataset(tmp_path)


def test_no_pair_at_all_names_one_of_each_side(tmp_path: Path) -> None:
    picture(tmp_path / "images/001.png")
    labels(tmp_path / "masks/001_mask.png", [0, 1])

    with pytest.raises(DataError, match=r"001\.png and 001_mask\.png"):
        open_dataset(tmp_path)


def test_index_masks_with_a_config_beside_a_folder_of_pictures(tmp_path: Path) -> None:
    picture(tmp_path / "images/train2017/a.png")
    labels(tmp_path / "semantic/masks/train2017/a.png", [0, 5, 200])
    (tmp_path / "semantic/config.yaml").write_text("classes: {0: unlabeled, 5: aeroplane, 200: rug}")

    data = open_dataset(tmp_path / "semantic")

    assert data.format == "folder"
    assert [data.tree.name(node) for node in data.read(data.entries[0]).classes[0]] == [
        "unlabelled",
        "aeroplane",
        "rug",
    ] * 2


def test_a_sample_maps_values_to_nodes_and_keeps_the_values(tmp_path: Path) -> None:
    pair(tmp_path, "a", [3, 7, 255])
    (tmp_path / "classes.yaml").write_text("classes: {sky: {ids: [7]}, road: {ids: [3]}}\nignore: [255]\n")
    data = open_dataset(tmp_path)

    sample = data.read(data.entries[0])

    assert sample.classes.dtype == np.uint16
    assert sample.classes[0].tolist() == [2, 1, 0, 2, 1, 0]
    assert sample.instances is None
    values = data.read_values(data.entries[0])
    assert values is not None
    assert values[0].tolist() == [3, 7, 255, 3, 7, 255]


def test_an_unknown_value_and_a_wrong_size_name_the_file(tmp_path: Path) -> None:
    pair(tmp_path, "a", [0, 9])
    picture(tmp_path / "images/b.png")
    labels(tmp_path / "masks/b.png", [0, 1], (3, 6))
    data = open_dataset(tmp_path, classes=ClassTree(["x", "y"]))
    a, b = sorted(data.entries, key=lambda entry: entry.name)

    with pytest.raises(ClassTreeError, match=r"masks/a\.png.*\[9\]"):
        data.read(a)
    with pytest.raises(DataError, match=r"masks/b\.png is 6 x 3 pixels and its picture 6 x 4"):
        data.read(b)


@pytest.mark.parametrize("drawn_upright", [False, True])
def test_masks_turn_with_their_picture_unless_they_fit_it_upright(tmp_path: Path, drawn_upright: bool) -> None:
    (tmp_path / "images").mkdir()
    image = Image.fromarray(np.zeros((2, 3, 3), dtype=np.uint8))
    exif = image.getexif()
    exif[274] = 6
    image.save(tmp_path / "images/a.png", exif=exif)
    stored, upright = np.array([[1, 0, 0], [0, 0, 0]]), np.array([[0, 1], [0, 0], [0, 0]])
    (tmp_path / "masks").mkdir()
    write_index(tmp_path / "masks/a.png", upright if drawn_upright else stored)
    data = open_dataset(tmp_path)

    sample = data.read(data.entries[0])

    assert sample.picture.shape == (3, 2, 3)
    assert (sample.classes - 1).tolist() == upright.tolist()


def test_objects_without_masks_are_the_only_thing_on_the_only_stuff(tmp_path: Path) -> None:
    picture(tmp_path / "images/a.png")
    labels(tmp_path / "instances/a.png", [0, 300, 1])
    (tmp_path / "classes.yaml").write_text("classes: {ground: {}, cell: {kind: thing}}")
    data = open_dataset(tmp_path)

    sample = data.read(data.entries[0])

    assert data.has_instances
    assert sample.classes[0].tolist() == [1, 2, 2, 1, 2, 2]
    assert sample.instances is not None
    assert sample.instances.dtype == np.int32
    assert sample.instances[0].tolist() == [0, 300, 1, 0, 300, 1]
    assert data.read_values(data.entries[0]) is None


@pytest.mark.parametrize(
    ("text", "rest"),
    [("{a: {}, b: {}, cell: {kind: thing}}", 0), ("{group: {children: {ground: {}}}, cell: {kind: thing}}", 2)],
)
def test_the_rest_is_unlabelled_where_several_stuffs_could_be_meant(tmp_path: Path, text: str, rest: int) -> None:
    picture(tmp_path / "images/a.png")
    labels(tmp_path / "instances/a.png", [0, 1])
    (tmp_path / "classes.yaml").write_text(f"classes: {text}")
    data = open_dataset(tmp_path)

    assert data.read(data.entries[0]).classes[0, :2].tolist() == [rest, 3]


@pytest.mark.parametrize("text", ["{a: {}, b: {}}", "{a: {}, b: {kind: thing}, c: {kind: thing}}"])
def test_objects_without_masks_need_exactly_one_thing(tmp_path: Path, text: str) -> None:
    picture(tmp_path / "images/a.png")
    labels(tmp_path / "instances/a.png", [0, 1])
    (tmp_path / "classes.yaml").write_text(f"classes: {text}")

    with pytest.raises(DataError, match="the class tree must have one thing, and it has"):
        open_dataset(tmp_path)


def test_without_masks_what_is_called_background_is_the_rest(tmp_path: Path) -> None:
    picture(tmp_path / "images/a.png")
    labels(tmp_path / "instances/a.png", [0, 1])
    (tmp_path / "classes.yaml").write_text("classes: {glass: {}, background: {}, cell: {kind: thing}}")

    data = open_dataset(tmp_path)

    assert data.read(data.entries[0]).classes[0, :2].tolist() == [2, 3]


@pytest.mark.parametrize(
    ("fields", "ids"),
    [
        ("{kind: thing}", [(0,), (1,)]),
        ("{kind: thing, ids: [7]}", [(0,), (7,)]),
        ("{kind: thing, ids: [0]}", [(), (0,)]),
    ],
)
def test_a_tree_of_one_thing_alone_gets_its_background(tmp_path: Path, fields: str, ids: list[tuple[int, ...]]) -> None:
    picture(tmp_path / "images/a.png")
    labels(tmp_path / "instances/a.png", [0, 1])
    (tmp_path / "classes.yaml").write_text(f"classes: {{nucleus: {fields}}}")

    data = open_dataset(tmp_path)

    assert [(node.name, node.kind) for node in data.tree] == [("background", "stuff"), ("nucleus", "thing")]
    assert [node.ids for node in data.tree] == ids
    assert data.read(data.entries[0]).classes[0, :2].tolist() == [1, 2]


@pytest.mark.parametrize("text", ["{crack: {}}", "{crack: {kind: thing}}"])
def test_one_class_alone_is_refused_where_there_are_masks(tmp_path: Path, text: str) -> None:
    pair(tmp_path, "a")
    (tmp_path / "classes.yaml").write_text(f"classes: {text}")

    with pytest.raises(ClassTreeError, match="one leaf"):
        open_dataset(tmp_path)


@pytest.mark.parametrize("highest", [255, 65_535, 70_000, 2**31 - 1])
def test_object_ids_of_8_16_and_32_bits_are_kept(tmp_path: Path, highest: int) -> None:
    picture(tmp_path / "images/a.png")
    labels(tmp_path / "instances/a.png", [0, 1, highest])

    data = open_dataset(tmp_path)

    assert data.entries[0].labels[0].suffix == (".png" if highest < 2**16 else ".tif")
    sample = data.read(data.entries[0])
    assert sample.instances is not None
    assert sample.instances.dtype == np.int32
    assert sample.instances[0, :3].tolist() == [0, 1, highest]


def test_object_ids_beyond_32_bits_with_sign_are_numbered_anew_in_their_order(tmp_path: Path) -> None:
    picture(tmp_path / "images/a.png", (1, 3))
    (tmp_path / "instances").mkdir()
    wide = np.array([[0, 2**32 - 1, 2**31]], dtype=np.uint32)
    assert cv2.imwrite(str(tmp_path / "instances/a.tif"), wide)

    data = open_dataset(tmp_path)

    sample = data.read(data.entries[0])
    assert sample.instances is not None
    assert sample.instances.tolist() == [[0, 2, 1]]


def test_an_instance_file_in_colour_is_refused_by_name(tmp_path: Path) -> None:
    picture(tmp_path / "images/a.png")
    picture(tmp_path / "instances/a.png")
    Image.fromarray(np.full((4, 6, 3), (1, 2, 3), dtype=np.uint8)).save(tmp_path / "instances/a.png")
    data = open_dataset(tmp_path)

    with pytest.raises(DataError, match=r"instances/a\.png is a colour picture"):
        data.read(data.entries[0])


def test_objects_without_any_classes_file_are_objects(tmp_path: Path) -> None:
    picture(tmp_path / "images/a.png")
    labels(tmp_path / "instances/a.png", [0, 1])

    data = open_dataset(tmp_path)

    assert [(node.name, node.kind) for node in data.tree] == [("background", "stuff"), ("object", "thing")]
    assert "every object is an 'object'" in data.notes[0]


def attribute_set(root: Path, values: Sequence[int], name: str = "body") -> None:
    pair(root, "a", [0, 1])
    pair(root, "b", [0, 1])
    labels(root / "attributes" / name / "a.png", values)
    (root / "classes.yaml").write_text("classes: {road: {}, car: {attributes: {body: [passenger, lorry]}}}")


def test_attributes_are_read_and_zero_where_they_have_no_file(tmp_path: Path) -> None:
    attribute_set(tmp_path, [0, 2, 0, 1])
    data = open_dataset(tmp_path)

    a, b = (data.read(entry) for entry in sorted(data.entries, key=lambda entry: entry.name))

    assert a.attributes["body"][0].tolist() == [0, 2, 0, 1, 0, 2]
    assert a.attributes["body"].dtype == np.uint8
    assert not b.attributes["body"].any()


def test_attributes_that_the_tree_lacks_are_refused(tmp_path: Path) -> None:
    attribute_set(tmp_path / "1", [0, 3])
    attribute_set(tmp_path / "2", [0, 1], name="make")
    data = open_dataset(tmp_path / "1")

    with pytest.raises(DataError, match=r"attributes/body/a\.png holds the value 3.*2 values"):
        data.read(next(entry for entry in data.entries if entry.name == "a"))
    with pytest.raises(DataError, match=r"attributes/make labels an attribute"):
        open_dataset(tmp_path / "2")
