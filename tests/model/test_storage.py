from __future__ import annotations

import json
import os
import pickle
from dataclasses import asdict
from pathlib import Path
from typing import Any

import pytest
import torch
from safetensors.torch import save_file

from smalta.answers.count_intervals import CountCalibration, NodeErrors
from smalta.classes import ClassTree
from smalta.description.model_info import ModelInfo
from smalta.description.network_config import NetworkConfig
from smalta.errors import ModelError
from smalta.model.network import Network
from smalta.model.storage import load_model, load_tensors, save_model, save_tensors

TREE = ClassTree(
    {
        "sky": {"ids": [4]},
        "car": {"kind": "thing", "children": ["audi", "honda"], "attributes": {"lit": ["on", "off"]}},
    },
    ignore=[255],
)
INFO = ModelInfo(
    tree=TREE,
    network=NetworkConfig.for_tree(TREE, encoder="plain", width=12, stride=2),
    threshold=0.25,
    counting=CountCalibration(pictures=12, nodes={"car/audi": NodeErrors(pictures=12, found=0.5, empty=None)}),
    facts={"step": 7, "validation_miou": None},
)


@pytest.fixture(scope="module")
def network() -> Network:
    torch.manual_seed(1)
    return Network(INFO.network).to(memory_format=torch.channels_last).eval()


@pytest.fixture
def path(network: Network, tmp_path: Path) -> Path:
    save_model(tmp_path / "model.safetensors", network.state_dict(), INFO)
    return tmp_path / "model.safetensors"


def change_header(path: Path, **changes: Any) -> None:
    """Overwrite entries of the header; None removes one."""
    tensors, header = load_tensors(path)
    header |= changes
    save_tensors(path, tensors, {key: value for key, value in header.items() if value != "remove"})


def test_a_model_answers_after_storage_as_before(network: Network, path: Path) -> None:
    pictures = torch.randint(0, 256, (2, 3, 64, 64), dtype=torch.uint8)

    loaded, info = load_model(path)

    assert info == INFO
    assert not loaded.training
    with torch.no_grad():
        for name, logits in network(pictures).items():
            assert torch.equal(loaded(pictures)[name], logits)


def test_a_model_is_one_file_and_nothing_is_left_beside_it(path: Path) -> None:
    assert list(path.parent.iterdir()) == [path]


def test_the_header_is_plain_json(path: Path) -> None:
    raw = path.read_bytes()
    header = json.loads(raw[8 : 8 + int.from_bytes(raw[:8], "little")])

    said = json.loads(header["__metadata__"]["smalta"])

    assert said["format_version"] == 1
    assert said["threshold"] == 0.25
    assert said["network"]["encoder"] == "plain"
    assert ClassTree.from_dict(said["tree"]) == TREE


@pytest.mark.parametrize("share", [0.0, 0.001, 0.5, 0.999])
def test_a_truncated_file_is_refused(share: float, path: Path) -> None:
    content = path.read_bytes()
    path.write_bytes(content[: int(len(content) * share)])

    with pytest.raises(ModelError, match=r"model\.safetensors is not a model file of smalta, or it is damaged"):
        load_model(path)


def test_a_pickle_is_refused_and_not_run(path: Path) -> None:
    class Bomb:
        def __reduce__(self) -> tuple[Any, ...]:
            return os.mkdir, (str(path.parent / "ran"),)

    path.write_bytes(pickle.dumps(Bomb()))

    with pytest.raises(ModelError, match="is not a model file of smalta, or it is damaged"):
        load_model(path)
    assert not (path.parent / "ran").exists()


@pytest.mark.parametrize("metadata", [None, {"format": "pt"}, {"smalta": "{"}])
def test_a_safetensors_file_of_somebody_else_is_refused(metadata: dict[str, str] | None, tmp_path: Path) -> None:
    save_file({"weight": torch.zeros(2)}, tmp_path / "other.safetensors", metadata=metadata)

    with pytest.raises(ModelError, match="is not a model file of smalta"):
        load_model(tmp_path / "other.safetensors")


def test_a_missing_file_or_a_folder_is_refused_with_the_way_out(tmp_path: Path) -> None:
    for name in ("none.safetensors", "."):
        with pytest.raises(ModelError, match="does not exist; name a folder that `smalta train --out` made"):
            load_model(tmp_path / name)


