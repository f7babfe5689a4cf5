"""Keep large blocks of memory between steps.

glibc returns every freed block of 32 MiB and more to the kernel, so each training step faults all its pages in again.
If glibc keeps them, a step takes about a third less time (`bench/train_speed.py`). Linux with glibc only; elsewhere
nothing happens. The process keeps its peak memory until it ends.

Must not know: PyTorch, networks.
"""

from __future__ import annotations

import ctypes
import os
import platform

_M_TRIM_THRESHOLD, _M_TOP_PAD, _M_MMAP_MAX = -1, -2, -4


def keep_large_blocks() -> bool:
    """Make glibc keep large freed blocks; `SMALTA_KEEP_MEMORY=0` switches this off.

    Returns:
        Whether the memory is kept now.
    """
    if platform.libc_ver()[0] != "glibc" or os.environ.get("SMALTA_KEEP_MEMORY") == "0":
        return False
    mallopt = ctypes.CDLL("libc.so.6").mallopt
    settings = {_M_MMAP_MAX: 0, _M_TRIM_THRESHOLD: 2**31 - 1, _M_TOP_PAD: 256 * 2**20}
    return all(mallopt(option, value) for option, value in settings.items())
