"""The public API: what `import smalta` gives, what it costs, and that the examples of its docstrings run."""

from __future__ import annotations

import ast
import doctest
import inspect
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

import smalta
from smalta.inference import predictor
from smalta.scenes.motion import generate_clip
from smalta.scenes.motion.writing import write_clip
from tiny_runs import settings

SOURCE = Path(smalta.__file__).read_text(encoding="utf-8")
NAMES = [name for name in smalta.__all__ if name != "__version__"]
FUNCTIONS = [name for name in NAMES if inspect.isfunction(getattr(smalta, name))]
ROWS = {"Attribute", "Converted", "Entry", "Exported", "Finding", "Machine", "Node", "NodeCount", "NodePresence"}
ROWS |= {"Outcome", "Predicted", "Report", "Sample", "TrainResult", "Verdict", "Watched"}  # shown by what makes them
STREET = """\
picture: [160, 96]
zones: {road: {stuff: road}}
lines: {kerb: {from: [0, 60], to: [160, 60], in: right, of: person}}
"""


def test_load_is_at_hand_after_import_smalta() -> None:
    assert smalta.load is predictor.load


def test_an_unknown_name_is_an_attribute_error() -> None:
    with pytest.raises(AttributeError, match="'lod'"):
        smalta.lod  # noqa: B018 - asking is the act


def test_import_smalta_loads_neither_numpy_nor_torch() -> None:
    code = "import sys, smalta; sys.exit(bool({'numpy', 'torch', 'cv2'} & sys.modules.keys()))"

    assert subprocess.run([sys.executable, "-c", code], check=False).returncode == 0


def test_type_checkers_see_the_names_that_the_program_gives() -> None:
    guarded = next(node for node in ast.parse(SOURCE).body if isinstance(node, ast.If))
    imported = {
        (alias.name, node.module) for node in guarded.body if isinstance(node, ast.ImportFrom) for alias in node.names
    }

    assert imported == set(smalta._PUBLIC.items())
    assert sorted(NAMES) == sorted(smalta._PUBLIC)
    assert set(NAMES) <= set(dir(smalta))


def test_no_room_hides_a_public_name() -> None:
    rooms = {path.name for path in Path(smalta.__file__).parent.iterdir() if path.is_dir()}

    assert not rooms & set(NAMES)


@pytest.mark.parametrize("name", NAMES)
def test_every_public_name_says_what_it_is(name: str) -> None:
    value = getattr(smalta, name)

    assert inspect.getdoc(value)
    if name in FUNCTIONS:
        assert "Example:" in (value.__doc__ or "")
        assert "Args:" in value.__doc__ or not inspect.signature(value).parameters


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with `scenes`, a data set, `run`, a model trained on it for two steps, and `model.onnx`; a clip,
    `street.mp4`, its rules, `street.yaml`, what the model saw in it, `watched`, and `counted.csv`.
    """
    made = tmp_path_factory.mktemp("public")
    smalta.write_scenes(made / "scenes", n_train=4, n_val=2, n_test=2, size_hw=(64, 96))
    smalta.train(made / "scenes", made / "run", settings(steps=2, crop=64))
    smalta.export(made / "run", made / "model.onnx")
    write_clip(generate_clip("street", 1, seconds=2, fps=10, size_hw=(96, 160)), made / "street.mp4")
    (made / "street.yaml").write_text(STREET, encoding="utf-8")
    (made / "counted.csv").write_text("from,to,name,in,out\n0,1,kerb,0,0\n", encoding="utf-8")
    smalta.watch(made / "run", made / "street.mp4", made / "street.yaml", made / "watched")
    return made


@pytest.mark.parametrize("name", [name for name in NAMES if name not in ROWS])
def test_the_example_of_a_docstring_runs(name: str, folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    value = getattr(smalta, name)
    public: dict[str, Any] = {other: getattr(smalta, other) for other in NAMES}
    test = doctest.DocTestParser().get_doctest(inspect.getdoc(value) or "", public, name, None, 0)
    monkeypatch.chdir(folder)
    said: list[str] = []

    failed, tried = doctest.DocTestRunner().run(test, out=said.append)

    assert not failed, "".join(said)
    assert tried or issubclass(value, smalta.SmaltaError)
