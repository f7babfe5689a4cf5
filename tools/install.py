"""Install smalta from its sources into a virtual environment: `python3 tools/install.py VENV light|train|all`.

    light   what answers, evaluates, counts and plans; without PyTorch
    train   the same, and PyTorch for `smalta train`
    all     the same, and what tests and checks need

PyPI's PyTorch for Linux brings CUDA: several gigabytes that a machine without an NVIDIA device cannot use. There,
PyTorch comes from its own index of processor builds. If you set an index (PIP_INDEX_URL or pip's configuration), only
that one is used.

One line shows the progress on a terminal; elsewhere a line comes every ten seconds. Only the standard library is used,
and this file can be read by old versions of Python, so that they can say what is missing.
"""

from __future__ import annotations

import argparse
import os
import platform
import re
import shutil
import subprocess
import sys
import threading
import time
import urllib.error
import urllib.request
from collections import deque
from pathlib import Path

LEAST_PYTHON = (3, 11)
ROOT = Path(__file__).resolve().parents[1]
TORCH_INDEX = "https://download.pytorch.org/whl/cpu"
FROM_TORCH_INDEX = ("torch", "torchvision")
TARGETS = {"light": ".", "train": ".[train]", "all": ".[train,dev]"}
FOR = {"light": "to answer", "train": "to train", "all": "to train, test and check"}
LINE_SECONDS, TICK_SECONDS = 10.0, 0.5
PACKAGE = re.compile(
    r"^\s*(Collecting|Requirement already satisfied:|Using cached|Downloading) (\S+)(?:.*?(\([^)]*B\)))?"
)
KEPT_LINES = 12  # of pip's output, printed if it fails


def main() -> int:
    """Install, and return the exit code."""
    if sys.version_info < LEAST_PYTHON:
        wanted, found = (".".join(map(str, version[:2])) for version in (LEAST_PYTHON, sys.version_info))
        print(f"smalta needs Python {wanted} or newer, and {sys.executable} is {found}; set PYTHON=python{wanted}")
        return 1
    parser = argparse.ArgumentParser(description="Install smalta from its sources into a virtual environment.")
    parser.add_argument("venv", type=Path, help="folder of the environment; made if it is missing")
    parser.add_argument("level", choices=tuple(TARGETS))
    parser.add_argument("--torch-index", default=TORCH_INDEX, help="index of PyTorch's processor builds")
    asked = parser.parse_args()
    try:
        return install(asked.venv, asked.level, asked.torch_index)
    except KeyboardInterrupt:
        print("\nstopped; the same command continues", file=sys.stderr)
        return 130


def install(venv: Path, level: str, torch_index: str) -> int:
    """Install one level into an environment; returns pip's exit code."""
    started = time.monotonic()
    python = venv / ("Scripts/python.exe" if os.name == "nt" else "bin/python")
    if not python.is_file():
        print(f"making the environment {venv}", flush=True)
        subprocess.run([sys.executable, "-m", "venv", str(venv)], check=True)
    pip = [str(python), "-m", "pip"]
    if level != "light" and not has_torch(python):
        index = index_for_torch(own_index(pip), has_nvidia(), platform.system(), torch_index)
        if index is not None and not torch_from(index, pip):
            print(f"{index} cannot be used, so PyTorch comes from PyPI, with CUDA: several gigabytes", flush=True)
    code = run_pip(pip, ["--editable", TARGETS[level]], talkative=True)
    if code == 0:
        size = sum(path.lstat().st_size for path in venv.rglob("*") if not path.is_dir())
        print(f"installed {FOR[level]}: {size / 1e9:.1f} GB in {venv}, {time.monotonic() - started:.0f} s", flush=True)
    return code


# -- where PyTorch comes from -------------------------------------------------------------------------


def index_for_torch(own: str | None, nvidia: bool, system: str, torch_index: str) -> str | None:
    """The index of PyTorch's processor builds if PyTorch should come from there; None for pip's usual index.

    Args:
        own: index that the user has set.
        nvidia: whether the machine has an NVIDIA device.
        system: as `platform.system` names it; elsewhere than on Linux, PyPI has processor builds.
        torch_index: the index of processor builds.
    """
    return torch_index if own is None and not nvidia and system == "Linux" else None


def torch_from(index: str, pip: list[str]) -> bool:
    """Install PyTorch from an index; returns whether that worked."""
    return reachable(index) and run_pip(pip, ["--index-url", index, *torch_requirements()]) == 0


