"""How fast a CUDA device is: arithmetic, its memory, the way to it, the start of a kernel.

In:  the index of a device.
Out: plain numbers, in well under a second.

Must not know: plans, networks.
"""

from __future__ import annotations

import time
from collections.abc import Callable

import torch

SIDE = 4096  # of the multiplied matrices
MOVED = 2**26  # bytes, of the copies


def usable_cards() -> list[tuple[int, str]]:
    """Index and name of each device that PyTorch can use."""
    if not torch.cuda.is_available():
        return []
    return [(index, torch.cuda.get_device_name(index)) for index in range(torch.cuda.device_count())]


def measure_cuda(index: int = 0) -> dict[str, float]:
    """Speeds of a CUDA device.

    Returns:
        "fp32" and "bf16" operations per second, "bandwidth" and "transfer" bytes per second (the latter from pinned
        memory), "launch_seconds" of a small kernel, "memory_bytes" and "cache_bytes".
    """
    device = torch.device("cuda", index)
    facts = torch.cuda.get_device_properties(device)
    found = {"memory_bytes": float(facts.total_memory), "cache_bytes": float(getattr(facts, "L2_cache_size", 0))}
    for name, dtype in (("fp32", torch.float32), ("bf16", torch.bfloat16)):
        matrix = torch.ones(SIDE, SIDE, dtype=dtype, device=device)
        found[name] = 2 * SIDE**3 / _best(device, lambda matrix=matrix: matrix @ matrix)  # type: ignore[misc]
    block = torch.ones(MOVED, dtype=torch.uint8, device=device)
    target = torch.empty_like(block)
    found["bandwidth"] = 2 * MOVED / _best(device, lambda: target.copy_(block))
    pinned = torch.ones(MOVED, dtype=torch.uint8).pin_memory()
    found["transfer"] = MOVED / _best(device, lambda: target.copy_(pinned, non_blocking=True))
    small = torch.ones(1, device=device)
    found["launch_seconds"] = _best(device, lambda: [small.add_(1) for _ in range(100)]) / 100
    return found


def _best(device: torch.device, call: Callable[[], object]) -> float:
    seconds = []
    for _ in range(6):  # the first calls choose their kernels
        torch.cuda.synchronize(device)
        started = time.perf_counter()
        call()
        torch.cuda.synchronize(device)
        seconds.append(time.perf_counter() - started)
    return min(seconds)