@pytest.mark.parametrize(
    ("changes", "sentence"),
    [
        ({"format_version": 2}, "its format version is 2, but this smalta reads at most 1; update smalta"),
        ({"format_version": "remove"}, "its description lacks the entry 'format_version'"),
        ({"threshold": "remove"}, "its description lacks the entry 'threshold'"),
        ({"tree": "remove"}, "its description lacks the entry 'tree'"),
        ({"tree": ["a", "b"]}, "the entry 'tree' of its description is a list of 2, not a mapping"),
        ({"tree": {"classes": ["a", "b"]}}, "its class tree and its network do not fit each other"),
        ({"tree": {"classes": {"a": {"kind": "x"}, "b": {}}}}, "kind of class 'a' must be 'stuff' or 'thing'"),
        ({"network": {"encoder": "plain"}}, "the network configuration lacks the entry 'n_leaves'"),
        ({"grouping": {"min_stuff": [0.0, 0.1]}}, "its limits of stuff and its class tree do not fit each other"),
        ({"grouping": {"min_stuff": 0.1}}, "the entry 'min_stuff' of the grouping rule is 0.1, not a list"),
        ({"counting": INFO.to_dict()["counting"] | {"coverage": -1}}, "coverage must be between 0 and 1, got -1"),
        (
            {"counting": {"pictures": 9, "coverage": 0.9, "nodes": {"cat": asdict(INFO.counting.nodes["car/audi"])}}},
            "its counts and its class tree do not fit",
        ),
        ({"network": {"n_leaves": 3, "depth": 9}}, r"unknown keys \['depth'\] in the network configuration"),
        ({"threshold": "half"}, "the entry 'threshold' of its description is 'half', not a finite number or null"),
    ],
)
def test_a_header_that_makes_no_model_is_refused(changes: dict[str, Any], sentence: str, path: Path) -> None:
    change_header(path, **changes)

    with pytest.raises(ModelError, match=rf"model\.safetensors cannot be used: {sentence}"):
        load_model(path)


def test_an_encoder_that_timm_lacks_is_refused(path: Path) -> None:
    change_header(path, network=INFO.network.to_dict() | {"encoder": "resnet19"})

    with pytest.raises(ModelError, match="cannot be used: encoder 'resnet19' is not a timm model"):
        load_model(path)


def test_weights_of_another_network_are_refused_in_one_line(path: Path) -> None:
    change_header(path, network=INFO.network.to_dict() | {"width": 24})

    with pytest.raises(ModelError, match="cannot be used: Error") as caught:
        load_model(path)

    assert "\n" not in str(caught.value)
    assert len(str(caught.value)) < 500


def test_a_failed_write_leaves_the_old_file_and_no_rest(path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    before = path.read_bytes()

    def full(*_: Any) -> None:
        raise OSError("No space left on device")

    monkeypatch.setattr(os, "replace", full)

    with pytest.raises(ModelError, match=r"cannot be written: No space left on device; free some space"):
        save_tensors(path, {"weight": torch.zeros(2)}, {})

    assert path.read_bytes() == before
    assert list(path.parent.iterdir()) == [path]


def test_a_folder_that_is_not_there_is_an_error_in_words(tmp_path: Path) -> None:
    with pytest.raises(ModelError, match="cannot be written"):
        save_tensors(tmp_path / "none" / "file.safetensors", {"weight": torch.zeros(2)}, {})


def test_tensors_of_any_layout_and_type_survive(tmp_path: Path) -> None:
    tensors = {
        "weight": torch.randn(4, 3, 2, 2).to(memory_format=torch.channels_last),
        "half": torch.randn(3).bfloat16(),
        "count": torch.tensor(7),
        "view": torch.arange(12.0).view(3, 4).T,
    }

    save_tensors(tmp_path / "file.safetensors", tensors, {"step": 3})
    loaded, header = load_tensors(tmp_path / "file.safetensors")

    assert header == {"step": 3}
    assert loaded.keys() == tensors.keys()
    assert all(torch.equal(loaded[name], tensor) for name, tensor in tensors.items())
    assert loaded["half"].dtype == torch.bfloat16
