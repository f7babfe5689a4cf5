"""Short pieces of work that measure the processor: arithmetic, bandwidth of each level of memory, fresh memory.

In:  the number of usable cores, the processor.
Out: `Probe`s: something to call, and how much it does.

Arithmetic is measured with convolutions in OpenVINO, which uses the same kernels as PyTorch on a processor and does not
need PyTorch.

Must not know: how often a probe is called, what its numbers are for.
"""

from __future__ import annotations

import mmap
import time
from collections.abc import Callable, Collection, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from typing import Any

import numpy as np

from smalta.planning.facts import Caches, Processor
from smalta.planning.rates import FRESH, LEVELS, Level, one_core, precisions_of
from smalta.system.first_use import import_openvino
from smalta.system.signal_stack import kept_signal_stack

_FRESH_BYTES = 32 * 2**20
_CHANNELS, _SIDE, _LAYERS = 64, 32, 2  # the fitted shares belong to this work; another one needs another fit
_MOST_BYTES = 128 * 2**20  # of one array
_MOVED_BYTES = 2**24  # read in one call, if the array is smaller: a single copy within a cache is too short to time


@dataclass(frozen=True, slots=True, kw_only=True)
class Probe:
    """Work that measures one number.

    Attributes:
        name: of the number.
        threads: that work at once.
        call: does the work once.
        amount: what a call does, in operations, bytes or pages. Where one core stands for all, that of all.
        spent: processor seconds that the threads got so far, and those that the clock allowed them; None for those of
            the whole process. Waking the threads does not count.
    """

    name: str
    threads: int
    call: Callable[[], object]
    amount: float
    spent: Callable[[], tuple[float, float]] | None = None

    def seconds(self) -> tuple[float, float]:
        """`spent`, or that of the whole process."""
        if self.spent is not None:
            return self.spent()
        return time.process_time(), self.threads * time.perf_counter()


@contextmanager
def probes(cores: int, processor: Processor, wanted: Collection[str]) -> Iterator[list[Probe]]:
    """Prepare the probes of the wanted numbers; their threads and memory are released afterwards.

    Args:
        cores: number of usable cores.
        processor: its caches set how much is moved; usual sizes replace unknown ones (0).
        wanted: names of numbers, as in `smalta.planning.rates`.
    """
    with ExitStack() as stack:
        found = []
        for threads in sorted({1, cores}, reverse=True):
            named = _all_cores if threads == cores else one_core
            pool = stack.enter_context(ThreadPoolExecutor(threads))
            levels = [level for level in LEVELS if named(level) in wanted]
            found += [_copies(level, named(level), threads, processor.caches, pool) for level in levels]
            precisions = [precision for precision in precisions_of(processor) if named(precision) in wanted]
            found += [_convolutions(precision, named(precision), threads) for precision in precisions]
        if FRESH in wanted:
            found.append(Probe(name=FRESH, threads=1, call=_touch_fresh, amount=_FRESH_BYTES / mmap.PAGESIZE))
        yield found


def _all_cores(name: str) -> str:
    return name


def _copies(level: Level, name: str, threads: int, caches: Caches, pool: ThreadPoolExecutor) -> Probe:
    """Each thread reads an array and writes another one; both lie in this level."""
    size = _array_bytes(level, threads, caches)
    repeats = max(1, _MOVED_BYTES // size)
    amount = threads * repeats * 2 * size
    if level == "l2":  # a core has its own, and waking threads takes longer than a copy in it: one stands for all
        copier = _Copier(size, repeats)
        return Probe(name=name, threads=1, call=copier, amount=amount, spent=copier.spent)
    copiers = [_Copier(size, repeats) for _ in range(threads)]

    def spent() -> tuple[float, float]:
        each = [copier.spent() for copier in copiers]
        return sum(own for own, _ in each), sum(wall for _, wall in each)

    def call() -> None:
        list(pool.map(lambda copier: copier(), copiers))

    return Probe(name=name, threads=threads, call=call, amount=amount, spent=spent)


def _array_bytes(level: Level, threads: int, caches: Caches) -> int:
    """Bytes of each of two arrays per thread."""
    l2 = caches.l2 or 2**20
    l3 = (caches.l3_total if threads > 1 else caches.l3) or 4 * l2 * threads
    sizes: dict[Level, int] = {
        "l2": l2 // 4,
        "l3": max(l3 // (4 * threads), l2),
        "memory": max(2 * l3 // threads, 16 * 2**20),
    }
    return min(sizes[level], _MOST_BYTES)


class _Copier:
    """Copies an array, and counts the processor time and the time by the clock that the copies took."""

    def __init__(self, size: int, repeats: int) -> None:
        self._source = np.ones(size // 4, np.float32)
        self._target = np.ones_like(self._source)
        self._repeats = repeats
        self._own = self._wall = 0.0

    def __call__(self) -> None:
        own, wall = time.thread_time(), time.perf_counter()
        for _ in range(self._repeats):
            np.multiply(self._source, 1.5, out=self._target)
        self._own += time.thread_time() - own
        self._wall += time.perf_counter() - wall

    def spent(self) -> tuple[float, float]:
        return self._own, self._wall


def _touch_fresh() -> None:
    with mmap.mmap(-1, _FRESH_BYTES) as block:
        pages = np.frombuffer(block, np.uint8)
        pages[:: mmap.PAGESIZE] = 1
        del pages


def _convolutions(precision: str, name: str, threads: int) -> Probe:
    """A few 3x3 convolutions whose maps stay in the caches; the more threads, the more maps."""
    ov = import_openvino()
    from openvino import opset13 as op

    pictures = max(1, threads // 2)
    rng = np.random.default_rng(0)
    picture = op.parameter([pictures, _CHANNELS, _SIDE, _SIDE], np.float32)
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
    array = rng.random((pictures, _CHANNELS, _SIDE, _SIDE), dtype=np.float32)
    operations = 2 * 9 * _CHANNELS**2 * _SIDE**2 * _LAYERS * pictures
    return Probe(
        name=name, threads=threads, call=lambda: request.infer([array], share_inputs=True), amount=float(operations)
    )
