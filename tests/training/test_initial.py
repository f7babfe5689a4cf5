"""A training that starts from a model."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest
import torch

from small_models import CARS, save_random_model
from smalta.classes import ClassTree
from smalta.cli import main
from smalta.description.network_config import NetworkConfig
from smalta.description.run_folder import MODEL_FILE
from smalta.errors import ConfigError, ModelError
from smalta.exporting.onnx_export import export
from smalta.inference.predictor import load
from smalta.model.network import Network
from smalta.model.storage import load_model
from smalta.training.batches import Batch
from smalta.training.initial import LEARNING_RATE_SHARE, following, start_from
from smalta.training.settings import TrainSettings
from smalta.training.train import train
from tiny_runs import events, state

PICTURES = torch.randint(0, 256, (4, 3, 64, 64), dtype=torch.uint8, generator=torch.Generator().manual_seed(0))


def crops() -> Iterator[Batch]:
    yield Batch(pictures=PICTURES, labels=torch.zeros(4, 64, 64, dtype=torch.int64), attributes={}, objects={})


@pytest.fixture(scope="module")
def cars(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A model of sky, audi and honda, with bodies of cars and no objects; and its exported file."""
    run = save_random_model(tmp_path_factory.mktemp("cars"), stride=2)
    export(run, run / "model.onnx")
    return run


def started(model: Path, tree: ClassTree, *, objects: bool = False) -> tuple[Network, list[str]]:
    """A network that starts from a model, in evaluation mode, and what is said about it."""
    torch.manual_seed(1)
    network = Network(NetworkConfig.for_tree(tree, encoder="plain", stride=2, width=12, objects=objects))
    said = start_from(str(model), network, tree, crops())["notes"]
    return network.eval(), said


@torch.no_grad()
def test_for_the_same_classes_the_network_answers_as_the_model_does(cars: Path) -> None:
    network, said = started(cars, CARS)

    for name, values in load_model(cars / MODEL_FILE)[0](PICTURES).items():
        torch.testing.assert_close(network(PICTURES)[name], values)
    assert said == [
        f"the network starts from {cars.name}: all 3 classes keep their weights",
        "attributes: all 2 values keep their weights",
    ]


@torch.no_grad()
def test_from_an_exported_file_evaluation_and_training_mode_answer_as_the_model_does(cars: Path) -> None:
    network, _ = started(cars / "model.onnx", CARS)
    expected = load_model(cars / MODEL_FILE)[0](PICTURES)

    for answers in (network(PICTURES), network.train()(PICTURES)):
        for name, values in expected.items():
            torch.testing.assert_close(answers[name], values, atol=1e-3, rtol=1e-3)


@torch.no_grad()
def test_new_classes_start_from_those_above_them(cars: Path) -> None:
    tree = ClassTree(
        {"sky": {}, "person": {}, "car": {"children": {"audi": {}, "honda": {"children": ["jazz", "civic"]}}}}
    )

    network, said = started(cars, tree)

    old = load_model(cars / MODEL_FILE)[0](PICTURES)["semantic"]
    sky, person, audi, jazz, civic = network(PICTURES)["semantic"].unbind(1)
    torch.testing.assert_close(torch.stack([sky, audi], 1), old[:, :2])
    for split in (jazz, civic):
        torch.testing.assert_close(split, old[:, 2] - np.log(2))
    assert (person - old.mean(1)).abs().mean() < 0.1 * old.std()
    assert said == [
        f"the network starts from {cars.name}: 2 of 5 classes keep their weights; new: person (from all classes), "
        "car/honda/jazz (from car/honda), car/honda/civic (from car/honda)"
    ]


@torch.no_grad()
def test_attributes_are_matched_by_name_and_value(cars: Path) -> None:
    attributes = {"colour": ["red", "white"], "body": ["bus", "van", "truck"]}
    tree = ClassTree({"sky": {}, "car": {"children": ["audi", "honda"], "attributes": attributes}})

    network, said = started(cars, tree)

    van, bus = load_model(cars / MODEL_FILE)[0](PICTURES)["attributes"].unbind(1)
    found = network(PICTURES)["attributes"]
    torch.testing.assert_close(found[:, 2:], torch.stack([bus, van, (van + bus) / 2], 1))
    assert said[1] == (
        "attributes: 2 of 5 values keep their weights; new: colour/red (random weights), colour/white (random "
        "weights), body/truck (from body)"
    )


