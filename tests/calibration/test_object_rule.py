from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from functools import cache

import cv2
import numpy as np
import pytest

from smalta.answers.count_intervals import NONE
from smalta.answers.fields import CENTER, OFFSETS, SEMANTIC
from smalta.answers.grouping import NO_RIDGE, GroupingRule
from smalta.answers.segmentation import Segmentation
from smalta.calibration.object_rule import AREA_SHARES, SETTINGS, Candidates, calibrate, candidates, families
from smalta.classes import ClassTree

# 1 ground, 2 cell, 3 cell/round, 4 cell/dark
TREE = ClassTree({"ground": {}, "cell": {"kind": "thing", "children": ["round", "dark"]}})
SIDE, STRIDE = 64, 2

Picture = tuple[dict[str, np.ndarray], np.ndarray, np.ndarray]


def draw(discs: Sequence[tuple[int, int, int, float, float, int]], true: Sequence[bool]) -> Picture:
    """Fields and labels of discs: row, column, radius, P(thing), peak of the centre map, leaf (3 or 4)."""
    classes, instances = np.ones((SIDE, SIDE), np.uint16), np.zeros((SIDE, SIDE), np.int32)
    semantic = np.zeros((3, SIDE, SIDE), np.float32)
    semantic[0] = 0.95
    semantic[1] = 0.05
    cells = SIDE // STRIDE
    center, offsets = np.zeros((1, cells, cells), np.float32), np.zeros((2, cells, cells), np.float32)
    grid = np.moveaxis(np.indices((cells, cells)), 0, -1) * STRIDE
    for number, ((row, column, radius, sure, peak, leaf), real) in enumerate(zip(discs, true, strict=True), start=1):
        mask = np.zeros((SIDE, SIDE), np.uint8)
        cv2.circle(mask, (column, row), radius, 1, -1)
        inside = mask > 0
        semantic[:, inside] = np.array([1 - sure, 0, 0])[:, None]
        semantic[leaf - 2, inside] = sure
        if real:
            classes[inside], instances[inside] = leaf, number
        small = inside[::STRIDE, ::STRIDE]
        offsets[:, small] = (np.array([row, column]) - grid)[small].T
        center[0, small] = peak
    return {SEMANTIC: semantic, CENTER: center, OFFSETS: offsets}, classes, instances


def scene(rng: np.random.Generator) -> Picture:
    """Up to 16 cells; a bad picture misses many. Specks that are none have lower peaks, mostly."""
    places = [(y, x) for y in range(8, SIDE, 16) for x in range(8, SIDE, 16)]
    rng.shuffle(places)
    n = int(rng.integers(0, 13))
    badness = rng.beta(1, 6)
    discs, true = [], []
    for row, column in places[:n]:
        missed = rng.random() < badness
        peak = rng.uniform(0.02, 0.3) if missed else rng.uniform(0.35, 1.0)
        discs.append((row, column, int(rng.integers(4, 7)), 0.9, peak, int(rng.integers(3, 5))))
        true.append(True)
    for row, column in places[n : n + int(rng.poisson(1.5))]:
        discs.append((row, column, int(rng.integers(1, 6)), 0.7, rng.uniform(0.05, 0.5), 3))
        true.append(False)
    return draw(discs, true)


@cache
def scenes(n: int, seed: int) -> list[tuple[Picture, Candidates]]:
    rng = np.random.default_rng(seed)
    return [((made := scene(rng)), candidates(TREE, *made)) for _ in range(n)]


def setting_of(rule: GroupingRule) -> int:
    return SETTINGS.index(replace(rule, min_score=0.0, min_area=1))


def test_thresholds_part_cells_from_specks() -> None:
    cells = [(12, 12, 6, 0.9, 0.9, 3), (12, 40, 6, 0.9, 0.8, 4), (40, 20, 6, 0.9, 0.85, 3)]
    # the large speck goes by its score or its peak, the others by their area alone: 81 and 5 pixels, a cell has 113
    specks = [(40, 44, 6, 0.9, 0.45, 3), (26, 26, 5, 0.9, 0.95, 4), (54, 54, 1, 0.9, 0.9, 4)]
    fields, *labels = draw(cells + specks, [True] * 3 + [False] * 3)

    rule, counting = calibrate(TREE, [candidates(TREE, fields, *labels)] * 3)

    assert 81 < rule.min_area <= 113
    objects = Segmentation.from_fields(TREE, fields, rule=rule).objects
    assert objects is not None
    assert objects.counts() == {"cell": 3, "cell/round": 2, "cell/dark": 1}
    assert counting.pictures == 3
    assert counting.shortage is not None


