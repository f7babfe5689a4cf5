from __future__ import annotations

import json

import numpy as np
import pytest

from smalta.classes import ClassTree
from smalta.errors import ConfigError
from smalta.metrics.trivial import (
    Brightness,
    TrivialAnswers,
    TrivialScore,
    best_brightness,
    best_of,
    brightness_counts,
    constant_counts,
)

CARS = ClassTree({"sky": {}, "road": {}, "car": {"kind": "thing", "children": {"audi": {}, "honda": {}}}})


def picture_of(grey: list[int]) -> np.ndarray:
    return np.repeat(np.array([grey], np.uint8)[..., None], 3, axis=2)


def answers_of(pixels: list[float]) -> TrivialAnswers:
    return TrivialAnswers.of(CARS, np.array(pixels), None, {})


def test_the_most_frequent_class_is_that_of_each_level() -> None:
    #                         root sky road car audi honda
    answers = answers_of([9, 3, 2, 1, 2, 2])

    assert answers.frequent == ("car", "sky")  # car is 1 + 2 + 2 at the top; its own label does not count below
    assert answers.stuff == ("sky", "sky")
    assert answers.constant(CARS, 1) == ("all car", 3)
    assert answers.constant(CARS, 2) == ("all sky", 1)
    assert answers.backdrop(CARS, 1) == 1


def test_without_labels_there_is_no_constant_answer() -> None:
    answers = answers_of([5, 0, 0, 0, 0, 0])

    assert answers.constant(CARS, 2) == ("", 0)
    assert answers.backdrop(CARS, 2) == 0


def test_counts_of_a_constant_answer_are_those_of_a_map_of_one_class() -> None:
    assert constant_counts(np.array([3, 5, 0]), 2).tolist() == [[0, 3, 0], [5, 5, 8], [0, 0, 0]]
    assert constant_counts(np.array([3, 5, 0]), 0).tolist() == [[0, 3, 0], [0, 5, 0], [0, 0, 0]]


@pytest.mark.parametrize("bright", [True, False])
def test_a_fixed_threshold_is_found_where_brightness_separates_the_classes(bright: bool) -> None:
    grey = [10, 20, 30, 200, 210, 0]
    labels = np.array([[1, 1, 2, 2, 2, 0]])  # from 30 on positive; the last pixel is unlabelled
    picture = picture_of(grey if bright else [255 - value for value in grey])

    best = best_brightness(brightness_counts(picture, labels))

    assert best is not None
    assert (best.f1, best.bright) == (1.0, bright)
    assert best(picture)[0, :5].tolist() == [False, False, True, True, True]


def test_otsus_threshold_is_chosen_where_pictures_differ_in_light() -> None:
    dark, light = picture_of([10, 12, 60, 62]), picture_of([110, 112, 190, 192])
    labels = np.array([[1, 1, 2, 2]])

    best = best_brightness(brightness_counts(dark, labels) + brightness_counts(light, labels))

    # one threshold for both would call 110 positive, or 60 negative
    assert best == Brightness(threshold=None, bright=True, f1=1.0)
    assert best(dark).tolist() == best(light).tolist() == [[False, False, True, True]]


def test_without_a_positive_pixel_there_is_no_threshold() -> None:
    assert best_brightness(brightness_counts(picture_of([1, 2]), np.array([[1, 0]]))) is None


def test_the_best_trivial_answer_is_the_highest_score_or_the_lowest_error() -> None:
    low, high, none = (TrivialScore(answer=name, value=value) for name, value in (("a", 1), ("b", 2), ("c", np.nan)))

    assert best_of([low, high, none]) is high
    assert best_of([low, high, none], lower_is_better=True) is low
    assert best_of([none]) is None


def test_a_score_beats_a_trivial_answer_by_a_hundredth() -> None:
    trivial = TrivialScore(answer="all sky", value=0.439)

    assert not trivial.beaten_by(0.444)
    assert trivial.beaten_by(0.45)
    assert trivial.beaten_by(0.4, lower_is_better=True)


def test_trivial_answers_are_kept_among_the_facts_of_a_model() -> None:
    brightness = Brightness(threshold=7, bright=False, f1=0.5)
    answers = TrivialAnswers(frequent=("car", "sky"), stuff=("sky", "sky"), brightness=brightness, counts={"car": 2.5})
    facts = json.loads(json.dumps({"trivial": answers.to_dict()}))

    assert TrivialAnswers.from_facts(facts, CARS) == answers
    assert TrivialAnswers.from_facts({}, CARS) is None
    with pytest.raises(ConfigError, match="2 levels, and its class tree has 1; train the model again"):
        TrivialAnswers.from_facts(facts, ClassTree(["a", "b"]))
