from __future__ import annotations

import json
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays

from smalta.answers.segmentation import Segmentation
from smalta.classes import ClassTree
from smalta.errors import ShapeError
from smalta.metrics.evaluation import Evaluation

FLAT = ClassTree(["sky", "road", "car", "sign"])
BINARY = ClassTree(["ground", "crack"])
#                 1 sky, 2 car, 3 car/audi, 4 car/honda
CARS = ClassTree(
    {
        "sky": {},
        "car": {"children": {"audi": {}, "honda": {}}, "attributes": {"body": ["passenger", "lorry"]}},
    }
)


def answer(tree: ClassTree, classes: Any, attributes: dict[str, np.ndarray] | None = None) -> Segmentation:
    """A sure answer: probability 1 for the leaf of each pixel."""
    classes = np.array(classes, np.uint16)
    probabilities = (np.array(tree.leaves)[:, None, None] == classes).astype(np.float32)
    return Segmentation(tree=tree, classes=classes, probabilities=probabilities, attributes=attributes or {})


def report_of(tree: ClassTree, *pairs: tuple[Any, Any]) -> dict[str, Any]:
    evaluation = Evaluation(tree)
    for i, (truth, prediction) in enumerate(pairs):
        evaluation.add(f"picture{i}", np.array(truth, np.uint16), answer(tree, prediction))
    return evaluation.report(dataset="streets", split="val", n_resamples=50)


def headline(report: dict[str, Any], measure: str, scope: str) -> dict[str, Any]:
    return next(h for h in report["headline"] if (h["measure"], h["scope"]) == (measure, scope))


def test_pictures_are_pooled_by_pixels() -> None:
    report = report_of(FLAT, ([[1, 1, 1, 2]], [[1, 1, 2, 2]]), ([[2, 2]], [[2, 1]]))

    # sky TP 2 FP 1 FN 1, road TP 2 FP 1 FN 1
    level = report["levels"][0]
    assert [row["iou"] for row in level["classes"]] == [pytest.approx(0.5), pytest.approx(0.5), None, None]
    assert level["mean_iou"] == pytest.approx(0.5)
    assert level["mean_dice"] == level["pixel_accuracy"] == pytest.approx(4 / 6)
    assert level["confusion"]["pixels"][:2] == [[2, 1, 0, 0, 0], [1, 2, 0, 0, 0]]
    assert (report["n_pictures"], report["n_pixels"], report["split"]) == (2, 6, "val")


def test_absent_classes_have_no_score_and_stay_out_of_means() -> None:
    report = report_of(FLAT, ([[1, 1, 2, 0]], [[1, 3, 2, 4]]))

    level = report["levels"][0]
    assert level["absent"] == ["sign"]  # predicted only where nothing is labelled
    assert level["predicted_but_absent"] == ["car"]
    car = level["classes"][2]
    assert car["state"] == "predicted but absent"
    assert car["iou"] is car["dice"] is car["accuracy"] is car["boundary_iou"] is None
    assert car["predicted_share"] == pytest.approx(1 / 3)
    assert level["mean_iou"] == pytest.approx((1 / 2 + 1) / 2)
    assert report["labelled_share"] == pytest.approx(3 / 4)


def test_contours_are_scored_in_a_band_of_2_percent_of_the_diagonal() -> None:
    truth, prediction = np.ones((2, 60, 80), np.uint16)
    truth[:, 40:] = 2
    prediction[:, 42:] = 2

    report = report_of(FLAT, (truth, prediction))

    # the diagonal is 100, the band 2 pixels wide: of a 60 x 40 half it is 60 * 40 - 56 * 36 = 384 pixels, of a
    # 60 x 42 one 392, of a 60 x 38 one 376. Shared are two rows above, two below, and the outer two columns.
    sky, road = 4 * 40 + 2 * 56, 4 * 38 + 2 * 56
    expected = [sky / (384 + 392 - sky), road / (384 + 376 - road)]
    level = report["levels"][0]
    assert [row["boundary_iou"] for row in level["classes"][:2]] == pytest.approx(expected)
    assert level["mean_boundary_iou"] == pytest.approx(sum(expected) / 2)
    assert headline(report, "mean_boundary_iou", "level 1")["value"] == pytest.approx(sum(expected) / 2)


def test_the_strongest_confusion_of_a_class_is_named() -> None:
    rows = report_of(FLAT, ([[1, 1, 1, 1, 2]], [[1, 3, 3, 2, 2]]))["levels"][0]["classes"]

    assert rows[0]["most_confused_with"] == {"class": "car", "share": 0.5}
    assert rows[1]["most_confused_with"] is None