def test_where_large_objects_have_many_peaks_more_smoothing_is_chosen() -> None:
    fields, *labels = draw([(32, 32, 28, 0.9, 0.0, 3)], [True])
    rng = np.random.default_rng(0)
    rows, columns = rng.integers(10, 22, (2, 12))
    fields[CENTER][0, rows, columns] = rng.uniform(0.7, 1.0, 12)
    fields[OFFSETS][:, rows, columns] = 0  # each peak says that it is a centre

    rule, _ = calibrate(TREE, [candidates(TREE, fields, *labels)] * 3)

    plain = Segmentation.from_fields(TREE, fields, rule=GroupingRule()).objects
    smooth = Segmentation.from_fields(TREE, fields, rule=rule).objects
    assert plain is not None
    assert smooth is not None
    assert len(plain) > 3
    assert len(smooth) == 1
    assert rule.smoothing > GroupingRule().smoothing


def test_where_the_map_does_not_fall_between_touching_cells_ridges_do_not_join_them() -> None:
    fields, *labels = draw([(30, 20, 9, 0.9, 0.9, 3), (30, 35, 9, 0.9, 0.8, 3)], [True] * 2)

    rule, _ = calibrate(TREE, [candidates(TREE, fields, *labels)] * 3)

    usual = Segmentation.from_fields(TREE, fields, rule=GroupingRule()).objects
    chosen = Segmentation.from_fields(TREE, fields, rule=rule).objects
    assert usual is not None
    assert chosen is not None
    assert len(usual) == 1
    assert len(chosen) == 2
    assert rule.ridge == NO_RIDGE


def test_where_a_cell_has_two_peaks_ridges_join_them() -> None:
    fields, *labels = draw([(30, 30, 12, 0.9, 0.5, 3)], [True])
    for column, height in ((11, 0.9), (19, 0.8)):
        fields[CENTER][0, 13:18, column - 2 : column + 3] = height
        fields[OFFSETS][:, 13:18, column - 2 : column + 3] = 0  # each says that it is a centre
    fields[CENTER][0, 13:18, 14:17] = 0.75

    rule, _ = calibrate(TREE, [candidates(TREE, fields, *labels)] * 3)

    parted = Segmentation.from_fields(TREE, fields, rule=GroupingRule(ridge=NO_RIDGE)).objects
    chosen = Segmentation.from_fields(TREE, fields, rule=rule).objects
    assert parted is not None
    assert chosen is not None
    assert len(parted) == 2
    assert len(chosen) == 1


def test_the_rule_makes_of_fields_what_was_judged() -> None:
    pictures = scenes(30, seed=1)

    rule, _ = calibrate(TREE, [found for _, found in pictures])
    place = setting_of(rule)

    for (fields, _, _), found in pictures:
        objects = Segmentation.from_fields(TREE, fields, rule=rule).objects
        assert objects is not None
        kept = (found.setting == place) & (found.scores >= rule.min_score) & (found.areas >= rule.min_area)
        assert sorted(objects.areas) == sorted(found.areas[kept])
        assert sorted(objects.classes) == sorted(found.nodes[kept])


def test_no_other_rule_tried_has_a_better_quality_worth_naming() -> None:
    found = [found for _, found in scenes(30, seed=1)]

    rule, _ = calibrate(TREE, found)

    def quality(setting: int, score: float, area: int) -> float:
        iou = answered = true = 0.0
        for picture in found:
            kept = (picture.setting == setting) & (picture.scores >= score) & (picture.areas >= area)
            iou += picture.iou[kept].sum()
            answered += np.count_nonzero(~picture.excused[kept])
            true += len(picture.true_areas)
        return 2 * iou / (answered + true)

    chosen = setting_of(rule)
    best = max(quality(place, score, 1) for place in range(len(SETTINGS)) for score in (0, 0.2, 0.3, 0.4, 0.6))
    assert quality(chosen, rule.min_score, rule.min_area) >= best - 0.005
    assert best > quality(SETTINGS.index(GroupingRule()), 0.0, 1) + 0.01  # there was something to choose


def judged(scores: list[float], iou: list[float]) -> Candidates:
    """A picture whose true cells are those that are matched, all made by the plain setting."""
    n, true = len(scores), np.count_nonzero(iou)
    return Candidates(
        setting=np.full(n, SETTINGS.index(GroupingRule())),
        scores=np.array(scores, np.float32),
        areas=np.full(n, 50),
        nodes=np.full(n, 3),
        iou=np.array(iou),
        excused=np.zeros(n, bool),
        counted=np.ones(n, bool),
        true_areas=np.full(true, 50),
        true_nodes=np.full(true, 3),
        true_counts=np.array([true, 0, true, true, 0]),
        known=np.ones(5, bool),
    )


def test_of_rules_that_are_as_good_the_one_with_the_right_count_is_taken() -> None:
    # keeping the unsure one costs little quality; where a cell was missed it makes the count right
    found = judged([0.9] * 199 + [0.33], [0.8] * 199 + [0.0])
    one_more = replace(
        found, true_counts=np.array([200, 0, 200, 200, 0]), true_areas=np.full(200, 50), true_nodes=np.full(200, 3)
    )

    assert calibrate(TREE, [one_more])[0].min_score <= 0.33
    assert calibrate(TREE, [found])[0].min_score > 0.33


