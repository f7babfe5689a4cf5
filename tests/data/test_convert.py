"""The contract of every format that is written: read again, it says the same."""

from __future__ import annotations

import json
import time
from pathlib import Path

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp
from PIL import Image
from pycocotools import mask as coco_mask

from folder_sets import labels, pair, picture
from smalta.data.any_format import open_dataset
from smalta.data.convert import convert
from smalta.data.dataset import Dataset
from smalta.data.formats.known_formats import WRITTEN
from smalta.errors import DataError
from smalta.pictures.writing import write_index

FORMATS = list(WRITTEN)
CLASSES = """
classes:
  background: {}
  road: {children: {own: {}, other: {}}}
  vehicle:
    kind: thing
    children: {car: {kind: thing, children: {audi: {}, honda: {}}}, lorry: {color: "#102030"}}
ignore: [255]
"""
# node ids: background 1, road 2, own 3, other 4, vehicle 5, car 6, audi 7, honda 8, lorry 9; values are one less
THINGS = [5, 6, 7, 8, 9]
STUFF = [1, 2, 3, 4]


def write_sample(root: Path, stem: str, classes: np.ndarray, instances: np.ndarray) -> None:
    for folder in ("images", "masks", "instances"):
        (root / folder).mkdir(parents=True, exist_ok=True)
    picture(root / "images" / f"{stem}.png", classes.shape)
    values = np.where(classes == 0, 255, classes.astype(int) - 1)
    write_index(root / "masks" / f"{stem}.png", values)
    write_index(root / "instances" / f"{stem}.png", instances)


def hand_made(root: Path) -> Dataset:
    """A car in two parts with a hole, a lorry that touches it, two roads, and pixels without a label."""
    things = np.array(
        [
            [0, 1, 1, 1, 0, 0, 0, 0],
            [0, 1, 0, 1, 2, 2, 0, 1],
            [0, 1, 1, 1, 2, 2, 0, 1],
            [0, 0, 0, 0, 0, 0, 0, 0],
            [0, 0, 0, 3, 0, 0, 0, 0],
        ]
    )
    classes = np.array([1, 7, 9, 6])[things]  # object 3 is a car of unknown make
    classes[3] = 3
    classes[4, 4:] = 4
    classes[4, 0] = 0
    classes[1, 2] = 3  # through the hole one sees the road
    root.mkdir()
    (root / "classes.yaml").write_text(CLASSES)
    for split, flipped in (("train", False), ("val", True)):
        step = -1 if flipped else 1
        write_sample(root / split, "a", classes[::step], things[::step])
        write_sample(root / split, f"{split}_b", classes[:, ::step], things[:, ::step])
    return open_dataset(root)


def renumbered(instances: np.ndarray | None) -> list[list[int]] | None:
    """Objects numbered in the order in which they first appear."""
    if instances is None:
        return None
    seen: dict[int, int] = {0: 0}
    return [[seen.setdefault(int(v), len(seen)) for v in row] for row in instances]


def assert_equal(source: Dataset, copy: Dataset, *, silence: bool = True) -> None:
    """Same pictures, classes and object pixels; without silence what is unlabelled or a crowd is background."""
    assert list(source.splits) == list(copy.splits)
    for split in source.splits:
        for before, after in zip(source.split(split), copy.split(split), strict=True):
            a, b = source.read(before), copy.read(after)
            assert before.picture.stem == after.picture.stem
            assert before.picture.read_bytes() == after.picture.read_bytes()
            assert renumbered(a.instances) == renumbered(b.instances)
            lost = (a.classes == 0) | (
                source.tree.is_thing[a.classes] & (0 if a.instances is None else a.instances == 0)
            )
            np.testing.assert_array_equal(a.classes if silence else np.where(lost, 1, a.classes), b.classes)


@pytest.mark.parametrize("name", FORMATS)
def test_a_hand_made_set_is_read_as_it_was_written(tmp_path: Path, name: str) -> None:
    source = hand_made(tmp_path / "source")

    result = convert(source, tmp_path / "out", name)

    copy = open_dataset(tmp_path / "out")
    assert result.pictures == 4
    assert copy.format == name
    assert copy.tree == source.tree
    assert copy.has_instances
    assert_equal(source, copy, silence=name != "yolo")
    assert any("unlabelled" in note for note in result.notes) == (name in ("coco", "yolo"))


