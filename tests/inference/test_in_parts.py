"""A picture answered in parts gets the answer of the whole."""

from __future__ import annotations

import csv
import io
from dataclasses import replace
from pathlib import Path

import cv2
import numpy as np
import pytest
import tifffile
import zarr
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from smalta.answers.decoding import Decoding
from smalta.answers.grouping import GroupingRule
from smalta.classes import ClassTree
from smalta.description.kinds import Kind
from smalta.description.model_info import ModelInfo
from smalta.description.network_config import NetworkConfig
from smalta.errors import ConfigError, DataError
from smalta.inference import field_store, peaks_in_windows, tiling
from smalta.inference import in_parts as answering
from smalta.inference.in_parts import predict_large
from smalta.inference.predictor import Predictor
from smalta.pictures.large_pictures import ArrayRows
from smalta.pictures.overlay import overlay
from smalta.pictures.reading import read_index, read_picture
from smalta.results.options import OutputOptions
from smalta.results.output import Written
from smalta.results.result_folder import ResultFolder, class_map

# 1 sky  2 ground  3 ball  4 ball/red  5 ball/green
TREE = ClassTree(
    {
        "sky": {"ids": [20]},
        "ground": {"ids": [10]},
        "ball": {"kind": "thing", "children": ["red", "green"], "attributes": {"lit": ["yes", "no"]}},
    }
)


