from __future__ import annotations

import json
from typing import Any

import numpy as np
import pytest

from rows_of_objects import CALIBRATION, CLASSES, FOUND, OBJECTS, TREE, answer, report_of, rows
from smalta.errors import ShapeError
from smalta.metrics.evaluation import Evaluation


def headline(report: dict[str, Any], measure: str, scope: str) -> dict[str, Any]:
    return next(row for row in report["headline"] if (row["measure"], row["scope"]) == (measure, scope))


def by_class(level: dict[str, Any]) -> dict[str, dict[str, Any]]:
    return {row["class"]: row for row in level["classes"]}


def test_objects_are_matched_whatever_their_class_and_class_by_class_at_each_level() -> None:
    report = report_of((CLASSES, OBJECTS, FOUND))

    objects = report["objects"]
    # audi and person fit wholly, the honda at exactly one half; one is missed, one invented
    assert (objects["true"], objects["predicted"]) == (4, 4)
    assert objects["accuracy"][:2] == [pytest.approx(3 / 5), pytest.approx(2 / 6)]
    assert objects["f1"][0] == pytest.approx(3 / 4)
    assert objects["matched_iou"] == pytest.approx((1 + 1 + 1 / 2) / 3)
    assert headline(report, "accuracy", "objects, IoU 0.5")["value"] == pytest.approx(3 / 5)
    assert headline(report, "mean_accuracy", "objects, IoU 0.5:0.95")["value"] == pytest.approx(0.06 + 0.9 / 3)
    top, leaves = (by_class(level) for level in objects["levels"])
    assert (top["car"]["true"], top["car"]["predicted"], top["car"]["f1"]) == (2, 2, 1.0)
    assert (leaves["car/audi"]["true"], leaves["car/audi"]["predicted"]) == (1, 2)
    assert leaves["car/honda"]["f1"] == 0.0
    assert leaves["road"]["f1"] is leaves["road"]["true"] is None


def test_panoptic_quality_is_given_for_things_and_stuff_at_each_level() -> None:
    report = report_of((CLASSES, OBJECTS, FOUND))

    top, leaves = report["objects"]["levels"]
    # at the top: road 3 of 6 pixels, that is 3/6 and no match; car 1 of 2 (one half is no match); person 1 of 2
    road = 3 / (4 + 5 - 3)
    assert road == 0.5
    assert top["panoptic"]["stuff"] == {"pq": 0.0, "sq": 0.0, "rq": 0.0}
    assert top["panoptic"]["things"] == {"pq": 0.5, "sq": 1.0, "rq": 0.5}
    assert top["panoptic"]["all"]["pq"] == pytest.approx(1 / 3)
    assert by_class(leaves)["car/audi"]["pq"] == pytest.approx(1 / 1.5)
    assert by_class(leaves)["car/honda"]["pq"] == 0.0
    assert headline(report, "pq", "level 2")["value"] == pytest.approx((0 + 2 / 3 + 0 + 1 / 2) / 4)
    assert headline(report, "pq_things", "level 1")["value"] == 0.5
    assert headline(report, "pq_stuff", "level 1")["value"] == 0.0


def test_average_precision_is_given_per_class_and_level() -> None:
    top, leaves = report_of((CLASSES, OBJECTS, FOUND))["objects"]["levels"]

    # car: both scores are equal, the first is right at all thresholds, the second at 0.5 alone
    assert by_class(top)["car"]["ap50"] == 1.0
    assert by_class(top)["car"]["ap75"] == pytest.approx(51 / 101)
    assert by_class(leaves)["car/audi"]["ap"] == 1.0
    assert by_class(leaves)["car/honda"]["ap"] == 0.0
    assert by_class(top)["road"]["ap"] is None
    assert leaves["ap50"] == pytest.approx((1 + 0 + 51 / 101) / 3)
    assert leaves["ap_small"] == leaves["ap"]
    assert leaves["ap_large"] is None