@pytest.mark.parametrize("name", FORMATS)
@given(data=st.data())
@settings(max_examples=15, deadline=None, suppress_health_check=list(HealthCheck))
def test_any_labels_are_read_as_they_were_written(
    tmp_path_factory: pytest.TempPathFactory, name: str, data: st.DataObject
) -> None:
    size_hw = data.draw(hnp.array_shapes(min_dims=2, max_dims=2, min_side=2, max_side=8))
    instances = data.draw(hnp.arrays(np.int32, size_hw, elements=st.integers(0, 3), fill=st.just(0)))
    rest = data.draw(hnp.arrays(np.uint16, size_hw, elements=st.sampled_from([0, *STUFF, *THINGS])))  # also crowds
    node_of = np.array([0, *data.draw(st.lists(st.sampled_from(THINGS), min_size=3, max_size=3))])
    classes = np.where(instances > 0, node_of[instances], rest)
    root = tmp_path_factory.mktemp("set")
    write_sample(root / "source/train", "a", classes, instances)
    write_sample(root / "source/val", "b", classes.T, instances.T)
    (root / "source/classes.yaml").write_text(CLASSES)
    source = open_dataset(root / "source")

    convert(source, root / "out", name)

    copy = open_dataset(root / "out")
    assert copy.tree == source.tree
    assert_equal(source, copy, silence=name != "yolo")


@pytest.mark.parametrize("name", FORMATS)
def test_semantic_masks_without_objects_stay_semantic(tmp_path: Path, name: str) -> None:
    for split in ("train", "val"):
        pair(tmp_path / "source" / split, split, [0, 0, 3, 3, 3, 7, 7])
    (tmp_path / "source/classes.txt").write_text("0 sky\n3 road\n7 tree\n")
    source = open_dataset(tmp_path / "source")

    convert(source, tmp_path / "out", name)

    copy = open_dataset(tmp_path / "out")
    assert copy.tree == source.tree
    assert not copy.has_instances
    assert_equal(source, copy)


@pytest.mark.parametrize("name", ["coco", "coco-panoptic", "yolo"])
def test_without_the_classes_file_names_and_parents_come_from_the_format_itself(tmp_path: Path, name: str) -> None:
    source = hand_made(tmp_path / "source")
    convert(source, tmp_path / "out", name)
    (tmp_path / "out/classes.yaml").unlink()

    copy = open_dataset(tmp_path / "out")

    paths = {node.path for node in copy.tree}
    leaves = {source.tree.name(node) for node in source.tree.leaves}
    assert paths == (
        {path.rsplit("/", 1)[-1] for path in leaves | {"car"}} if name == "yolo" else {n.path for n in source.tree}
    )
    if name != "yolo":  # it has numbers of its own
        kept = {node.path: node.ids for node in copy.tree if node.ids}
        assert all(source.tree[path].ids == ids for path, ids in kept.items())


def test_things_without_object_ids_become_one_object_per_connected_region(tmp_path: Path) -> None:
    for split in ("train", "val"):
        picture(tmp_path / "source" / split / "images/a.png", (3, 5))
        labels(tmp_path / "source" / split / "masks/a.png", [1, 0, 1, 1, 0, 0, 1, 0, 0, 0, 0, 0, 0, 1, 1], (3, 5))
    (tmp_path / "source/classes.yaml").write_text("classes: {ground: {}, cell: {kind: thing}}")
    source = open_dataset(tmp_path / "source")

    convert(source, tmp_path / "out", "coco")

    copy = open_dataset(tmp_path / "out")
    sample = copy.read(copy.entries[0])
    np.testing.assert_array_equal(sample.classes, source.read(source.entries[0]).classes)
    # corners that touch connect
    assert renumbered(sample.instances) == [[1, 0, 1, 1, 0], [0, 1, 0, 0, 0], [0, 0, 0, 2, 2]]