def test_each_level_of_a_tree_is_scored_and_coarse_labels_count_only_above() -> None:
    report = report_of(CARS, ([[1, 2, 3, 4]], [[1, 4, 4, 4]]))

    top, leaves = report["levels"]
    assert [row["class"] for row in top["classes"]] == ["sky", "car"]
    assert top["mean_iou"] == top["pixel_accuracy"] == 1.0
    assert top["labelled_share"] == 1.0
    assert leaves["labelled_share"] == pytest.approx(3 / 4)
    assert [row["iou"] for row in leaves["classes"]] == [1.0, 0.0, 0.5]
    assert report["hierarchy"]["error_distance"] == pytest.approx(2.0)
    assert report["hierarchy"]["wrong_share"] == pytest.approx(1 / 4)
    assert report["hierarchy"]["consistency"] == 1.0
    assert headline(report, "mean_iou", "level 2")["value"] == pytest.approx(0.5)


def test_consistency_is_reported_per_upper_level() -> None:
    evaluation = Evaluation(CARS)
    probabilities = np.array([[[0.4, 0.9]], [[0.3, 0.1]], [[0.3, 0.0]]])
    unsure = Segmentation(tree=CARS, classes=np.array([[3, 1]], np.uint16), probabilities=probabilities)
    evaluation.add("one", np.array([[3, 1]], np.uint16), unsure)

    report = evaluation.report(dataset="d", split="val")

    assert report["hierarchy"]["consistency_per_level"] == [{"level": 1, "share": 0.5}]
    assert headline(report, "consistency", "tree")["value"] == 0.5


def test_an_answer_that_stops_above_a_level_is_wrong_there_and_right_above() -> None:
    top, leaves = report_of(CARS, ([[3, 1]], [[2, 1]]))["levels"]

    assert top["pixel_accuracy"] == 1.0
    assert leaves["pixel_accuracy"] == 0.5
    assert leaves["confusion"]["columns"][-1] == "no answer"
    assert leaves["confusion"]["pixels"][1] == [0, 0, 0, 1]
    assert [row["predicted_share"] for row in leaves["classes"]] == [0.5, 0.0, 0.0]


def test_attributes_count_where_they_are_labelled_inside_their_node() -> None:
    evaluation = Evaluation(CARS)
    truth = np.array([[1, 2, 3, 3, 4, 4]], np.uint16)
    labels = np.array([[1, 1, 1, 2, 1, 0]], np.uint8)  # sky has no body; the last car is not labelled
    shown = np.array([2, 1, 1, 2, 2, 1])
    body = (np.arange(1, 3)[:, None, None] == shown).astype(np.float32)
    evaluation.add("one", truth, answer(CARS, np.ones((1, 6)), {"body": body}), {"body": labels})

    report = evaluation.report(dataset="d", split="val")

    (question,) = report["attributes"]
    assert question["labelled_pixels"] == 4
    assert question["accuracy"] == pytest.approx(3 / 4)
    assert [v["accuracy"] for v in question["values"]] == [pytest.approx(2 / 3), 1.0]
    assert question["mean_value_accuracy"] == pytest.approx(5 / 6)
    assert headline(report, "accuracy", "attribute body")["value"] == pytest.approx(3 / 4)


def test_an_attribute_without_labels_has_no_score() -> None:
    (question,) = report_of(CARS, ([[3, 1]], [[3, 1]]))["attributes"]

    assert question["labelled_pixels"] == 0
    assert question["accuracy"] is question["mean_value_accuracy"] is None


def test_a_binary_tree_is_scored_at_one_half_and_at_the_chosen_threshold() -> None:
    evaluation = Evaluation(BINARY, threshold=0.25)
    positive = np.array([[0.9, 0.25, 0.3, 0.1, 0.1, 0.1, 0.1, 0.1]])
    probabilities = np.stack([1 - positive, positive])
    decoded = Segmentation(tree=BINARY, classes=(1 + (positive >= 0.25)).astype(np.uint16), probabilities=probabilities)
    evaluation.add("one", np.array([[2, 2, 1, 1, 2, 1, 1, 0]], np.uint16), decoded)

    report = evaluation.report(dataset="d", split="val")

    chosen, half = report["binary"]["thresholds"]
    assert (chosen["threshold"], chosen["chosen_on_validation"]) == (0.25, True)
    assert (half["threshold"], half["chosen_on_validation"]) == (0.5, False)
    # at 0.25: TP 2, FP 1, FN 1; within 2 pixels all is right and found. At 0.5: TP 1, FP 0, FN 2; pixel 4 is not found
    assert (chosen["precision"], chosen["recall"]) == (pytest.approx(2 / 3), pytest.approx(2 / 3))
    assert (chosen["f1"], chosen["iou"], chosen["tolerant_f1"]) == (pytest.approx(2 / 3), 0.5, 1.0)
    assert (half["precision"], half["recall"], half["f1"]) == (1.0, pytest.approx(1 / 3), pytest.approx(0.5))
    assert half["tolerant_f1"] == pytest.approx(2 * 1 * (2 / 3) / (5 / 3))
    assert report["binary"]["positive"] == "crack"
    assert headline(report, "f1", "threshold 0.25")["value"] == pytest.approx(2 / 3)