class Blobs:
    """Stands in for a network that looks at 8 pixels around a cell: things are where the picture is bright."""

    def __init__(self, stride: int = 4, streams: int = 2) -> None:
        self.stride, self.streams = stride, streams

    def maps(self, pictures: np.ndarray, /) -> dict[str, np.ndarray]:
        (picture,) = pictures
        height, width = (-(-side // 32) * 32 for side in picture.shape[:2])
        padded = np.pad(picture, ((0, height - len(picture)), (0, width - picture.shape[1]), (0, 0)), mode="edge")
        # whole numbers, so that sums do not depend on where they begin
        soft = cv2.boxFilter(padded.astype(np.float64), -1, (9, 9), normalize=False, borderType=cv2.BORDER_REPLICATE)
        cells = soft[:: self.stride, :: self.stride].astype(np.float32)
        red, green, blue = cells[..., 0], cells[..., 1], cells[..., 2]
        logits = np.stack([blue, 8000 - blue, red, green]) / 1024
        center = np.minimum(red + green, 32_767) / 32_768
        offsets = np.stack([red - green, blue - green]) / 512
        values = np.stack([red, blue]) / 1024
        maps = {"logits": logits, "attribute_logits": values, "center": center[None], "offsets": offsets}
        return {name: np.ascontiguousarray(values[None], np.float32) for name, values in maps.items()}


@pytest.fixture(autouse=True)
def small_parts(monkeypatch: pytest.MonkeyPatch) -> None:
    """Tiles and parts so small that a small picture has many."""
    monkeypatch.setattr(tiling.stitched, "__kwdefaults__", {"overlap": 64, "ramp": 32})
    monkeypatch.setattr(tiling, "check_tile", lambda *_: None)
    monkeypatch.setattr(answering, "PART", 64)
    monkeypatch.setattr(answering, "LARGEST_OVERLAY", 50)
    monkeypatch.setattr(field_store, "ROWS", 16)
    monkeypatch.setattr(peaks_in_windows, "BAND", 16)


def predictor(stride: int = 4, threshold: float | None = None) -> Predictor:
    network = replace(NetworkConfig.for_tree(TREE, objects=True), stride=stride)
    rule = GroupingRule(min_stuff=(0, 0.4, 0.4, 0, 0, 0))  # panoptic files go without small stuff, `classes/` does not
    info = ModelInfo(tree=TREE, network=network, kind="panoptic", threshold=threshold, grouping=rule)
    return Predictor(Blobs(stride), info)


def blobs(height: int, width: int, seed: int) -> np.ndarray:
    """Soft blobs of colour, so that there are objects of some size."""
    noise = np.random.default_rng(seed).normal(size=(height, width, 3)).astype(np.float32)
    soft = cv2.GaussianBlur(noise, (0, 0), 4) * 10 + 0.5
    return (soft.clip(0, 1) * 255).astype(np.uint8)


def made(folder: Path, kind: Kind, options: OutputOptions | None = None) -> ResultFolder:
    place = ResultFolder(folder, TREE, kind, options or OutputOptions())
    place.make()
    return place


def both(
    folder: Path, pixels: np.ndarray, kind: Kind, options: OutputOptions, tile: tuple[int, int], stride: int = 4
) -> tuple[Written, Written]:
    """The answer in parts, and as a whole."""
    answers = []
    for name in ("parts", "whole"):
        place = made(folder / name, kind, options)
        path = folder / "a.tif"
        if name == "parts":
            answers.append(predict_large(predictor(stride), ArrayRows(pixels), path, place, tile))
        else:
            how = {"level": options.decoding.level, "min_confidence": options.decoding.min_confidence}
            answer = predictor(stride)(pixels, kind=kind, **how)
            answers.append(place.write(path, pixels, answer))
    return answers[0], answers[1]


def assert_same_presence(ours: str, theirs: str) -> None:
    """Numbers agree as they are printed; a sum in another order may round the last digit differently."""
    for one, other in zip(csv.reader(io.StringIO(ours)), csv.reader(io.StringIO(theirs)), strict=True):
        for a, b in zip(one, other, strict=True):
            assert a == b or float(a) == pytest.approx(float(b), abs=2e-4)


@settings(suppress_health_check=[HealthCheck.function_scoped_fixture], max_examples=30)
@given(
    size=st.tuples(st.integers(1, 260), st.integers(1, 260)),
    tile=st.tuples(st.integers(4, 8), st.integers(4, 8)),
    stride=st.sampled_from([1, 2, 4]),
    kind=st.sampled_from(["semantic", "instance", "panoptic"]),
    options=st.sampled_from(
        [
            OutputOptions(),
            OutputOptions(decoding=Decoding(level=1)),
            OutputOptions(decoding=Decoding(min_confidence=0.7)),
        ]
    ),
    seed=st.integers(0, 1000),
)
def test_classes_and_objects_are_those_of_the_whole_picture_whatever_the_tile(
    size: tuple[int, int],
    tile: tuple[int, int],
    stride: int,
    kind: Kind,
    options: OutputOptions,
    seed: int,
    tmp_path_factory: pytest.TempPathFactory,
) -> None:
    folder = tmp_path_factory.mktemp("answers")

    parts, whole = both(folder, blobs(*size, seed), kind, options, (32 * tile[0], 32 * tile[1]), stride)

    np.testing.assert_array_equal(tifffile.imread(parts.files["classes"]), read_index(whole.files["classes"]))
    assert_same_presence(parts.added["presence"], whole.added["presence"])
    if kind != "semantic":
        instances = [folder / name / "instances" for name in ("parts/", "whole/")]
        expected = read_index(instances[1] / "a.png")
        np.testing.assert_array_equal(tifffile.imread(instances[0] / "a.tif"), expected)
        found = list(csv.reader(io.StringIO(parts.added.get("objects", ""))))
        for ours, theirs in zip(found, csv.reader(io.StringIO(whole.added.get("objects", ""))), strict=True):
            assert ours[:5] == theirs[:5]
            np.testing.assert_allclose([float(v) for v in ours[5:13]], [float(v) for v in theirs[5:13]], atol=0.02)
            assert ours[13] == theirs[13]
        assert len(found) == expected.max()
    assert {path.name for path in (folder / "parts").iterdir()} == {
        "classes",
        "classes.json",
        *({"instances"} if kind != "semantic" else set()),
        *({"panoptic"} if kind == "panoptic" else set()),
    }


def test_there_are_objects_to_compare(tmp_path: Path) -> None:
    _, whole = both(tmp_path, blobs(200, 200, 1), "panoptic", OutputOptions(), (128, 128))

    assert len(whole.added["objects"].splitlines()) > 10
    assert len(np.unique(read_index(whole.files["classes"]))) >= 4


def test_a_zarr_picture_is_answered_by_a_zarr_picture(tmp_path: Path) -> None:
    pixels = blobs(100, 70, 0)
    place = made(tmp_path, "semantic")

    written = predict_large(predictor(), ArrayRows(pixels), tmp_path / "a.zarr", place, (128, 128))

    expected = TREE.node_to_value[predictor()(pixels, kind="semantic").classes]
    assert written.files["classes"] == tmp_path / "classes" / "a.zarr"
    np.testing.assert_array_equal(np.asarray(zarr.open(written.files["classes"], mode="r")), expected)


@pytest.mark.parametrize("kind", ["semantic", "instance", "panoptic"])
def test_overlays_are_reduced(kind: Kind, tmp_path: Path) -> None:
    pixels = blobs(120, 170, 0)
    options = OutputOptions(outputs={"overlay"})

    both(tmp_path, pixels, kind, options, (128, 128))

    # of 170 columns every fourth: 43, of 120 rows 30, and the legend below them
    small = read_picture(tmp_path / "parts" / "overlays" / "a.png")
    classes = class_map(predictor()(pixels, kind=kind), Decoding())
    if kind == "instance":  # the picture around the objects stays as it is
        classes = np.where(TREE.is_thing[classes], classes, 0)
    np.testing.assert_array_equal(small[:30, :43], overlay(pixels[::4, ::4], classes[::4, ::4], TREE))


def test_an_object_is_coloured_where_its_class_ends_at_a_parent_that_is_stuff(tmp_path: Path) -> None:
    tree = ClassTree({"sky": {}, "field": {"children": {"ground": {}, "red": {"kind": "thing"}, "tin": {}}}})
    info = ModelInfo(tree=tree, network=NetworkConfig.for_tree(tree, objects=True), kind="instance")
    options = OutputOptions(outputs={"overlay"}, decoding=Decoding(level=1))
    place, pixels = ResultFolder(tmp_path, tree, "instance", options), blobs(120, 170, 0)
    place.make()

    predict_large(Predictor(Blobs(), info), ArrayRows(pixels), tmp_path / "a.tif", place, (128, 128))

    answer = Predictor(Blobs(), info)(pixels, level=1)
    assert answer.objects is not None
    assert set(answer.objects.classes.tolist()) == {2}  # field, which is no thing
    shown = np.where(answer.objects.instances, class_map(answer, Decoding(level=1)), 0)
    small = read_picture(tmp_path / "overlays" / "a.png")
    np.testing.assert_array_equal(small[:30, :43], overlay(pixels[::4, ::4], shown[::4, ::4], tree))


class Unread(ArrayRows):
    """A picture that nobody may read."""

    def rows(self, y0: int, y1: int) -> np.ndarray:
        raise AssertionError("read")


def test_what_would_not_fit_in_memory_is_refused(tmp_path: Path) -> None:
    place = made(tmp_path, "panoptic", OutputOptions(outputs={"probabilities", "geojson"}))
    source = Unread(blobs(40, 50, 0))

    with pytest.raises(DataError, match=r"a\.tif has 40 x 50 pixels .* cannot give --geojson and --probabilities"):
        predict_large(predictor(), source, tmp_path / "a.tif", place, (128, 128))


def test_a_stop_in_the_middle_leaves_no_file(tmp_path: Path) -> None:
    class Stopped(ArrayRows):
        def rows(self, y0: int, y1: int) -> np.ndarray:
            if y0 > 0:
                raise KeyboardInterrupt
            return super().rows(y0, y1)

    for kind in ("semantic", "panoptic"):
        place = made(tmp_path, kind)
        with pytest.raises(KeyboardInterrupt):
            predict_large(predictor(), Stopped(blobs(400, 90, 0)), tmp_path / "a.tif", place, (128, 128))

    assert [path for path in tmp_path.rglob("*") if path.is_file()] == [tmp_path / "classes.json"]
    assert not [path for path in tmp_path.iterdir() if path.name.startswith(".")]


def test_a_tile_that_cannot_be_cut_is_refused(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.undo()
    source = ArrayRows(np.zeros((900, 900, 3), np.uint8))

    with pytest.raises(ConfigError, match="multiple of 32 pixels and at least 608, got 512"):
        predict_large(predictor(), source, tmp_path / "a.tif", made(tmp_path, "semantic"), (512, 512))
