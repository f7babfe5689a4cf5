"""Which detection continues which track."""

from __future__ import annotations

import itertools

import numpy as np
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp

from boxes_on_cells import CELL, Box, found
from smalta.video.following.association import NEVER, Overlaps, assign, missing_costs, new_costs, pair_costs
from smalta.video.following.known import Known
from smalta.video.following.measuring import measure
from smalta.video.following.tracker_settings import USUAL
from smalta.video.following.votes import Votes
from smalta.video.values import Mask

PERSON = np.array([[0.0, 1.0]])


def known(number: int, box: Box, *, seen: bool = True, sure: bool = True) -> Known:
    """An object that was detected as this box, in cells."""
    instances = found(box).instances
    measured = measure(instances, 1, CELL)
    mask = Mask.of(instances > 0, CELL)
    one = Known.begun(number, 0.0, mask, measured, 0, Votes(PERSON[0], {}), USUAL)
    one.seen, one.sure = seen, sure
    return one


def costs_of(ones: list[Known], *boxes: Box) -> np.ndarray:
    seen = found(*boxes)
    measured = measure(seen.instances, len(seen), CELL)
    traits = np.repeat(PERSON, len(ones), axis=0), np.repeat(PERSON, len(seen), axis=0)
    return pair_costs(ones, measured, Overlaps.of(ones, seen.instances, len(seen)), traits, USUAL, CELL)


def test_the_nearer_detection_costs_less() -> None:
    costs = costs_of([known(1, (5, 5, 15, 10))], (5, 6, 15, 11), (5, 20, 15, 25))

    assert costs[0, 0] < 0.5 * costs[0, 1]


def test_a_detection_of_another_height_costs_more() -> None:
    costs = costs_of([known(1, (5, 10, 15, 15))], (5, 4, 15, 9), (10, 16, 15, 21))

    assert costs[0, 0] < costs[0, 1] - 1


def test_a_detection_that_someone_in_front_cuts_off_is_no_shorter_person() -> None:
    one = known(1, (5, 10, 15, 15))

    half = costs_of([one], (5, 10, 10, 15))[0, 0]
    half_behind_someone = costs_of([one], (5, 10, 15, 15), (10, 9, 20, 16))[0, 0]

    assert half_behind_someone < half - 3


def test_another_class_costs_more() -> None:
    one = known(1, (5, 5, 15, 10))
    seen = found((5, 5, 15, 10))
    measured, overlaps = measure(seen.instances, 1, CELL), Overlaps.of([one], seen.instances, 1)

    same, other = (
        pair_costs([one], measured, overlaps, (PERSON, traits), USUAL, CELL)[0, 0]
        for traits in (PERSON, PERSON[:, ::-1])
    )

    assert other > same + 3


def test_a_number_without_cells_is_never_chosen() -> None:
    one = known(1, (5, 5, 15, 10))
    instances = found((5, 5, 15, 10)).instances * 2

    costs = pair_costs(
        [one],
        measure(instances, 2, CELL),
        Overlaps.of([one], instances, 2),
        (PERSON, np.repeat(PERSON, 2, axis=0)),
        USUAL,
        CELL,
    )

    assert costs[0, 0] == NEVER
    assert costs[0, 1] < 5


def test_missing_costs_less_where_others_stand() -> None:
    ones = [known(1, (5, 5, 15, 10)), known(2, (5, 30, 15, 35))]
    seen = found((5, 4, 16, 11))

    costs = missing_costs(ones, Overlaps.of(ones, seen.instances, 1), USUAL)

    np.testing.assert_allclose(costs, [USUAL.hidden_cost, USUAL.open_cost])


def test_a_new_object_costs_less_at_the_edge() -> None:
    seen = found((5, 0, 15, 5), (5, 30, 15, 35))

    assert new_costs(measure(seen.instances, 2, CELL), USUAL).tolist() == [USUAL.edge_cost, USUAL.new_cost]


def test_overlaps_count_cells_in_the_picture() -> None:
    one = known(1, (5, 5, 15, 10))
    one.shift_yx = (0.0, -8.0 * CELL)  # three of five columns have left the picture
    seen = found((5, 0, 10, 4))

    overlaps = Overlaps.of([one], seen.instances, 1)

    assert overlaps.areas.tolist() == [20]
    assert overlaps.shared.tolist() == [[10]]
    assert overlaps.hidden.tolist() == [0.5]


def test_nothing_is_assigned_to_nothing() -> None:
    assert assign(np.zeros((0, 3)), np.zeros(0), np.zeros(3)) == []
    assert assign(np.zeros((3, 0)), np.zeros(3), np.zeros(0)) == []
    assert pair_costs([], measure(found((1, 1, 5, 5)).instances, 1, CELL), None, (), USUAL, CELL).shape == (0, 1)  # type: ignore[arg-type]


@given(
    hnp.arrays(float, st.tuples(st.integers(1, 3), st.integers(1, 3)), elements=st.floats(-5, 20)),
    hnp.arrays(float, 3, elements=st.floats(0, 9)),
    hnp.arrays(float, 3, elements=st.floats(0, 9)),
)
def test_no_other_choice_of_pairs_costs_less(costs: np.ndarray, missing: np.ndarray, new: np.ndarray) -> None:
    t, n = costs.shape
    missing, new = missing[:t], new[:n]

    def total(pairs: list[tuple[int, int]]) -> float:
        rows, columns = {row for row, _ in pairs}, {column for _, column in pairs}
        alone = sum(missing[row] for row in range(t) if row not in rows)
        alone += sum(new[column] for column in range(n) if column not in columns)
        return alone + sum(costs[pair] for pair in pairs)

    cells = list(itertools.product(range(t), range(n)))
    choices = [
        list(some)
        for size in range(min(t, n) + 1)
        for some in itertools.combinations(cells, size)
        if len({row for row, _ in some}) == len({column for _, column in some}) == size
    ]

    assert total(assign(costs, missing, new)) <= min(map(total, choices)) + 1e-9
