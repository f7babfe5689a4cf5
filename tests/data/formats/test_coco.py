"""COCO instance JSON: small files written by hand, and the usual layouts."""

from __future__ import annotations

import json
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from small_sets import first, names_at, picture, square
from smalta.classes import ClassTree
from smalta.data.any_format import open_dataset
from smalta.errors import ClassTreeError, DataError
from smalta.pictures.writing import write_index

CATEGORIES = [
    {"id": 3, "name": "car", "supercategory": "vehicle"},
    {"id": 8, "name": "lorry", "supercategory": "vehicle"},
    {"id": 1, "name": "person", "supercategory": "person"},
]


def coco(
    path: Path,
    annotations: Sequence[dict[str, Any]],
    categories: Sequence[dict[str, Any]] = CATEGORIES,
    files: Sequence[str] = ("a.png",),
    size_hw: tuple[int, int] = (4, 6),
) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    images = [{"id": i, "file_name": name, "height": size_hw[0], "width": size_hw[1]} for i, name in enumerate(files)]
    full = [{"id": i, "image_id": 0, **annotation} for i, annotation in enumerate(annotations)]
    path.write_text(json.dumps({"images": images, "annotations": full, "categories": categories}))


CAR = {"category_id": 3, "segmentation": [square(0, 0, 4, 2)]}
MAN = {"category_id": 1, "segmentation": [square(1, 0, 2, 1)]}


@pytest.mark.parametrize(
    ("json_path", "picture_path", "splits"),
    [
        ("annotations/instances_val2017.json", "val2017/a.png", ["val"]),
        ("annotations/instances_val.json", "images/val/a.png", ["val"]),
        ("annotations/instances_default.json", "images/a.png", ["train"]),
        ("valid/_annotations.coco.json", "valid/a.png", ["val"]),
        ("labels.json", "images/a.PNG", ["train"]),
        ("labels.json", "a.png", ["train"]),
    ],
)
def test_coco_is_found_in_its_usual_places(
    tmp_path: Path, json_path: str, picture_path: str, splits: list[str]
) -> None:
    picture(tmp_path / picture_path)
    coco(tmp_path / json_path, [CAR], files=[Path(picture_path).name])

    data, sample = first(tmp_path)

    assert data.format == "coco"
    assert list(data.splits) == splits
    assert data.entries[0].picture == tmp_path / picture_path
    assert names_at(data, sample, 0)[0] == "vehicle/car"


def test_coco_objects_are_painted_the_smaller_on_top_and_supercategories_are_parents(tmp_path: Path) -> None:
    picture(tmp_path / "images/a.png")
    coco(tmp_path / "labels.json", [MAN, CAR])

    data, sample = first(tmp_path)

    assert [(node.path, node.kind, node.ids) for node in data.tree] == [
        ("background", "stuff", (0,)),
        ("vehicle", "thing", ()),
        ("vehicle/car", "thing", (3,)),
        ("vehicle/lorry", "thing", (8,)),
        ("person", "thing", (1,)),
    ]
    assert names_at(data, sample, 0) == ["vehicle/car", "person", "vehicle/car", "vehicle/car", *["background"] * 2]
    assert sample.instances is not None
    assert sample.instances[0].tolist() == [2, 1, 2, 2, 0, 0]
    assert names_at(data, sample, 3) == ["background"] * 6
    assert data.read_values(data.entries[0]) is None


def test_coco_run_lengths_plain_and_compressed(tmp_path: Path) -> None:
    picture(tmp_path / "images/a.png")
    plain = {"category_id": 3, "segmentation": {"size": [4, 6], "counts": [1, 2, 21]}}
    # 8 off, 4 on, 4 off, 8 on: from the fourth on a number is the difference to the one two before, 8 - 4
    compressed = {"category_id": 1, "segmentation": {"size": [4, 6], "counts": "8444"}}
    coco(tmp_path / "labels.json", [plain, compressed])

    data, sample = first(tmp_path)

    assert [names_at(data, sample, row)[0] for row in range(4)] == [
        "background",
        "vehicle/car",
        "vehicle/car",
        "background",
    ]
    assert [names_at(data, sample, row)[2:] for row in range(4)] == [["person", "background", "person", "person"]] * 4