def test_counts_are_compared_at_every_node() -> None:
    counts = report_of((CLASSES, OBJECTS, FOUND), (CLASSES, OBJECTS, answer([1] * 12, [0] * 12)))["counts"]

    nodes = {row["class"]: row for row in counts["nodes"]}
    assert list(nodes) == ["car", "car/audi", "car/honda", "person"]
    car = nodes["car"]
    assert (car["true"], car["predicted"], car["known_pictures"]) == (4, 2, 2)
    assert (car["mae"], car["bias"], car["relative_error"]) == (1.0, -1.0, 0.5)
    # 2 +- 0.5 * sqrt(3) holds 2; where nothing was found the interval is 0 .. 0
    assert (car["intervals"], car["coverage"], car["mean_width"]) == (2, 0.5, 0.0)
    assert (nodes["car/audi"]["intervals"], nodes["car/audi"]["coverage"]) == (0, None)
    assert counts["nominal_coverage"] == 0.9
    assert counts["shortage"] is None


def test_the_headline_counts_all_objects_and_all_intervals() -> None:
    report = report_of((CLASSES, OBJECTS, FOUND), (CLASSES, OBJECTS, answer([1] * 12, [0] * 12)))

    assert headline(report, "count_mae", "counts")["value"] == 2.0
    assert headline(report, "count_bias", "counts")["value"] == -2.0
    assert headline(report, "count_relative_error", "counts")["value"] == 0.5
    assert headline(report, "count_coverage", "counts")["value"] == 0.5
    assert headline(report, "pq", "level 1")["interval"] is not None


def test_a_model_without_intervals_says_so_and_has_no_coverage() -> None:
    report = report_of((CLASSES, OBJECTS, FOUND), calibration=None)

    assert report["counts"]["shortage"] == "the model has no intervals of counts"
    assert report["counts"]["nodes"][0]["coverage"] is None
    assert "count_coverage" not in {row["measure"] for row in report["headline"]}


def test_an_answer_on_unlabelled_pixels_is_neither_counted_nor_wrong() -> None:
    found = answer([1, 3, 3, 5, 5], [0, 1, 1, 2, 2])

    report = report_of(([1, 3, 3, 0, 0], [0, 1, 1, 0, 0], found))

    assert report["objects"]["accuracy"][0] == 1.0
    assert headline(report, "pq", "level 2")["value"] == 1.0
    assert headline(report, "count_mae", "counts")["value"] == 0.0


def test_a_coarse_label_is_scored_where_it_says_something() -> None:
    found = answer([1, 3, 3, 5, 5], [0, 1, 1, 2, 2])

    report = report_of(([1, 2, 2, 5, 5], [0, 1, 1, 2, 2], found))

    top, leaves = report["objects"]["levels"]
    assert by_class(top)["car"]["pq"] == by_class(top)["car"]["ap"] == 1.0
    assert leaves["panoptic"]["all"]["pq"] == leaves["ap"] == 1.0
    assert by_class(leaves)["car/audi"]["pq"] is None
    nodes = {row["class"]: row["known_pictures"] for row in report["counts"]["nodes"]}
    assert nodes == {"car": 1, "car/audi": 0, "car/honda": 0, "person": 1}


def test_objects_come_first_in_the_headline_and_the_report_is_json() -> None:
    report = report_of((CLASSES, OBJECTS, FOUND), (CLASSES, OBJECTS, FOUND))

    parts = [row["part"] for row in report["headline"]]
    assert parts == sorted(parts)
    assert set(parts) == {"objects", "pixels"}
    assert json.loads(json.dumps(report)) == report
    assert [row["true_objects"] for row in report["pictures"]] == [4, 4]
    assert report["pictures"][0]["accuracy"] == pytest.approx(3 / 5)


def test_without_labelled_objects_nothing_is_said_of_objects() -> None:
    evaluation = Evaluation(TREE, calibration=CALIBRATION)
    evaluation.add("one", rows(CLASSES).astype(np.uint16), FOUND)

    report = evaluation.report(dataset="d", split="val")

    assert report["objects"] is report["counts"] is None
    assert {row["part"] for row in report["headline"]} == {"pixels"}
    with pytest.raises(ShapeError, match="'two' differs from the first"):
        evaluation.add("two", rows(CLASSES).astype(np.uint16), FOUND, instances=rows(OBJECTS))


def test_pictures_without_any_object_have_no_scores_of_objects() -> None:
    report = report_of(([1, 1], [0, 0], answer([1, 1], [0, 0])))

    assert report["objects"]["accuracy"] == [None] * 10
    assert report["objects"]["levels"][0]["ap"] is None
    assert report["objects"]["levels"][0]["panoptic"]["stuff"]["pq"] == 1.0
    assert headline(report, "count_mae", "counts")["value"] == 0.0
    assert headline(report, "count_relative_error", "counts")["value"] is None
