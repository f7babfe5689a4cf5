"""Objects as COCO's own tools read them."""

from __future__ import annotations

import json
from pathlib import Path

import cv2
import numpy as np
import pytest
from pycocotools import coco

from smalta.answers.decoding import Decoding
from smalta.answers.objects import Objects
from smalta.answers.segmentation import Segmentation
from smalta.classes import ClassTree
from smalta.data.any_format import open_dataset
from smalta.errors import ConfigError, DataError
from smalta.inference.answering import predict_files
from smalta.inference.in_parts import predict_large
from smalta.pictures.large_pictures import ArrayRows
from smalta.results.options import OutputOptions
from smalta.results.result_folder import ResultFolder
from stand_ins import balls

pytestmark = pytest.mark.filterwarnings("ignore:__array__ implementation:DeprecationWarning")  # of pycocotools

# 1 sky  2 ground  3 car  4 car/audi  5 car/honda  6 street  7 street/kerb  8 street/person; the values are a user's own
TREE = ClassTree(
    {
        "sky": {"ids": [5]},
        "ground": {"ids": [6]},
        "car": {
            "kind": "thing",
            "ids": [20],
            "attributes": {"body": ["van", "bus"]},
            "children": {"audi": {"ids": [7]}, "honda": {"ids": [3]}},
        },
        "street": {"ids": [11], "children": {"kerb": {"ids": [12]}, "person": {"kind": "thing", "ids": [9]}}},
    }
)
# an object with a hole, one in two pieces of which one is a single pixel, and one in a corner
INSTANCES = np.array(
    [
        [1, 1, 1, 0, 2, 2, 0],
        [1, 0, 1, 0, 2, 2, 0],
        [1, 1, 1, 0, 0, 0, 2],
        [0, 0, 0, 0, 0, 0, 0],
        [3, 3, 0, 0, 0, 0, 0],
    ],
    np.int32,
)
PIXELS = np.full((*INSTANCES.shape, 3), 100, np.uint8)
ASKED = OutputOptions(outputs={"coco"})


def answer(instances: np.ndarray = INSTANCES, *, min_confidence: float = 0.0) -> Segmentation:
    """A van (audi, P 0.8 among things), a bus (honda, P 0.6), a person."""
    #                   sky  ground audi honda kerb person
    leaves = np.array([[0.9, 0.1, 0, 0, 0, 0], [0, 0, 0.8, 0.2, 0, 0], [0, 0, 0.4, 0.6, 0, 0], [0, 0, 0, 0, 0, 1]])
    probabilities = np.moveaxis(leaves[instances], -1, 0).astype(np.float32)
    vans = np.where(instances == 1, 0.9, 0.2).astype(np.float32)
    decoding = Decoding(min_confidence=min_confidence)
    objects = Objects.from_instances(
        TREE,
        instances,
        probabilities,
        np.array([0.9, 0.85, 0.123456])[: instances.max()],
        attributes={"body": np.stack([vans, 1 - vans])},
        decoding=decoding,
    )
    return Segmentation.from_probabilities(TREE, probabilities, objects=objects, decoding=decoding)


def written(folder: Path, **answers: Segmentation) -> coco.COCO:
    place = ResultFolder(folder, TREE, "instance", ASKED)
    place.make()
    place.write_joined([place.write(Path(f"shots/{stem}.jpg"), PIXELS, one) for stem, one in answers.items()])
    return coco.COCO(folder / "coco_instances.json")


def test_pycocotools_finds_the_pixels_of_every_object(tmp_path: Path) -> None:
    tool = written(tmp_path, a=answer())

    (image,) = tool.loadImgs(tool.getImgIds())
    assert image == {"id": 1, "file_name": "a.jpg", "height": 5, "width": 7}
    for annotation in tool.loadAnns(tool.getAnnIds(imgIds=1)):
        assert np.array_equal(tool.annToMask(annotation), annotation["number"] == INSTANCES)
    assert [
        (a["id"], a["category_id"], a["score"], a["area"], a["bbox"], a["iscrowd"]) for a in tool.anns.values()
    ] == [
        (1, 7, 0.9, 8, [0, 0, 3, 3], 0),
        (2, 3, 0.85, 5, [4, 0, 3, 3], 0),
        (3, 9, 0.1235, 2, [0, 4, 2, 1], 0),
    ]
    assert [a["attributes"] for a in tool.anns.values()] == [{"body": "van"}, {"body": "bus"}, {}]
    assert [type(a["segmentation"]) for a in tool.anns.values()] == [dict, list, list]  # one has a hole