def test_coco_crowds_have_a_class_and_no_number_and_objects_without_an_outline_are_unlabelled(tmp_path: Path) -> None:
    picture(tmp_path / "images/a.png")
    crowd = {"category_id": 1, "iscrowd": 1, "segmentation": {"size": [4, 6], "counts": [0, 12, 12]}}
    box = {"category_id": 3, "segmentation": [], "bbox": [4, 0, 1, 2]}
    coco(tmp_path / "labels.json", [CAR, crowd, box])

    data, sample = first(tmp_path)

    # the car is larger than what the crowd leaves it, yet an outline lies above a crowd
    assert names_at(data, sample, 0) == [*["vehicle/car"] * 4, "unlabelled", "background"]
    assert names_at(data, sample, 3) == [*["person"] * 3, *["background"] * 3]
    assert sample.instances is not None
    assert sample.instances.tolist() == [[1, 1, 1, 1, 0, 0]] * 2 + [[0] * 6] * 2
    assert any("1 objects have no outline" in note for note in data.notes)


def test_a_category_called_unlabelled_is_no_class(tmp_path: Path) -> None:
    picture(tmp_path / "images/a.png")
    nothing = {"category_id": 7, "segmentation": [square(1, 0, 2, 1)]}
    coco(tmp_path / "labels.json", [CAR, nothing], [*CATEGORIES, {"id": 7, "name": "Unlabeled"}])

    data, sample = first(tmp_path)

    assert names_at(data, sample, 0)[:3] == ["vehicle/car", "unlabelled", "vehicle/car"]
    assert data.tree.ignore == (7,)
    assert sample.instances is not None
    assert sample.instances[0].tolist() == [1, 0, 1, 1, 0, 0]


@pytest.mark.parametrize(("size_hw", "place"), [((4, 6), 3), ((6, 4), 0)])
def test_coco_labels_turn_with_their_picture_unless_they_fit_it_upright(
    tmp_path: Path, size_hw: tuple[int, int], place: int
) -> None:
    picture(tmp_path / "images/a.png", orientation=6)  # stored as 4 rows of 6, shown as 6 rows of 4
    corner = {"category_id": 1, "segmentation": [square(0, 0, 1, 1)]}
    coco(tmp_path / "labels.json", [corner], size_hw=size_hw)

    data, sample = first(tmp_path)

    assert sample.picture.shape == (6, 4, 3)
    assert [name == "person" for name in names_at(data, sample, 0)] == [column == place for column in range(4)]


def test_coco_labels_of_another_size_than_the_picture_are_refused(tmp_path: Path) -> None:
    picture(tmp_path / "images/a.png")
    coco(tmp_path / "labels.json", [CAR], size_hw=(8, 12))
    data = open_dataset(tmp_path)

    with pytest.raises(DataError, match=r"labels\.json, image 0, is 12 x 8 pixels and its picture 6 x 4"):
        data.read(data.entries[0])


def test_coco_ids_from_0_and_a_background_category(tmp_path: Path) -> None:
    picture(tmp_path / "1/images/a.png")
    picture(tmp_path / "2/images/a.png")
    coco(tmp_path / "1/labels.json", [CAR | {"category_id": 0}], [{"id": 0, "name": "car"}, {"id": 2, "name": "man"}])
    coco(
        tmp_path / "2/labels.json",
        [CAR | {"category_id": 2}],
        [{"id": 1, "name": "_background_"}, {"id": 2, "name": "car"}],
    )

    free, named = open_dataset(tmp_path / "1"), open_dataset(tmp_path / "2")

    assert [(node.name, node.ids) for node in free.tree] == [("background", (1,)), ("car", (0,)), ("man", (2,))]
    assert [(node.name, node.ids, node.kind) for node in named.tree] == [
        ("_background_", (1,), "stuff"),
        ("car", (2,), "thing"),
    ]
    assert names_at(named, named.read(named.entries[0]), 3) == ["_background_"] * 6


def test_coco_a_category_named_like_its_siblings_group_is_their_parent(tmp_path: Path) -> None:
    picture(tmp_path / "images/a.png")
    categories = [
        {"id": 0, "name": "tools", "supercategory": "none"},
        {"id": 1, "name": "saw", "supercategory": "tools"},
        {"id": 2, "name": "hammer", "supercategory": "tools"},
    ]
    coco(tmp_path / "labels.json", [CAR | {"category_id": 0}], categories)

    data, sample = first(tmp_path)

    assert [node.path for node in data.tree] == ["background", "tools", "tools/saw", "tools/hammer"]
    assert names_at(data, sample, 0)[0] == "tools"


