"""Exported files that are unsafe, damaged or foreign are refused before a runtime sees them."""

from __future__ import annotations

import json
import pickle
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from onnx import ModelProto, TensorProto, helper

from smalta.classes import ClassTree
from smalta.description.model_info import ModelInfo
from smalta.description.network_config import NetworkConfig
from smalta.errors import ModelError, SmaltaError
from smalta.inference.predictor import load
from smalta.runtimes.onnx_file import examine


def test_missing_files_folders_and_other_files_are_refused(tmp_path: Path) -> None:
    (tmp_path / "folder.onnx").mkdir()
    (tmp_path / "pickled.onnx").write_bytes(pickle.dumps({"weights": [1.0]}))
    (tmp_path / "empty.onnx").touch()

    for name, reason in (
        ("gone", "does not exist"),
        ("folder", "does not exist"),
        ("pickled", "not an ONNX file, or it is damaged"),
        ("empty", "lacks the description of its classes"),
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
        (forget_description, "lacks the description of its classes"),
        (garble_description, "description is damaged"),
        (nest_description, "description is damaged"),
        (described(lambda values: [values]), "description is a list"),
        (stating(format_version=2), "format version is 2.*update"),
        (without("tree"), "lacks the entry 'tree'"),
        (stating(network=7), "'network' of its description is 7, not a mapping"),
        (stating(tree={"classes": ["sky"]}), "one leaf"),
        (stating(tree={"classes": ["sky", "road", "tree", "car"]}), "do not fit each other"),
        (described(more_classes), "inputs and outputs do not fit its classes"),
        (refer_to_a_file, "is in another file"),
        (claim_size(2**40, 2**20), "has the shape 1099511627776 x 1048576 and holds"),
        (claim_size(-1, 8), "impossible shape -1 x 8"),
        (claim_size(*[1] * 9), "impossible shape"),
        (claim_size_of_a_constant, "has the shape 1099511627776 and holds"),
        (hold_text, "does not hold plain numbers"),
        (foreign_operator, "not in the ONNX standard"),
        (subgraph, "'If' has attributes"),
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
