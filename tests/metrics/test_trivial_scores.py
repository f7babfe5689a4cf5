from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from rows_of_objects import CLASSES, FOUND, OBJECTS, TREE, rows
from smalta.answers.segmentation import Segmentation
from smalta.classes import ClassTree
from smalta.metrics.evaluation import Evaluation
from smalta.metrics.trivial import BY_BRIGHTNESS, Brightness, TrivialAnswers

GROUND = ClassTree(["ground", "crack"])
KNOWN = TrivialAnswers(
    frequent=("ground",), stuff=("ground",), brightness=Brightness(threshold=100, bright=False, f1=0.5)
)


def report_of(trivial: TrivialAnswers | None, leaf: list[int], picture: np.ndarray | None) -> dict[str, Any]:
    evaluation = Evaluation(GROUND, trivial=trivial)
    found = Segmentation.from_probabilities(GROUND, np.eye(2, dtype=np.float32)[:, [leaf]])
    evaluation.add("a", np.array([[1, 1, 1, 2]], np.uint16), found, picture=picture)
    return evaluation.report(dataset="d", split="test", n_resamples=10)


def headline(report: dict[str, Any], measure: str, scope: str) -> dict[str, Any]:
    return next(row for row in report["headline"] if (row["measure"], row["scope"]) == (measure, scope))


def test_the_best_trivial_answer_stands_beside_each_number_that_has_one() -> None:
    # by brightness: only the first and the last pixel are dark
    picture = np.repeat(np.array([[50, 200, 200, 60]], np.uint8)[..., None], 3, axis=2)

    report = report_of(KNOWN, [0, 0, 0, 1], picture)

    # ground 2 of 3, crack 1 of 2
    by_brightness = (2 / 3 + 1 / 2) / 2
    expected = {"answer": BY_BRIGHTNESS, "value": pytest.approx(by_brightness), "beaten": True}
    assert headline(report, "mean_iou", "level 1")["trivial"] == expected
    assert headline(report, "f1", "threshold 0.5")["trivial"]["value"] == pytest.approx(2 / 3)
    assert headline(report, "mean_boundary_iou", "level 1")["trivial"] is None
    all_ground = {"measure": "mean_iou", "scope": "level 1", "answer": "all ground", "value": pytest.approx(3 / 8)}
    assert all_ground in report["trivial"]


def test_a_model_that_says_the_most_frequent_class_everywhere_does_not_beat_it() -> None:
    only_ground = TrivialAnswers(frequent=("ground",), stuff=("ground",))

    report = report_of(only_ground, [0, 0, 0, 0], None)

    assert headline(report, "mean_iou", "level 1")["trivial"] == {
        "answer": "all ground",
        "value": 3 / 8,
        "beaten": False,
    }
    assert headline(report, "f1", "threshold 0.5")["trivial"] == {"answer": "all ground", "value": 0.0, "beaten": False}


def test_a_model_without_trivial_answers_has_none_beside_its_numbers() -> None:
    report = report_of(None, [0, 0, 0, 1], None)

    assert report["trivial"] == []
    assert all(row["trivial"] is None for row in report["headline"])


def test_objects_and_counts_are_compared_with_no_objects_and_with_the_mean_count() -> None:
    road = TREE["road"].path
    counts = {"": 1.5, **{node.path: 1.0 for node in TREE.nodes if TREE.is_thing[node.id]}}
    trivial = TrivialAnswers(frequent=(road, road), stuff=(road, road), counts=counts)
    evaluation = Evaluation(TREE, trivial=trivial)
    evaluation.add("a", rows(CLASSES).astype(np.uint16), FOUND, instances=rows(OBJECTS))

    report = evaluation.report(dataset="d", split="test", n_resamples=10)

    objects = headline(report, "accuracy", "objects, IoU 0.5")["trivial"]
    assert objects == {"answer": "no objects", "value": 0.0, "beaten": True}
    assert headline(report, "pq_things", "level 1")["trivial"]["value"] == 0.0
    n_true = report["objects"]["true"]
    assert headline(report, "count_mae", "counts")["trivial"]["value"] == n_true - 1.5
    car = next(row for row in report["counts"]["nodes"] if row["class"] == "car")
    assert car["mean_count_mae"] == car["true"] - 1
