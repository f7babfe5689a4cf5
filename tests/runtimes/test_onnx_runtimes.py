from __future__ import annotations

import json
import pickle
import subprocess
import sys
import textwrap
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from onnx import ModelProto, TensorProto, helper

from small_models import CARS, save_random_model
from smalta.classes import ClassTree
from smalta.description.model_info import ModelInfo
from smalta.description.network_config import NetworkConfig
from smalta.errors import ModelError, SmaltaError
from smalta.export.onnx_export import export
from smalta.inference.opened import open_model
from smalta.inference.predictor import load
from smalta.plan.cost import Way
from smalta.runtimes import open_vino
from smalta.runtimes.onnx_file import examine, read_onnx
from smalta.runtimes.onnx_runtimes import start
from smalta.runtimes.open_vino import OpenVino, multiplies_bf16
from smalta.runtimes.ort_cpu import OrtCpu

PICTURE = np.random.default_rng(0).integers(0, 256, (40, 50, 3), dtype=np.uint8)


@pytest.fixture(scope="module")
def exported(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("exported")
    export(save_random_model(folder), folder / "model.onnx")
    return folder / "model.onnx"


@pytest.fixture(scope="module")
def content(exported: Path) -> bytes:
    return exported.read_bytes()


# -- answering ----------------------------------------------------------------------------------------


def test_an_exported_model_answers_like_its_run(exported: Path) -> None:
    of_file, of_run = load(exported)(PICTURE), load(exported.parent)(PICTURE)

    assert of_file.tree == CARS
    assert of_file.classes.shape == (40, 50)
    np.testing.assert_allclose(of_file.probabilities, of_run.probabilities, atol=0.05)  # a run's folder may use bf16
    assert of_file.attributes["body"].shape == (2, 40, 50)


def test_every_way_of_running_a_model_answers_alike(exported: Path) -> None:
    onnx = [
        Way(runtime="openvino", streams=2, threads=1),
        Way(runtime="openvino", threads=2),
        Way(runtime="onnxruntime", threads=1),
    ]
    torch_ways = [Way(layout="channels_first", threads=1), Way(layout="channels_last", threads=2)]

    exported_model, run_model = open_model(exported), open_model(exported.parent)
    opened = [exported_model.runtime(way) for way in onnx] + [run_model.runtime(way) for way in torch_ways]
    maps = [runtime.maps(PICTURE[None]) for runtime in opened]

    assert [runtime.streams for runtime in opened] == [2, 1, 1, 1, 1]
    for one in maps[1:]:
        for name, values in maps[0].items():
            np.testing.assert_allclose(one[name], values, atol=1e-3)


@pytest.mark.parametrize("able", [False, True])
def test_a_plan_says_whether_a_file_of_bf16_runs_in_it(
    able: bool, exported: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(open_vino, "multiplies_bf16", lambda: able)
    content = exported.read_bytes()
    info = replace(examine(content), precision="bf16")

    exact, told = (OpenVino(content, info, precision=one).maps(PICTURE[None]) for one in ("fp32", None))

    np.testing.assert_allclose(exact["logits"], OpenVino(content, examine(content)).maps(PICTURE[None])["logits"])
    if not able:
        np.testing.assert_array_equal(exact["logits"], told["logits"])
    elif multiplies_bf16():  # another processor only pretends to
        assert not np.allclose(exact["logits"], told["logits"], atol=1e-4)


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


def test_openvino_runs_a_model_where_it_is_installed(exported: Path) -> None:
    assert isinstance(start(*read_onnx(exported)), OpenVino)


def test_onnx_runtime_runs_a_model_where_openvino_is_not(exported: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    expected = load(exported)(PICTURE)
    monkeypatch.setitem(sys.modules, "openvino", None)

    assert isinstance(start(*read_onnx(exported)), OrtCpu)
    np.testing.assert_allclose(load(exported)(PICTURE).probabilities, expected.probabilities, atol=1e-4)


def test_without_a_runtime_the_error_says_what_to_install(exported: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "openvino", None)
    monkeypatch.setitem(sys.modules, "onnxruntime", None)

    with pytest.raises(ModelError, match=r"pip install openvino.*pip install 'smalta\[onnxruntime\]'"):
        load(exported)


def test_an_exported_model_does_not_run_on_cuda(exported: Path) -> None:
    with pytest.raises(ModelError, match="runs on the processor"):
        load(exported, device="cuda")


# -- files that cannot be used ------------------------------------------------------------------------


def test_missing_files_folders_and_other_files_are_refused(tmp_path: Path) -> None:
    (tmp_path / "folder.onnx").mkdir()
    (tmp_path / "pickled.onnx").write_bytes(pickle.dumps({"weights": [1.0]}))
    (tmp_path / "empty.onnx").touch()

    for name, reason in (
        ("gone", "does not exist"),
        ("folder", "does not exist"),
        ("pickled", "no ONNX file, or it is damaged"),
        ("empty", "does not say what its classes are"),
    ):
        with pytest.raises(ModelError, match=rf"{name}\.onnx .*{reason}"):
            load(tmp_path / f"{name}.onnx")


def test_a_file_longer_than_onnx_allows_is_not_read(tmp_path: Path) -> None:
    path = tmp_path / "long.onnx"
    with path.open("wb") as file:
        file.truncate(2**31)  # a hole: it takes no room on the disk

    with pytest.raises(ModelError, match="2,147,483,648 bytes"):
        load(path)


def described(change: Callable[[dict[str, Any]], dict[str, Any] | list[Any]]) -> Callable[[ModelProto], None]:
    """A change of the description, as a change of the model."""

    def apply(model: ModelProto) -> None:
        model.metadata_props[0].value = json.dumps(change(json.loads(model.metadata_props[0].value)))

    return apply


def stating(**entries: Any) -> Callable[[ModelProto], None]:
    return described(lambda values: values | entries)


def without(name: str) -> Callable[[ModelProto], None]:
    return described(lambda values: {key: value for key, value in values.items() if key != name})


def more_classes(values: dict[str, Any]) -> dict[str, Any]:
    tree = ClassTree(["a", "b", "c", "d"])
    return ModelInfo(tree=tree, network=NetworkConfig.for_tree(tree, encoder="plain", width=12)).to_dict()


def forget_description(model: ModelProto) -> None:
    del model.metadata_props[:]


def garble_description(model: ModelProto) -> None:
    model.metadata_props[0].value = "{"


def nest_description(model: ModelProto) -> None:
    model.metadata_props[0].value = "[" * 100_000


def refer_to_a_file(model: ModelProto) -> None:
    tensor = model.graph.initializer[0]
    tensor.ClearField("raw_data")
    tensor.data_location = TensorProto.EXTERNAL
    entry = tensor.external_data.add()
    entry.key, entry.value = "location", "../../etc/passwd"


def claim_size(*dims: int) -> Callable[[ModelProto], None]:
    def apply(model: ModelProto) -> None:
        del model.graph.initializer[0].dims[:]
        model.graph.initializer[0].dims.extend(dims)

    return apply


def claim_size_of_a_constant(model: ModelProto) -> None:
    constant = next(node for node in model.graph.node if node.op_type == "Constant")
    constant.attribute[0].t.dims[:] = [2**40]


def hold_text(model: ModelProto) -> None:
    model.graph.initializer[0].data_type = TensorProto.STRING


def foreign_operator(model: ModelProto) -> None:
    model.graph.node[0].domain = "com.example"


def subgraph(model: ModelProto) -> None:
    graph = helper.make_graph([], "inner", [], [])
    model.graph.node.append(helper.make_node("If", ["x"], ["y"], then_branch=graph, else_branch=graph))


def function(model: ModelProto) -> None:
    model.functions.add().name = "f"


def other_input(model: ModelProto) -> None:
    model.graph.input[0].type.tensor_type.elem_type = TensorProto.FLOAT


def fixed_size(model: ModelProto) -> None:
    model.graph.input[0].type.tensor_type.shape.dim[1].dim_value = 64


def one_output_less(model: ModelProto) -> None:
    del model.graph.output[1]


@pytest.mark.parametrize(
    ("change", "reason"),
    [
        (forget_description, "does not say what its classes are"),
        (garble_description, "description is damaged"),
        (nest_description, "description is damaged"),
        (described(lambda values: [values]), "description is a list"),
        (stating(format_version=2), "format version is 2.*update"),
        (without("tree"), "lacks the entry 'tree'"),
        (stating(network=7), "'network' of its description is 7, not a mapping"),
        (stating(tree={"classes": ["sky"]}), "one leaf"),
        (stating(tree={"classes": ["sky", "road", "tree", "car"]}), "do not fit each other"),
        (described(more_classes), "inputs and outputs do not fit its classes"),
        (refer_to_a_file, "lies in another file"),
        (claim_size(2**40, 2**20), "says 1099511627776 x 1048576, but the file holds"),
        (claim_size(-1, 8), "impossible shape -1 x 8"),
        (claim_size(*[1] * 9), "impossible shape"),
        (claim_size_of_a_constant, "says 1099511627776, but the file holds"),
        (hold_text, "no plain numbers"),
        (foreign_operator, "not of the ONNX standard"),
        (subgraph, "'If' has parts"),
        (function, "functions"),
        (other_input, "inputs and outputs"),
        (fixed_size, "inputs and outputs"),
        (one_output_less, "inputs and outputs"),
    ],
)
def test_a_file_that_is_unsafe_or_not_smaltas_is_refused_in_a_sentence(
    change: Callable[[ModelProto], None], reason: str, content: bytes, tmp_path: Path
) -> None:
    model = ModelProto.FromString(content)
    change(model)
    (tmp_path / "model.onnx").write_bytes(model.SerializeToString())

    with pytest.raises(ModelError, match=rf"model\.onnx cannot be used: .*{reason}") as caught:
        load(tmp_path / "model.onnx")

    assert len(str(caught.value).splitlines()) == 1


def test_a_graph_that_blows_up_a_small_picture_is_refused_before_it_runs(content: bytes) -> None:
    model = ModelProto.FromString(content)
    resize = [node for node in model.graph.node if node.op_type == "Resize"][-1]
    model.graph.initializer.append(helper.make_tensor("huge", TensorProto.FLOAT, [4], [1, 1, 1e5, 1e5]))
    resize.input[2] = "huge"
    changed = model.SerializeToString()

    with pytest.raises(ModelError, match=r"makes an array of .* for a picture of 64 x 64"):
        start(changed, examine(changed))


@pytest.mark.parametrize("runtime", [OpenVino, OrtCpu])
def test_a_graph_that_the_runtime_does_not_understand_is_an_error(
    runtime: Callable[..., object], content: bytes
) -> None:
    model = ModelProto.FromString(content)
    model.graph.node[-1].op_type = "Unheard"

    with pytest.raises(ModelError, match=r"cannot use it: .*Unheard"):
        runtime(model.SerializeToString(), examine(content))


@given(data=st.data())
def test_a_file_cut_short_or_changed_in_a_few_bytes_is_read_or_refused(content: bytes, data: st.DataObject) -> None:
    places = (
        st.integers(0, len(content) - 1) | st.integers(0, 3000) | st.integers(len(content) - 3000, len(content) - 1)
    )
    with pytest.raises(SmaltaError):
        examine(content[: data.draw(places)])
    damaged = bytearray(content)
    for _ in range(data.draw(st.integers(1, 4))):
        damaged[data.draw(places)] = data.draw(st.integers(0, 255))

    try:
        info = examine(bytes(damaged))
    except SmaltaError:
        return
    assert isinstance(info, ModelInfo)


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
