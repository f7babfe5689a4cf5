from __future__ import annotations

import json
from pathlib import Path

import cv2
import numpy as np
import pytest

from smalta.answers.decoding import Decoding
from smalta.classes import ClassTree
from smalta.description.kinds import Kind
from smalta.errors import ClassTreeError, ConfigError
from smalta.inference.answering import Outcome, failed, predict_files
from smalta.inference.predictor import Predictor
from smalta.pictures.reading import read_index, read_picture
from smalta.results.options import OutputOptions
from stand_ins import BLUE, GREEN, RED, UNSURE, RedIsAudi, balls, cars, info, picture

PLAIN = OutputOptions()
ALWAYS = {"classes", "classes.json", "manifest.jsonl", "presence.csv"}


def write(folder: Path, name: str, *columns: tuple[int, int, int]) -> Path:
    assert cv2.imwrite(str(folder / name), picture(*columns)[..., ::-1])
    return folder / name


def test_class_maps_hold_the_users_own_values(tmp_path: Path) -> None:
    path = write(tmp_path, "a.png", RED, GREEN, BLUE)

    outcomes = predict_files(cars(), [path], tmp_path / "out", PLAIN)

    assert outcomes == [Outcome(picture=path, classes=tmp_path / "out" / "classes" / "a.png", error=None)]
    #                                                             audi 7, honda 3, ground 10
    assert read_index(tmp_path / "out" / "classes" / "a.png").tolist() == [[7, 3, 10]] * 2
    assert {p.name for p in (tmp_path / "out").iterdir()} == ALWAYS


def test_a_level_or_a_confidence_gives_values_of_parents_and_of_unlabelled(tmp_path: Path) -> None:
    path = write(tmp_path, "a.png", RED, UNSURE, BLUE)

    predict_files(cars(), [path], tmp_path / "level", OutputOptions(decoding=Decoding(level=1)))
    predict_files(cars(), [path], tmp_path / "sure", OutputOptions(decoding=Decoding(min_confidence=0.5)))
    predict_files(cars(), [path], tmp_path / "surer", OutputOptions(decoding=Decoding(min_confidence=0.8)))

    assert read_index(tmp_path / "level" / "classes" / "a.png")[0].tolist() == [20, 20, 10]
    assert read_index(tmp_path / "sure" / "classes" / "a.png")[0].tolist() == [7, 20, 10]
    assert read_index(tmp_path / "surer" / "classes" / "a.png")[0].tolist() == [7, 99, 10]


def test_a_legend_says_what_the_values_mean(tmp_path: Path) -> None:
    predict_files(cars(), [], tmp_path / "out", PLAIN)

    legend = json.loads((tmp_path / "out" / "classes.json").read_text())["classes"]

    assert [(row["value"], row["class"]) for row in legend] == [
        (99, "unlabelled"),
        (10, "ground"),
        (20, "car"),
        (7, "car/audi"),
        (3, "car/honda"),
    ]
    assert all(len(row["color"]) == 7 for row in legend)


@pytest.mark.parametrize(("value", "suffix"), [(255, ".png"), (256, ".png"), (70_000, ".tif")])
def test_large_values_get_the_depth_that_holds_them(value: int, suffix: str, tmp_path: Path) -> None:
    tree = ClassTree({"ground": {"ids": [0]}, "audi": {"ids": [value]}, "honda": {"ids": [1]}})
    path = write(tmp_path, "a.png", RED, BLUE)

    outcome = predict_files(Predictor(RedIsAudi(), info(tree)), [path], tmp_path / "out", PLAIN)[0]

    assert outcome.classes == tmp_path / "out" / "classes" / f"a{suffix}"
    assert read_index(outcome.classes)[0].tolist() == [value, 0]


def test_one_broken_picture_is_reported_and_the_others_are_answered_in_order(tmp_path: Path) -> None:
    good = [write(tmp_path, name, RED) for name in ("z.png", "a.png")]
    broken = tmp_path / "m.png"
    broken.write_bytes(good[0].read_bytes()[:40])
    missing = tmp_path / "n.png"
    told: list[Outcome] = []

    outcomes = predict_files(cars(), [good[0], broken, missing, good[1]], tmp_path / "out", PLAIN, done=told.append)

    assert [outcome.picture.name for outcome in outcomes] == ["z.png", "m.png", "n.png", "a.png"]
    assert told == outcomes
    assert [outcome.picture for outcome in failed(outcomes)] == [broken, missing]
    assert all(str(o.picture) in o.error and "\n" not in o.error for o in failed(outcomes) if o.error)
    assert {p.name for p in (tmp_path / "out" / "classes").iterdir()} == {"a.png", "z.png"}


