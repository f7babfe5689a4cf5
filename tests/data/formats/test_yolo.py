"""YOLO-seg: small text files written by hand, and the usual layouts."""

from __future__ import annotations

from pathlib import Path

import pytest

from small_sets import first, names_at, picture
from smalta.data.any_format import open_dataset
from smalta.errors import DataError


def yolo(root: Path, text: str, label: str = "labels/train/a.txt", image: str = "images/train/a.jpg") -> None:
    picture(root / image, (10, 20))
    (root / label).parent.mkdir(parents=True, exist_ok=True)
    (root / label).write_text(text)


LINE = "1 0.0 0.0 0.5 0.0 0.5 0.5 0.0 0.5\n"  # the upper left quarter


@pytest.mark.parametrize(
    ("config", "label", "image"),
    [
        ("train: images/train\nnames: [person, car]", "labels/train/a.txt", "images/train/a.jpg"),
        ("path: .\ntrain: images/train\nnames: {0: person, 1: car}", "labels/train/a.txt", "images/train/a.jpg"),
        ("path: ../elsewhere\ntrain: images/train\nnames: [person, car]", "labels/train/a.txt", "images/train/a.jpg"),
        (
            "train: ../train/images\nval: ../valid/images\nnames: [person, car]",
            "train/labels/a.txt",
            "train/images/a.JPG",
        ),
        ("train: /content/x/train/images\nnames: [person, car]", "train/labels/a.txt", "train/images/a.jpg"),
        ("nc: 2\nnames: [person, car]", "labels/a.txt", "images/a.jpg"),
        ("train: list.txt\nnames: [person, car]", "labels/train2017/a.txt", "images/train2017/a.jpg"),
    ],
)
def test_yolo_is_found_in_its_usual_places(tmp_path: Path, config: str, label: str, image: str) -> None:
    yolo(tmp_path, LINE, label, image)
    (tmp_path / "data.yaml").write_text(config)
    (tmp_path / "list.txt").write_text("./images/train2017/a.jpg\n")

    data, sample = first(tmp_path)

    assert data.format == "yolo"
    assert list(data.splits) == ["train"]
    assert [(node.name, node.kind, node.ids) for node in data.tree] == [
        ("background", "stuff", (2,)),
        ("person", "thing", (0,)),
        ("car", "thing", (1,)),
    ]
    assert names_at(data, sample, 4) == ["car"] * 10 + ["background"] * 10
    assert names_at(data, sample, 5) == ["background"] * 20
    assert sample.instances is not None
    assert sample.instances.sum() == 50


def test_yolo_pictures_may_lie_beside_its_folder(tmp_path: Path) -> None:
    yolo(tmp_path, LINE, "yolo/labels/train2017/a.txt", "images/train2017/a.jpg")
    (tmp_path / "yolo/config.yaml").write_text("path: .\ntrain: images/train2017\nnames: {1: car}")

    data, sample = first(tmp_path / "yolo")

    assert data.entries[0].picture == tmp_path / "images/train2017/a.jpg"
    assert names_at(data, sample, 0)[0] == "car"
    assert data.tree["background"].ids == (0,)


def test_yolo_names_may_stand_in_classes_txt(tmp_path: Path) -> None:
    yolo(tmp_path, LINE, "labels/a.txt", "images/a.jpg")
    (tmp_path / "classes.txt").write_text("person\ncar\n")

    data, sample = first(tmp_path)

    assert data.format == "yolo"
    assert names_at(data, sample, 0)[0] == "car"


def test_yolo_text_that_is_not_utf8_is_refused(tmp_path: Path) -> None:
    yolo(tmp_path, LINE, "labels/a.txt", "images/a.jpg")
    (tmp_path / "classes.txt").write_bytes("Straße\n".encode("cp1252"))

    with pytest.raises(DataError, match=r"classes\.txt cannot be read as text.*save it as UTF-8"):
        open_dataset(tmp_path)


def test_yolo_pictures_of_one_name_in_two_folders_stay_two(tmp_path: Path) -> None:
    for site in ("a", "b"):
        yolo(tmp_path, LINE, f"labels/{site}/t.txt", f"images/{site}/t.jpg")
    (tmp_path / "data.yaml").write_text("train: [images/a, images/b]\nnames: [person, car]")

    entries = [entry for entries in open_dataset(tmp_path).splits.values() for entry in entries]

    assert len(entries) == 2
    assert len({entry.name for entry in entries}) == 2


def test_yolo_an_empty_file_says_no_object_and_a_missing_one_nothing(tmp_path: Path) -> None:
    yolo(tmp_path, LINE)
    yolo(tmp_path, "", "labels/train/empty.txt", "images/train/empty.jpg")
    picture(tmp_path / "images/train/unseen.jpg")
    (tmp_path / "labels/train/lone.txt").write_text(LINE)
    (tmp_path / "data.yaml").write_text("train: images/train\nnames: [person, car]")

    data = open_dataset(tmp_path)

    samples = {entry.name: data.read(entry) for entry in data.entries}
    assert set(samples) == {"a", "empty"}
    assert (samples["empty"].classes == data.tree["background"].id).all()
    assert data.unpaired_pictures == (tmp_path / "images/train/unseen.jpg",)
    assert data.unpaired_labels == (tmp_path / "labels/train/lone.txt",)


def test_yolo_a_box_among_outlines_is_unlabelled(tmp_path: Path) -> None:
    yolo(tmp_path, LINE + "0 0.75 0.75 0.5 0.5\n")  # the lower right quarter
    (tmp_path / "data.yaml").write_text("train: images/train\nnames: [person, car]")

    data, sample = first(tmp_path)

    assert names_at(data, sample, 9) == ["background"] * 10 + ["unlabelled"] * 10


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("0 0.5 0.5 0.5 0.5\n", "boxes only"),
        ("7 0 0 1 0 1 1\n", "uses class 7"),
        ("0 0 0 1 0 1\n", r"a\.txt, line 1: 5 coordinates"),
        (LINE + "0 0 0 30 0 30 20\n", r"a\.txt, line 2: coordinates must be in 0\.\.1"),
        ("0 0 0 nan 0 1 1\n", "coordinates must be in"),
        ("car 0 0 1 0 1 1\n", "must be a class number"),
    ],
)
def test_yolo_wrong_lines_are_refused(tmp_path: Path, text: str, message: str) -> None:
    yolo(tmp_path, text)
    (tmp_path / "data.yaml").write_text("train: images/train\nnames: [person, car]")

    with pytest.raises(DataError, match=message):
        open_dataset(tmp_path)


def test_a_list_of_pictures_must_not_name_links_out_of_the_data_set(tmp_path: Path) -> None:
    yolo(tmp_path / "elsewhere", LINE, image="images/train/a.jpg")
    yolo(tmp_path / "set", LINE, "labels/train/a.txt", "images/train/b.jpg")
    (tmp_path / "set/images/train/a.jpg").symlink_to(tmp_path / "elsewhere/images/train/a.jpg")
    (tmp_path / "set/list.txt").write_text("./images/train/a.jpg\n")
    (tmp_path / "set/data.yaml").write_text("train: list.txt\nnames: [person, car]")

    with pytest.raises(DataError, match=r"list\.txt names files in .*a\.jpg, a link to"):
        open_dataset(tmp_path / "set")
