"""Commands that answer obey the plan, which keeps the limits."""

from __future__ import annotations

import csv
import json
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import tifffile
import zarr

from machines import TWO_CORES
from small_models import save_random_model
from smalta.classes import ClassTree
from smalta.errors import ConfigError
from smalta.exporting.onnx_export import export
from smalta.inference.answer_plan import largest, load_planned
from smalta.inference.answering import predict_files
from smalta.inference.counting import count_files
from smalta.inference.predictor import Predictor, load
from smalta.pictures.writing import write_picture
from smalta.planning.plan import Limits
from smalta.planning.plan_file import read_plan
from smalta.results.options import OutputOptions

TREE = ClassTree({"ground": {}, "road": {}, "disc": {"kind": "thing"}})
OPTIONS = OutputOptions(kind="panoptic")


@pytest.fixture(scope="module")
def model(tmp_path_factory: pytest.TempPathFactory) -> Path:
    run = save_random_model(tmp_path_factory.mktemp("run"), TREE, objects=True)
    export(run, run / "model.onnx")
    return run / "model.onnx"


@pytest.fixture(scope="module")
def pictures(tmp_path_factory: pytest.TempPathFactory) -> list[Path]:
    """A small picture, and a larger one as TIFF and as Zarr."""
    folder = tmp_path_factory.mktemp("pictures")
    noise = np.random.default_rng(0).integers(0, 256, (22, 24, 3), np.uint8).repeat(32, 0).repeat(32, 1)
    write_picture(folder / "small.png", noise[:90, :70])
    tifffile.imwrite(folder / "large.tif", noise, tile=(256, 256))
    zarr.create_array(folder / "array.zarr", data=noise, chunks=(256, 256, 3))
    return [folder / "small.png", folder / "large.tif", folder / "array.zarr"]


def in_parts(model: Path, pictures: list[Path]) -> Predictor:
    """A predictor that is allowed so little memory that no large picture is answered as a whole."""
    predictor = load_planned(model, pictures, TWO_CORES, Limits(tile=640), OPTIONS)
    assert predictor.plan is not None
    predictor.plan = replace(predictor.plan, whole_pixels=640 * 640)
    return predictor


def test_the_largest_picture_is_found_by_the_headers(pictures: list[Path], tmp_path: Path) -> None:
    (tmp_path / "broken.png").write_bytes(b"no")

    assert largest([*pictures, tmp_path / "broken.png"]) == (704, 768)
    assert largest([tmp_path / "broken.png", tmp_path / "missing.tif"]) is None


def test_the_model_is_run_as_the_plan_says(model: Path, pictures: list[Path]) -> None:
    predictor = load_planned(model, pictures, TWO_CORES, Limits(threads=1), OPTIONS)

    assert predictor.plan is not None
    assert predictor.plan.size_hw == (704, 768)
    assert (predictor.plan.streams, predictor.plan.threads, predictor.runtime.streams) == (1, 1, 1)


def test_a_file_is_planned_in_its_own_precision_alone(model: Path, pictures: list[Path]) -> None:
    plan = load_planned(model, pictures, TWO_CORES, Limits(), OPTIONS).plan

    assert plan is not None
    assert plan.precision == "fp32"  # though the machine is faster in bf16


def test_pictures_too_large_for_the_memory_get_the_same_answer_in_parts(
    model: Path, pictures: list[Path], tmp_path: Path
) -> None:
    whole = load(model)(pictures[1], kind="panoptic")
    assert whole.objects is not None

    outcomes = predict_files(in_parts(model, pictures), pictures, tmp_path, OPTIONS)

    assert [outcome.error for outcome in outcomes] == [None] * 3
    assert [outcome.classes.name for outcome in outcomes if outcome.classes] == ["small.png", "large.tif", "array.zarr"]
    classes = tifffile.imread(tmp_path / "classes" / "large.tif")
    assert (classes == TREE.node_to_value[whole.panoptic()]).mean() > 0.99
    np.testing.assert_array_equal(zarr.open_array(tmp_path / "classes" / "array.zarr", mode="r")[:], classes)
    rows = list(csv.DictReader((tmp_path / "objects.csv").read_text().splitlines()))
    per_picture = [sum(row["picture"] == path.name for row in rows) for path in pictures]
    assert per_picture[1] == per_picture[2]
    assert abs(per_picture[1] - len(whole.objects)) <= 0.05 * len(whole.objects)
    panoptic = json.loads((tmp_path / "panoptic.json").read_text())
    assert [image["file_name"] for image in panoptic["images"]] == ["small.png"]


def test_the_plan_is_written_with_what_it_took(model: Path, pictures: list[Path], tmp_path: Path) -> None:
    predict_files(load_planned(model, pictures, TWO_CORES, Limits(), OPTIONS), pictures[:2], tmp_path, OPTIONS)

    plan = read_plan(tmp_path)
    assert plan is not None
    assert plan.measured["seconds"] > 0
    assert plan.predicted_seconds > 0


def test_objects_of_large_pictures_are_counted_in_parts(
    model: Path, pictures: list[Path], monkeypatch: pytest.MonkeyPatch
) -> None:
    whole = count_files(load(model), pictures[:2])

    table = count_files(in_parts(model, pictures), pictures)

    assert table.failed == ()
    assert table.counts[0].tolist() == whole.counts[0].tolist()
    assert table.counts[1].tolist() == table.counts[2].tolist()
    assert abs(table.counts[1, -1] - whole.counts[1, -1]) <= 0.05 * whole.counts[1, -1]


def test_a_picture_that_must_be_decoded_at_once_is_refused_where_it_does_not_fit(
    model: Path, pictures: list[Path], tmp_path: Path
) -> None:
    predictor = in_parts(model, pictures)
    assert predictor.plan is not None
    predictor.plan = replace(predictor.plan, whole_pixels=64, allowed_bytes=predictor.plan.memory_bytes + 1000)

    small, large, _ = predict_files(predictor, pictures, tmp_path, OPTIONS)

    assert small.error is not None
    assert "small.png has 90 x 70 pixels, which are decoded as a whole and fill 37 KiB; save it" in small.error
    assert large.error is None  # a TIFF is read row by row


def test_too_little_memory_is_refused_before_anything_is_written(model: Path, pictures: list[Path]) -> None:
    with pytest.raises(ConfigError, match=r"a memory limit of .* MiB is too low: .* needs the least"):
        load_planned(model, pictures, TWO_CORES, Limits(memory_bytes=2**24), OPTIONS)


def test_a_run_obeys_the_plan_as_well(model: Path, pictures: list[Path]) -> None:
    predictor = load_planned(model.parent, pictures[:1], TWO_CORES, Limits(precision="fp32"), OPTIONS)
    of_file = load(model)(pictures[0])

    answer = predictor(pictures[0])

    np.testing.assert_allclose(answer.probabilities, of_file.probabilities, atol=1e-3)
    assert predictor.plan is not None
    assert predictor.plan.runtime == "pytorch"
