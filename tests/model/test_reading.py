from __future__ import annotations

import hashlib
from pathlib import Path

import numpy as np
import onnx
import pytest
import torch
from onnx import numpy_helper

from small_models import CARS, save_random_model
from smalta.description.network_config import DEFAULT_ENCODER
from smalta.description.run_folder import MODEL_FILE
from smalta.errors import ModelError
from smalta.exporting.onnx_export import export
from smalta.exporting.onnx_graph import trace, with_description
from smalta.exporting.quantise import quantise
from smalta.model.reading import read_network
from smalta.model.storage import load_model
from smalta.runtimes.onnx_runtimes import start

PICTURES = torch.randint(0, 256, (2, 3, 64, 96), dtype=torch.uint8, generator=torch.Generator().manual_seed(0))


@pytest.fixture(scope="module", params=[("plain", 2, True), (DEFAULT_ENCODER, 4, False)], ids=["plain", "default"])
def model(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A run's folder with a model and its exported file."""
    encoder, stride, objects = request.param
    run = save_random_model(tmp_path_factory.mktemp("run"), encoder=encoder, stride=stride, objects=objects)
    export(run, run / "model.onnx")
    return run


@torch.no_grad()
def test_an_exported_file_gives_a_network_that_answers_as_the_run_does(model: Path) -> None:
    stored, expected = read_network(model / "model.onnx"), load_model(model / MODEL_FILE)[0](PICTURES)

    found = stored.network(PICTURES)

    assert found.keys() == expected.keys()
    for name, values in expected.items():
        torch.testing.assert_close(found[name], values, atol=1e-4, rtol=1e-4)
    assert stored.info.tree == CARS
    assert stored.digest == hashlib.sha256((model / "model.onnx").read_bytes()).hexdigest()


def test_each_normalisation_of_an_exported_file_is_unmeasured(model: Path) -> None:
    stored = read_network(model / "model.onnx")

    norms = [path for path, module in stored.network.named_modules() if isinstance(module, torch.nn.BatchNorm2d)]
    assert sorted(norm for _, norm in stored.unmeasured) == sorted(norms)


def test_the_folder_of_a_run_and_its_file_are_read_alike(model: Path) -> None:
    folder, file = read_network(model), read_network(model / MODEL_FILE)

    expected = load_model(model / MODEL_FILE)[0].state_dict()
    for stored in (folder, file):
        assert stored.unmeasured == ()
        assert all(torch.equal(values, expected[name]) for name, values in stored.network.state_dict().items())


@torch.no_grad()
def test_weights_of_8_bits_are_read_as_runtimes_use_them(tmp_path: Path) -> None:
    run = save_random_model(tmp_path / "run", encoder=DEFAULT_ENCODER)
    export(run, tmp_path / "small.onnx", weights="int8")
    stored = read_network(tmp_path / "small.onnx")
    pictures = PICTURES.permute(0, 2, 3, 1).contiguous().numpy()

    expected = start((tmp_path / "small.onnx").read_bytes(), stored.info).maps(pictures)

    np.testing.assert_allclose(stored.network(PICTURES)["semantic"].numpy(), expected["logits"], atol=1e-3)


@torch.no_grad()
def test_a_quantised_model_is_read_with_its_rounded_weights(model: Path, tmp_path: Path) -> None:
    pytest.importorskip("nncf")
    network, info = load_model(model / MODEL_FILE)
    pictures = list(PICTURES.permute(0, 2, 3, 1).contiguous().numpy())
    (tmp_path / "int8.onnx").write_bytes(with_description(quantise(trace(network, info), pictures), info))

    found = read_network(tmp_path / "int8.onnx").network(PICTURES)["semantic"]

    expected = network(PICTURES)["semantic"]
    assert (found - expected).abs().mean() < 0.1 * expected.std()


def test_a_file_that_does_not_name_a_convolution_is_refused(model: Path, tmp_path: Path) -> None:
    exported = onnx.load(model / "model.onnx")
    next(node for node in exported.graph.node if node.op_type == "Conv").name = "Conv_1"
    onnx.save(exported, tmp_path / "model.onnx")

    with pytest.raises(ModelError, match=r"does not name all weights of its encoder .*start from the folder"):
        read_network(tmp_path / "model.onnx")


def test_a_weight_of_another_shape_is_refused(model: Path, tmp_path: Path) -> None:
    exported = onnx.load(model / "model.onnx")
    name = next(node for node in exported.graph.node if node.name == "semantic").input[2]
    array = next(array for array in exported.graph.initializer if array.name == name)
    array.CopyFrom(numpy_helper.from_array(np.zeros(1, np.float32), name))
    onnx.save(exported, tmp_path / "model.onnx")

    with pytest.raises(ModelError, match=r"does not fit its network: semantic\.bias has another shape"):
        read_network(tmp_path / "model.onnx")


@pytest.mark.parametrize("name", ["model.onnx", MODEL_FILE])
def test_a_damaged_or_missing_file_is_refused(name: str, tmp_path: Path) -> None:
    with pytest.raises(ModelError, match="does not exist"):
        read_network(tmp_path / name)
    (tmp_path / name).write_bytes(b"no model")
    with pytest.raises(ModelError, match="damaged"):
        read_network(tmp_path / name)
