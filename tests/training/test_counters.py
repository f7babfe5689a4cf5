from __future__ import annotations

import json
from typing import Any

import pytest
from hypothesis import given

from hostile import damaged
from smalta.errors import ModelError, SmaltaError
from smalta.training.counters import Counters, from_dict, to_dict
from smalta.training.schedule import Spent

COUNTERS = Counters(step=7, best_score=0.5, best_step=6, accumulate=2, stepped_back=True, validated_step=6)
SPENT = Spent(elapsed=61.5, training_started=3.25, reserve=0.5)
WHOLE: dict[str, Any] = json.loads(json.dumps(to_dict(COUNTERS, SPENT)))


def test_counters_and_time_come_back_from_json_equal() -> None:
    assert from_dict(WHOLE, "it") == (COUNTERS, SPENT)


@pytest.mark.parametrize("name", ["accumulate", "reserve"])
def test_a_state_that_lacks_a_number_is_refused(name: str) -> None:
    values = {key: value for key, value in WHOLE.items() if key != name}

    with pytest.raises(ModelError, match=f"^the state in run lacks the entry '{name}'; another version of"):
        from_dict(values, "the state in run")


def test_a_state_with_another_number_is_refused() -> None:
    with pytest.raises(ModelError, match=r"^unknown keys \['momentum'\] in it; known keys are \['elapsed', 'res"):
        from_dict(WHOLE | {"momentum": 1}, "it")


@given(values=damaged(WHOLE))
def test_a_state_damaged_anywhere_is_read_or_refused_in_words(values: dict[str, Any]) -> None:
    try:
        counters, spent = from_dict(values, "it")
    except SmaltaError:
        return
    assert from_dict(to_dict(counters, spent), "it") == (counters, spent)
