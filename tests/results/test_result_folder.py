from __future__ import annotations

import csv
import json
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from pathlib import Path

import cv2
import numpy as np
import pytest

from smalta.answers.decoding import Decoding
from smalta.answers.objects import Objects
from smalta.answers.segmentation import Segmentation
from smalta.classes import ClassTree
from smalta.data.any_format import open_dataset
from smalta.description.kinds import Kind
from smalta.errors import ConfigError
from smalta.pictures.reading import read_index, read_picture
from smalta.results.options import OutputOptions
from smalta.results.output import Written
from smalta.results.result_folder import ResultFolder, class_map

# 1 sky  2 car  3 car/audi  4 car/honda  5 person; the values are a user's own
TREE = ClassTree(
    {
        "sky": {"ids": [5]},
        "car": {
            "kind": "thing",
            "ids": [20],
            "attributes": {"body": ["van", "bus"], "score": ["low", "high"]},
            "children": {"audi": {"ids": [7]}, "honda": {"ids": [3]}},
        },
        "person": {"kind": "thing", "ids": [9]},
    },
    ignore=[99],
)
INSTANCES = np.array(
    [
        [1, 1, 0, 2, 2, 0],
        [1, 1, 0, 2, 2, 0],
        [0, 0, 0, 0, 0, 0],
        [3, 0, 0, 0, 0, 0],
    ],
    dtype=np.int32,
)
PIXELS = np.full((4, 6, 3), 100, dtype=np.uint8)
PLAIN = OutputOptions()


def answer(*, level: int | None = None, min_confidence: float = 0.0, stray: bool = False) -> Segmentation:
    """An audi (a van, P 0.89 among things), a honda (a bus, P 0.6), a person; perhaps a pixel of car in no object."""
    leaves = np.array([[0.97, 0.01, 0.01, 0.01], [0.1, 0.8, 0, 0.1], [0, 0.4, 0.6, 0], [0.2, 0, 0, 0.8]], np.float32)
    probabilities = np.moveaxis(leaves[INSTANCES], -1, 0).copy()
    if stray:
        probabilities[:, 3, 5] = [0.1, 0.9, 0, 0]
    decoding = Decoding(level=level, min_confidence=min_confidence)
    vans = np.where(INSTANCES == 1, 0.9, 0.2).astype(np.float32)
    objects = Objects.from_instances(
        TREE,
        INSTANCES,
        probabilities,
        np.array([0.9, 0.85, 0.123456]),
        attributes={"body": np.stack([vans, 1 - vans]), "score": np.stack([1 - vans, vans])},
        decoding=decoding,
    )
    return replace(Segmentation.from_probabilities(TREE, probabilities, decoding=decoding), objects=objects)


def made(folder: Path, kind: Kind, options: OutputOptions = PLAIN, tree: ClassTree = TREE) -> ResultFolder:
    place = ResultFolder(folder, tree, kind, options)
    place.make()
    return place


def written(folder: Path, kind: Kind, given: Segmentation, options: OutputOptions = PLAIN) -> Written:
    place = made(folder, kind, options)
    one = place.write(Path("shots/a.jpg"), PIXELS, given)
    place.write_joined([one])
    return one


def table(folder: Path) -> list[dict[str, str]]:
    with (folder / "objects.csv").open(newline="", encoding="utf-8") as file:
        return list(csv.DictReader(file))


# -- objects.csv --------------------------------------------------------------------------------------


def test_a_line_of_the_table_says_what_and_where_an_object_is(tmp_path: Path) -> None:
    written(tmp_path, "instance", answer())

    assert (tmp_path / "objects.csv").read_text().splitlines() == [
        "picture,id,class,level_1,level_2,score,area_px,x0,y0,x1,y1,centroid_y,centroid_x,body,attribute_score",
        "a.jpg,1,car/audi,car,car/audi,0.9000,4,0,0,2,2,0.50,0.50,van,high",
        "a.jpg,2,car/honda,car,car/honda,0.8500,4,3,0,5,2,0.50,3.50,bus,low",
        "a.jpg,3,person,person,person,0.1235,1,0,3,1,4,3.00,0.00,,",
    ]


