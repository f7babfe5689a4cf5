"""Delay Ctrl-C until a step is done, so that the saved state is complete; let SIGTERM act like it.

In:  a block of code.
Out: the same block; a KeyboardInterrupt during it is raised at its end, or by another signal too.

Must not know: what the block does.
"""

from __future__ import annotations

import signal
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from types import FrameType

_SIGNALS = (signal.SIGINT, signal.SIGTERM)


@contextmanager
def hold_interrupts() -> Iterator[None]:
    """Delay the first Ctrl-C until the end of the block; a second one acts at once.

    Inside of `end_like_ctrl_c`, SIGTERM is delayed too. Signals interrupt only Python's main thread, so in other
    threads nothing happens. If the program has its own handler of a signal, or ignores it, that does not change.
    """
    main = threading.current_thread() is threading.main_thread()
    before = {number: signal.getsignal(number) for number in _SIGNALS if main}
    held = {number: act for number, act in before.items() if act in (signal.default_int_handler, _interrupt)}
    came = False

    def hold(signum: int, frame: FrameType | None) -> None:
        nonlocal came
        if came:
            raise KeyboardInterrupt
        came = True

    for number in held:
        signal.signal(number, hold)
    try:
        yield
    finally:
        for number, act in held.items():
            signal.signal(number, act)
    if came:
        raise KeyboardInterrupt


@contextmanager
def end_like_ctrl_c() -> Iterator[None]:
    """Within the block, the signal with which services are stopped (SIGTERM) acts like Ctrl-C.

    Only in Python's main thread, and only if the program has no handler of its own.
    """
    usual = signal.getsignal(signal.SIGTERM) is signal.SIG_DFL
    if not usual or threading.current_thread() is not threading.main_thread():
        yield
        return
    signal.signal(signal.SIGTERM, _interrupt)
    try:
        yield
    finally:
        signal.signal(signal.SIGTERM, signal.SIG_DFL)


def _interrupt(signum: int, frame: FrameType | None) -> None:
    raise KeyboardInterrupt