def test_coco_a_classes_file_gives_the_tree_by_names(tmp_path: Path) -> None:
    picture(tmp_path / "images/a.png")
    coco(tmp_path / "labels.json", [CAR])
    (tmp_path / "classes.yaml").write_text(
        "classes: {ground: {}, movable: {kind: thing, children: {car: {}, person: {}, lorry: {}}}}"
    )

    data, sample = first(tmp_path)

    assert names_at(data, sample, 0) == [*["movable/car"] * 4, "ground", "ground"]
    with pytest.raises(ClassTreeError, match=r"labels\.json, category 3.*'car'"):
        open_dataset(tmp_path, classes=ClassTree(["ground", "person"]))


def test_coco_missing_and_unlisted_pictures_are_reported(tmp_path: Path) -> None:
    for name in ("a.png", "b.png", "extra.png"):
        picture(tmp_path / "images" / name)
    coco(tmp_path / "labels.json", [CAR], files=["a.png", "b.png", "gone.png"])

    data = open_dataset(tmp_path)

    assert sorted(entry.name for entry in data.entries) == ["a", "b"]
    assert data.unpaired_pictures == (tmp_path / "images/extra.png",)
    assert data.unpaired_labels == (tmp_path / "images/gone.png",)
    assert any("1 pictures that the JSON names are missing" in note for note in data.notes)


@pytest.mark.parametrize("name", ["../x.png", "/etc/x.png", "a/../../x.png", "C:\\x.png", "..\\x.png", ""])
def test_json_must_not_name_files_outside_its_folder(tmp_path: Path, name: str) -> None:
    picture(tmp_path / "set/images/a.png")
    picture(tmp_path / "set/x.png")
    coco(tmp_path / "set/labels.json", [CAR], files=["a.png", name])

    with pytest.raises(DataError, match="not below its folder"):
        open_dataset(tmp_path / "set")


@pytest.mark.parametrize(
    ("annotation", "message"),
    [
        (CAR | {"image_id": 7}, "annotation 0: the file lists no image 7"),
        (CAR | {"category_id": 9}, "category 9, which is not in its categories"),
        (CAR | {"category_id": "x"}, r"annotations\.0\.category_id"),
        ({"category_id": 3, "bbox": [0, 0, 1, 1]}, "boxes only"),
    ],
)
def test_coco_contradictions_are_refused_when_it_is_opened(
    tmp_path: Path, annotation: dict[str, Any], message: str
) -> None:
    picture(tmp_path / "images/a.png")
    coco(tmp_path / "labels.json", [annotation])

    with pytest.raises(DataError, match=message):
        open_dataset(tmp_path)


@pytest.mark.parametrize(
    ("segmentation", "message"),
    [
        ([[0, 0, 1]], "pairs x, y"),
        ([square(7, 0, 9, 2)], "outside of its picture of 6 x 4 pixels"),
        ({"size": [6, 4], "counts": [24]}, r"for a picture of height and width \(6, 4\)"),
        ({"size": [4, 6], "counts": [23]}, "add up to 23 pixels"),
        ({"size": [4, 6], "counts": "8448"}, "add up to"),
    ],
)
def test_coco_impossible_outlines_name_file_and_annotation(tmp_path: Path, segmentation: object, message: str) -> None:
    picture(tmp_path / "images/a.png")
    coco(tmp_path / "labels.json", [CAR, {"category_id": 3, "segmentation": segmentation}])
    data = open_dataset(tmp_path)

    with pytest.raises(DataError, match=rf"labels\.json, annotation 1: .*{message}"):
        data.read(data.entries[0])


def test_a_coco_file_that_claims_a_huge_picture_is_refused_before_it_is_drawn(tmp_path: Path) -> None:
    picture(tmp_path / "images/a.png")
    coco(tmp_path / "labels.json", [CAR], size_hw=(10**7, 10**7))
    data = open_dataset(tmp_path)

    with pytest.raises(DataError, match=r"labels\.json, image 0, is 10000000 x 10000000 pixels and its picture 6 x 4"):
        data.read(data.entries[0])


