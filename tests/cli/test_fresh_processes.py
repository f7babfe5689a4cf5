"""The first use of every library in a process of its own: nothing is imported on threads, nothing hangs."""

from __future__ import annotations

import hashlib
import json
import os
import subprocess
import sys
import textwrap
import time
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import cv2
import numpy as np
import pytest
from PIL import Image

from machines import RATES, keep
from small_models import save_random_model
from smalta.classes import ClassTree
from smalta.exporting.onnx_export import export
from smalta.results.registry import settings
from smalta.system.cores import usable_cores

PROCESSES = 200
SECONDS = 60  # after which a process counts as hanging; it takes about two
FORMATS = ("PNG", "JPEG", "WEBP", "TIFF", "BMP", "GIF", "PPM", "MPO")
MAIN = """
    import faulthandler, sys
    faulthandler.dump_traceback_later({seconds}, exit=True)  # of all threads; it works in a process that hangs whole
    sys.setswitchinterval({interval})
    from smalta.cli import main
    sys.exit(main(sys.argv[1:]))
"""
NAMED = """
    import sys, threading
    found = []

    class Finder:
        def find_spec(self, name, path=None, target=None):
            if threading.current_thread() is not threading.main_thread():
                found.append(name)

    sys.meta_path.insert(0, Finder())
    from smalta.cli import main
    status = main(sys.argv[1:])
    print("on threads:", *found)
    sys.exit(status)
"""


@pytest.fixture(scope="module")
def instances(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """An exported model of objects, with random weights."""
    tree = ClassTree({"ground": {}, "car": {"kind": "thing", "children": ["audi", "honda"]}})
    run = save_random_model(tmp_path_factory.mktemp("instances") / "run", tree, objects=True)
    export(run, run / "model.onnx")
    return run / "model.onnx"


@pytest.fixture(scope="module")
def eight(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder of eight small pictures, one of each format; half of them have the suffix of another."""
    folder = tmp_path_factory.mktemp("eight")
    for place, name in enumerate(FORMATS):
        pixels = np.random.default_rng(place).integers(0, 256, (64, 96, 3), dtype=np.uint8)
        suffix = name if place % 2 else FORMATS[place - 1]
        path = folder / f"p{place}.{suffix.lower().replace('mpo', 'jpg')}"
        Image.fromarray(cv2.GaussianBlur(pixels, (0, 0), 3)).save(path, format=name)
    return folder


@pytest.fixture(scope="module")
def two_streams(tmp_path_factory: pytest.TempPathFactory) -> dict[str, str]:
    """Variables of a process that plans with round numbers: then every core gets a stream."""
    cache = tmp_path_factory.mktemp("round")
    keep(cache, RATES)
    return os.environ | {"XDG_CACHE_HOME": str(cache)}


def started(code: str, *told: object, variables: dict[str, str] | None = None) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "-c", textwrap.dedent(code), *map(str, told)],
        capture_output=True,
        text=True,
        check=False,
        env=variables,
        timeout=2 * SECONDS,
    )


@pytest.mark.parametrize("command", ["predict", "count", "check", "evaluate"])
def test_no_command_imports_a_library_on_a_thread(
    command: str, instances: Path, eight: Path, discs: Path, two_streams: dict[str, str], tmp_path: Path
) -> None:
    told = {
        "predict": (instances, eight, "--out", tmp_path / "out", *(f"--{one.name}" for one in settings())),
        "count": (instances, eight, "--out", tmp_path / "counts.csv"),
        "check": (discs,),
        "evaluate": (instances, discs, "--split", "val"),
    }

    done = started(NAMED, command, *told[command], variables=two_streams)

    assert done.returncode == 0, done.stderr
    assert done.stdout.splitlines()[-1] == "on threads:"


@pytest.mark.slow
@pytest.mark.timeout(1200)
def test_two_hundred_fresh_processes_come_to_an_end(
    instances: Path, eight: Path, two_streams: dict[str, str], tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """On a busy machine, half of them with threads that take turns as often as Python can."""

    def outcome(place: int) -> str:
        out = tmp_path / f"out{place}"
        code = MAIN.format(seconds=SECONDS, interval=1e-6 if place % 2 else 0.005)
        done = started(code, "predict", instances, eight, "--out", out, "--quiet", variables=two_streams)
        if done.returncode:
            return f"process {place} ended with {done.returncode}: {done.stderr}"
        assert json.loads((out / "plan.json").read_text())["streams"] >= min(2, usable_cores())
        whole = hashlib.sha256()
        for path in sorted((out / "classes").iterdir()) + sorted((out / "instances").iterdir()):
            whole.update(path.read_bytes())
        return whole.hexdigest()

    busy = subprocess.Popen([sys.executable, "-c", "while True: pass"])
    try:
        begun, outcomes = time.monotonic(), []
        with ThreadPoolExecutor(2) as pool:
            for one in pool.map(outcome, range(PROCESSES)):
                outcomes.append(one)
                if len(outcomes) % 20 == 0:
                    with capsys.disabled():
                        print(
                            f"\n{len(outcomes)} of {PROCESSES} after {time.monotonic() - begun:.0f} s",
                            end="",
                            flush=True,
                        )
    finally:
        busy.kill()
        busy.wait()

    assert len(outcomes) == PROCESSES
    assert set(outcomes) == {outcomes[0]}, "\n".join(sorted(set(outcomes)))
    assert len(outcomes[0]) == 64, outcomes[0]
