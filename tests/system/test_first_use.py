from __future__ import annotations

import re
import subprocess
import sys
import textwrap
from pathlib import Path

import pytest

from smalta.system import first_use
from smalta.system.first_use import without_reports

# OpenVINO asks NumPy for its version while it fills its table of types; a pause there gives every other thread its turn
PAUSE = """
    import threading, time
    import numpy.lib

    def pausing(self, version, made=numpy.lib.NumpyVersion.__init__):
        time.sleep(0.5)
        made(self, version)

    numpy.lib.NumpyVersion.__init__ = pausing

    def on_two_threads(work):
        found = []
        threads = [threading.Thread(target=lambda: found.append(work())) for _ in range(2)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        print(*found)
"""


def printed(code: str) -> str:
    """What a process of its own prints within a minute."""
    whole = textwrap.dedent(PAUSE) + textwrap.dedent(code)
    done = subprocess.run([sys.executable, "-c", whole], capture_output=True, text=True, timeout=60, check=False)
    assert done.returncode == 0, done.stderr
    return done.stdout.strip()


def test_two_threads_convert_a_type_once_openvino_was_imported_here() -> None:
    code = """
        from smalta.system.first_use import import_openvino

        openvino = import_openvino()
        on_two_threads(lambda: openvino.Type.u8.to_dtype())
    """

    assert printed(code) == "uint8 uint8"


def test_two_threads_may_import_openvino_at_the_same_time() -> None:
    code = """
        from smalta.system.first_use import import_openvino

        on_two_threads(lambda: import_openvino().Type.u8.to_dtype())
    """

    assert printed(code) == "uint8 uint8"


def test_openvino_reports_to_nobody_and_starts_no_thread() -> None:
    code = """
        import sys
        from smalta.system.first_use import import_openvino

        import_openvino()
        print([name for name in sys.modules if name.startswith("openvino_telemetry")], threading.active_count())
    """

    assert printed(code) == "[] 1"


def test_what_reports_is_as_it_was_after_an_import(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "openvino_telemetry", sys)

    with without_reports(), pytest.raises(ImportError):
        import openvino_telemetry
    import openvino_telemetry

    assert openvino_telemetry is sys


def test_openvino_is_imported_in_one_place() -> None:
    package = Path(first_use.__file__).parents[1]

    found = [
        path.relative_to(package).as_posix()
        for path in package.rglob("*.py")
        if re.search(r"^\s*import openvino\b", path.read_text(encoding="utf-8"), re.MULTILINE)
    ]

    assert found == ["system/first_use.py"]
