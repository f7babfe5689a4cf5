from pathlib import Path

import pytest

from smalta.description.run_folder import MODEL_FILE, SETTINGS_FILE, model_file, read_settings
from smalta.errors import ModelError


def test_a_model_is_named_by_its_folder_or_its_file(tmp_path: Path) -> None:
    assert model_file(tmp_path) == tmp_path / MODEL_FILE
    assert model_file(tmp_path / "none") == tmp_path / "none" / MODEL_FILE
    assert model_file(tmp_path / "best.safetensors") == tmp_path / "best.safetensors"


def test_settings_are_read_as_plain_data(tmp_path: Path) -> None:
    (tmp_path / SETTINGS_FILE).write_text('{"data": "a", "settings": {"seed": 3}}')

    assert read_settings(tmp_path) == {"data": "a", "settings": {"seed": 3}}


@pytest.mark.parametrize(
    ("content", "why"),
    [
        (None, "No such file"),
        (b"", "not JSON: "),
        (b"\xff\xfe", "not JSON: "),
        (b"[" * 100_000, "not JSON: "),
        (b"[]", "it holds a list of 0"),
        (b"null", "it holds null"),
    ],
)
def test_settings_that_cannot_be_read_are_refused_in_a_sentence(
    content: bytes | None, why: str, tmp_path: Path
) -> None:
    if content is not None:
        (tmp_path / SETTINGS_FILE).write_bytes(content)

    with pytest.raises(ModelError, match=rf"settings\.json is damaged \(.*{why}.*\); start a new run in another fold"):
        read_settings(tmp_path)