def test_overlays_show_the_picture_its_classes_and_a_legend(tmp_path: Path) -> None:
    path = tmp_path / "a.png"
    assert cv2.imwrite(str(path), np.full((60, 200, 3), (0, 0, 250), np.uint8))

    predict_files(cars(), [path], tmp_path / "out", OutputOptions(outputs={"overlay"}))

    page = read_picture(tmp_path / "out" / "overlays" / "a.png")
    assert page.shape[0] > 60  # a line of legend below
    assert page.shape[1] == 200
    assert not np.array_equal(page[:60], read_picture(path))


def test_probabilities_are_float16_with_the_names_of_their_classes(tmp_path: Path) -> None:
    path = write(tmp_path, "a.png", RED, UNSURE, BLUE)

    predict_files(cars(), [path], tmp_path / "first", OutputOptions(outputs={"probabilities"}))
    predict_files(cars(), [path], tmp_path / "last", OutputOptions(outputs={"probabilities", "channels-last"}))

    with np.load(tmp_path / "first" / "probabilities" / "a.npz") as file:
        first, names = file["probabilities"], file["classes"].tolist()
    with np.load(tmp_path / "last" / "probabilities" / "a.npz") as file:
        last = file["probabilities"]
    assert (first.shape, first.dtype) == ((3, 2, 3), np.float16)
    assert (last.shape, last.dtype) == ((2, 3, 3), np.float16)
    assert np.array_equal(np.moveaxis(first, 0, -1), last)
    assert names == ["ground", "car/audi", "car/honda"]
    np.testing.assert_allclose(first[:, 0, 1].astype(float), [0.24, 0.4, 0.36], atol=1e-3)


def test_probabilities_of_a_level_are_those_of_its_classes(tmp_path: Path) -> None:
    path = write(tmp_path, "a.png", UNSURE)

    predict_files(
        cars(), [path], tmp_path / "out", OutputOptions(decoding=Decoding(level=1), outputs={"probabilities"})
    )

    with np.load(tmp_path / "out" / "probabilities" / "a.npz") as file:
        assert file["classes"].tolist() == ["ground", "car"]
        assert file["probabilities"].shape == (2, 2, 1)
        np.testing.assert_allclose(file["probabilities"][:, 0, 0].astype(float), [0.24, 0.76], atol=1e-3)


def lawn(folder: Path, name: str, *boxes: tuple[int, int, int, int]) -> Path:
    """A picture of 20 x 30 pixels with red boxes (top, left, bottom, right) on it."""
    pixels = np.zeros((20, 30, 3), np.uint8)
    for top, left, bottom, right in boxes:
        pixels[top:bottom, left:right] = RED
    assert cv2.imwrite(str(folder / name), pixels[..., ::-1])
    return folder / name


def test_a_model_of_objects_writes_them_for_every_picture_that_it_can_read(tmp_path: Path) -> None:
    two = lawn(tmp_path, "two.png", (2, 2, 9, 9), (11, 20, 18, 27))
    none = lawn(tmp_path, "none.png")
    one = lawn(tmp_path, "one.png", (5, 5, 12, 10))
    out = tmp_path / "out"

    outcomes = predict_files(balls(), [two, tmp_path / "missing.png", none, one], out, PLAIN)

    assert [outcome.error is None for outcome in outcomes] == [True, False, True, True]
    assert {p.name for p in out.iterdir()} == {
        "classes",
        "classes.json",
        "instances",
        "manifest.jsonl",
        "objects.csv",
        "panoptic",
        "panoptic.json",
        "presence.csv",
    }
    for folder in ("classes", "instances", "panoptic"):
        assert {p.name for p in (out / folder).iterdir()} == {"two.png", "none.png", "one.png"}
    lines = (out / "objects.csv").read_text().splitlines()
    assert [line.split(",")[:3] + line.split(",")[6:11] for line in lines[1:]] == [
        ["two.png", "1", "ball/red", "49", "2", "2", "9", "9"],
        ["two.png", "2", "ball/red", "49", "20", "11", "27", "18"],
        ["one.png", "1", "ball/red", "35", "5", "5", "10", "12"],
    ]
    assert np.unique(read_index(out / "instances/two.png")).tolist() == [0, 1, 2]
    assert not read_index(out / "instances/none.png").any()