@pytest.mark.parametrize(("threshold", "chosen"), [(None, False), (0.5, True)])
def test_one_threshold_is_reported_once(threshold: float | None, chosen: bool) -> None:
    evaluation = Evaluation(BINARY, threshold=threshold)
    evaluation.add("one", np.array([[1, 2]], np.uint16), answer(BINARY, [[1, 2]]))

    (row,) = evaluation.report(dataset="d", split="val")["binary"]["thresholds"]

    assert (row["threshold"], row["chosen_on_validation"], row["f1"]) == (0.5, chosen, 1.0)


def test_a_tree_of_more_than_two_leaves_has_no_binary_part_and_a_flat_one_no_hierarchy() -> None:
    report = report_of(FLAT, ([[1]], [[1]]))

    assert report["binary"] is None
    assert report["hierarchy"] is None


def test_every_headline_number_of_several_pictures_has_an_interval_that_is_seeded() -> None:
    pairs = [([[1, 1, 2]], [[1, 2, 2]]), ([[1, 1, 2]], [[1, 1, 2]]), ([[2, 2, 2]], [[2, 1, 2]])]

    first, second = report_of(FLAT, *pairs), report_of(FLAT, *pairs)

    assert first == second
    for row in first["headline"]:
        low, high = row["interval"]
        assert low < row["value"] < high


def test_one_picture_has_numbers_and_no_intervals() -> None:
    report = report_of(FLAT, ([[1, 2]], [[1, 2]]))

    assert {row["value"] for row in report["headline"]} == {1.0}
    assert {row["interval"] for row in report["headline"]} == {None}


def test_a_split_without_labelled_pixels_has_nulls_and_no_zeros() -> None:
    report = report_of(BINARY, ([[0, 0]], [[1, 2]]))

    assert report["labelled_share"] == 0.0
    assert {row["value"] for row in report["headline"]} == {None}


def test_pictures_are_listed_with_their_own_scores() -> None:
    report = report_of(FLAT, ([[1, 1, 2, 2]], [[1, 1, 2, 1]]), ([[0]], [[1]]))

    first, second = report["pictures"]
    assert first == {"name": "picture0", "mean_iou": pytest.approx((2 / 3 + 1 / 2) / 2), "pixel_accuracy": 0.75}
    assert second == {"name": "picture1", "mean_iou": None, "pixel_accuracy": None}


def test_the_report_is_plain_json_and_explains_its_words() -> None:
    report = report_of(CARS, ([[1, 2, 3, 4]], [[1, 4, 4, 4]]), ([[0, 0, 3, 4]], [[1, 4, 4, 4]]))

    assert json.loads(json.dumps(report, allow_nan=False)) == report
    assert "unlabelled" in report["definitions"]["pooled"]


def test_an_answer_of_another_size_is_refused_by_name() -> None:
    with pytest.raises(ShapeError, match=r"'left' must be \(2, 2\) like its truth, got \(1, 2\)"):
        Evaluation(FLAT).add("left", np.ones((2, 2), np.uint16), answer(FLAT, [[1, 1]]))


def test_a_report_of_no_picture_is_refused() -> None:
    with pytest.raises(ShapeError, match="at least one picture"):
        Evaluation(FLAT).report(dataset="d", split="val")


@settings(max_examples=30)
@given(data=st.data())
def test_the_order_of_pictures_changes_no_pooled_number(data: st.DataObject) -> None:
    truths = st.tuples(
        arrays(np.uint16, (4, 5), elements=st.integers(0, 4)), arrays(np.uint16, (4, 5), elements=st.integers(1, 4))
    )
    pairs = data.draw(st.lists(truths, min_size=1, max_size=4))
    shuffled = data.draw(st.permutations(pairs))

    one, other = report_of(CARS, *pairs), report_of(CARS, *shuffled)

    for part in ("levels", "hierarchy", "labelled_share"):
        assert one[part] == other[part]
    assert [h["value"] for h in one["headline"]] == [h["value"] for h in other["headline"]]
