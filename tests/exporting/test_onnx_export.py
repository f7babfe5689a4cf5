from __future__ import annotations

import json
import shutil
from pathlib import Path
from typing import Any

import numpy as np
import onnx
import pytest
import torch

from small_models import CARS, save_random_model
from smalta.cli import main
from smalta.description.network_config import DEFAULT_ENCODER
from smalta.description.run_folder import MODEL_FILE
from smalta.errors import ConfigError, DataError, ModelError
from smalta.exporting import onnx_export as exporting
from smalta.exporting import parity as comparing
from smalta.exporting.onnx_export import export
from smalta.exporting.parity import Parity
from smalta.inference.predictor import load
from smalta.model.storage import load_model
from smalta.model.torch_runtime import TorchRuntime
from smalta.runtimes.onnx_file import examine
from smalta.runtimes.open_vino import OpenVino
from smalta.runtimes.ort_cpu import OrtCpu

RANDOM = np.random.default_rng(0)


@pytest.fixture(scope="module", params=[("plain", 2, True), (DEFAULT_ENCODER, 4, False)], ids=["plain", "default"])
def exported(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """An exported model beside the model that it was made from."""
    encoder, stride, objects = request.param
    run = save_random_model(tmp_path_factory.mktemp("run"), encoder=encoder, stride=stride, objects=objects)
    export(run, run / "model.onnx")
    return run / "model.onnx"


@pytest.fixture
def one_picture(monkeypatch: pytest.MonkeyPatch) -> None:
    """Compare on one small picture, where the test is not about which."""
    picture = RANDOM.integers(0, 256, (32, 32, 3), dtype=np.uint8)
    monkeypatch.setattr(exporting, "_pictures", lambda _: ([picture], "one picture"))


@pytest.mark.parametrize("runtime", [OpenVino, OrtCpu])
def test_both_runtimes_answer_as_pytorch_for_any_number_of_pictures_of_any_size(
    runtime: type[OpenVino | OrtCpu], exported: Path
) -> None:
    content = exported.read_bytes()
    info = examine(content)
    ours = runtime(content, info, outputs=info.outputs)
    theirs = TorchRuntime(load_model(exported.parent / MODEL_FILE)[0], CARS.attributes, bf16=False)

    for shape in [(1, 64, 64, 3), (2, 33, 70, 3), (1, 1, 1, 3), (1, 5, 97, 3)]:
        pictures = RANDOM.integers(0, 256, shape, dtype=np.uint8)
        answer, expected = ours.maps(pictures), theirs.maps(pictures) | theirs(pictures)
        assert answer.keys() == expected.keys() >= {"semantic", "attribute:body", "logits", "attribute_logits"}
        assert answer["semantic"].shape == (shape[0], 3, *shape[1:3])
        for name in expected:
            assert answer[name].shape == expected[name].shape
            assert answer[name].dtype == np.float32
            np.testing.assert_allclose(
                answer[name], expected[name], atol=1e-2 if name == "offsets" else 1e-3 if "logits" in name else 1e-4
            )


def test_an_answer_stays_when_the_next_picture_comes(exported: Path) -> None:
    runtime = OpenVino(exported.read_bytes(), examine(exported.read_bytes()))

    first = runtime.maps(np.zeros((1, 32, 32, 3), np.uint8))["logits"]
    before = first.copy()
    runtime.maps(np.full((1, 32, 32, 3), 255, np.uint8))

    np.testing.assert_array_equal(first, before)


def test_batch_normalisation_is_folded_and_padding_inside_the_network_is_constant(exported: Path) -> None:
    operators = [node.op_type for node in onnx.load(exported).graph.node]

    assert "BatchNormalization" not in operators
    assert operators.count("Pad") == 1  # of the picture


def test_no_map_inside_the_network_is_asked_for_its_size(exported: Path) -> None:
    nodes = onnx.load(exported).graph.node
    made_by = {name: node.op_type for node in nodes for name in node.output}
    asked = {made_by.get(node.input[0], node.input[0]) for node in nodes if node.op_type == "Shape"}

    # the picture, and how much it is padded; of a map, once it is quantised, OpenVINO would answer wrongly
    assert asked == {"pictures", "Concat"}


@pytest.fixture(scope="module")
def trained(run: Path, tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, Parity]:
    """The exported model of a training, and what the export found."""
    path = tmp_path_factory.mktemp("trained") / "model.onnx"
    return path, export(run, path).parity


def test_the_file_holds_what_the_run_holds(run: Path, trained: tuple[Path, Parity]) -> None:
    of_run, of_file = load(run), load(trained[0])

    assert of_file.tree == of_run.tree
    assert of_file.threshold == of_run.threshold
    assert of_file.threshold is not None
    assert {name: of_file.facts[name] for name in of_run.facts} == dict(of_run.facts)


def test_parity_is_measured_on_validation_pictures_and_stored(trained: tuple[Path, Parity], discs: Path) -> None:
    path, parity = trained

    assert parity.pictures == f"2 validation pictures of {discs.name}"
    assert parity.max_difference <= 1e-3
    assert parity.equal_share >= 0.999
    assert Parity(**load(path).facts["export"]["parity"]) == parity


def test_without_the_runs_data_generated_scenes_are_compared(run: Path, tmp_path: Path) -> None:
    moved = shutil.copytree(run, tmp_path / "moved")
    settings = json.loads((moved / "settings.json").read_text())
    (moved / "settings.json").write_text(json.dumps(settings | {"data": str(tmp_path / "gone")}))

    parity = export(moved, tmp_path / "model.onnx").parity

    assert parity.pictures == "4 generated scenes, because the run's data set cannot be read"


class Unsure(TorchRuntime):
    """Stands in for a network that the exporter got wrong: all classes are equally likely."""

    def __call__(self, pictures: np.ndarray) -> dict[str, np.ndarray]:
        return {name: np.full_like(found, 1 / found.shape[1]) for name, found in super().__call__(pictures).items()}


@pytest.mark.usefixtures("one_picture")
def test_a_file_that_answers_differently_is_not_written(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    run, out = save_random_model(tmp_path / "run"), tmp_path / "out" / "model.onnx"
    out.parent.mkdir()
    out.write_bytes(b"an earlier export")
    monkeypatch.setattr(comparing, "TorchRuntime", Unsure)

    with pytest.raises(
        ModelError, match=r"probabilities differ by up to 0\.\d+ \(allowed 0.001\).*no file was written"
    ):
        export(run, out)

    assert [path.read_bytes() for path in out.parent.iterdir()] == [b"an earlier export"]


@pytest.mark.usefixtures("one_picture")
def test_a_network_that_pytorch_cannot_export_is_an_error(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    def refuse(*_: Any, **__: Any) -> None:
        raise torch.onnx.errors.OnnxExporterError("operator aten::strange\nis unknown")

    monkeypatch.setattr(torch.onnx, "export", refuse)

    with pytest.raises(ModelError, match="encoder 'plain' cannot be exported: operator aten::strange is unknown; use"):
        export(save_random_model(tmp_path), tmp_path / "model.onnx")

    assert not (tmp_path / "model.onnx").exists()


@pytest.mark.usefixtures("one_picture")
def test_what_cannot_be_written_or_read_is_refused(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match=r"model\.pb must end in \.onnx"):
        export(tmp_path, tmp_path / "model.pb")
    with pytest.raises(ModelError, match="does not exist"):
        export(tmp_path / "nowhere", tmp_path / "model.onnx")
    (tmp_path / "file").touch()
    with pytest.raises(DataError, match="file"):
        export(save_random_model(tmp_path), tmp_path / "file" / "model.onnx")


@pytest.mark.usefixtures("one_picture")
def test_the_command_says_how_near_the_answers_are(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    run = save_random_model(tmp_path / "run")

    assert main(["export", str(run), "--out", str(tmp_path / "new" / "model.onnx")]) == 0

    said = capsys.readouterr().out
    assert "agrees with the run: with OpenVINO" in said
    assert "on one picture" in said
    assert "100.00% of the pixels get the same class" in said
    assert (tmp_path / "new" / "model.onnx").is_file()
    assert main(["export", str(run), "--out", str(tmp_path / "quiet.onnx"), "--quiet"]) == 0
    assert capsys.readouterr().out == ""
