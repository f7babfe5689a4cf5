from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from small_models import CARS, save_random_model
from smalta.errors import ModelError
from smalta.runtimes.weights_file import read_weights


@pytest.fixture(scope="module")
def model(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return save_random_model(tmp_path_factory.mktemp("models")) / "model.safetensors"


def with_header(content: bytes, **changes: Any) -> bytes:
    """The same file with other entries in its header."""
    end = 8 + int.from_bytes(content[:8], "little")
    header = json.dumps(json.loads(content[8:end]) | changes).encode()
    return len(header).to_bytes(8, "little") + header + content[end:]


def test_a_file_is_read_whole_with_what_it_means(model: Path) -> None:
    content, info = read_weights(model)

    assert content == model.read_bytes()
    assert info.tree == CARS
    assert info.facts == {"settings": {"seed": 0}}


def test_a_file_that_is_not_whole_or_not_smaltas_is_refused(model: Path, tmp_path: Path) -> None:
    good, path = model.read_bytes(), tmp_path / "model.safetensors"
    damaged = {
        "empty": b"",
        "no safetensors": b"no",
        "cut short": good[:-10],
        "too long": good + b"xx",
        "of another program": with_header(good, __metadata__={"format": "pt"}),
        "without a header": with_header(good, __metadata__={}),
        "no JSON": with_header(good, __metadata__={"smalta": "{"}),
        "nested too deeply": with_header(good, __metadata__={"smalta": "[" * 100_000}),
        "no description": with_header(good, __metadata__={"smalta": "[]"}),
    }
    for name, content in damaged.items():
        path.write_bytes(content)
        with pytest.raises(
            ModelError, match=r"model\.safetensors is not a model file of smalta, or it is damaged"
        ) as caught:
            read_weights(path)
        assert len(str(caught.value).splitlines()) == 1, name


def test_a_file_that_is_missing_is_refused(tmp_path: Path) -> None:
    with pytest.raises(ModelError, match="does not exist; name a folder that `smalta train --out` made"):
        read_weights(tmp_path / "model.safetensors")
