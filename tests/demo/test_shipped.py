from __future__ import annotations

import hashlib
import json
import shutil
from pathlib import Path

import numpy as np
import pytest

from smalta.demo.shipped import CARD, ENCODER_LICENCE, FOLDER, MODEL, model_card, shipped_model
from smalta.errors import ModelError
from smalta.inference.predictor import load
from smalta.scenes import generate, scene_tree


def test_the_shipped_model_is_what_its_card_says() -> None:
    content, card = shipped_model().read_bytes(), model_card()

    assert hashlib.sha256(content).hexdigest() == card["sha256"]
    assert len(content) == card["bytes"] <= 6_000_000


def test_licences_are_stated_and_that_of_the_encoder_lies_beside_the_model() -> None:
    card = model_card()

    assert card["licence"] == card["encoder"]["licence"] == "Apache-2.0"
    assert card["encoder"]["licence_file"] == ENCODER_LICENCE
    assert "Licensed under the Apache License, Version 2.0" in (FOLDER / ENCODER_LICENCE).read_text(encoding="utf-8")


def test_the_shipped_model_knows_the_classes_of_scenes_and_answers_well() -> None:
    predictor = load(shipped_model())
    scenes = [generate("mixed", seed) for seed in range(4)]  # the training began at seed 20261130

    right = [predictor(scene.picture).classes == scene.classes for scene in scenes]

    assert predictor.tree == scene_tree()
    assert np.mean(right) > 0.7


@pytest.fixture
def copied(tmp_path: Path) -> Path:
    for name in (MODEL, CARD):
        shutil.copy(FOLDER / name, tmp_path / name)
    return tmp_path


def test_a_damaged_model_is_refused(copied: Path) -> None:
    content = bytearray((copied / MODEL).read_bytes())
    content[len(content) // 2] ^= 1
    (copied / MODEL).write_bytes(content)

    with pytest.raises(ModelError, match=r"scenes\.onnx is damaged: its SHA-256 digest is .*; install smalta again"):
        shipped_model(copied)


@pytest.mark.parametrize("name", [MODEL, CARD])
def test_a_missing_file_is_reported(name: str, copied: Path) -> None:
    (copied / name).unlink()

    with pytest.raises(ModelError, match=rf"{name} cannot be read .*; install smalta again"):
        shipped_model(copied)


@pytest.mark.parametrize("content", ["[]", json.dumps({"sha256": 3})])
def test_a_card_without_a_digest_is_refused(content: str, copied: Path) -> None:
    (copied / CARD).write_text(content)

    with pytest.raises(ModelError, match="states no SHA-256 digest"):
        shipped_model(copied)
