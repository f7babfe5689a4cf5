from __future__ import annotations

import logging
import sys
from pathlib import Path

import numpy as np
import onnx
import pytest

from smalta.errors import ConfigError, ModelError
from smalta.exporting import quantise as module
from smalta.exporting.quantise import quantise, what_lacks
from smalta.runtimes.onnx_file import INPUT

RANDOM = np.random.default_rng(0)
PICTURES = [RANDOM.integers(0, 256, (40, 50, 3), dtype=np.uint8) for _ in range(2)]
onnxruntime = pytest.importorskip("onnxruntime")
needs_nncf = pytest.mark.skipif(what_lacks() is not None, reason="needs the extra int8")


def test_what_has_to_be_installed_is_said(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "find_spec", lambda name: None if name == "nncf" else object())

    with pytest.raises(ConfigError, match=r"'int8' cannot be made: nncf not installed; run `pip install 'smalta\[int8"):
        quantise(onnx.ModelProto(), PICTURES)


@needs_nncf
def test_a_graph_that_cannot_be_quantised_is_an_error() -> None:
    with pytest.raises(ModelError, match=r"cannot be quantised: .*; export it with --precision fp32"):
        quantise(onnx.ModelProto(), PICTURES)

    assert logging.getLogger("nncf").level != logging.ERROR  # a user of NNCF finds its log as it was


def separable(channels: int) -> onnx.ModelProto:
    """A convolution, an activation and a depthwise convolution, as in most light encoders."""
    maker, rng = onnx.helper, np.random.default_rng(1)
    weights = {"w": (channels, 3, 3, 3), "d": (channels, 1, 3, 3)}
    nodes = [
        maker.make_node("Cast", [INPUT], ["real"], to=onnx.TensorProto.FLOAT),
        maker.make_node("Transpose", ["real"], ["first"], perm=[0, 3, 1, 2]),
        maker.make_node("Conv", ["first", "w"], ["a"], kernel_shape=[3, 3], pads=[1, 1, 1, 1]),
        maker.make_node("Clip", ["a", "low", "high"], ["b"]),
        maker.make_node("Conv", ["b", "d"], ["c"], kernel_shape=[3, 3], pads=[1, 1, 1, 1], group=channels),
        maker.make_node("Resize", ["c", "", "scales"], ["out"], mode="linear"),
    ]
    arrays = {name: rng.normal(0, 0.02, shape) for name, shape in weights.items()} | {
        "low": 0.0,
        "high": 6.0,
        "scales": [1, 1, 2, 2],
    }
    graph = maker.make_graph(
        nodes,
        "separable",
        [maker.make_tensor_value_info(INPUT, onnx.TensorProto.UINT8, [1, None, None, 3])],
        [maker.make_tensor_value_info("out", onnx.TensorProto.FLOAT, [1, channels, None, None])],
        [onnx.numpy_helper.from_array(np.asarray(array, np.float32), name) for name, array in arrays.items()],
    )
    return maker.make_model(graph, opset_imports=[maker.make_opsetid("", 17)], ir_version=8)


@needs_nncf
def test_onnx_runtime_runs_depthwise_convolutions_of_8_bits() -> None:
    graph, picture = separable(8), PICTURES[0][None]

    reduced = quantise(graph, PICTURES)

    exact, rounded = (
        onnxruntime.InferenceSession(model.SerializeToString(), providers=["CPUExecutionProvider"]).run(
            None, {INPUT: picture}
        )[0]
        for model in (graph, reduced)
    )
    assert 0 < np.abs(rounded - exact).mean() < 0.05 * np.abs(exact).mean()


def test_nncf_reports_to_nobody(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    (tmp_path / "nncf.py").write_text("import sys\nreporter = sys.modules['openvino_telemetry']\n")
    monkeypatch.syspath_prepend(tmp_path)
    monkeypatch.setitem(sys.modules, "nncf", sys)  # whatever is there comes back after the test
    del sys.modules["nncf"]
    monkeypatch.setitem(sys.modules, "openvino_telemetry", sys)

    assert module._nncf().reporter is None

    assert sys.modules["openvino_telemetry"] is sys
