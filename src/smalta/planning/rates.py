"""Measure the processor: arithmetic, bandwidth of each level of memory, fresh memory.

In:  the number of usable cores, sizes of the caches.
Out: `Rates`, in about one second.

Arithmetic is measured with convolutions in OpenVINO, which uses the same kernels as PyTorch on a processor and does not
need PyTorch. Each number is the best of many short repeats, so other processes that are busy now and then do not change
it. Processes that are busy all the time do, and `disturbed` reports it.

Must not know: networks, plans, files.
"""

from __future__ import annotations

import mmap
import time
from collections.abc import Callable, Mapping
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from typing import Any

import numpy as np

from smalta.planning.facts import Caches
from smalta.system.first_use import import_openvino
from smalta.system.signal_stack import kept_signal_stack

_SECONDS = 0.06  # spent on the repeats of one number
_LEAST_OWN = 0.8  # share of the requested processor time; below it, other processes used the cores
_FRESH_BYTES = 32 * 2**20
_CHANNELS, _SIDE, _LAYERS = 64, 32, 2


@dataclass(frozen=True, slots=True, kw_only=True)
class Rates:
    """Speeds of one machine with all usable cores, unless stated otherwise.

    Attributes:
        flops: operations per second in 3x3 convolutions by precision: "fp32", "bf16", "int8"; a multiplication and
            an addition are two operations.
        flops_one_core: fp32, one core.
        bandwidth: bytes per second, read and written, by level: "l2", "l3", "memory".
        fault_seconds: for one page of fresh memory.
        page_bytes: size of such a page.
        disturbed: whether other processes used the cores during the measurement.
    """

    flops: Mapping[str, float]
    flops_one_core: float
    bandwidth: Mapping[str, float]
    fault_seconds: float
    page_bytes: int
    disturbed: bool = False

    @property
    def fresh_bytes(self) -> float:
        """Bytes of fresh memory per second."""
        return self.page_bytes / self.fault_seconds


def measure(cores: int, caches: Caches) -> Rates:
    """Measure this machine.

    Args:
        cores: number of usable cores.
        caches: set how much is moved; usual sizes replace unknown ones (0).
    """
    own, wall = time.process_time(), 0.0

    def timed(call: Callable[[], object], threads: int) -> float:
        nonlocal wall
        started = time.perf_counter()
        best = _best(call)
        wall += threads * (time.perf_counter() - started)
        return best

    l2 = caches.l2 or 2**20
    l3 = caches.l3_total or 4 * l2 * cores
    moved = {
        "l2": l2 // 4,
        "l3": max(l3 // (4 * cores), l2),
        "memory": max(l3, 16 * 2**20),
    }  # bytes of each of two arrays
    bandwidth = {}
    for level, size in moved.items():
        threads = (
            1 if level == "l2" else cores
        )  # waking threads would take longer than a copy within a core's own cache
        with ThreadPoolExecutor(threads) as pool:
            copies = [_copier(size) for _ in range(threads)]
            seconds = timed(lambda copies=copies, pool=pool: list(pool.map(lambda copy: copy(), copies)), threads)  # type: ignore[misc]
        repeats = _repeats(size)
        bandwidth[level] = (cores if threads == 1 else 1) * threads * repeats * 2 * size / seconds
    fault = timed(_touch_fresh, 1) / (_FRESH_BYTES / mmap.PAGESIZE)
    own, copied = time.process_time() - own, wall

    flops = {}
    for precision in ("fp32", "bf16", "int8"):
        pass_, operations = _convolutions(precision, cores)
        flops[precision] = operations / timed(pass_, cores)
    pass_, operations = _convolutions("fp32", 1)
    return Rates(
        flops=flops,
        flops_one_core=operations / timed(pass_, 1),
        bandwidth=bandwidth,
        fault_seconds=fault,
        page_bytes=mmap.PAGESIZE,
        disturbed=own < _LEAST_OWN * copied,
    )


def _best(call: Callable[[], object]) -> float:
    """Seconds of the fastest of some repeats."""
    best, end, count = float("inf"), time.perf_counter() + _SECONDS, 0
    while count < 3 or time.perf_counter() < end:
        started = time.perf_counter()
        call()
        best = min(best, time.perf_counter() - started)
        count += 1
    return best


def _repeats(size: int) -> int:
    return max(1, 2**22 // size)  # a single copy within a cache is too short to time


def _copier(size: int) -> Callable[[], None]:
    source = np.ones(size // 4, np.float32)
    target = np.ones_like(source)

    def copy() -> None:
        for _ in range(_repeats(size)):
            np.multiply(source, 1.5, out=target)

    return copy


def _touch_fresh() -> None:
    with mmap.mmap(-1, _FRESH_BYTES) as block:
        pages = np.frombuffer(block, np.uint8)
        pages[:: mmap.PAGESIZE] = 1
        del pages


def _convolutions(precision: str, threads: int) -> tuple[Callable[[], object], int]:
    """A few 3x3 convolutions whose maps stay in the caches, and their operations."""
    ov = import_openvino()
    from openvino import opset13 as op

    rng = np.random.default_rng(0)
    picture = op.parameter([1, _CHANNELS, _SIDE, _SIDE], np.float32)
    maps: Any = picture
    for _ in range(_LAYERS):
        kernel = (0.05 * rng.standard_normal((_CHANNELS, _CHANNELS, 3, 3))).astype(np.float32)
        if precision == "int8":
            ends = [op.constant(np.full((1, 1, 1, 1), value, np.float32)) for value in (0, 2.55, 0, 2.55)]
            maps = op.fake_quantize(maps, *ends, 256)
            scale = op.constant(np.full((_CHANNELS, 1, 1, 1), 0.01, np.float32))
            weights = op.multiply(
                op.convert(op.constant(np.rint(kernel * 100).clip(-127, 127).astype(np.int8)), "f32"), scale
            )
        else:
            weights = op.constant(kernel)
        maps = op.relu(op.convolution(maps, weights, [1, 1], [1, 1], [1, 1], [1, 1]))
    options = {
        "INFERENCE_PRECISION_HINT": "bf16" if precision == "bf16" else "f32",
        "NUM_STREAMS": 1,
        "INFERENCE_NUM_THREADS": threads,
    }
    with kept_signal_stack():
        request = ov.Core().compile_model(ov.Model([maps], [picture], "rates"), "CPU", options).create_infer_request()
    array = rng.random((1, _CHANNELS, _SIDE, _SIDE), dtype=np.float32)
    operations = 2 * 9 * _CHANNELS**2 * _SIDE**2 * _LAYERS
    return lambda: request.infer([array], share_inputs=True), operations
