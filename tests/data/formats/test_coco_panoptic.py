"""COCO panoptic: segments of a small label file become classes and objects."""

from __future__ import annotations

import json
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image

from small_sets import first, names_at, picture
from smalta.data.any_format import open_dataset
from smalta.errors import DataError


def panoptic(root: Path, numbers: np.ndarray, segments: Sequence[dict[str, Any]], name: str = "a.png") -> None:
    masks = root / "annotations/panoptic_train2017"
    masks.mkdir(parents=True)
    rgb = np.stack([numbers % 256, numbers // 256 % 256, numbers // 65536], axis=2).astype(np.uint8)
    Image.fromarray(rgb).save(masks / "a.png")
    content = {
        "images": [{"id": 5, "file_name": name}],
        "annotations": [{"image_id": 5, "file_name": "a.png", "segments_info": segments}],
        "categories": [
            {"id": 1, "name": "person", "supercategory": "person", "isthing": 1},
            {"id": 184, "name": "tree", "supercategory": "plant", "isthing": 0, "color": [0, 200, 0]},
            {"id": 193, "name": "grass", "supercategory": "plant", "isthing": 0},
        ],
    }
    (root / "annotations/panoptic_train2017.json").write_text(json.dumps(content))


@pytest.mark.parametrize("place", ["images/train2017", "train2017"])
def test_panoptic_segments_become_classes_and_objects(tmp_path: Path, place: str) -> None:
    far = 7 + 256 * 9 + 65536 * 3
    numbers = np.zeros((4, 6), dtype=int)
    numbers[0] = [far, 300, 300, 2, 77, 0]
    picture(tmp_path / place / "a.png")
    panoptic(
        tmp_path,
        numbers,
        [
            {"id": 300, "category_id": 1},
            {"id": far, "category_id": 1},
            {"id": 2, "category_id": 184},
            {"id": 77, "category_id": 1, "iscrowd": 1},
        ],
    )

    data, sample = first(tmp_path)

    assert data.format == "coco-panoptic"
    assert [(node.path, node.kind) for node in data.tree] == [
        ("person", "thing"),
        ("plant", "stuff"),
        ("plant/tree", "stuff"),
        ("plant/grass", "stuff"),
    ]
    assert data.tree["tree"].color == (0, 200, 0)
    assert data.tree.ignore == (0,)
    assert names_at(data, sample, 0) == ["person", "person", "person", "plant/tree", "person", "unlabelled"]
    assert sample.instances is not None
    assert sample.instances[0].tolist() == [2, 1, 1, 0, 0, 0]  # a crowd has a class and no number


def test_panoptic_numbers_that_segments_info_lacks_are_refused(tmp_path: Path) -> None:
    picture(tmp_path / "images/a.png")
    panoptic(tmp_path, np.full((4, 6), 9), [{"id": 8, "category_id": 1}])
    data = open_dataset(tmp_path)

    with pytest.raises(DataError, match=r"a\.png holds segment 9 "):
        data.read(data.entries[0])


def test_panoptic_must_not_name_files_outside_and_lists_what_is_missing(tmp_path: Path) -> None:
    picture(tmp_path / "1/images/a.png")
    panoptic(tmp_path / "1", np.zeros((4, 6), dtype=int), [], name="../images/a.png")
    with pytest.raises(DataError, match="not below its folder"):
        open_dataset(tmp_path / "1")

    picture(tmp_path / "2/images/a.png")
    picture(tmp_path / "2/images/lone.png")
    panoptic(tmp_path / "2", np.zeros((4, 6), dtype=int), [])
    assert open_dataset(tmp_path / "2").unpaired_pictures == (tmp_path / "2/images/lone.png",)


def test_panoptic_ids_that_stand_twice_are_refused(tmp_path: Path) -> None:
    for name in ("1", "2", "3"):
        picture(tmp_path / name / "images/a.png")
        panoptic(tmp_path / name, np.zeros((4, 6), dtype=int), [{"id": 8, "category_id": 1}])

    def change(name: str, change: Callable[[dict[str, Any]], object]) -> Path:
        path = tmp_path / name / "annotations/panoptic_train2017.json"
        content = json.loads(path.read_text())
        change(content)
        path.write_text(json.dumps(content))
        return tmp_path / name

    with pytest.raises(DataError, match=r"a\.png: two segments have the id 8"):
        open_dataset(change("1", lambda c: c["annotations"][0]["segments_info"].append({"id": 8, "category_id": 193})))
    with pytest.raises(DataError, match="two annotations of the image '5'"):
        open_dataset(change("2", lambda c: c["annotations"].append(c["annotations"][0] | {"file_name": "b.png"})))
    with pytest.raises(DataError, match=r"two annotations of the label file 'a\.png'"):
        open_dataset(change("3", lambda c: c["annotations"].append(c["annotations"][0] | {"image_id": 6})))


def test_panoptic_label_files_must_not_be_links_out_of_the_data_set(tmp_path: Path) -> None:
    picture(tmp_path / "set/images/a.png")
    panoptic(tmp_path / "set", np.zeros((4, 6), dtype=int), [])
    label = tmp_path / "set/annotations/panoptic_train2017/a.png"
    label.rename(tmp_path / "a.png")
    label.symlink_to(tmp_path / "a.png")

    with pytest.raises(DataError, match="a link to"):
        open_dataset(tmp_path / "set")


def test_a_thing_that_the_users_tree_calls_stuff_is_no_object(tmp_path: Path) -> None:
    picture(tmp_path / "images/a.png")
    panoptic(tmp_path, np.full((4, 6), 8), [{"id": 8, "category_id": 1}])
    (tmp_path / "classes.yaml").write_text("classes: {person: {}, tree: {}, grass: {}}")

    _, sample = first(tmp_path)

    assert sample.instances is not None
    assert not sample.instances.any()
