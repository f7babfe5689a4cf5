from __future__ import annotations

import tracemalloc
from itertools import permutations

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from smalta.metrics.assignment import heaviest_pairs


def largest_sum(table: np.ndarray) -> float:
    """By trying all assignments; 0 in the table stands for no pair."""
    n, m = table.shape
    if n > m:
        return largest_sum(table.T)
    return max((sum(table[i, j] for i, j in enumerate(order)) for order in permutations(range(m), n)), default=0.0)


@given(
    pairs=st.dictionaries(
        st.tuples(st.integers(0, 4), st.integers(0, 4)), st.floats(0.1, 9, allow_nan=False), max_size=25
    )
)
def test_the_pairs_are_one_to_one_and_their_sum_is_the_largest(pairs: dict[tuple[int, int], float]) -> None:
    rows = np.array([10 * i for i, _ in pairs], dtype=np.int64)
    columns = np.array([7 * j for _, j in pairs], dtype=np.int64)
    weights = np.array(list(pairs.values()))
    table = np.zeros((5, 5))
    for (i, j), weight in pairs.items():
        table[i, j] = weight

    chosen = heaviest_pairs(rows, columns, weights)

    assert len(np.unique(rows[chosen])) == len(np.unique(columns[chosen])) == len(chosen)
    np.testing.assert_allclose(weights[chosen].sum(), largest_sum(table))


def test_two_lighter_pairs_outweigh_a_heavy_one() -> None:
    rows, columns, weights = np.array([7, 7, 9]), np.array([1, 2, 1]), np.array([5.0, 4.0, 3.0])

    assert heaviest_pairs(rows, columns, weights).tolist() == [1, 2]


def test_memory_follows_the_pairs_and_not_all_possible_pairs() -> None:
    n = 2000  # a table of all pairs would hold 64 MB
    rows = np.repeat(np.arange(n), 2)
    columns = rows + np.tile([0, n], n)
    weights = np.tile([1.0, 2.0], n)
    tracemalloc.start()

    chosen = heaviest_pairs(rows, columns, weights)

    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert chosen.tolist() == list(range(1, 2 * n, 2))
    assert peak < 4e6
