"""The benchmark of verdicts: its baseline, and what it reports of a threshold."""

from __future__ import annotations

import numpy as np
from bench.magnetic_tile import judged, local_contrast


def test_a_spot_on_an_even_part_has_more_contrast_than_none() -> None:
    even = np.random.default_rng(0).integers(100, 110, (80, 80, 3)).astype(np.uint8)
    spotted = even.copy()
    spotted[30:38, 30:38] = 20

    assert local_contrast(spotted) > 3 * local_contrast(even)


def test_a_threshold_from_elsewhere_stands_beside_the_best_one() -> None:
    bad, scores = np.array([True, True, False, False]), np.array([0.5, 0.9, 0.1, 0.7])

    found = judged(bad, scores, threshold=0.8)

    assert (found["at_chosen_threshold"]["missed"]["n"], found["at_chosen_threshold"]["rejected"]["n"]) == (1, 0)
    assert (found["best_on_test"]["missed"]["n"], found["best_on_test"]["rejected"]["n"]) == (0, 1)
    assert found["auc"] == 0.75
