"""Bootstrap intervals: how much a score would vary with other pictures of the same kind.

In:  counts per picture and a measure of summed counts.
Out: an interval.

Pure numpy. Must not know: what is counted.

The bootstrap draws whole pictures, not pixels: pixels of a picture resemble each other, so an interval over pixels
would be far too narrow. For the same reason the interval is too narrow if pictures resemble each other, such as
neighbouring frames of a film.
"""

from __future__ import annotations

from collections.abc import Callable

import numpy as np


def draw_pictures(n_pictures: int, n_resamples: int = 2000, seed: int = 0) -> np.ndarray:
    """How often each picture occurs in each resample.

    Returns:
        (n_resamples, n_pictures) whole numbers as float64; each row sums to n_pictures.
    """
    even = np.full(n_pictures, 1 / n_pictures)
    return np.random.default_rng(seed).multinomial(n_pictures, even, size=n_resamples).astype(np.float64)


def interval(
    counts: np.ndarray,
    measure: Callable[[np.ndarray], np.ndarray],
    draws: np.ndarray,
    coverage: float = 0.95,
) -> tuple[float, float] | None:
    """Percentile interval of a measure over resampled pictures.

    Args:
        counts: (N, ...) per picture; a resample's counts are their weighted sum.
        measure: takes (R, ...) counts of R resamples, gives (R,) values, nan if a value is not defined.
        draws: (R, N) from `draw_pictures`.
        coverage: share of the resamples inside the interval.

    Returns:
        The low and high end; None with fewer than two pictures, or if the measure is nan for all resamples.
    """
    n_pictures = len(counts)
    if n_pictures < 2:
        return None
    totals = (draws @ counts.reshape(n_pictures, -1)).reshape(-1, *counts.shape[1:])
    values = measure(totals)
    values = values[~np.isnan(values)]
    if not len(values):
        return None
    low, high = np.quantile(values, [(1 - coverage) / 2, (1 + coverage) / 2])
    return float(low), float(high)
