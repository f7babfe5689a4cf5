import json
from typing import Any

import pytest
from hypothesis import given

from hostile import damaged
from plans import a_plan
from smalta.errors import ConfigError, SmaltaError
from smalta.planning.plan import Limits, Plan


@pytest.mark.parametrize("changes", [{}, {"tile_hw": None, "rejected": (), "measured": {}}])
def test_a_plan_goes_through_json_unchanged(changes: dict[str, Any]) -> None:
    plan = a_plan(**changes)

    assert Plan.from_dict(json.loads(json.dumps(plan.to_dict()))) == plan


def test_a_plan_with_other_keys_is_refused() -> None:
    values = a_plan().to_dict()

    with pytest.raises(ConfigError, match="the plan lacks the entry 'score'"):
        Plan.from_dict({key: value for key, value in values.items() if key != "score"})
    with pytest.raises(ConfigError, match="the plan lacks the entry 'reasons'"):
        Plan.from_dict({key: value for key, value in values.items() if key != "reasons"})
    with pytest.raises(ConfigError, match=r"unknown keys \['speed'\] in the plan"):
        Plan.from_dict(values | {"speed": 1})


@pytest.mark.parametrize(
    ("changes", "sentence"),
    [
        ({"device": "tpu"}, "device must be one of cpu, cuda, got 'tpu'"),
        ({"precision": "fp8"}, "precision must be one of fp32, bf16, int8, got 'fp8'"),
        ({"streams": 0}, "a plan's streams must be at least 1, got 0"),
    ],
)
def test_a_plan_that_nobody_can_obey_is_refused(changes: dict[str, Any], sentence: str) -> None:
    with pytest.raises(ConfigError, match=sentence):
        a_plan(**changes)


@pytest.mark.parametrize(
    ("told", "sentence"),
    [
        ({"memory_bytes": 0}, "the limit memory_bytes must be above 0 and finite, got 0"),
        ({"latency_seconds": float("nan")}, "the limit latency_seconds must be above 0 and finite, got nan"),
        ({"threads": -1}, "the limit threads must be above 0"),
        ({"device": "gpu"}, "device must be one of cpu, cuda, got 'gpu'"),
    ],
)
def test_limits_that_no_plan_can_keep_are_refused(told: dict[str, Any], sentence: str) -> None:
    with pytest.raises(ConfigError, match=sentence):
        Limits(**told)


@given(values=damaged(json.loads(json.dumps(a_plan().to_dict()))))
def test_a_plan_damaged_anywhere_is_read_or_refused_in_words(values: dict[str, Any]) -> None:
    try:
        plan = Plan.from_dict(values)
    except SmaltaError:
        return
    assert Plan.from_dict(plan.to_dict()) == plan
