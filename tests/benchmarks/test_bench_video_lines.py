"""The generated walks of `bench.video_lines`, and what counts them."""

from __future__ import annotations

import math

import numpy as np
import pytest
from bench.rivals import ultralytics_lines
from bench.video_lines import crossings, table
from bench.walks import KINDS, Walk, make_walk

CROSSED = {"there and back": {2}, "along beside the end": {0}, "trembling 20 s on the line": {0, 1}}


def across(walk: Walk) -> np.ndarray:
    """(n,) pixels of the feet to the right of the line."""
    (x0, y0), (x1, y1) = walk.start_xy, walk.end_xy
    y, x = walk.feet_yx.T
    return ((y - y0) * (x1 - x0) - (x - x0) * (y1 - y0)) / math.hypot(x1 - x0, y1 - y0)


@pytest.mark.parametrize("kind", KINDS)
def test_walks_are_what_their_kind_says_and_always_the_same(kind: str) -> None:
    walks = [make_walk(kind, seed) for seed in range(6)]

    assert {len(walk.truth) for walk in walks} == CROSSED.get(kind, {1})
    assert np.array_equal(make_walk(kind, 3).feet_yx, walks[3].feet_yx)
    for walk in walks:
        begins, ends = np.sign(across(walk)[[0, -1]])
        if kind != "along beside the end":
            assert (begins != ends) == (len(walk.truth) == 1)
        if len(walk.truth) == 1:
            assert walk.truth == ["in" if (ends > 0) == (walk.in_side == "right") else "out"]
        assert (0 in walk.ids) == (kind == "12 frames unseen at the line") or kind == "new id at the line"


def test_smalta_counts_a_few_of_each_kind_right(capsys: pytest.CaptureFixture[str]) -> None:
    rows = table(range(1, 4), {})

    assert {kind: row["smalta"] for kind, row in rows.items()} == dict.fromkeys(KINDS, 3)


def test_a_number_is_counted_once_by_the_rule_of_ultralytics() -> None:
    walk = make_walk("there and back", 1)

    assert len(crossings(walk)) == 2
    assert sum(ultralytics_lines.counts(walk)) == 1


@pytest.mark.parametrize(
    ("c", "d", "expected"), [((5, -5), (5, 5), True), ((15, -5), (15, 5), False), ((5, 1), (5, 5), False)]
)
def test_segments_meet_or_do_not(c: tuple[float, float], d: tuple[float, float], expected: bool) -> None:
    assert ultralytics_lines.meets((0, 0), (10, 0), c, d) == expected
