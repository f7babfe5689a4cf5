from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path

import cv2
import numpy as np

from smalta.answers.decoding import Decoding
from smalta.answers.objects import Objects
from smalta.answers.segmentation import Segmentation
from smalta.classes import ClassTree
from smalta.data.any_format import open_dataset
from smalta.pictures.reading import read_index, read_picture
from smalta.results.result_folder import class_map
from written_results import INSTANCES, PIXELS, TREE, answer, made, written


def test_panoptic_files_are_as_coco_describes_them(tmp_path: Path) -> None:
    written(tmp_path, "panoptic", answer())

    content = json.loads((tmp_path / "panoptic.json").read_text())
    rgb = read_picture(tmp_path / "panoptic/a.png").astype(int)
    numbers = rgb[..., 0] + 256 * rgb[..., 1] + 65536 * rgb[..., 2]
    assert numbers.tolist() == [[1, 1, 4, 2, 2, 4], [1, 1, 4, 2, 2, 4], [4] * 6, [3, 4, 4, 4, 4, 4]]
    assert content["images"] == [{"id": 1, "file_name": "a.jpg", "height": 4, "width": 6}]
    assert content["annotations"] == [
        {
            "image_id": 1,
            "file_name": "a.png",
            "segments_info": [
                {"id": 1, "category_id": 7, "area": 4, "bbox": [0, 0, 2, 2], "iscrowd": 0},
                {"id": 2, "category_id": 3, "area": 4, "bbox": [3, 0, 2, 2], "iscrowd": 0},
                {"id": 3, "category_id": 9, "area": 1, "bbox": [0, 3, 1, 1], "iscrowd": 0},
                {"id": 4, "category_id": 5, "area": 15, "bbox": [0, 0, 6, 4], "iscrowd": 0},
            ],
        }
    ]
    assert [(c["id"], c["name"], c["supercategory"], c["isthing"]) for c in content["categories"]] == [
        (5, "sky", "", 0),
        (20, "car", "", 1),
        (7, "audi", "car", 1),
        (3, "honda", "car", 1),
        (9, "person", "", 1),
    ]


def test_what_reached_no_class_is_in_no_segment(tmp_path: Path) -> None:
    one = written(tmp_path, "panoptic", answer(min_confidence=0.95))  # but the sky is sure

    content = json.loads((tmp_path / "panoptic.json").read_text())
    assert [(s["id"], s["category_id"]) for s in content["annotations"][0]["segments_info"]] == [
        (2, 20),
        (3, 9),
        (4, 5),
    ]
    assert read_picture(tmp_path / "panoptic/a.png")[..., 0].tolist()[0] == [0, 0, 4, 2, 2, 4]
    assert read_index(one.files["classes"])[0].tolist() == [99, 99, 5, 20, 20, 5]


def test_more_than_256_objects_need_more_than_one_colour(tmp_path: Path) -> None:
    tree = ClassTree({"ground": {}, "dot": {"kind": "thing"}})
    instances = np.arange(1, 70_001, dtype=np.int32).reshape(200, 350)
    probabilities = np.stack([np.zeros((200, 350)), np.ones((200, 350))]).astype(np.float32)
    objects = Objects.from_instances(tree, instances, probabilities, np.full(70_000, 0.5))
    dots = replace(Segmentation.from_probabilities(tree, probabilities), objects=objects)
    place = made(tmp_path, "panoptic", tree=tree)

    one = place.write(Path("a.png"), np.zeros((200, 350, 3), np.uint8), dots)

    assert read_picture(tmp_path / "panoptic/a.png")[-1, -1].tolist() == [70_000 & 255, 70_000 >> 8 & 255, 1]
    assert np.array_equal(read_index(tmp_path / "instances/a.tif"), instances)
    assert one.added["objects"].count("\n") == 70_000


def test_panoptic_files_open_as_a_data_set_that_holds_the_answer(tmp_path: Path) -> None:
    written(tmp_path, "panoptic", answer(stray=True))
    (tmp_path / "set/images").mkdir(parents=True)
    cv2.imwrite(str(tmp_path / "set/images/a.jpg"), PIXELS)
    for name in ("panoptic", "panoptic.json"):
        (tmp_path / name).rename(tmp_path / "set" / name)

    dataset = open_dataset(tmp_path / "set")
    sample = dataset.read(dataset.entries[0])

    assert dataset.format == "coco-panoptic"
    assert [(node.path, node.kind, node.ids) for node in dataset.tree] == [
        (node.path, node.kind, node.ids) for node in TREE
    ]
    assert np.array_equal(sample.classes, class_map(answer(), Decoding()))
    assert np.array_equal(sample.instances, INSTANCES)
