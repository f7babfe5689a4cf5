from __future__ import annotations

import ctypes
import subprocess
import sys

from smalta.system.signal_stack import kept_signal_stack


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


def test_measuring_the_machine_leaves_the_stack_that_ctrl_c_is_handled_on() -> None:
    script = (
        "import sys; sys.path.insert(0, 'tests/system')\n"
        "from test_signal_stack import signal_stack\n"
        "from smalta.planning.probes import _convolutions\n"
        "before = signal_stack()\n"
        "kept = _convolutions('fp32', 'fp32', 1)  # the model lives on\n"
        "print(signal_stack() == before)\n"
    )

    ended = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, check=True, timeout=100)

    assert ended.stdout.strip() == "True"
