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

RANDOM = np.random.default_rng(0)
PICTURES = [RANDOM.integers(0, 256, (40, 50, 3), dtype=np.uint8) for _ in range(2)]
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


def test_nncf_reports_to_nobody(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    (tmp_path / "nncf.py").write_text("import sys\nreporter = sys.modules['openvino_telemetry']\n")
    monkeypatch.syspath_prepend(tmp_path)
    monkeypatch.setitem(sys.modules, "nncf", sys)  # whatever is there comes back after the test
    del sys.modules["nncf"]
    monkeypatch.setitem(sys.modules, "openvino_telemetry", sys)

    assert module._nncf().reporter is None

    assert sys.modules["openvino_telemetry"] is sys
