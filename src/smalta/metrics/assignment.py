"""One-to-one assignment with the largest sum of weights, on a sparse table of pairs.

In:  pairs of rows and columns with weights.
Out: the chosen pairs.

numpy and SciPy. Must not know: what rows and columns stand for.
"""

from __future__ import annotations

import numpy as np
from scipy.optimize import linear_sum_assignment
from scipy.sparse import coo_array
from scipy.sparse.csgraph import connected_components


def heaviest_pairs(rows: np.ndarray, columns: np.ndarray, weights: np.ndarray) -> np.ndarray:
    """The pairs of a one-to-one assignment with the largest summed weight.

    Rows and columns that no chain of pairs connects are assigned apart. So the memory follows the number of pairs, not
    that of all possible pairs.

    Args:
        rows: (M,) integers.
        columns: (M,) integers; no pair of row and column occurs twice.
        weights: (M,) above 0.

    Returns:
        (A,) int64, increasing: places of the chosen pairs in the arguments.

    Example:
        >>> heaviest_pairs(np.array([7, 7, 9]), np.array([1, 2, 1]), np.array([5.0, 4.0, 3.0])).tolist()
        [1, 2]
    """
    if not len(weights):
        return np.zeros(0, dtype=np.int64)
    row = np.unique(rows, return_inverse=True)[1]
    column = np.unique(columns, return_inverse=True)[1]
    n_rows, n_columns = int(row.max()) + 1, int(column.max()) + 1
    n = n_rows + n_columns
    graph = coo_array((np.ones(len(row), dtype=np.int8), (row, n_rows + column)), shape=(n, n))
    part = connected_components(graph, directed=False)[1][row]
    order = np.argsort(part, kind="stable")
    parts = np.split(order, np.flatnonzero(np.diff(part[order])) + 1)
    return np.sort(np.concatenate([_heaviest_of_part(row, column, weights, members) for members in parts]))


def _heaviest_of_part(row: np.ndarray, column: np.ndarray, weights: np.ndarray, members: np.ndarray) -> np.ndarray:
    if len(members) == 1:
        return members
    here = np.unique(row[members], return_inverse=True)[1], np.unique(column[members], return_inverse=True)[1]
    shape = int(here[0].max()) + 1, int(here[1].max()) + 1
    table, place = np.zeros(shape), np.full(shape, -1, dtype=np.int64)
    table[here], place[here] = weights[members], members
    chosen = place[linear_sum_assignment(table, maximize=True)]
    return chosen[chosen >= 0]
