from __future__ import annotations

import numpy as np
import pytest

from smalta.classes import ClassTree
from smalta.metrics import hierarchy

# 1 sky, 2 car, 3 car/audi, 4 car/honda, 5 road, 6 road/lane, 7 road/lane/own, 8 road/lane/other, 9 road/mark
TREE = ClassTree(
    {
        "sky": {},
        "car": {"children": {"audi": {}, "honda": {}}},
        "road": {"children": {"lane": {"children": {"own": {}, "other": {}}}, "mark": {}}},
    }
)


def test_a_level_counts_its_own_nodes_and_leaves_labels_above_it_out() -> None:
    assert hierarchy.level_index(TREE, 1).tolist() == [0, 1, 2, 2, 2, 3, 3, 3, 3, 3]
    #  level 2: sky, audi, honda, lane, mark
    assert hierarchy.level_index(TREE, 2).tolist() == [0, 1, 0, 2, 3, 0, 4, 4, 4, 5]
    #  level 3: sky, audi, honda, own, other, mark
    assert hierarchy.level_index(TREE, 3).tolist() == [0, 1, 0, 2, 3, 0, 0, 4, 5, 6]


def test_an_error_costs_the_edges_between_truth_and_prediction() -> None:
    costs = hierarchy.error_costs(TREE)

    assert costs[3, 3] == 0
    assert costs[3, 4] == 2  # audi - car - honda
    assert costs[3, 1] == 3  # audi - car - root - sky
    assert costs[7, 9] == 3  # own - lane - road - mark
    assert costs[7, 8] == 2
    assert costs[3, 0] == 2  # no answer stands at the root


def test_a_prediction_below_the_labelled_node_is_right_and_above_it_is_not() -> None:
    costs = hierarchy.error_costs(TREE)

    assert costs[5, [5, 6, 7, 8, 9]].tolist() == [0, 0, 0, 0, 0]
    assert costs[7, 6] == 1
    assert costs[7, 5] == 2


def test_errors_of_a_picture_add_up_without_its_unlabelled_pixels() -> None:
    truth = np.array([[0, 3, 3, 5, 7]], np.uint16)
    prediction = np.array([[1, 3, 4, 9, 1]], np.uint16)

    counts = hierarchy.error_counts(hierarchy.error_costs(TREE), truth, prediction)

    # right: audi, road (mark lies below); wrong: honda for audi 2 edges, sky for road/lane/own 4 edges
    assert counts.tolist() == [6, 2, 4]
    assert hierarchy.mean_error_distance(counts) == pytest.approx(3.0)


def test_without_errors_their_distance_is_not_a_number() -> None:
    assert np.isnan(hierarchy.mean_error_distance(np.array([0, 0, 9])))


def test_consistency_compares_the_best_leaf_with_the_best_node_of_each_level() -> None:
    #              sky  audi honda own  other mark
    pixels = [
        [0.40, 0.35, 0.25, 0.0, 0.0, 0.0],  # leaf sky, but car has 0.6: level 1 disagrees, level 2 says sky
        [0.10, 0.60, 0.30, 0.0, 0.0, 0.0],  # audi, car: agrees
        [0.00, 0.00, 0.00, 0.3, 0.3, 0.4],  # leaf mark, road agrees, but at level 2 lane has 0.6
        [0.00, 0.30, 0.00, 0.25, 0.25, 0.2],  # leaf audi, but road at level 1 and lane at level 2
    ]
    probabilities = np.array(pixels).T.reshape(6, 2, 2)

    counts = hierarchy.consistency_counts(TREE, probabilities)

    assert counts.tolist() == [2, 2, 1, 4]
    assert hierarchy.consistency(counts) == pytest.approx(0.25)


def test_of_equally_likely_leaves_any_may_agree() -> None:
    probabilities = np.full((6, 1, 1), 1 / 6)  # sky is as likely a leaf as own, which lies in road, the likeliest node

    assert hierarchy.consistency_counts(TREE, probabilities).tolist() == [1, 1, 1, 1]
