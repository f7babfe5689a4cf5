"""An exported file answers like the run that it was made of, with any runtime that is installed."""

from __future__ import annotations

import json
import subprocess
import sys
import textwrap
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from onnx import ModelProto

from small_models import CARS
from smalta.errors import ModelError
from smalta.exporting.onnx_export import export
from smalta.inference.opened import open_model
from smalta.inference.predictor import load
from smalta.planning.cost import Way
from smalta.runtimes.onnx_file import examine, read_onnx
from smalta.runtimes.onnx_runtimes import start
from smalta.runtimes.open_vino import OpenVino
from smalta.runtimes.ort_cpu import OrtCpu

PICTURE = np.random.default_rng(0).integers(0, 256, (40, 50, 3), dtype=np.uint8)


def test_an_exported_model_answers_like_its_run(random_file: Path) -> None:
    of_file, of_run = load(random_file)(PICTURE), load(random_file.parent)(PICTURE)

    assert of_file.tree == CARS
    assert of_file.classes.shape == (40, 50)
    np.testing.assert_allclose(of_file.probabilities, of_run.probabilities, atol=0.05)  # a run's folder may use bf16
    assert of_file.attributes["body"].shape == (2, 40, 50)


def test_every_way_of_running_a_model_answers_alike(random_file: Path) -> None:
    onnx = [
        Way(runtime="openvino", streams=2, threads=1),
        Way(runtime="openvino", threads=2),
        Way(runtime="onnxruntime", threads=1),
    ]
    torch_ways = [Way(layout="channels_first", threads=1), Way(layout="channels_last", threads=2)]

    exported_model, run_model = open_model(random_file), open_model(random_file.parent)
    opened = [exported_model.runtime(way) for way in onnx] + [run_model.runtime(way) for way in torch_ways]
    maps = [runtime.maps(PICTURE[None]) for runtime in opened]

    assert [runtime.streams for runtime in opened] == [2, 1, 1, 1, 1]
    for one in maps[1:]:
        for name, values in maps[0].items():
            np.testing.assert_allclose(one[name], values, atol=1e-3)


def test_commands_and_load_answer_without_pytorch_installed(run: Path, discs: Path, tmp_path: Path) -> None:
    export(run, tmp_path / "model.onnx")
    code = """
        import glob
        import sys

        absent = ("torch", "torchvision", "timm", "lightning_fabric")
        sys.modules.update(dict.fromkeys(absent))  # an import of None fails as that of a package that is not there

        import smalta
        from smalta.cli import main

        run, data, out = sys.argv[1:]
        model = f"{out}/model.onnx"
        picture = glob.glob(f"{data}/val/images/*")[0]
        assert smalta.load(model)(picture).classes.shape == (72, 96)
        assert main(["predict", model, f"{data}/val/images", "--out", f"{out}/answers", "--overlay"]) == 0
        assert main(["evaluate", model, data, "--split", "val", "--json", f"{out}/report.json"]) == 0
        assert main(["export", run, "--out", f"{out}/again.onnx"]) == 1
        assert main(["predict", run, f"{data}/val/images", "--out", f"{out}/of_run"]) == 1
        assert not any(sys.modules.get(name) for name in absent)
    """

    done = subprocess.run(
        [sys.executable, "-c", textwrap.dedent(code), str(run), str(discs), str(tmp_path)],
        capture_output=True,
        text=True,
        check=False,
    )

    assert done.returncode == 0, done.stderr
    assert len(list((tmp_path / "answers" / "classes").iterdir())) == 2
    assert json.loads((tmp_path / "report.json").read_text())["n_pictures"] == 2
    assert done.stderr.count("pip install 'smalta[train]'") == 2


def test_openvino_runs_a_model_where_it_is_installed(random_file: Path) -> None:
    assert isinstance(start(*read_onnx(random_file)), OpenVino)


def test_onnx_runtime_runs_a_model_where_openvino_is_not(random_file: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    expected = load(random_file)(PICTURE)
    monkeypatch.setitem(sys.modules, "openvino", None)

    assert isinstance(start(*read_onnx(random_file)), OrtCpu)
    np.testing.assert_allclose(load(random_file)(PICTURE).probabilities, expected.probabilities, atol=1e-4)


def test_without_a_runtime_the_error_says_what_to_install(random_file: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "openvino", None)
    monkeypatch.setitem(sys.modules, "onnxruntime", None)

    with pytest.raises(ModelError, match=r"pip install openvino.*pip install 'smalta\[onnxruntime\]'"):
        load(random_file)


def test_an_exported_model_does_not_run_on_cuda(random_file: Path) -> None:
    with pytest.raises(ModelError, match="runs only on the processor"):
        load(random_file, device="cuda")


@pytest.mark.parametrize("runtime", [OpenVino, OrtCpu])
def test_a_graph_that_the_runtime_does_not_understand_is_an_error(
    runtime: Callable[..., object], content: bytes
) -> None:
    model = ModelProto.FromString(content)
    model.graph.node[-1].op_type = "Unheard"

    with pytest.raises(ModelError, match=r"cannot use the model: .*Unheard"):
        runtime(model.SerializeToString(), examine(content))
