"""Keep the thread's signal stack while a library sets its own.

In:  nothing.
Out: a context manager.

OpenVINO's processor plugin (seen with 2026.4 on Linux) gives the calling thread an alternate signal stack, and frees it
with the last compiled model. Python handles Ctrl-C on that stack. So without this module the next Ctrl-C ends the
program with a segmentation fault instead of a KeyboardInterrupt.

Must not know: which library.
"""

from __future__ import annotations

import ctypes
import sys
from collections.abc import Iterator
from contextlib import contextmanager

_ROOM = 64  # bytes; stack_t takes 24 or 32, and restoring it needs no knowledge of its fields


@contextmanager
def kept_signal_stack() -> Iterator[None]:
    """The calling thread has the same signal stack after the block as before it."""
    if sys.platform == "win32":  # Windows has no signal stacks
        yield
        return
    system = ctypes.CDLL(None)
    before = ctypes.create_string_buffer(_ROOM)
    system.sigaltstack(None, before)
    try:
        yield
    finally:
        system.sigaltstack(before, None)