def test_an_unsure_object_stands_in_the_table_at_the_class_that_is_sure(tmp_path: Path) -> None:
    sure = answer(min_confidence=0.7)

    written(tmp_path, "instance", sure)

    rows = table(tmp_path)
    assert [(row["class"], row["level_1"], row["level_2"]) for row in rows] == [
        ("car/audi", "car", "car/audi"),
        ("car", "car", ""),
        ("person", "person", "person"),
    ]


def test_names_with_commas_and_quotes_come_back_from_the_table(tmp_path: Path) -> None:
    place = made(tmp_path, "instance")
    name = 'a, "b"\n.png'

    place.write_joined([place.write(Path(name), PIXELS, answer())])

    assert [row["picture"] for row in table(tmp_path)] == [name] * 3


def test_without_objects_the_table_has_its_header_and_other_kinds_have_no_table(tmp_path: Path) -> None:
    for kind in ("binary", "semantic", "instance", "panoptic"):
        made(tmp_path / kind, kind).write_joined([])

    for kind in ("instance", "panoptic"):
        assert (tmp_path / kind / "objects.csv").read_text().startswith("picture,id,class,")
        assert (tmp_path / kind / "objects.csv").read_text().count("\n") == 1
    assert {p.name for p in (tmp_path / "semantic").iterdir()} == {"classes", "classes.json"}
    assert {p.name for p in (tmp_path / "binary").iterdir()} == {"classes", "classes.json"}


def test_tables_follow_the_order_that_they_are_given(tmp_path: Path) -> None:
    place = made(tmp_path, "panoptic")
    parts = [place.write(Path(f"{n}.png"), PIXELS, answer()) for n in "cab"]

    place.write_joined(parts)

    rows = table(tmp_path)
    content = json.loads((tmp_path / "panoptic.json").read_text())
    assert [row["picture"] for row in rows] == ["c.png"] * 3 + ["a.png"] * 3 + ["b.png"] * 3
    assert [(image["id"], image["file_name"]) for image in content["images"]] == [
        (1, "c.png"),
        (2, "a.png"),
        (3, "b.png"),
    ]
    assert [(one["image_id"], one["file_name"]) for one in content["annotations"]] == [
        (1, "c.png"),
        (2, "a.png"),
        (3, "b.png"),
    ]


# -- instances and classes ----------------------------------------------------------------------------


def test_the_instance_picture_numbers_the_objects_as_the_table_does(tmp_path: Path) -> None:
    written(tmp_path, "instance", answer())

    assert cv2.imread(str(tmp_path / "instances/a.png"), cv2.IMREAD_UNCHANGED).dtype == np.uint16
    assert np.array_equal(read_index(tmp_path / "instances/a.png"), INSTANCES)


def test_the_class_picture_agrees_with_the_objects(tmp_path: Path) -> None:
    one = written(tmp_path, "instance", answer(stray=True))

    assert one.files["classes"] == tmp_path / "classes/a.png"
    assert read_index(one.files["classes"]).tolist() == [
        [7, 7, 5, 3, 3, 5],
        [7, 7, 5, 3, 3, 5],
        [5, 5, 5, 5, 5, 5],
        [9, 5, 5, 5, 5, 5],  # the last one looks like a car, but no object has it
    ]


def test_a_level_keeps_what_was_sure_of_no_more_than_a_parent() -> None:
    at_top, unsure = answer(level=1), answer(min_confidence=0.7)

    assert class_map(at_top, Decoding(level=1))[0].tolist() == [2, 2, 1, 2, 2, 1]
    assert class_map(unsure, Decoding(level=2))[0].tolist() == [3, 3, 1, 2, 2, 1]
    assert class_map(answer(), Decoding())[0].tolist() == [3, 3, 1, 4, 4, 1]


def test_without_objects_the_class_picture_is_the_answer(tmp_path: Path) -> None:
    written(tmp_path, "semantic", replace(answer(stray=True), objects=None))

    assert read_index(tmp_path / "classes/a.png")[3].tolist() == [9, 5, 5, 5, 5, 7]
    assert {p.name for p in tmp_path.iterdir()} == {"classes", "classes.json"}


@pytest.mark.parametrize("kind", ["binary", "semantic", "instance", "panoptic"])
def test_the_legend_file_says_the_kind(kind: Kind, tmp_path: Path) -> None:
    made(tmp_path, kind)

    assert json.loads((tmp_path / "classes.json").read_text())["kind"] == kind


# -- panoptic -----------------------------------------------------------------------------------------


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


