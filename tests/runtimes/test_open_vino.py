"""OpenVINO runs an exported file: in its precision, within memory, ready for threads."""

from __future__ import annotations

import subprocess
import sys
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from onnx import ModelProto, TensorProto, helper

from smalta.errors import ModelError
from smalta.runtimes import open_vino
from smalta.runtimes.onnx_file import examine
from smalta.runtimes.onnx_runtimes import start
from smalta.runtimes.open_vino import OpenVino, multiplies_bf16

PICTURE = np.random.default_rng(0).integers(0, 256, (40, 50, 3), dtype=np.uint8)


@pytest.mark.parametrize("able", [False, True])
def test_a_plan_says_whether_a_file_of_bf16_runs_in_it(
    able: bool, random_file: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(open_vino, "multiplies_bf16", lambda: able)
    content = random_file.read_bytes()
    info = replace(examine(content), precision="bf16")

    exact, told = (OpenVino(content, info, precision=one).maps(PICTURE[None]) for one in ("fp32", None))

    np.testing.assert_allclose(exact["logits"], OpenVino(content, examine(content)).maps(PICTURE[None])["logits"])
    if not able:
        np.testing.assert_array_equal(exact["logits"], told["logits"])
    elif multiplies_bf16():  # another processor only pretends to
        assert not np.allclose(exact["logits"], told["logits"], atol=1e-4)


def test_a_graph_that_blows_up_a_small_picture_is_refused_before_it_runs(content: bytes) -> None:
    model = ModelProto.FromString(content)
    resize = [node for node in model.graph.node if node.op_type == "Resize"][-1]
    model.graph.initializer.append(helper.make_tensor("huge", TensorProto.FLOAT, [4], [1, 1, 1e5, 1e5]))
    resize.input[2] = "huge"
    changed = model.SerializeToString()

    with pytest.raises(ModelError, match=r"makes an array of .* for a picture of 64 x 64"):
        start(changed, examine(changed))


def test_openvino_has_converted_a_type_before_any_thread_asks(random_file: Path) -> None:
    """Two threads that made the first conversion at once waited for each other for ever."""
    code = f"""
import openvino
converted = []
original = openvino.Type.to_dtype
openvino.Type.to_dtype = lambda self: converted.append(self) or original(self)
from pathlib import Path
from smalta.runtimes.onnx_file import read_onnx
from smalta.runtimes.onnx_runtimes import start
start(*read_onnx(Path({str(random_file)!r})), name="openvino")
print(len(converted) > 0)
"""

    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)

    assert done.stdout.strip() == "True"
