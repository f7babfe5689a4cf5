"""Import OpenVINO so that several threads can use it at once, and without its usage reports.

In:  nothing.
Out: the package `openvino`, ready for threads.

Every module that needs OpenVINO gets it here. `docs/decisions/0038-first-use-of-libraries-before-threads.md` lists the
other libraries and what their first use on threads does.

Must not know: what the library is used for.
"""

from __future__ import annotations

import sys
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

_REPORTS = "openvino_telemetry"
_LOCK = threading.Lock()


def import_openvino() -> Any:
    """The package `openvino`, imported.

    Its first conversion of a type fills a table of the binding (seen with 2026.4.1). Two threads that fill the table at
    the same time wait for each other for ever, and the whole process with them. So it is filled here, under a lock.

    Raises:
        ImportError: if OpenVINO is not installed.
    """
    with _LOCK:
        with without_reports():
            import openvino
        openvino.Type.u8.to_dtype()
    return openvino


@contextmanager
def without_reports() -> Iterator[None]:
    """Within the block, OpenVINO's telemetry appears not to be installed.

    Otherwise `import openvino` sends an event to Google Analytics. It does so in a copy of the process, which it forks
    on a thread while the program works on, and a program that ends soon waits for it.
    """
    before = {name: module for name, module in sys.modules.items() if name == _REPORTS}
    sys.modules[_REPORTS] = None  # type: ignore[assignment]  # an import of None fails
    try:
        yield
    finally:
        del sys.modules[_REPORTS]
        sys.modules.update(before)
