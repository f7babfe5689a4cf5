from __future__ import annotations

import threading
from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from folder_sets import pair
from smalta.answers.count_intervals import CountCalibration, NodeErrors
from smalta.answers.segmentation import Segmentation
from smalta.classes import ClassTree
from smalta.data.sample import Entry, Sample
from smalta.errors import ClassTreeError, DataError
from smalta.inference.split_evaluation import evaluate, open_for
from smalta.metrics.trivial import TrivialAnswers
from stand_ins import BALLS, balls, info

TREE = ClassTree(["ground", "bright"])


class BrightPredictor:
    """Stands in for a model: P(bright) is the brightness of a pixel."""

    def __init__(self, threshold: float | None = None) -> None:
        self.info = info(TREE, threshold)

    def __call__(self, picture: np.ndarray) -> Segmentation:
        bright = picture.mean(axis=2) / 255
        return Segmentation.from_probabilities(TREE, np.stack([1 - bright, bright]))


class FakeDataset:
    """Stands in for a data set: pictures by name, None where the file is broken."""

    root = Path("/somewhere/cracks")

    def __init__(self, truths: Mapping[str, np.ndarray | None], tree: ClassTree = TREE) -> None:
        self.tree = tree
        self._truths = truths

    def split(self, name: str) -> tuple[Entry, ...]:
        assert name == "test"
        return tuple(Entry(name=stem, picture=Path(f"{stem}.png")) for stem in self._truths)

    def read(self, entry: Entry) -> Sample:
        truth = self._truths[entry.name]
        if truth is None:
            raise DataError(f"{entry.picture} is truncated; copy it again")
        picture = np.repeat((truth[..., None] == 2) * np.uint8(200), 3, axis=2)
        return Sample(name=entry.name, picture=picture, classes=truth)


GOOD = np.array([[1, 2], [2, 0]], np.uint16)


def test_a_split_is_predicted_compared_and_named() -> None:
    report = evaluate(BrightPredictor(), FakeDataset({"a": GOOD, "b": GOOD}), "test")

    assert (report["dataset"], report["split"], report["n_pictures"]) == ("cracks", "test", 2)
    assert report["labelled_share"] == 0.75
    assert report["binary"]["thresholds"][0]["f1"] == 1.0
    assert report["unreadable"] == []


def test_the_threshold_of_the_model_reaches_the_report() -> None:
    predictor = BrightPredictor(threshold=0.9)  # brightness is 200 / 255 = 0.78: nothing passes

    report = evaluate(predictor, FakeDataset({"a": GOOD}), "test")

    assert [(t["threshold"], t["f1"]) for t in report["binary"]["thresholds"]] == [(0.9, 0.0), (0.5, 1.0)]


def test_the_next_picture_is_read_while_one_is_predicted() -> None:
    second_is_read = threading.Event()

    class Watched(FakeDataset):
        def read(self, entry: Entry) -> Sample:
            if entry.name == "b":
                second_is_read.set()
            return super().read(entry)

    class Waiting(BrightPredictor):
        def __call__(self, picture: np.ndarray) -> Segmentation:
            assert second_is_read.wait(timeout=60)
            return super().__call__(picture)

    report = evaluate(Waiting(), Watched({"a": GOOD, "b": GOOD}), "test", workers=2)

    assert [row["name"] for row in report["pictures"]] == ["a", "b"]


class Lawn:
    """Stands in for a data set: one picture with a red ball of 4 x 4 and a green one, of which half is labelled."""

    root, tree = Path("/somewhere/lawn"), BALLS

    def split(self, name: str) -> tuple[Entry, ...]:
        return (Entry(name="a", picture=Path("a.png")),)

    def read(self, entry: Entry) -> Sample:
        picture = np.zeros((16, 16, 3), np.uint8)
        classes, instances = np.ones((16, 16), np.uint16), np.zeros((16, 16), np.int32)
        picture[2:6, 2:6, 0] = picture[8:12, 8:12, 1] = 250
        classes[2:6, 2:6], instances[2:6, 2:6] = 4, 7
        classes[8:10, 8:12], instances[8:10, 8:12] = 5, 9
        return Sample(name="a", picture=picture, classes=classes, instances=instances)


def test_objects_and_the_calibration_of_the_model_reach_the_report() -> None:
    counting = CountCalibration(pictures=20, nodes={"ball": NodeErrors(pictures=20, found=0.0, empty=0.0)})

    report = evaluate(balls(counting=counting), Lawn(), "test")

    assert (report["objects"]["true"], report["objects"]["predicted"]) == (2, 2)
    assert report["objects"]["accuracy"][:2] == [1.0, 1 / 3]  # half of the green one is an IoU of one half
    ball = report["counts"]["nodes"][0]
    assert (ball["class"], ball["true"], ball["mae"], ball["coverage"]) == ("ball", 2, 0.0, 1.0)


def test_a_model_asked_for_classes_alone_has_no_scores_of_objects() -> None:
    assert evaluate(balls(kind="semantic"), Lawn(), "test")["objects"] is None


