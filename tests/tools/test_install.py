"""What the installation says, and where PyTorch comes from; nothing is installed."""

from __future__ import annotations

import subprocess
import sys
import threading
from collections.abc import Iterator
from functools import partial
from http.server import HTTPServer, SimpleHTTPRequestHandler
from pathlib import Path

import pytest
from tools.install import index_for_torch, own_index, progress_of, reachable, torch_requirements

from tools import install

PIP = [sys.executable, "-m", "pip"]


@pytest.mark.parametrize(
    ("own", "nvidia", "system", "expected"),
    [
        (None, False, "Linux", "processor builds"),
        (None, True, "Linux", None),
        (None, False, "Darwin", None),  # PyPI has processor builds for it
        ("https://mirror.example/simple", False, "Linux", None),
    ],
)
def test_pytorch_comes_from_its_own_index_only_where_that_helps(
    own: str | None, nvidia: bool, system: str, expected: str | None
) -> None:
    assert index_for_torch(own, nvidia, system, "processor builds") == expected


def test_an_index_that_the_user_set_is_found(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setenv("PIP_CONFIG_FILE", str(tmp_path / "pip.conf"))
    monkeypatch.delenv("PIP_INDEX_URL", raising=False)
    assert own_index(PIP) is None

    (tmp_path / "pip.conf").write_text("[global]\nextra-index-url = https://extra.example/simple\n")
    assert own_index(PIP) is None

    (tmp_path / "pip.conf").write_text("[global]\nindex-url = https://configured.example/simple\n")
    assert own_index(PIP) == "https://configured.example/simple"

    monkeypatch.setenv("PIP_INDEX_URL", "https://mirror.example/simple")
    assert own_index(PIP) in ("https://mirror.example/simple", "https://configured.example/simple")


@pytest.fixture
def index(tmp_path: Path) -> Iterator[str]:
    """A web server with a folder for torch."""
    (tmp_path / "torch").mkdir()

    class Quiet(SimpleHTTPRequestHandler):
        def log_message(self, *_: object) -> None:
            pass

    with HTTPServer(("127.0.0.1", 0), partial(Quiet, directory=str(tmp_path))) as server:
        thread = threading.Thread(target=server.serve_forever)
        thread.start()
        yield f"http://127.0.0.1:{server.server_port}"
        server.shutdown()
        thread.join()


def test_an_index_is_reachable_if_it_answers(index: str) -> None:
    assert reachable(index)
    assert reachable(index + "/")
    assert not reachable(index + "/elsewhere")
    assert not reachable("http://127.0.0.1:1")


def test_the_requirements_on_pytorch_are_those_of_the_project() -> None:
    assert [text.partition(">")[0] for text in torch_requirements()] == ["torch", "torchvision"]


def test_a_failing_index_is_named_and_the_usual_one_is_used(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    made: list[list[str]] = []
    monkeypatch.setattr(install, "own_index", lambda pip: None)
    monkeypatch.setattr(install, "has_nvidia", lambda: False)
    monkeypatch.setattr(install, "has_torch", lambda python: False)
    monkeypatch.setattr(install.platform, "system", lambda: "Linux")
    monkeypatch.setattr(install, "run_pip", lambda pip, what, talkative=False: made.append(what) or 0)
    (tmp_path / "bin").mkdir()
    (tmp_path / "bin/python").touch()

    assert install.install(tmp_path, "train", "http://127.0.0.1:1") == 0

    assert made == [["--editable", ".[train]"]]
    said = capsys.readouterr().out
    assert "http://127.0.0.1:1 cannot be used, so PyTorch comes from PyPI" in said
    assert f"installed to train: 0.0 GB in {tmp_path}" in said


def test_a_light_installation_asks_for_no_pytorch(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    made: list[list[str]] = []
    monkeypatch.setattr(install, "run_pip", lambda pip, what, talkative=False: made.append(what) or 0)
    (tmp_path / "bin").mkdir()
    (tmp_path / "bin/python").touch()

    assert install.install(tmp_path, "light", "http://127.0.0.1:1") == 0
    assert made == [["--editable", "."]]


def test_lines_of_pip_become_a_few_words() -> None:
    packages: set[str] = set()

    said = [
        progress_of(line, packages)
        for line in (
            "Obtaining file:///somewhere/smalta",
            "Collecting numpy>=1.26 (from smalta==0.2)",
            "  Downloading numpy-2.4.1-cp311-cp311-manylinux_2_28_x86_64.whl.metadata (6.6 kB)",
            "Requirement already satisfied: rich>=13.7 in ./lib (from smalta) (14.2)",
            "Downloading openvino-2026.4.1-cp311-cp311-manylinux.whl (46.8 MB)",
            "Installing collected packages: numpy, openvino, smalta",
        )
    ]

    assert said == [
        None,
        "1 package, found numpy",
        "1 package, downloading numpy (6.6 kB)",
        "2 packages, found rich",
        "2 packages, downloading openvino (46.8 MB)",
        "unpacking 3 packages",
    ]


def test_a_failing_pip_shows_its_last_lines_and_its_code(tmp_path: Path) -> None:
    code = (
        "from tools.install import run_pip; import sys; "
        "sys.exit(run_pip([sys.executable, '-c', 'print(\"no such package\"); raise SystemExit(3)'], ['x'], "
        "talkative=True))"
    )

    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=False, cwd=install.ROOT)

    assert done.returncode == 3
    assert done.stdout.splitlines() == ["no such package", "pip failed with exit code 3; its last lines are above"]


def test_an_old_python_is_named(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    monkeypatch.setattr(install.sys, "version_info", (3, 9, 2))

    assert install.main() == 1
    assert "smalta needs Python 3.11 or newer" in capsys.readouterr().out
