from __future__ import annotations

import pytest

from smalta.description.training_facts import picture_size, shortfall


def test_a_model_of_too_few_steps_says_so() -> None:
    assert shortfall({"steps": 32, "enough_steps": 1400}) == "trained for 32 of about 1,400 steps"


@pytest.mark.parametrize(
    "facts",
    [{}, {"steps": 600, "enough_steps": 600}, {"steps": 5}, {"steps": "5", "enough_steps": 9}, {"enough_steps": 9}],
)
def test_a_model_of_enough_or_unknown_steps_says_nothing(facts: dict[str, object]) -> None:
    assert shortfall(facts) is None


def test_the_size_of_the_training_pictures_is_read_where_it_is_one() -> None:
    assert picture_size({"picture_hw": [360, 640]}) == (360, 640)
    for wrong in (None, [360], ["360", 640], [0, 9], 360):
        assert picture_size({"picture_hw": wrong}) is None
    assert picture_size({}) is None