def own_index(pip: list[str]) -> str | None:
    """The index that the user has set, in the environment or in pip's configuration."""
    listed = subprocess.run([*pip, "config", "list"], capture_output=True, text=True, check=False).stdout
    found = re.search(r"^[^\s=]*\.index-url='(.*)'$", listed, re.MULTILINE)
    return found.group(1) if found else None


def has_nvidia() -> bool:
    """Whether an NVIDIA device and its driver are present."""
    if Path("/proc/driver/nvidia/version").exists():
        return True
    program = shutil.which("nvidia-smi")
    return program is not None and subprocess.run([program, "-L"], capture_output=True, check=False).returncode == 0


def has_torch(python: Path) -> bool:
    """Whether the environment has PyTorch."""
    find = "import importlib.util, sys; sys.exit(importlib.util.find_spec('torch') is None)"
    return subprocess.run([str(python), "-c", find], check=False).returncode == 0


def reachable(index: str) -> bool:
    """Whether an index answers within ten seconds."""
    try:
        with urllib.request.urlopen(f"{index.rstrip('/')}/torch/", timeout=10):
            return True
    except (OSError, urllib.error.URLError):
        return False


def torch_requirements() -> list[str]:
    """The requirements on PyTorch in pyproject.toml, such as "torch>=2.4"."""
    import tomllib  # not in Python 3.10

    wanted = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]["optional-dependencies"]["train"]
    return [requirement for requirement in wanted if re.split(r"[<>=~! ]", requirement)[0] in FROM_TORCH_INDEX]


# -- pip with one line of progress --------------------------------------------------------------------


class Line:
    """One line that says what happens and for how long; a new line every ten seconds where there is no terminal."""

    def __init__(self) -> None:
        self._terminal = sys.stdout.isatty()
        self._text = "asking the package index"
        self._started = self._printed = time.monotonic()
        self._stop = threading.Event()
        self._thread = threading.Thread(target=self._tick, daemon=True)
        self._thread.start()

    def set(self, text: str | None) -> None:
        """Change what happens now; None keeps the text."""
        self._text = text or self._text

    def end(self) -> None:
        """Stop, and clear the line on a terminal."""
        self._stop.set()
        self._thread.join()
        if self._terminal:
            print("\r\033[K", end="", flush=True)

    def _tick(self) -> None:
        while not self._stop.wait(TICK_SECONDS):
            now = time.monotonic()
            text = f"installing, {now - self._started:.0f} s: {self._text}"
            if self._terminal:
                width = shutil.get_terminal_size().columns
                print(f"\r\033[K{text[: width - 1]}", end="", flush=True)
            elif now - self._printed >= LINE_SECONDS:
                self._printed = now
                print(text, flush=True)


def run_pip(pip: list[str], what: list[str], *, talkative: bool = False) -> int:
    """Run `pip install`; returns its exit code. If it fails and is `talkative`, its last lines are printed."""
    command = [*pip, "install", "--progress-bar", "off", "--no-input", "--disable-pip-version-check", *what]
    last: deque[str] = deque(maxlen=KEPT_LINES)
    line = Line()
    try:
        with subprocess.Popen(
            command, cwd=ROOT, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, errors="replace"
        ) as process:
            assert process.stdout is not None
            packages: set[str] = set()
            for text in process.stdout:
                last.append(text.rstrip())
                line.set(progress_of(text, packages))
    finally:
        line.end()
    if process.returncode and talkative:
        print("\n".join([*last, f"pip failed with exit code {process.returncode}; its last lines are above"]))
    return process.returncode


def progress_of(text: str, packages: set[str]) -> str | None:
    """What a line of pip's output means, in a few words; None if it means nothing here.

    Args:
        text: the line.
        packages: names seen so far; gets the name in this line.
    """
    if text.startswith("Installing collected packages"):
        return f"unpacking {_counted(text.count(',') + 1)}"
    found = PACKAGE.match(text)
    if found is None:
        return None
    verb, name, size = found.groups()
    package = re.split(r"[<>=~!\[;-]", name.rpartition("/")[2])[0]
    if verb in ("Collecting", "Requirement already satisfied:"):
        packages.add(package)
    action = f"downloading {package} {size or ''}".rstrip() if verb == "Downloading" else f"found {package}"
    return f"{_counted(len(packages))}, {action}"


def _counted(packages: int) -> str:
    return f"{packages} package" + "s" * (packages != 1)


if __name__ == "__main__":
    sys.exit(main())