# -- GeoJSON ------------------------------------------------------------------------------------------


def test_outlines_run_along_the_edges_of_pixels_and_say_what_the_object_is(tmp_path: Path) -> None:
    written(tmp_path, "instance", answer(min_confidence=0.7), OutputOptions(outputs={"geojson"}))

    features = json.loads((tmp_path / "geojson/a.geojson").read_text())["features"]
    assert [feature["properties"]["number"] for feature in features] == [1, 2, 3]
    first, second, third = (feature["properties"] for feature in features)
    assert (first["class"], first["score"], first["area_px"]) == ("car/audi", 0.9, 4)
    assert (first["attributes"], third["attributes"]) == ({"body": "van", "score": "high"}, {})
    assert second["class"] == "car"
    [ring] = features[1]["geometry"]["coordinates"]
    assert {tuple(point) for point in ring} == {(3, 0), (5, 0), (5, 2), (3, 2)}


def test_outlines_open_as_a_data_set_that_holds_the_objects(tmp_path: Path) -> None:
    written(tmp_path, "instance", answer(), OutputOptions(outputs={"geojson"}))
    (tmp_path / "set/images").mkdir(parents=True)
    cv2.imwrite(str(tmp_path / "set/images/a.png"), PIXELS)
    (tmp_path / "geojson").rename(tmp_path / "set/labels")

    dataset = open_dataset(tmp_path / "set", classes=TREE)
    sample = dataset.read(dataset.entries[0])

    assert dataset.format == "geojson"
    assert np.array_equal(sample.instances, INSTANCES)
    assert np.array_equal(sample.classes, class_map(answer(), Decoding()))


# -- overlays -----------------------------------------------------------------------------------------


def test_overlays_of_instances_leave_the_rest_of_the_picture_as_it_is(tmp_path: Path) -> None:
    options = OutputOptions(outputs={"overlay"})
    written(tmp_path / "instance", "instance", answer(), options)
    written(tmp_path / "panoptic", "panoptic", answer(), options)

    objects, everything = (read_picture(tmp_path / k / "overlays/a.png")[:4] for k in ("instance", "panoptic"))
    assert (objects[INSTANCES == 0] == 100).all()
    assert (objects[INSTANCES != 0] != 100).any(axis=-1).all()
    assert (everything[INSTANCES == 0] != 100).any(axis=-1).all()


def test_several_threads_write_what_one_would(tmp_path: Path) -> None:
    pixels = np.random.default_rng(0).integers(0, 256, (120, 160, 3), dtype=np.uint8)
    instances = np.kron(INSTANCES, np.ones((30, 27), np.int32))[:, :160].astype(np.int32)
    leaves = np.array([[1, 0, 0, 0], [0, 1, 0, 0], [0, 0, 1, 0], [0, 0, 0, 1]], np.float32)
    probabilities = np.moveaxis(leaves[instances], -1, 0)
    body = {name: np.full((2, 120, 160), 0.5, np.float32) for name in ("body", "score")}
    objects = Objects.from_instances(TREE, instances, probabilities, np.ones(3), attributes=body)
    given = replace(Segmentation.from_probabilities(TREE, probabilities), objects=objects)
    options = OutputOptions(outputs={"overlay", "geojson", "probabilities"})
    names = [Path(f"{number}.png") for number in range(12)]
    places = {folder: made(tmp_path / folder, "panoptic", options) for folder in ("one", "many")}

    def write(folder: str, name: Path) -> Written:
        return places[folder].write(name, pixels, given)

    one = [write("one", name) for name in names]
    with ThreadPoolExecutor(8) as pool:
        many = list(pool.map(lambda name: write("many", name), names))

    assert [w.added for w in one] == [w.added for w in many]
    assert all({"objects", "panoptic"} == w.added.keys() for w in one)
    files = sorted(path.relative_to(tmp_path / "one") for path in (tmp_path / "one").rglob("*.*"))
    assert len(files) == 12 * 6 + 1
    assert all((tmp_path / "one" / f).read_bytes() == (tmp_path / "many" / f).read_bytes() for f in files)


def test_a_folder_that_cannot_be_made_is_refused(tmp_path: Path) -> None:
    (tmp_path / "instances").write_text("a file")

    with pytest.raises(ConfigError, match=r"instances cannot be made .*; name another folder with --out"):
        made(tmp_path, "instance")
