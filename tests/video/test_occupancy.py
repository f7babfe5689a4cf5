from __future__ import annotations

from itertools import pairwise

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from smalta.video.occupancy import occupancy

moments = st.lists(st.integers(0, 40).map(lambda quarter: quarter / 4), max_size=12)


def test_mean_most_and_end_of_each_stretch() -> None:
    #          0     1     2     3     4
    # inside   0     1     3     3     0
    found = occupancy([1, 2, 2, 4, 4, 4], [1, 1, 1, -1, -1, -1], np.array([0.0, 1.5, 3.0, 4.0]))

    np.testing.assert_allclose(found.mean, [0.5 / 1.5, (0.5 + 3) / 1.5, 3])
    assert found.most.tolist() == [1, 3, 3]
    assert found.end.tolist() == [1, 3, 0]  # what happens at the last edge belongs to the last stretch


def test_one_who_comes_when_another_leaves_is_not_two() -> None:
    found = occupancy([0, 1, 1], [1, 1, -1], np.array([0.0, 2.0]))

    assert found.most.tolist() == [1]


def test_what_nobody_saw_has_no_part_in_the_mean() -> None:
    found = occupancy([1], [2], np.array([0.0, 4.0, 8.0]), [(2.0, 8.0)])

    np.testing.assert_allclose(found.mean, [2 * 1 / 2, 0])
    assert found.end.tolist() == [2, 2]


def test_a_log_of_no_length_has_one_stretch() -> None:
    found = occupancy([0.0], [1], np.array([0.0, 0.0]))

    assert (found.mean.tolist(), found.most.tolist(), found.end.tolist()) == ([0.0], [1], [1])


@given(came=moments, stays=st.lists(st.integers(1, 20), min_size=12, max_size=12), edges=st.sets(st.integers(1, 9)))
def test_it_equals_looking_at_every_moment(came: list[float], stays: list[int], edges: set[int]) -> None:
    bounds = np.array([0.0, *sorted(edges), 10.0])
    left = [at + stay / 4 for at, stay in zip(came, stays, strict=False)]
    found = occupancy([*came, *left], [1] * len(came) + [-1] * len(left), bounds)

    fine = np.arange(0, 10, 1 / 4)  # the number is constant from one to the next
    inside = np.array([sum(a <= at < b for a, b in zip(came, left, strict=True)) for at in fine])
    for place, (start, stop) in enumerate(pairwise(bounds)):
        chosen = inside[(fine >= start) & (fine < stop)]
        assert abs(found.mean[place] - chosen.mean()) < 1e-9
        if stop < 10:
            assert found.most[place] == chosen.max()
            assert found.end[place] == chosen[-1]
