from __future__ import annotations

import ctypes
import subprocess
import sys

from smalta.signal_stack import kept_signal_stack


def signal_stack() -> bytes:
    stack = ctypes.create_string_buffer(64)
    ctypes.CDLL(None).sigaltstack(None, stack)
    return stack.raw


def test_the_stack_after_the_block_is_the_one_before_it() -> None:
    before = signal_stack()
    other = ctypes.create_string_buffer(2**16)

    class Stack(ctypes.Structure):  # as Linux orders it
        _fields_ = (("start", ctypes.c_void_p), ("flags", ctypes.c_int), ("size", ctypes.c_size_t))

    with kept_signal_stack():
        ctypes.CDLL(None).sigaltstack(ctypes.byref(Stack(ctypes.addressof(other), 0, len(other))), None)
        inside = signal_stack()

    assert inside != before
    assert signal_stack() == before


def test_ctrl_c_after_the_machine_was_measured_is_an_interrupt_and_no_crash() -> None:
    script = (
        "import signal; from smalta.plan.rates import _convolutions\n"
        "_convolutions('fp32', 1)[0]()\n"
        "try: signal.raise_signal(signal.SIGINT)\n"
        "except KeyboardInterrupt: print('interrupted')\n"
    )

    ended = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, check=False, timeout=100)

    assert (ended.returncode, ended.stdout.strip()) == (0, "interrupted")