def test_heads_for_objects_are_taken_over_if_both_have_them(tmp_path: Path) -> None:
    model = save_random_model(tmp_path / "model", stride=2, objects=True)

    network, said = started(model, CARS, objects=True)
    _, said_without = started(model, CARS)

    its = load_model(model / MODEL_FILE)[0].state_dict()
    assert all(torch.equal(values, its[name]) for name, values in network.state_dict().items())
    assert not any("objects" in sentence for sentence in said)
    assert said_without[-1] == "the heads for objects of model are left out: this training has none"


def test_heads_for_objects_start_new_where_the_model_has_none(cars: Path) -> None:
    _, said = started(cars, CARS, objects=True)

    assert said[-1] == f"{cars.name} has no heads for objects, so these start new"


def test_settings_follow_the_model_and_the_learning_rate_is_lower(cars: Path) -> None:
    found = following(TrainSettings(initial=str(cars)))

    assert (found.encoder, found.width, found.stride) == ("plain", 12, 2)
    assert found.learning_rate == pytest.approx(LEARNING_RATE_SHARE * TrainSettings().learning_rate)
    assert following(TrainSettings(initial=str(cars), learning_rate=0.001)).learning_rate == 0.001
    assert following(TrainSettings()) == TrainSettings()


@pytest.mark.parametrize(
    ("contradicting", "sentence"),
    [
        ({"width": 24}, "width 24 contradicts .*, whose width is 12; omit --width"),
        ({"stride": 4}, "stride 4 contradicts .*, whose stride is 2; omit --stride"),
        ({"encoder": "resnet18"}, "encoder 'resnet18' contradicts .*, whose encoder is 'plain'; omit --encoder"),
        ({"pretrained": False}, "so not from random weights; omit --no-pretrained"),
    ],
)
def test_settings_that_contradict_the_model_are_refused(
    contradicting: dict[str, object], sentence: str, cars: Path
) -> None:
    with pytest.raises(ConfigError, match=sentence):
        following(TrainSettings(initial=str(cars), **contradicting))  # type: ignore[arg-type]


def test_what_is_no_model_is_refused_before_a_folder_is_made(discs: Path, tmp_path: Path) -> None:
    (tmp_path / "wrong.onnx").write_bytes(b"no")

    for name in ("wrong.onnx", "missing.onnx", "missing"):
        with pytest.raises(ModelError):
            train(discs, tmp_path / "run", TrainSettings(steps=1, initial=str(tmp_path / name)))
    assert not (tmp_path / "run").exists()


def test_a_run_from_an_exported_file_says_so_and_goes_on(run: Path, discs: Path, tmp_path: Path) -> None:
    export(run, tmp_path / "discs.onnx")
    chosen = TrainSettings(steps=2, crop=64, batch=2, device="cpu", initial=str(tmp_path / "discs.onnx"))

    train(discs, tmp_path / "again", chosen)

    facts = load(tmp_path / "again").facts
    stored = json.loads((tmp_path / "again" / "settings.json").read_text())
    assert facts["initial"]["model"] == facts["settings"]["initial"] == "discs.onnx"
    assert stored["settings"]["encoder"] == "plain"
    assert stored["settings"]["initial"] == str(tmp_path / "discs.onnx")
    assert stored["weights"] == facts["weights"] == "model"
    [start] = events(tmp_path / "again", "start")
    assert "the network starts from discs.onnx: all 2 classes keep their weights" in start["lines"]
    (tmp_path / "discs.onnx").unlink()  # a resumed run does not read it again
    train(discs, tmp_path / "again", TrainSettings(steps=3), resume=True)
    assert state(tmp_path / "again")[1]["step"] == 3
    assert load(tmp_path / "again").facts["initial"] == facts["initial"]


def test_the_command_starts_from_a_model_or_says_in_a_sentence_why_not(
    run: Path, discs: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    options = ["--out", str(tmp_path / "run"), "--steps", "1", "--crop", "64", "--batch", "2", "--device", "cpu"]

    assert main(["train", str(discs), *options, "--from", str(run), "--width", "24"]) == 1
    assert capsys.readouterr().err.endswith("omit --width, or train without --from\n")
    assert main(["train", str(discs), *options, "--from", str(run)]) == 0
    assert "the network starts from run: all 2 classes keep their weights" in " ".join(capsys.readouterr().out.split())
