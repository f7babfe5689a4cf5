"""Let Ctrl-C wait until a step is done, so that what is saved is whole.

In:  a block of code.
Out: the same block; a KeyboardInterrupt that came during it is raised at its end.

Must not know: what the block does.
"""

from __future__ import annotations

import signal
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from types import FrameType


@contextmanager
def hold_interrupts() -> Iterator[None]:
    """Hold the first Ctrl-C back until the end of the block; a second one does not wait.

    Python lets signals interrupt the main thread alone, so in other threads there is nothing to hold. Where another
    handler of Ctrl-C is set, or it is ignored, that stays so.
    """
    usual = signal.getsignal(signal.SIGINT) is signal.default_int_handler
    if not usual or threading.current_thread() is not threading.main_thread():
        yield
        return
    came = False

    def hold(signum: int, frame: FrameType | None) -> None:
        nonlocal came
        if came:
            raise KeyboardInterrupt
        came = True

    signal.signal(signal.SIGINT, hold)
    try:
        yield
    finally:
        signal.signal(signal.SIGINT, signal.default_int_handler)
    if came:
        raise KeyboardInterrupt