def test_the_categories_are_the_things_of_the_tree_and_what_is_above_them(tmp_path: Path) -> None:
    tool = written(tmp_path, a=answer())

    found = [(c["id"], c["name"], c["supercategory"], c["isthing"]) for c in tool.dataset["categories"]]
    assert found == [
        (20, "car", "", 1),
        (7, "audi", "car", 1),
        (3, "honda", "car", 1),
        (11, "street", "", 0),
        (9, "person", "street", 1),
    ]


def test_pictures_are_joined_in_their_order_and_one_without_objects_is_among_them(tmp_path: Path) -> None:
    empty = np.zeros_like(INSTANCES)

    tool = written(tmp_path, c=answer(), a=answer(empty), b=answer(np.fliplr(INSTANCES)))

    assert [(image["id"], image["file_name"]) for image in tool.dataset["images"]] == [
        (1, "c.jpg"),
        (2, "a.jpg"),
        (3, "b.jpg"),
    ]
    assert [(a["id"], a["image_id"]) for a in tool.dataset["annotations"]] == [
        *((number, 1) for number in (1, 2, 3)),
        *((number, 3) for number in (4, 5, 6)),
    ]


def test_an_object_without_a_class_is_left_out_and_an_unsure_one_stops_at_its_parent(tmp_path: Path) -> None:
    lost = answer(min_confidence=0.95)
    assert lost.objects is not None
    lost.objects.classes[1] = 0

    tool = written(tmp_path, a=lost)

    assert [(a["number"], a["category_id"]) for a in tool.anns.values()] == [(1, 20), (3, 9)]


def test_the_file_opens_as_a_data_set_that_holds_the_objects(tmp_path: Path) -> None:
    written(tmp_path / "out", a=answer())
    (tmp_path / "set/images").mkdir(parents=True)
    cv2.imwrite(str(tmp_path / "set/images/a.jpg"), PIXELS)
    (tmp_path / "out/coco_instances.json").rename(tmp_path / "set/coco_instances.json")

    dataset = open_dataset(tmp_path / "set")
    sample = dataset.read(dataset.entries[0])

    assert dataset.format == "coco"
    assert sample.instances is not None
    assert np.array_equal(sample.instances, INSTANCES)
    names = [dataset.tree.name(sample.classes[number == INSTANCES][0]) for number in (1, 2, 3)]
    assert names == ["car/audi", "car/honda", "street/person"]
    assert [dataset.tree[name].ids for name in names] == [(7,), (3,), (9,)]


def lawn(path: Path, n: int) -> Path:
    """A picture with n red balls."""
    pixels = np.zeros((12, 40, 3), np.uint8)
    for k in range(n):
        pixels[2:9, 10 * k + 1 : 10 * k + 7, 2] = 250
    assert cv2.imwrite(str(path), pixels)
    return path


def test_a_job_that_goes_on_writes_what_one_job_would(tmp_path: Path) -> None:
    pictures = [lawn(tmp_path / f"{n}.png", n) for n in (3, 0, 2)]
    predict_files(balls(), pictures, tmp_path / "once", ASKED)
    predict_files(balls(), pictures[:2], tmp_path / "twice", ASKED)

    predict_files(balls(), pictures, tmp_path / "twice", ASKED, resume=True)

    once, twice = ((tmp_path / name / "coco_instances.json").read_bytes() for name in ("once", "twice"))
    assert once == twice
    assert len(json.loads(once)["annotations"]) == 5


def test_a_job_without_the_file_does_not_go_on_with_it(tmp_path: Path) -> None:
    picture = lawn(tmp_path / "a.png", 1)
    predict_files(balls(), [picture], tmp_path / "out", OutputOptions())

    with pytest.raises(ConfigError, match=r'a job with outputs = \[\], and this job has outputs = \["coco"\]'):
        predict_files(balls(), [picture], tmp_path / "out", ASKED, resume=True)


def test_it_is_refused_without_objects_and_in_parts(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match="--coco is for the kinds instance and panoptic, and the kind is 'semantic'"):
        predict_files(balls(), [], tmp_path / "out", OutputOptions(kind="semantic", outputs={"coco"}))
    place = ResultFolder(tmp_path, balls().tree, "instance", ASKED)
    with pytest.raises(DataError, match="cannot give --coco"):
        predict_large(balls(), ArrayRows(PIXELS), tmp_path / "a.tif", place)