def test_things_that_belong_to_no_object_become_crowds(tmp_path: Path) -> None:
    for split in ("train", "val"):
        picture(tmp_path / "source" / split / "images/a.png", (1, 3))
        labels(tmp_path / "source" / split / "masks/a.png", [0, 1, 1], (1, 3))
        labels(tmp_path / "source" / split / "instances/a.png", [0, 1, 0], (1, 3))
    (tmp_path / "source/classes.yaml").write_text("classes: {ground: {}, cell: {kind: thing}}")

    for name in FORMATS:
        result = convert(open_dataset(tmp_path / "source"), tmp_path / name, name)
        copy = open_dataset(tmp_path / name)
        sample = copy.read(copy.entries[0])
        assert sample.instances is not None
        assert sample.classes.tolist() == [[1, 2, 1 if name == "yolo" else 2]]
        assert sample.instances.tolist() == [[0, 1, 0]]
        assert any("have crowds, which YOLO cannot hold" in note for note in result.notes) == (name == "yolo")


@pytest.mark.parametrize("name", FORMATS)
def test_lost_holes_are_reported_where_other_readers_may_fill_them(tmp_path: Path, name: str) -> None:
    result = convert(hand_made(tmp_path / "source"), tmp_path / "out", name)

    lost = [note for note in result.notes if "holes" in note]
    assert lost == (
        # in each of four pictures the car, and the road, of which a pixel shows through the car's hole
        ["8 shapes have holes or several parts, joined by bridges; other readers may fill holes"]
        if name == "yolo"
        else []
    )


@pytest.mark.parametrize("name", FORMATS)
def test_object_ids_beyond_16_bits_go_through_every_format(tmp_path: Path, name: str) -> None:
    things = np.array([[0, 70_000, 70_000, 5], [2**31 - 1, 0, 0, 5]])
    for split in ("train", "val"):
        write_sample(tmp_path / "source" / split, "a", np.where(things > 0, 7, 1), things)
    (tmp_path / "source/classes.yaml").write_text(CLASSES)
    source = open_dataset(tmp_path / "source")

    convert(source, tmp_path / "out", name)

    assert_equal(source, open_dataset(tmp_path / "out"))
    if name == "folder":
        assert (tmp_path / "out/train/instances/a.tif").is_file()


@pytest.mark.parametrize("name", FORMATS)
def test_ten_thousand_objects_take_no_more_than_their_share_of_time(tmp_path: Path, name: str) -> None:
    objects = np.zeros((600, 600), dtype=np.int32)  # cells of 4 x 4 pixels with a hole, two pixels apart
    rows, columns = np.divmod(np.arange(10_000), 100)
    for y, x in np.ndindex(4, 4):
        objects[6 * rows + y, 6 * columns + x] = 0 if (y, x) == (1, 1) else np.arange(1, 10_001)
    for split in ("train", "val"):
        write_sample(
            tmp_path / "source" / split,
            "a",
            np.where(objects > 0, 7, 1)[: None if split == "train" else 6],
            objects[: None if split == "train" else 6],
        )
    (tmp_path / "source/classes.yaml").write_text(CLASSES)
    source = open_dataset(tmp_path / "source")
    begin = time.process_time()

    convert(source, tmp_path / "out", name)
    written = time.process_time()
    copy = open_dataset(tmp_path / "out")
    sample = copy.read(copy.split("train")[0])
    read = time.process_time()

    assert sample.instances is not None
    assert renumbered(sample.instances) == renumbered(objects)
    # processor time, five times what a slow machine takes; a loop over objects with the whole picture takes minutes
    assert max(written - begin, read - written) < 20


@pytest.mark.filterwarnings("ignore:__array__ implementation:DeprecationWarning")  # pycocotools' own, with NumPy 2
def test_coco_itself_reads_the_objects_that_are_written(tmp_path: Path) -> None:
    source = hand_made(tmp_path / "source")
    convert(source, tmp_path / "out", "coco")

    content = json.loads((tmp_path / "out/annotations/instances_train.json").read_text())

    sample = source.read(source.split("train")[0])
    assert sample.instances is not None
    objects = []
    for annotation in content["annotations"]:
        if annotation["image_id"] == 1 and not annotation["iscrowd"]:
            outline = annotation["segmentation"]
            runs = coco_mask.merge(coco_mask.frPyObjects(outline, 5, 8)) if isinstance(outline, list) else outline
            objects.append(coco_mask.decode(runs).astype(bool))
            assert annotation["area"] == objects[-1].sum()
            np.testing.assert_array_equal(coco_mask.toBbox(runs), annotation["bbox"])
    for number in (1, 2, 3):
        assert any(np.array_equal(sample.instances == number, mask) for mask in objects)


