from __future__ import annotations

from pathlib import Path

import numpy as np
import onnx
import pytest

from small_models import save_random_model
from smalta.answers import fields, upscaling
from smalta.answers.fields import HEADS, Head
from smalta.answers.upscaling import fields_of
from smalta.classes import ClassTree
from smalta.exporting.onnx_export import export
from smalta.inference.predictor import load
from smalta.inference.tiling import Tiled
from smalta.model import network
from smalta.model.storage import load_model
from smalta.model.torch_runtime import TorchRuntime
from smalta.runtimes.onnx_file import examine
from smalta.runtimes.onnx_runtimes import start

TREE = ClassTree({"sky": {}, "car": {"kind": "thing", "attributes": {"lit": ["on", "off"], "size": [1, 2, 3]}}})
FURTHER = (
    Head(name="embedding", channels=lambda config: 5, branch="objects"),
    Head(name="border", channels=lambda config: 1, map_name="border_map", activation="sigmoid", full_size=True),
    Head(name="hue", channels=lambda config: 4, map_name="hue_logits", activation="softmax", full_size=True),
)


@pytest.fixture
def further_heads(monkeypatch: pytest.MonkeyPatch) -> None:
    """Three heads more, of which nothing but their descriptions is known anywhere."""
    for module in (fields, upscaling, network):
        monkeypatch.setattr(module, "HEADS", (*HEADS, *FURTHER))


@pytest.mark.usefixtures("further_heads")
@pytest.mark.parametrize("stride", [1, 4])
def test_a_head_that_is_described_is_built_run_and_exported(stride: int, tmp_path: Path) -> None:
    run = save_random_model(tmp_path, TREE, stride=stride, objects=True)
    pictures = np.random.default_rng(0).integers(0, 256, (2, 37, 50, 3), dtype=np.uint8)
    cells = (-(-37 // stride), -(-50 // stride))

    parity = export(run, tmp_path / "model.onnx").parity

    built, info = load_model(run / "model.safetensors")
    answers = TorchRuntime(built, TREE.attributes, bf16=False)(pictures)
    assert {name: answers[name].shape for name in ("embedding", "border", "hue")} == {
        "embedding": (2, 5, *cells),
        "border": (2, 1, 37, 50),
        "hue": (2, 4, 37, 50),
    }
    np.testing.assert_allclose(answers["hue"].sum(axis=1), 1, atol=1e-5)
    assert built.objects[1].weight.shape[0] == (3 + 5) * (4 // stride) ** 2  # in the branch of the other two
    names = [entry.name for entry in onnx.load(tmp_path / "model.onnx").graph.output]
    assert names == [
        *("semantic", "attribute:lit", "attribute:size", "center", "offsets", "embedding", "border", "hue"),
        *("logits", "attribute_logits", "border_map", "hue_logits"),
    ]
    content = (tmp_path / "model.onnx").read_bytes()
    given = start(content, examine(content), outputs=info.fields).maps(pictures)
    for name in info.fields:
        np.testing.assert_allclose(given[name], answers[name], atol=1e-2 if name == "offsets" else 1e-3)
    assert parity.max_difference < 1e-3


@pytest.mark.usefixtures("further_heads")
def test_a_large_picture_has_the_fields_of_further_heads_too(tmp_path: Path) -> None:
    runtime = load(save_random_model(tmp_path, TREE, objects=True)).runtime
    picture = np.random.default_rng(0).integers(0, 256, (1, 512, 640, 3), dtype=np.uint8)

    whole, tiled = (
        fields_of({name: of[0] for name, of in one.maps(picture).items()}, TREE.attributes, (512, 640), 4)
        for one in (runtime, Tiled(runtime, (384, 384)))
    )

    assert whole.keys() == tiled.keys() >= {"embedding", "border", "hue"}
    for name in whole:
        np.testing.assert_allclose(tiled[name], whole[name], atol=0.05 if name == "offsets" else 5e-3)