def test_a_broken_picture_is_listed_and_the_rest_is_counted() -> None:
    report = evaluate(BrightPredictor(), FakeDataset({"a": None, "b": GOOD}), "test")

    assert report["n_pictures"] == 1
    assert report["unreadable"] == [{"name": "a", "reason": "a.png is truncated; copy it again"}]


def test_a_split_of_broken_pictures_is_an_error_that_gives_the_first_reason() -> None:
    with pytest.raises(
        DataError, match=r"'test' of .*cracks has no readable picture; the first reason: a.png is truncated"
    ):
        evaluate(BrightPredictor(), FakeDataset({"a": None, "b": None}), "test")


def test_an_empty_split_is_an_error() -> None:
    with pytest.raises(DataError, match="it is empty"):
        evaluate(BrightPredictor(), FakeDataset({}), "test")


@pytest.mark.parametrize(
    ("tree", "difference"),
    [
        (ClassTree(["ground", "crack"]), "'bright' in the model, 'crack' in the data"),
        (ClassTree(["ground", "bright", "sky"]), "2 classes and attributes in the model, 3 in the data"),
        (ClassTree({"ground": {}, "bright": {"attributes": {"hue": ["red", "blue"]}}}), "3 in the data"),
    ],
)
def test_other_classes_than_the_models_are_refused(tree: ClassTree, difference: str) -> None:
    with pytest.raises(DataError, match=difference):
        evaluate(BrightPredictor(), FakeDataset({"a": GOOD}, tree), "test")


def test_label_values_and_colours_of_the_data_may_differ_from_the_models() -> None:
    tree = ClassTree({"ground": {"ids": [7]}, "bright": {"ids": [9], "color": "#ff0000"}}, ignore=[255])

    assert evaluate(BrightPredictor(), FakeDataset({"a": GOOD}, tree), "test")["n_pictures"] == 1


def test_progress_is_told_after_each_picture_read_or_not() -> None:
    told: list[tuple[int, int]] = []

    evaluate(
        BrightPredictor(),
        FakeDataset({"a": None, "b": GOOD}),
        "test",
        progress=lambda done, of: told.append((done, of)),
    )

    assert told == [(1, 2), (2, 2)]


@pytest.mark.parametrize(
    ("stated", "value_of_bright"),
    [
        ("classes: {ground: {ids: [1]}, bright: {ids: [0]}}", 0),  # the same classes, other numbers: the data know
        ("classes: {cat: {ids: [1]}, dog: {ids: [0]}}", 1),  # other classes: the model knows
        (None, 1),
    ],
)
def test_data_with_the_models_classes_are_read_by_their_own_numbers(
    tmp_path: Path, stated: str | None, value_of_bright: int
) -> None:
    pair(tmp_path, "a", [1 - value_of_bright, value_of_bright])
    if stated is not None:
        (tmp_path / "classes.yaml").write_text(stated, encoding="utf-8")

    data = open_for(TREE, tmp_path)

    assert data.read(data.entries[0]).classes[0].tolist() == [1, 2, 1, 2, 1, 2]
    assert any("and the model have different classes" in note for note in data.notes) == (
        stated is not None and "cat" in stated
    )


def test_data_that_the_models_classes_cannot_read_say_that_the_classes_differ(tmp_path: Path) -> None:
    pair(tmp_path, "a", [0, 1])
    (tmp_path / "attributes" / "shape").mkdir(parents=True)
    (tmp_path / "classes.yaml").write_text("classes: {cat: {attributes: {shape: [long, round]}}, dog: {}}")

    with pytest.raises(
        DataError,
        match=r"classes.yaml and the model have different classes.*, and that fails: .*shape labels an attribute",
    ):
        open_for(TREE, tmp_path)


def test_a_mask_with_an_unknown_value_is_listed_and_the_rest_is_counted() -> None:
    class Stray(FakeDataset):
        def read(self, entry: Entry) -> Sample:
            if entry.name == "a":
                raise ClassTreeError("a.png holds the value 9")
            return super().read(entry)

    report = evaluate(BrightPredictor(), Stray({"a": GOOD, "b": GOOD}), "test")

    assert report["n_pictures"] == 1
    assert report["unreadable"] == [{"name": "a", "reason": "a.png holds the value 9"}]


def test_trivial_answers_and_too_few_steps_come_from_the_facts_of_the_model() -> None:
    predictor = BrightPredictor()
    trivial = TrivialAnswers(frequent=("bright",), stuff=("bright",))
    facts = {"trivial": trivial.to_dict(), "steps": 32, "enough_steps": 600}
    predictor.info = replace(predictor.info, facts=facts)

    report = evaluate(predictor, FakeDataset({"a": GOOD}), "test")

    row = next(row for row in report["headline"] if row["measure"] == "mean_iou")
    assert row["trivial"] == {"answer": "all bright", "value": pytest.approx(1 / 3), "beaten": True}
    assert report["shortfall"] == "trained for 32 of about 600 steps"
