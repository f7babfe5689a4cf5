from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from smalta.answers.grouping import GroupingRule
from smalta.answers.objects import Objects
from smalta.answers.segmentation import Segmentation
from smalta.answers.stuff import StuffSegments, least_shares, without_crumbs
from smalta.classes import ClassTree
from smalta.errors import ConfigError

# 1 sky  2 ground  3 grass  4 gravel  5 cat
TREE = ClassTree({"sky": {}, "ground": {"children": {"grass": {}, "gravel": {}}}, "cat": {"kind": "thing"}})
SKY, GROUND, GRASS, GRAVEL, CAT = 1, 2, 3, 4, 5


def striped(*runs: tuple[int, int]) -> np.ndarray:
    """(1, W) node ids from pairs of node and length."""
    return np.concatenate([np.full(length, node, np.uint16) for node, length in runs])[None]


def sure_of(classes: np.ndarray, second: int) -> np.ndarray:
    """Leaf probabilities: 0.6 for the class of each pixel, 0.3 for `second`, the rest for the others."""
    p = np.full((TREE.n_leaves, *classes.shape), 0.05)
    p[TREE.leaves.index(second)] = 0.3
    for channel, leaf in enumerate(TREE.leaves):
        p[channel][classes == leaf] = 0.6
    return p / p.sum(axis=0)


def test_segments_are_compared_as_panoptic_quality_compares_them() -> None:
    truth = striped((SKY, 40), (GRASS, 40), (0, 20))
    answer = striped((SKY, 30), (GRASS, 50), (GRAVEL, 20))

    found = StuffSegments.of(TREE, answer, truth)

    assert found.area[[SKY, GRASS, GRAVEL]].tolist() == [0.3, 0.5, 0.2]
    assert found.true_area[[SKY, GRASS, GRAVEL]].tolist() == [0.4, 0.4, 0.0]
    assert found.iou[[SKY, GRASS]] == pytest.approx([0.75, 0.8])
    assert not found.false.any()  # the gravel lies where nothing is labelled


def test_a_segment_that_matches_nothing_is_false_and_things_are_none() -> None:
    truth = striped((SKY, 80), (CAT, 20))
    answer = striped((SKY, 70), (GRAVEL, 10), (CAT, 20))

    found = StuffSegments.of(TREE, answer, truth)

    assert np.flatnonzero(found.false).tolist() == [GRAVEL]
    assert found.area[CAT] == found.true_area[CAT] == 0


def test_a_parents_label_does_not_say_what_a_leaf_is() -> None:
    found = StuffSegments.of(TREE, striped((GRASS, 60), (SKY, 40)), striped((GROUND, 60), (SKY, 40)))

    assert not found.false.any()
    assert found.true_area[GRASS] == 0


def pictures(*, crumb: int, real: int, n: int = 10) -> list[StuffSegments]:
    """Half of the pictures with real grass, half with a crumb of it."""
    with_grass = striped((SKY, 1000 - real), (GRASS, real))
    without = striped((SKY, 1000))
    crumbs = striped((SKY, 1000 - crumb), (GRASS, crumb))
    return [StuffSegments.of(TREE, with_grass, with_grass)] * n + [StuffSegments.of(TREE, crumbs, without)] * n


def test_the_limit_lies_above_the_crumbs_and_below_what_is_real() -> None:
    limits = least_shares(TREE, pictures(crumb=5, real=100))

    assert 0.005 < limits[GRASS] <= 0.1
    assert limits[SKY] == 0  # no sky was false, so the least limit is as good as any
    assert limits[GRAVEL] == limits[CAT] == 0


def test_without_false_segments_or_without_pictures_there_is_no_limit() -> None:
    assert not any(least_shares(TREE, pictures(crumb=0, real=100)))
    assert least_shares(TREE, []) == (0.0,) * (len(TREE) + 1)


def test_crumbs_go_to_the_likeliest_class_that_is_large_enough() -> None:
    classes = striped((SKY, 50), (GRAVEL, 3), (GRASS, 47))
    least = (0, 0.1, 0, 0.1, 0.1, 0)

    cleaned = without_crumbs(TREE, classes, sure_of(classes, GRASS), np.ones((1, 100), bool), least)

    assert np.array_equal(cleaned, striped((SKY, 50), (GRASS, 50)))
    towards_sky = without_crumbs(TREE, classes, sure_of(classes, SKY), np.ones((1, 100), bool), least)
    assert np.array_equal(towards_sky, striped((SKY, 53), (GRASS, 47)))


def test_where_nothing_is_large_enough_the_map_stays() -> None:
    classes = striped((SKY, 50), (GRASS, 50))

    assert np.array_equal(
        without_crumbs(TREE, classes, sure_of(classes, SKY), np.ones((1, 100), bool), (0, 0.9, 0, 0.9, 0.9, 0)), classes
    )


def test_a_panoptic_map_keeps_its_objects_and_loses_its_crumbs() -> None:
    classes = striped((SKY, 60), (GRAVEL, 4), (CAT, 36))
    instances = np.where(classes == CAT, 1, 0).astype(np.int32)
    p = sure_of(classes, SKY)
    answer = Segmentation.from_probabilities(
        TREE, p, objects=Objects.from_instances(TREE, instances, p, np.ones(1, np.float32))
    )

    assert np.array_equal(answer.panoptic(), classes)
    cleaned = replace(answer, min_stuff=(0, 0.05, 0, 0.05, 0.05, 0))

    assert np.array_equal(cleaned.panoptic(), striped((SKY, 64), (CAT, 36)))
    assert np.array_equal(cleaned.classes, classes)  # the semantic map stays


def test_a_rule_with_limits_goes_through_plain_data() -> None:
    rule = GroupingRule(min_stuff=(0.0, 0.25))

    assert GroupingRule.from_dict({**rule.to_dict(), "min_stuff": [0.0, 0.25]}) == rule
    with pytest.raises(ConfigError, match="min_stuff"):
        GroupingRule(min_stuff=(1.5,))
