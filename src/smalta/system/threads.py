"""Map a function over items on threads, with the results in order.

In:  a function, items.
Out: results in the order of the items.

Must not know: what the work is.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from typing import TypeVar

from smalta.system.cores import usable_cores

T = TypeVar("T")
R = TypeVar("R")


def map_in_order(function: Callable[[T], R], items: Iterable[T], workers: int | None = None) -> Iterator[R]:
    """`map` on threads: results in the order of the items, computed at most a few items ahead."""
    workers = workers or min(8, usable_cores())
    pool = ThreadPoolExecutor(max_workers=workers)
    waiting: deque[Future[R]] = deque()
    try:
        for item in items:
            waiting.append(pool.submit(function, item))
            if len(waiting) >= 2 * workers:
                yield waiting.popleft().result()
        while waiting:
            yield waiting.popleft().result()
    finally:  # also when the caller stops early
        pool.shutdown(wait=True, cancel_futures=True)
