"""Training with labelled objects, end to end on a few generated scenes and discs."""

from __future__ import annotations

import json
import shutil
from pathlib import Path

import numpy as np
import pytest

from smalta.classes import ClassTree
from smalta.description.run_folder import MODEL_FILE
from smalta.errors import ConfigError
from smalta.inference.predictor import load
from smalta.model.storage import load_model
from smalta.scenes import write_scenes
from smalta.training.recipe import kind_of
from smalta.training.settings import TrainSettings
from smalta.training.train import train

NUCLEI = ClassTree({"ground": {}, "nucleus": {"kind": "thing"}})
STREET = ClassTree({"sky": {}, "road": {}, "car": {"kind": "thing"}})
PLAIN = ClassTree(["sky", "road", "car"])


def settings(**told: object) -> TrainSettings:
    usual = {"steps": 6, "encoder": "plain", "pretrained": False, "device": "cpu", "batch": 2, "crop": 64, "width": 12}
    return TrainSettings.from_dict(usual | told)


@pytest.fixture(scope="module")
def scenes(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return write_scenes(tmp_path_factory.mktemp("data") / "scenes", n_train=6, n_val=3, n_test=1, size_hw=(96, 128))


@pytest.fixture(scope="module")
def run(scenes: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("runs") / "run"
    train(scenes, folder, settings())
    return folder


@pytest.mark.parametrize(
    ("tree", "has_instances", "kind"),
    [
        (NUCLEI, True, "instance"),
        (NUCLEI, False, "binary"),
        (STREET, True, "panoptic"),
        (STREET, False, "semantic"),
        (PLAIN, True, "semantic"),
    ],
)
def test_the_kind_follows_from_labels_and_classes(tree: ClassTree, has_instances: bool, kind: str) -> None:
    assert kind_of("auto", tree, has_instances)[0] == kind


def test_a_kind_that_labels_or_classes_do_not_allow_is_refused() -> None:
    with pytest.raises(ConfigError, match="objects are not labelled; use --kind binary"):
        kind_of("instance", NUCLEI, False)
    with pytest.raises(ConfigError, match=r"no class is a thing .*; use --kind semantic"):
        kind_of("panoptic", PLAIN, True)
    with pytest.raises(ConfigError, match="'binary' needs two classes, but there are 3"):
        kind_of("binary", STREET, True)
    with pytest.raises(ConfigError, match="kind must be one of auto, binary"):
        TrainSettings(kind="objects")  # type: ignore[arg-type]


def test_labelled_objects_make_a_panoptic_model_that_answers_all_kinds(run: Path, scenes: Path) -> None:
    network, info = load_model(run / MODEL_FILE)
    predictor = load(run)
    picture = next((scenes / "test" / "images").iterdir())

    assert network.config.objects
    assert info.kind == "panoptic"
    assert info.counting is not None
    assert info.counting.pictures == 3
    answer = predictor(picture)
    assert answer.objects is not None
    assert answer.objects.instances.shape == (96, 128)
    assert answer.panoptic().min() > 0
    assert predictor(picture, kind="semantic").objects is None
    with pytest.raises(ConfigError, match="needs a model of two classes"):
        predictor(picture, kind="binary")


def test_the_weights_of_a_panoptic_run_are_chosen_by_panoptic_quality(run: Path) -> None:
    events = [json.loads(line) for line in (run / "log.jsonl").read_text().splitlines()]
    looks = [event for event in events if event["event"] == "validation"]

    assert {look["measure"] for look in looks} == {"PQ"}
    assert all(0 <= look["score"] <= 1 and 0 <= look["miou"] <= 1 for look in looks)
    assert any("kind panoptic" in event.get("text", "") for event in events)
    assert any("grouping rule for objects: min_thing" in event.get("text", "") for event in events)


def test_a_semantic_run_has_no_heads_for_objects(scenes: Path, tmp_path: Path) -> None:
    train(scenes, tmp_path / "run", settings(kind="semantic", steps=2))

    predictor = load(tmp_path / "run")
    assert predictor.kind == "semantic"
    assert predictor(np.zeros((40, 50, 3), np.uint8)).objects is None
    with pytest.raises(ConfigError, match="trained on labelled objects, this one is 'semantic'"):
        predictor(np.zeros((40, 50, 3), np.uint8), kind="instance")


def test_a_stopped_run_goes_on_with_its_objects(run: Path, scenes: Path, tmp_path: Path) -> None:
    folder = shutil.copytree(run, tmp_path / "run")

    result = train(scenes, folder, settings(steps=8), resume=True)

    assert result.steps == 8
    assert result.measure == "PQ"
    assert load_model(folder / MODEL_FILE)[1].kind == "panoptic"
