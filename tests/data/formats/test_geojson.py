"""GeoJSON: small files written by hand as QuPath and QGIS write them, and the usual layouts."""

from __future__ import annotations

import json
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import pytest

from small_sets import first, names_at, picture
from smalta.data.any_format import open_dataset
from smalta.data.convert import convert
from smalta.errors import ClassTreeError, DataError

Ring = list[list[float]]


def ring(left: float, top: float, right: float, bottom: float) -> Ring:
    return [[left, top], [right, top], [right, bottom], [left, bottom], [left, top]]


def polygon(*rings: Ring, **properties: Any) -> dict[str, Any]:
    geometry = {"type": "Polygon", "coordinates": list(rings)}
    return {"type": "Feature", "geometry": geometry, "properties": properties}


def geojson(path: Path, features: Sequence[dict[str, Any]]) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(json.dumps({"type": "FeatureCollection", "features": features}))


CAR = polygon(ring(0, 0, 4, 2), **{"class": "car"})
MAN = polygon(ring(1, 0, 2, 1), **{"class": "person"})


@pytest.mark.parametrize(
    ("label", "image", "splits"),
    [
        ("labels/val/a.geojson", "images/val/a.png", ["val"]),
        ("valid/labels/a.geojson", "valid/images/a.png", ["val"]),
        ("annotations/a.geojson", "images/a.jpg", ["train"]),
        ("labels/a.png.geojson", "images/a.png", ["train"]),
        ("labels/a.png.geojson", "images/a.png.jpg", ["train"]),
        ("images/val/a.geojson", "images/val/a.png", ["val"]),
        ("a.geojson", "a.png", ["train"]),
        ("a.geojson", "images/a.png", ["train"]),
    ],
)
def test_geojson_is_found_in_its_usual_places(tmp_path: Path, label: str, image: str, splits: list[str]) -> None:
    picture(tmp_path / image)
    geojson(tmp_path / label, [CAR, MAN])

    data, sample = first(tmp_path)

    assert data.format == "geojson"
    assert list(data.splits) == splits
    assert data.entries[0].picture == tmp_path / image
    assert [(node.name, node.kind) for node in data.tree] == [
        ("background", "stuff"),
        ("car", "thing"),
        ("person", "thing"),
    ]
    assert names_at(data, sample, 0) == ["car", "person", "car", "car", "background", "background"]
    assert sample.instances is not None
    assert sample.instances[0].tolist() == [1, 2, 1, 1, 0, 0]
    assert data.read_values(data.entries[0]) is None


def test_pictures_of_one_name_in_two_folders_stay_two(tmp_path: Path) -> None:
    for site in ("a", "b"):
        picture(tmp_path / f"images/{site}/t.png")
        geojson(tmp_path / f"labels/{site}/t.geojson", [CAR])

    entries = [entry for entries in open_dataset(tmp_path).splits.values() for entry in entries]

    assert len({entry.picture for entry in entries}) == 2
    assert len({entry.name for entry in entries}) == 2


def test_labels_may_lie_beside_a_folder_of_pictures(tmp_path: Path) -> None:
    for name in "abc":
        picture(tmp_path / f"images/test/{name}.png")
        geojson(tmp_path / f"geojson/test/{name}.geojson", [CAR])

    data = open_dataset(tmp_path / "geojson")

    assert list(data.splits) == ["test"]
    assert data.entries[0].picture == tmp_path / "images/test/a.png"