def test_attributes_stay_in_folders_and_are_reported_elsewhere(tmp_path: Path) -> None:
    for split in ("train", "val"):
        pair(tmp_path / "source" / split, "a")
        labels(tmp_path / "source" / split / "attributes/body/a.png", [0, 2])
    (tmp_path / "source/classes.yaml").write_text("classes: {road: {}, car: {attributes: {body: [passenger, lorry]}}}")
    source = open_dataset(tmp_path / "source")

    kept, lost = convert(source, tmp_path / "1", "folder"), convert(source, tmp_path / "2", "yolo")

    copy = open_dataset(tmp_path / "1")
    body = copy.read(copy.entries[0]).attributes["body"]
    np.testing.assert_array_equal(body, source.read(source.entries[0]).attributes["body"])
    assert kept.notes == ()
    assert "YOLO cannot hold attributes; lost are body" in lost.notes


def test_values_that_the_tree_does_not_state_are_added_to_its_file(tmp_path: Path) -> None:
    for split in ("train", "val"):
        picture(tmp_path / "source" / split / "images/a.png")
        labels(tmp_path / "source" / split / "instances/a.png", [0, 1])
    (tmp_path / "source/classes.yaml").write_text("classes: {a: {ids: [4]}, b: {ids: [5]}, cell: {kind: thing}}")
    source = open_dataset(tmp_path / "source")  # without one stuff alone the rest is unlabelled

    convert(source, tmp_path / "out", "folder")

    copy = open_dataset(tmp_path / "out")
    assert_equal(source, copy)
    assert copy.tree.ignore == (255,)
    assert copy.tree["cell"].ids == (0,)


def test_pictures_that_are_stored_turned_are_written_upright(tmp_path: Path) -> None:
    for split in ("train", "val"):
        pair(tmp_path / "source" / split, "a")
        image = Image.fromarray(np.arange(24, dtype=np.uint8).reshape(4, 6)).convert("RGB")
        exif = image.getexif()
        exif[274] = 3
        image.save(tmp_path / "source" / split / "images/a.png", exif=exif)
    source = open_dataset(tmp_path / "source")

    for name in FORMATS:
        convert(source, tmp_path / name, name)
        copy = open_dataset(tmp_path / name)
        before, after = source.read(source.entries[0]), copy.read(copy.entries[0])
        np.testing.assert_array_equal(before.picture, after.picture)
        np.testing.assert_array_equal(before.classes, after.classes)


def test_only_a_new_or_empty_folder_and_a_known_format_are_taken(tmp_path: Path) -> None:
    source = hand_made(tmp_path / "source")
    (tmp_path / "full").mkdir()
    (tmp_path / "full/mine.txt").write_text("mine")
    (tmp_path / "empty").mkdir()

    with pytest.raises(DataError, match="is not an empty folder"):
        convert(source, tmp_path / "full", "coco")
    with pytest.raises(DataError, match="format must be one of folder, coco-panoptic, coco, yolo, geojson, got 'voc'"):
        convert(source, tmp_path / "new", "voc")
    assert convert(source, tmp_path / "empty", "yolo").pictures == 4
    assert sorted(path.name for path in tmp_path.iterdir()) == ["empty", "full", "source"]


def test_a_failure_leaves_nothing_behind(tmp_path: Path) -> None:
    source = hand_made(tmp_path / "source")
    (tmp_path / "source/val/masks/a.png").write_bytes(b"")

    with pytest.raises(DataError, match=r"val/masks/a\.png is empty"):
        convert(source, tmp_path / "out", "folder")
    assert [path.name for path in tmp_path.iterdir()] == ["source"]