# 1 ground, 2 car, 3 car/long, 4 car/short, 5 person
STREET = ClassTree({"ground": {}, "car": {"kind": "thing", "children": ["long", "short"]}, "person": {"kind": "thing"}})


def test_a_family_is_a_topmost_thing_with_all_below_it() -> None:
    assert families(STREET).tolist() == [0, 0, 1, 1, 1, 2]


def test_few_people_count_as_much_as_many_cars() -> None:
    # 3 of 4 people are unsure; so are 9 things beside 40 cars that are none
    people = judged([0.9] + [0.25] * 3, [0.8] * 4)
    cars = judged([0.9] * 40 + [0.25] * 9, [0.8] * 40 + [0.0] * 9)
    joined = {
        name: np.concatenate([getattr(people, name), getattr(cars, name)])
        for name in ("setting", "scores", "areas", "iou", "excused", "counted", "true_areas")
    }
    street = Candidates(
        **joined,
        nodes=np.repeat([5, 3], [4, 49]),
        true_nodes=np.repeat([5, 3], [4, 40]),
        true_counts=np.array([44, 0, 40, 40, 0, 4]),
        known=np.ones(6, bool),
    )

    # people: 1.6 of 4 become 4; cars: 64 / 80 become 64 / 89; all in one sum: 65.6 / 85 become 70.4 / 97
    assert calibrate(STREET, [street])[0].min_score <= 0.25


def test_an_object_is_right_only_within_its_family() -> None:
    semantic = np.zeros((4, SIDE, SIDE), np.float32)
    fields, classes, instances = draw([(20, 20, 6, 0.9, 0.9, 3)], [True])
    semantic[0] = fields[SEMANTIC][0]
    semantic[3] = 1 - semantic[0]  # answered: a person

    found = candidates(STREET, {**fields, SEMANTIC: semantic}, classes, instances)

    assert found.true_nodes.tolist() == [3]
    assert set(found.nodes) == {5}
    assert not found.iou.any()


def test_each_picture_is_counted_by_the_rule_that_all_others_choose() -> None:
    plain = judged([0.9, 0.3], [0.8, 0.0])
    rich = judged([0.9] + [0.2] * 40, [0.8] * 41)  # all cells of the nine others go by a least score above 0.3

    rule, counting = calibrate(TREE, [rich, *[plain] * 9])

    assert rule.min_score <= 0.2
    # with its own say the rich picture would be counted right, and the worst of ten off by 1 of 2
    assert counting.nodes["cell"].found == pytest.approx(40 / np.sqrt(1 + 1))


def test_nine_of_ten_new_pictures_lie_in_the_intervals() -> None:
    pool = [found for _, found in scenes(90, seed=2)]
    rng = np.random.default_rng(0)
    inside, there = np.zeros(5), np.zeros(5)
    for _ in range(25):
        order = rng.permutation(len(pool))
        seen, new = [pool[i] for i in order[:30]], [pool[i] for i in order[30:]]
        rule, counting = calibrate(TREE, seen)
        place = setting_of(rule)
        counts, true = np.zeros((2, len(new), 5), np.int64)
        for i, picture in enumerate(new):
            kept = (picture.setting == place) & (picture.scores >= rule.min_score) & (picture.areas >= rule.min_area)
            counts[i, 3:] = np.bincount(picture.nodes[kept], minlength=5)[3:]
            counts[i, 2] = counts[i, 3:].sum()
            true[i] = picture.true_counts
        low, high = counting.intervals(TREE, counts)
        inside += np.count_nonzero((low <= true) & (true <= high) & (high != NONE), axis=0)
        there += np.count_nonzero(high != NONE, axis=0)

    coverage = inside[2:] / there[2:]
    assert np.all(coverage >= 0.88)
    assert np.all(coverage <= 0.98)


def test_pictures_without_a_true_object_choose_nothing() -> None:
    empty = candidates(TREE, *draw([(12, 12, 5, 0.9, 0.9, 3)], [False]))

    rule, counting = calibrate(TREE, [empty] * 10)

    assert rule == GroupingRule()
    assert counting.nodes["cell"].found == pytest.approx(1 / np.sqrt(2))


def test_no_picture_gives_the_plain_rule_and_no_interval() -> None:
    rule, counting = calibrate(TREE, [])

    assert rule == GroupingRule()
    assert counting.pictures == 0
    assert counting.nodes["cell"].found is counting.nodes["cell"].empty is None


def test_the_plain_rule_is_among_those_tried() -> None:
    assert GroupingRule() in SETTINGS
    assert AREA_SHARES[0] == 0
