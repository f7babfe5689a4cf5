"""What all tests share."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest
from hypothesis import settings

import environment
from labelled_sets import write_set
from machines import pretend
from small_models import save_random_model
from smalta.classes import ClassTree
from trees import STREET

settings.register_profile("smalta", deadline=None, max_examples=60)  # a busy machine is slow, not wrong
settings.load_profile("smalta")


@pytest.fixture(scope="session", autouse=True)
def round_machine(tmp_path_factory: pytest.TempPathFactory) -> Iterator[None]:
    """Every test sees a machine of round numbers, also in other processes; the user's measurement is left alone."""
    with pytest.MonkeyPatch.context() as patch:
        pretend(patch, tmp_path_factory.mktemp("cache"), bf16=environment.BF16)
        yield


@pytest.fixture
def street() -> ClassTree:
    """Sky, vehicles three levels deep, a person."""
    return ClassTree(STREET)


@pytest.fixture(scope="session")
def discs(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A binary data set: four training and two validation pictures of 72 x 96 px, classes ground and disc."""
    return write_set(tmp_path_factory.mktemp("discs"))


@pytest.fixture(scope="session")
def run(discs: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The folder of a run of ten steps on `discs`, validated after steps 2, 4, 6, 8 and 10."""
    from smalta.training.train import train
    from tiny_runs import settings

    folder = tmp_path_factory.mktemp("runs") / "run"
    train(discs, folder, settings(steps=10))
    return folder


@pytest.fixture(scope="session")
def random_run(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A run's folder that holds a model with random weights and nothing else; see `small_models`."""
    return save_random_model(tmp_path_factory.mktemp("random") / "run")


@pytest.fixture(scope="session")
def random_file(random_run: Path) -> Path:
    """The same model, exported."""
    from smalta.exporting.onnx_export import export

    export(random_run, random_run / "model.onnx")
    return random_run / "model.onnx"
