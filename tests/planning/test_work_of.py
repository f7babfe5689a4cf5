"""The same network seen twice: traced by PyTorch, and as an exported graph."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from smalta.description.network_config import NetworkConfig
from smalta.description.workload import CONVOLUTIONS, Workload
from smalta.errors import ModelError
from smalta.inference.answer_plan import answering_work
from smalta.inference.opened import is_model
from smalta.planning import work_of as module
from smalta.planning.work_of import work_of_network, workload_of_graph


def convolutions(workload: Workload) -> dict[str, float]:
    return {kind: value for kind, value in workload.operations_by_kind.items() if kind in CONVOLUTIONS}


def test_the_graph_and_the_trace_agree_on_every_kind_of_convolution(random_run: Path, random_file: Path) -> None:
    graph, trace = (answering_work(path, (256, 320)).workloads[32] for path in (random_file, random_run))

    assert graph.pixels == trace.pixels == 256 * 320
    assert convolutions(graph).keys() == convolutions(trace).keys()
    for kind, operations in convolutions(trace).items():
        assert convolutions(graph)[kind] == pytest.approx(operations, rel=0.05)
    assert graph.weight_bytes == pytest.approx(trace.weight_bytes, rel=0.1)
    assert 0.5 < graph.live_bytes / trace.live_bytes < 1.5


def test_the_graph_and_the_trace_know_whose_maps_a_layer_reads(random_run: Path, random_file: Path) -> None:
    for path in (random_file, random_run):
        layers = answering_work(path, (64, 96)).workloads[32].layers
        convolutions = [(place, one) for place, one in enumerate(layers) if one.kind in CONVOLUTIONS]

        for place, one in convolutions:
            assert one.inputs
            assert all(before < place for before in one.inputs)
            assert sum(layers[before].written for before in one.inputs) > 0.9 * one.read
        assert any(before < place - 3 for place, one in enumerate(layers) for before in one.inputs)  # the decoder's


def test_the_convolutions_of_the_graph_and_the_trace_have_the_same_names(random_run: Path, random_file: Path) -> None:
    graph, trace = (answering_work(path, (64, 96)).workloads[32] for path in (random_file, random_run))

    def names(workload: Workload) -> set[tuple[str, str]]:
        return {(one.kind, one.name) for one in workload.layers if one.kind in CONVOLUTIONS}

    assert names(graph) == names(trace)


def test_an_exported_model_runs_without_pytorch_and_a_run_with_it(random_run: Path, random_file: Path) -> None:
    assert "openvino" in answering_work(random_file, (64, 64)).runtimes
    assert "pytorch" not in answering_work(random_file, (64, 64)).runtimes
    assert answering_work(random_run, (64, 64)).runtimes == ("pytorch",)


@pytest.mark.parametrize(("stop", "expected"), [(32, []), (8, [("slice", 4 * 8 * 8 * 32, 4 * 8 * 8 * 32)])])
def test_a_slice_moves_what_it_takes_and_nothing_if_that_is_all(
    stop: int, expected: list[tuple[str, int, int]]
) -> None:
    ops = pytest.importorskip("openvino.opset13")
    maps = ops.parameter([1, 8, 32, 32], np.float32)
    start, end, step, axis = (ops.constant(np.array([number])) for number in (0, stop, 1, 2))
    cut = ops.slice(maps, start, end, step, axis)
    model = pytest.importorskip("openvino").Model([ops.relu(cut)], [maps], "slice")

    layers = workload_of_graph(model, pixels=32 * 32).layers

    assert [(one.name, one.read, one.written) for one in layers if one.name == "slice"] == expected
    assert layers[-1].name == "relu"


def test_large_pictures_are_scaled_from_a_smaller_trace() -> None:
    config = NetworkConfig(n_leaves=3, encoder="plain", width=12)
    small, large = (work_of_network(config, size, "inference") for size in ((512, 1024), (2048, 1024)))

    assert large.workloads[32].pixels == 4 * small.workloads[32].pixels
    assert large.workloads[32].operations == pytest.approx(4 * small.workloads[32].operations)


def test_training_work_brings_its_gradients() -> None:
    work = work_of_network(NetworkConfig(n_leaves=3, encoder="plain", width=12), (64, 64), "training", batch=4)

    assert work.batch == 4
    assert any(layer.backward for layer in work.workloads[16].layers)


def test_a_run_needs_pytorch_to_be_planned(monkeypatch: pytest.MonkeyPatch, random_run: Path) -> None:
    monkeypatch.setattr(module, "find_spec", lambda name: None)

    with pytest.raises(ModelError, match=r"needs PyTorch; run `pip install 'smalta\[train\]'`, or export it"):
        answering_work(random_run, (64, 64))


def test_models_and_data_sets_are_told_apart(random_run: Path, discs: Path) -> None:
    assert is_model(random_run)
    assert is_model(Path("anywhere/model.onnx"))
    assert not is_model(discs)


def test_a_damaged_model_is_refused_in_a_sentence(tmp_path: Path) -> None:
    (tmp_path / "model.safetensors").write_bytes(b"no")
    (tmp_path / "model.onnx").write_bytes(b"no")

    with pytest.raises(ModelError, match="is not a model file of smalta, or it is damaged"):
        answering_work(tmp_path, (64, 64))
    with pytest.raises(ModelError, match="not an ONNX file, or it is damaged"):
        answering_work(tmp_path / "model.onnx", (64, 64))
    with pytest.raises(ModelError, match="does not exist"):
        answering_work(tmp_path / "missing.onnx", (64, 64))