@pytest.mark.parametrize(
    ("own", "asked", "told", "written"),
    [
        ("panoptic", None, "panoptic", {"instances", "objects.csv", "panoptic", "panoptic.json"}),
        ("instance", None, "instance", {"instances", "objects.csv"}),
        ("panoptic", "instance", "instance", {"instances", "objects.csv"}),
        ("instance", "panoptic", "panoptic", {"instances", "objects.csv", "panoptic", "panoptic.json"}),
        ("panoptic", "semantic", "semantic", set()),
    ],
)
def test_the_kind_decides_what_is_written(
    own: Kind, asked: Kind | None, told: Kind, written: set[str], tmp_path: Path
) -> None:
    path = lawn(tmp_path, "a.png", (2, 2, 9, 9))

    predict_files(balls(own), [path], tmp_path / "out", OutputOptions(kind=asked))

    assert {p.name for p in (tmp_path / "out").iterdir()} == ALWAYS | written
    assert json.loads((tmp_path / "out/classes.json").read_text())["kind"] == told


def test_a_kind_that_the_model_cannot_answer_is_refused_before_anything_is_written(tmp_path: Path) -> None:
    path = write(tmp_path, "a.png", RED)

    for kind in ("instance", "panoptic"):
        with pytest.raises(ConfigError, match=f"kind '{kind}' needs a model that was trained on labelled objects"):
            predict_files(cars(), [path], tmp_path / "out", OutputOptions(kind=kind))
    with pytest.raises(ConfigError, match="kind 'binary' needs a model of two classes, this one has 4"):
        predict_files(balls(), [path], tmp_path / "out", OutputOptions(kind="binary"))
    with pytest.raises(ConfigError, match="the kind is 'semantic'; omit --geojson"):
        predict_files(balls(), [path], tmp_path / "out", OutputOptions(kind="semantic", outputs={"geojson"}))

    assert not (tmp_path / "out").exists()


def test_pictures_of_equal_stems_are_refused_before_anything_is_written(tmp_path: Path) -> None:
    (tmp_path / "other").mkdir()
    pair = [write(tmp_path, "a.png", RED), write(tmp_path / "other", "a.jpg", RED)]

    with pytest.raises(ConfigError, match=r"a\.png and .*a\.jpg would both write a\.png; rename one"):
        predict_files(cars(), pair, tmp_path / "out", PLAIN)

    assert not (tmp_path / "out").exists()


def test_dots_in_a_stem_stay(tmp_path: Path) -> None:
    path = write(tmp_path, "shot.2024.01.png", RED)

    predict_files(cars(), [path], tmp_path / "out", OutputOptions(outputs={"overlay", "probabilities"}))

    assert (tmp_path / "out" / "classes" / "shot.2024.01.png").is_file()
    assert (tmp_path / "out" / "overlays" / "shot.2024.01.png").is_file()
    assert (tmp_path / "out" / "probabilities" / "shot.2024.01.npz").is_file()


def test_options_that_cannot_be_are_refused_before_anything_is_written(tmp_path: Path) -> None:
    path = write(tmp_path, "a.png", RED)
    out = tmp_path / "out"

    with pytest.raises(ClassTreeError, match=r"level must be in 1\.\.2 for this tree, got 3"):
        predict_files(cars(), [path], out, OutputOptions(decoding=Decoding(level=3)))
    with pytest.raises(ClassTreeError, match="got 0"):
        predict_files(cars(), [path], out, OutputOptions(decoding=Decoding(level=0)))
    for confidence in (1.5, -0.5, float("nan")):
        with pytest.raises(ConfigError, match=r"min_confidence must be in \[0, 1\]"):
            predict_files(cars(), [path], out, OutputOptions(decoding=Decoding(min_confidence=confidence)))

    assert not out.exists()


def test_a_folder_that_cannot_be_written_to_is_refused(tmp_path: Path) -> None:
    path = write(tmp_path, "a.png", RED)

    with pytest.raises(ConfigError, match=r"a\.png is a file, and --out needs a folder"):
        predict_files(cars(), [path], path, PLAIN)
    with pytest.raises(ConfigError, match="cannot be created"):
        predict_files(cars(), [path], path / "out", PLAIN)