def test_repeated_annotation_ids_are_reported_and_each_is_an_object(tmp_path: Path) -> None:
    picture(tmp_path / "images/a.png")
    coco(tmp_path / "labels.json", [CAR | {"id": 5}, MAN | {"id": 5}])

    data, sample = first(tmp_path)

    assert sample.instances is not None
    assert sample.instances[0].tolist() == [1, 2, 1, 1, 0, 0]
    assert any("repeats 1 annotation ids, such as 5" in note for note in data.notes)


def test_an_annotation_that_stands_twice_is_one_object(tmp_path: Path) -> None:
    picture(tmp_path / "images/a.png")
    coco(tmp_path / "labels.json", [CAR, CAR])

    _, sample = first(tmp_path)

    assert sample.instances is not None
    assert len(set(sample.instances.ravel().tolist()) - {0}) == 1


@pytest.mark.parametrize(
    ("images", "message"),
    [
        ([{"id": 1, "file_name": "a.png"}, {"id": 1, "file_name": "b.png"}], "two images with the id 1"),
        ([{"id": 1, "file_name": "a.png"}, {"id": 2, "file_name": "./a.png"}], "twice, as images 1 and 2"),
    ],
)
def test_images_must_stand_once_in_a_coco_file(
    tmp_path: Path, images: Sequence[dict[str, object]], message: str
) -> None:
    picture(tmp_path / "images/a.png")
    content = {"images": images, "annotations": [], "categories": CATEGORIES}
    (tmp_path / "labels.json").write_text(json.dumps(content))

    with pytest.raises(DataError, match=message):
        open_dataset(tmp_path)


@pytest.mark.parametrize("linked", ["file", "folder"])
def test_json_must_not_name_links_that_lead_out_of_the_data_set(tmp_path: Path, linked: str) -> None:
    picture(tmp_path / "elsewhere/a.png")
    (tmp_path / "set/images").mkdir(parents=True)
    if linked == "file":
        (tmp_path / "set/images/a.png").symlink_to(tmp_path / "elsewhere/a.png")
    else:
        (tmp_path / "set/images/sub").symlink_to(tmp_path / "elsewhere")
    coco(tmp_path / "set/labels.json", [CAR], files=["a.png" if linked == "file" else "sub/a.png"])

    with pytest.raises(DataError, match="a link to"):
        open_dataset(tmp_path / "set")


def test_links_within_the_data_set_and_a_linked_folder_of_pictures_are_followed(tmp_path: Path) -> None:
    picture(tmp_path / "elsewhere/a.png")
    (tmp_path / "1").mkdir()
    (tmp_path / "1/images").symlink_to(tmp_path / "elsewhere")  # the user's own arrangement, not the file's
    picture(tmp_path / "2/all/a.png")
    (tmp_path / "2/images").mkdir()
    (tmp_path / "2/images/a.png").symlink_to(tmp_path / "2/all/a.png")
    for name in ("1", "2"):
        coco(tmp_path / name / "labels.json", [CAR])

        _, sample = first(tmp_path / name)

        assert sample.instances is not None


def test_coco_numbering_must_agree_between_splits_and_files_must_not_compete(tmp_path: Path) -> None:
    for split in ("train", "val"):
        picture(tmp_path / split / "a.png")
    coco(tmp_path / "train/_annotations.coco.json", [CAR])
    other = [{"id": 3, "name": "dog"}]
    coco(tmp_path / "val/_annotations.coco.json", [CAR], other)

    with pytest.raises(DataError, match=r"category 3 is 'dog' in .* and 'car' in another file"):
        open_dataset(tmp_path)
    coco(tmp_path / "train/second.json", [CAR])
    with pytest.raises(DataError, match="both hold the labels of train"):
        open_dataset(tmp_path)


def test_masks_win_over_json_in_one_folder(tmp_path: Path) -> None:
    picture(tmp_path / "train/images/a.png")
    (tmp_path / "train/masks").mkdir()
    write_index(tmp_path / "train/masks/a.png", np.resize([0, 1], (4, 6)))
    coco(tmp_path / "train/annotations_coco.json", [CAR])

    assert open_dataset(tmp_path).format == "folder"