def test_folders_around_the_data_set_are_no_splits(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    for name in "abc":
        picture(tmp_path / f"val/test/images/{name}.png")
        geojson(tmp_path / f"val/test/labels/{name}.geojson", [CAR])

    data = open_dataset(tmp_path / "val/test")
    monkeypatch.chdir(tmp_path / "val")

    assert list(data.splits) == ["train", "val", "test"]  # dealt
    assert list(open_dataset(".").splits) == ["test"]


def test_one_file_may_hold_all_pictures_if_its_features_name_them(tmp_path: Path) -> None:
    for name in ("a", "b", "lone"):
        picture(tmp_path / f"train/{name}.png")
    names = ("a", "b", "gone", "./a")
    features = [polygon(ring(0, 0, 2, 2), image=f"{name}.png", **{"class": "cell"}) for name in names]
    features[3]["geometry"]["coordinates"] = [ring(3, 0, 4, 2)]
    geojson(tmp_path / "train.geojson", features)

    data = open_dataset(tmp_path)

    samples = {entry.name: data.read(entry) for entry in data.entries}
    counts = {name: 0 if s.instances is None else int(s.instances.max()) for name, s in samples.items()}
    assert counts == {"a": 2, "b": 1}
    assert data.unpaired_pictures == (tmp_path / "train/lone.png",)
    assert data.unpaired_labels == (tmp_path / "train/gone.png",)


@pytest.mark.parametrize("name", ["../x.png", "/etc/x.png", "C:\\x.png"])
def test_features_must_not_name_pictures_outside_of_the_folder(tmp_path: Path, name: str) -> None:
    picture(tmp_path / "x.png")
    picture(tmp_path / "set/images/a.png")
    geojson(
        tmp_path / "set/all.geojson", [CAR | {"properties": {"image": "a.png"}}, CAR | {"properties": {"image": name}}]
    )

    with pytest.raises(DataError, match="not below its folder"):
        open_dataset(tmp_path / "set")


def test_features_must_not_name_links_that_lead_out_of_the_data_set(tmp_path: Path) -> None:
    picture(tmp_path / "x.png")
    (tmp_path / "set/images").mkdir(parents=True)
    (tmp_path / "set/images/a.png").symlink_to(tmp_path / "x.png")
    geojson(tmp_path / "set/all.geojson", [CAR | {"properties": {"image": "a.png"}}])

    with pytest.raises(DataError, match="a link to"):
        open_dataset(tmp_path / "set")


def test_an_empty_file_says_no_object_and_a_missing_one_nothing(tmp_path: Path) -> None:
    for name in ("a", "empty", "unseen"):
        picture(tmp_path / f"images/{name}.png")
    geojson(tmp_path / "labels/a.geojson", [CAR])
    geojson(tmp_path / "labels/empty.geojson", [])
    geojson(tmp_path / "labels/lone.geojson", [])

    data = open_dataset(tmp_path)

    samples = {entry.name: data.read(entry) for entry in data.entries}
    assert set(samples) == {"a", "empty"}
    assert (samples["empty"].classes == data.tree["background"].id).all()
    assert data.unpaired_pictures == (tmp_path / "images/unseen.png",)
    assert data.unpaired_labels == (tmp_path / "labels/lone.geojson",)


# -- what features say --------------------------------------------------------------------------------


def one_picture(root: Path, *features: dict[str, Any]) -> Path:
    picture(root / "images/a.png")
    geojson(root / "labels/a.geojson", features)
    return root


@pytest.mark.parametrize("document", ["list", "feature"])
def test_a_list_of_features_or_one_feature_will_do(tmp_path: Path, document: str) -> None:
    one_picture(tmp_path)
    (tmp_path / "labels/a.geojson").write_text(json.dumps([CAR] if document == "list" else CAR))

    data, sample = first(tmp_path)

    assert names_at(data, sample, 0)[:5] == ["car"] * 4 + ["background"]


def test_holes_and_parts_are_said_by_the_rings(tmp_path: Path) -> None:
    parts = [[ring(0, 0, 3, 3), ring(1, 1, 2, 2)], [ring(4, 0, 6, 1)]]
    feature = {"type": "Feature", "geometry": {"type": "MultiPolygon", "coordinates": parts}, "properties": None}

    _, sample = first(one_picture(tmp_path, feature))

    assert sample.instances is not None
    assert sample.instances.tolist() == [[1, 1, 1, 0, 1, 1], [1, 0, 1, 0, 0, 0], [1, 1, 1, 0, 0, 0], [0] * 6]


@pytest.mark.parametrize(
    "properties",
    [
        {"class": "cell/round"},
        {"classification": {"name": "cell: round", "color": [1, 2, 3]}},
        {"classification": {"names": ["cell", "round"]}},
        {"classification": "cell: round"},
        {"class": "cell/round", "classification": {"name": "other"}},
    ],
)
def test_a_class_is_a_path_in_plain_words_or_in_those_of_qupath(tmp_path: Path, properties: dict[str, Any]) -> None:
    data, sample = first(one_picture(tmp_path, polygon(ring(0, 0, 1, 1), **properties)))

    assert names_at(data, sample, 0)[0] == "cell/round"


def test_heights_are_left_out_and_shapes_without_area_are_reported(tmp_path: Path) -> None:
    high = polygon([[x, y, 7.0] for x, y in ring(0, 0, 1, 1)], **{"class": "cell"})
    point = {"type": "Feature", "geometry": {"type": "Point", "coordinates": [1, 1]}, "properties": {"class": "spot"}}
    nowhere = {"type": "Feature", "geometry": None, "properties": {}}
    region = polygon(ring(0, 0, 6, 4), classification={"name": "Region*"})

    data, sample = first(one_picture(tmp_path, high, point, nowhere, region))

    assert [node.name for node in data.tree] == ["background", "cell"]
    assert names_at(data, sample, 0) == ["cell"] + ["background"] * 5
    assert any("3 features without area" in note for note in data.notes)


def test_crowds_have_a_class_and_no_number_and_ignored_regions_have_neither(tmp_path: Path) -> None:
    crowd = polygon(ring(0, 0, 3, 1), iscrowd=True, **{"class": "cell"})
    ignored = polygon(ring(4, 0, 6, 1), classification={"name": "Ignore*"})
    cell = polygon(ring(0, 0, 1, 4), **{"class": "cell"})

    data, sample = first(one_picture(tmp_path, cell, crowd, ignored))

    assert [node.name for node in data.tree] == ["background", "cell"]
    assert names_at(data, sample, 0) == ["cell"] * 3 + ["background"] + ["unlabelled"] * 2
    assert sample.instances is not None
    assert sample.instances[0].tolist() == [1, 0, 0, 0, 0, 0]


def test_features_without_any_class_are_objects_or_the_trees_only_thing(tmp_path: Path) -> None:
    data, _ = first(one_picture(tmp_path, polygon(ring(0, 0, 1, 1))))
    assert [node.name for node in data.tree] == ["background", "object"]

    (tmp_path / "classes.yaml").write_text("classes: {ground: {}, nucleus: {kind: thing}}")
    data, sample = first(tmp_path)
    assert names_at(data, sample, 0)[:2] == ["nucleus", "ground"]

    (tmp_path / "classes.yaml").write_text("classes: {ground: {}, nucleus: {kind: thing}, cell: {kind: thing}}")
    with pytest.raises(DataError, match="without a class, and the tree has 2 things"):
        open_dataset(tmp_path)


def test_a_feature_without_a_class_among_others_that_have_one_is_refused(tmp_path: Path) -> None:
    with pytest.raises(DataError, match=r"a\.geojson holds features without a class, and other features have one"):
        open_dataset(one_picture(tmp_path, CAR, polygon(ring(0, 0, 1, 1))))


def test_the_users_tree_must_know_the_classes(tmp_path: Path) -> None:
    one_picture(tmp_path, CAR)
    (tmp_path / "classes.yaml").write_text("classes: {road: {}, vehicle: {kind: thing, children: {car: {}, bus: {}}}}")
    data, sample = first(tmp_path)
    assert names_at(data, sample, 0)[0] == "vehicle/car"

    (tmp_path / "classes.yaml").write_text("classes: [road, lorry]")
    with pytest.raises(ClassTreeError, match=r"a\.geojson: there is no class 'car'"):
        open_dataset(tmp_path)


@pytest.mark.parametrize(
    ("feature", "message"),
    [
        (polygon(ring(7, 0, 9, 2)), r"feature 0: an outline lies outside of its picture of 6 x 4 pixels"),
        (polygon([[0.0, 0.0], [1.0], [1.0, 1.0], [0.0, 0.0]]), "feature 0: a position holds fewer than two numbers"),
        (polygon(ring(0, 0, 1e9, 2)), "feature 0: an outline has points that are not in or near"),
    ],
)
def test_impossible_rings_name_file_and_feature(tmp_path: Path, feature: dict[str, Any], message: str) -> None:
    data = open_dataset(one_picture(tmp_path, feature))

    with pytest.raises(DataError, match=rf"a\.geojson, {message}"):
        data.read(data.entries[0])


@pytest.mark.parametrize(
    "text",
    ["{", "7", '{"type": "Topology"}', '{"type": "Polygon", "coordinates": []}', '[{"type": "Feature"}]'],
)
def test_what_is_no_geojson_is_refused_in_one_sentence(tmp_path: Path, text: str) -> None:
    one_picture(tmp_path, CAR)
    (tmp_path / "labels/a.geojson").write_text(text)

    with pytest.raises(DataError, match=r"a\.geojson does not follow RFC 7946 \(GeoJSON\)"):
        open_dataset(tmp_path)


def test_files_without_a_picture_and_pictures_with_two_files_are_refused(tmp_path: Path) -> None:
    picture(tmp_path / "1/images/b.png")
    geojson(tmp_path / "1/labels/a.geojson", [CAR])
    with pytest.raises(DataError, match=r"no picture belongs to .*a\.geojson"):
        open_dataset(tmp_path / "1")

    one_picture(tmp_path / "2", CAR)
    geojson(tmp_path / "2/images/a.geojson", [CAR])
    with pytest.raises(DataError, match=r"two label files belong to .*a\.png"):
        open_dataset(tmp_path / "2")


# -- writing ------------------------------------------------------------------------------------------


def test_what_is_written_says_class_and_colour_as_qupath_does(tmp_path: Path) -> None:
    one_picture(tmp_path / "in", polygon(ring(0, 0, 3, 3), ring(1, 1, 2, 2), **{"class": "cell/round"}))

    convert(open_dataset(tmp_path / "in"), tmp_path / "out", "geojson")

    (path,) = (tmp_path / "out/labels").glob("*/*.geojson")
    content = json.loads(path.read_text())
    (feature,) = content["features"]
    properties = feature["properties"]
    assert content["type"] == "FeatureCollection"
    assert properties["objectType"] == "annotation"
    assert properties["class"] == "cell/round"
    assert properties["classification"]["name"] == "cell: round"
    assert all(part in range(256) for part in properties["classification"]["color"])
    assert feature["geometry"]["type"] == "Polygon"
    outer, hole = feature["geometry"]["coordinates"]
    assert sorted(map(tuple, outer[1:])) == [(0, 0), (0, 3), (3, 0), (3, 3)]
    assert sorted(map(tuple, hole[1:])) == [(1, 1), (1, 2), (2, 1), (2, 2)]
