from __future__ import annotations

from pathlib import Path

import numpy as np
import onnx
import pytest
from onnx import TensorProto, helper, numpy_helper

from small_models import CARS, save_random_model
from smalta.cli import main
from smalta.description.network_config import DEFAULT_ENCODER
from smalta.errors import ConfigError, ModelError
from smalta.exporting import onnx_export as exporting
from smalta.exporting import stored_weights
from smalta.exporting.onnx_export import export
from smalta.exporting.stored_weights import in_8_bits, rounded
from smalta.inference.predictor import load
from smalta.planning.work_of import work_of_model
from smalta.runtimes.onnx_file import examine
from smalta.runtimes.open_vino import OpenVino
from smalta.runtimes.ort_cpu import OrtCpu

RANDOM = np.random.default_rng(0)
PICTURE = RANDOM.integers(0, 256, (1, 96, 128, 3), dtype=np.uint8)


@pytest.fixture(scope="module")
def files(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, Path]:
    """One model, with full weights and with weights of 8 bits."""
    run = save_random_model(tmp_path_factory.mktemp("run"), encoder=DEFAULT_ENCODER, objects=True)
    export(run, run / "full.onnx")
    export(run, run / "small.onnx", weights="int8")
    return run / "full.onnx", run / "small.onnx"


def test_each_channel_is_rounded_with_its_own_scale() -> None:
    integers, scales = rounded(np.float32([[1.27, -0.5], [-2.54, 0.03], [0, 0]]))

    np.testing.assert_array_equal(integers, [[127, -50], [-127, 2], [0, 0]])
    np.testing.assert_allclose(scales, [[0.01], [0.02], [1]], rtol=1e-6)
    assert integers.dtype == np.int8


def test_large_weights_become_integers_and_small_ones_stay() -> None:
    large, small = np.float32(RANDOM.normal(size=(64, 512, 1, 1))), np.float32(RANDOM.normal(size=(2, 64, 1, 1)))
    nodes = [helper.make_node("Conv", ["in", "a"], ["x"]), helper.make_node("Conv", ["x", "b"], ["out"])]
    value = [helper.make_tensor_value_info(name, TensorProto.FLOAT, None) for name in ("in", "out")]
    arrays = [numpy_helper.from_array(large, "a"), numpy_helper.from_array(small, "b")]
    graph = helper.make_model(helper.make_graph(nodes, "", value[:1], value[1:], arrays))

    stored = in_8_bits(graph)

    found = {array.name: numpy_helper.to_array(array) for array in stored.graph.initializer}
    assert found.keys() == {"a:integers", "a:scales", "b"}
    half = np.abs(large).max(axis=1, keepdims=True) / 127 / 2  # of a step, in each channel
    assert (np.abs(found["a:integers"] * found["a:scales"] - large) <= half * 1.001).all()
    assert len(graph.graph.initializer) == 2  # the given graph is as it was


def test_the_file_is_smaller_and_answers_almost_alike(files: tuple[Path, Path]) -> None:
    full, small = (OpenVino(path.read_bytes(), examine(path.read_bytes())).maps(PICTURE) for path in files)

    assert files[1].stat().st_size < 0.45 * files[0].stat().st_size
    assert 0 < np.abs(full["logits"] - small["logits"]).max() < 0.1 * np.abs(full["logits"]).max()


@pytest.mark.parametrize("runtime", [OpenVino, OrtCpu])
def test_several_streams_answer_as_one_does(runtime: type[OpenVino | OrtCpu], files: tuple[Path, Path]) -> None:
    content = files[1].read_bytes()

    one, two = (runtime(content, examine(content), streams=n, threads=1).maps(PICTURE) for n in (1, 2))

    for name in one:
        np.testing.assert_allclose(one[name], two[name], rtol=1e-4, atol=1e-4)


def test_plans_see_the_same_work(files: tuple[Path, Path]) -> None:
    full, small = (work_of_model(path.read_bytes(), examine(path.read_bytes()), (128, 160)) for path in files)

    assert [layer.kind for layer in small.workloads[32].layers] == [layer.kind for layer in full.workloads[32].layers]
    assert small.workloads[32].operations == full.workloads[32].operations
    assert small.workloads[32].weight_bytes == pytest.approx(full.workloads[32].weight_bytes, rel=0.01)


def test_how_weights_are_stored_is_stated(files: tuple[Path, Path]) -> None:
    stated = load(files[1]).facts["export"]["weights"]

    assert stated["stored"] == "int8"
    assert stated["parity"]["equal_share"] >= 0.99
    assert "weights" not in load(files[0]).facts["export"]
    assert load(files[1]).tree == CARS


def test_the_precision_int8_stores_such_weights_anyway(run: Path, tmp_path: Path) -> None:
    pytest.importorskip("nncf")

    exported = export(run, tmp_path / "model.onnx", precision="int8", weights="int8")

    assert exported.stored is None
    assert "Cast" not in {n.op_type for n in onnx.load(tmp_path / "model.onnx").graph.node if n.name.endswith("int32")}


def test_a_model_that_does_not_bear_it_is_not_written(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    run = save_random_model(tmp_path / "run")
    monkeypatch.setattr(stored_weights, "LARGEST", 2)  # as with weights of 2 bits
    monkeypatch.setattr(stored_weights, "LEAST_ELEMENTS", 1)
    monkeypatch.setattr(exporting, "_pictures", lambda _: ([PICTURE[0]], "one picture"))

    with pytest.raises(ModelError, match=r"with weights of 8 bits only .*needed 99%.*use --weights full"):
        export(run, tmp_path / "model.onnx", weights="int8")
    assert not (tmp_path / "model.onnx").exists()


def test_an_unknown_way_to_store_weights_is_refused(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match="weights must be one of full, int8, got 'int4'"):
        export(tmp_path, tmp_path / "model.onnx", weights="int4")  # type: ignore[arg-type]


def test_the_command_says_how_near_the_answers_stay(
    run: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["export", str(run), "--out", str(tmp_path / "model.onnx"), "--weights", "int8"]) == 0

    said = " ".join(capsys.readouterr().out.split())
    assert "the graph in fp32 agrees with the run" in said
    assert "with weights of 8 bits, " in said
    assert f"model.onnx has {(tmp_path / 'model.onnx').stat().st_size / 1e6:.1f} MB" in said
