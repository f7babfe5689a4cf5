"""Work on a few threads: results in order, few items ahead, errors at their place."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from smalta.errors import DataError
from smalta.system.threads import map_in_order


def test_parallel_reading_takes_only_a_few_items_ahead() -> None:
    taken: list[int] = []

    def items() -> Iterator[int]:
        for item in range(100):
            taken.append(item)
            yield item

    results = map_in_order(lambda item: item * item, items(), workers=2)

    assert [next(results) for _ in range(3)] == [0, 1, 4]
    assert len(taken) == 6  # two more for each worker, less the one that goes out
    assert [*results] == [item * item for item in range(3, 100)]


def test_an_error_in_a_thread_reaches_the_caller_at_its_place() -> None:
    def work(item: int) -> int:
        if item == 2:
            raise DataError("broken")
        return item

    results = map_in_order(work, range(5), workers=2)

    assert [next(results), next(results)] == [0, 1]
    with pytest.raises(DataError, match="broken"):
        next(results)
