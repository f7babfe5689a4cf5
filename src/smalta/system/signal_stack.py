"""Keep the stack that signals are handled on, while a library that sets its own is at work.

In:  nothing.
Out: a context.

OpenVINO's processor plugin (seen with 2026.4 on Linux) gives the calling thread an alternate signal stack, and frees it
when the last compiled model goes. Python handles Ctrl-C on that stack, so the next Ctrl-C after that ended the program
with a segmentation fault instead of a KeyboardInterrupt.

Must not know: which library.
"""

from __future__ import annotations

import ctypes
import sys
from collections.abc import Iterator
from contextlib import contextmanager

_ROOM = 64  # bytes; stack_t takes 24 or 32, in an order of fields that need not be known to give it back


@contextmanager
def kept_signal_stack() -> Iterator[None]:
    """Whatever the block does, the calling thread has the same signal stack after it as before."""
    if sys.platform == "win32":  # which has none
        yield
        return
    system = ctypes.CDLL(None)
    before = ctypes.create_string_buffer(_ROOM)
    system.sigaltstack(None, before)
    try:
        yield
    finally:
        system.sigaltstack(before, None)
