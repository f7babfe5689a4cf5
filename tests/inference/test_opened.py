"""A model's file is read once, whatever a command does with the model."""

from __future__ import annotations

import hashlib
import shutil
from pathlib import Path

import pytest
from safetensors.torch import load_file

from machines import TWO_CORES
from small_models import save_random_model
from smalta.classes import ClassTree
from smalta.cli import main
from smalta.errors import ModelError
from smalta.inference import trial
from smalta.inference.opened import OpenedModel, open_model
from smalta.model.storage import load_model, save_model
from smalta.planning.cost import Way


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A run's folder of a model for the classes of `discs` with objects, and the exported file in it."""
    from smalta.exporting.onnx_export import export

    tree = ClassTree({"ground": {}, "disc": {"kind": "thing"}})
    run = save_random_model(tmp_path_factory.mktemp("models") / "run", tree, objects=True)
    export(run, run / "model.onnx")
    return run


@pytest.fixture(params=["", "model.onnx"], ids=["run", "exported"])
def model(request: pytest.FixtureRequest, folder: Path, tmp_path: Path) -> Path:
    """A copy of either, which a test may destroy."""
    return shutil.copytree(folder, tmp_path / "run") / request.param


@pytest.mark.parametrize(
    "command",
    [
        ("predict", "MODEL", "PICTURES", "--out", "OUT", "--overlay"),
        ("count", "MODEL", "PICTURES"),
        ("evaluate", "MODEL", "DATA", "--split", "val", "--classes", "CLASSES"),
        ("plan", "MODEL", "--measure", "--size", "96"),
    ],
    ids=lambda command: command[0],
)
def test_a_command_reads_the_models_file_once(
    command: tuple[str, ...], model: Path, discs: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("smalta.planning.machine.this_machine", lambda *, refresh=False: TWO_CORES)
    monkeypatch.setattr(trial, "SECONDS", 0.0)
    (tmp_path / "classes.yaml").write_text("classes: {ground: {}, disc: {kind: thing}}\n")
    file = model if model.suffix else model / "model.safetensors"
    reads: list[Path] = []
    original = Path.read_bytes

    def read_and_destroy(path: Path) -> bytes:
        content = original(path)
        if path == file:
            reads.append(path)
            path.unlink()  # whoever reads it again, by whatever way, finds nothing
        return content

    monkeypatch.setattr(Path, "read_bytes", read_and_destroy)
    places = {
        "MODEL": model,
        "PICTURES": discs / "val" / "images",
        "DATA": discs,
        "OUT": tmp_path / "out",
        "CLASSES": tmp_path / "classes.yaml",
    }

    assert main([str(places.get(word, word)) for word in command]) == 0
    assert reads == [file]


def test_the_digest_is_that_of_the_file(model: Path) -> None:
    opened = open_model(model)

    assert opened.digest == hashlib.sha256(opened.file.read_bytes()).hexdigest()
    assert opened.path == model


def test_a_model_that_is_open_is_not_opened_again(model: Path) -> None:
    opened = open_model(model)

    assert isinstance(opened, OpenedModel)
    assert open_model(opened) is opened
    assert repr(opened).count("\n") == 0
    assert "content" not in repr(opened)  # megabytes


def test_a_way_says_how_many_streams_run(folder: Path) -> None:
    opened = open_model(folder / "model.onnx")

    assert [opened.runtime(Way(runtime="openvino", streams=n, threads=1)).streams for n in (1, 2)] == [1, 2]


def test_weights_of_another_network_are_refused(folder: Path, tmp_path: Path) -> None:
    path = tmp_path / "model.safetensors"
    weights = load_file(folder / "model.safetensors")
    weights["stranger"] = weights.pop(next(iter(weights)))
    save_model(path, weights, load_model(folder / "model.safetensors")[1])

    with pytest.raises(ModelError, match=r"model\.safetensors cannot be used: Error.*stranger") as caught:
        open_model(path).runtime()

    assert len(str(caught.value).splitlines()) == 1
