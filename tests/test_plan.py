import json
from typing import Any

import pytest

from smalta.errors import ConfigError
from smalta.plan.plan import Limits, Plan, Rejected


def a_plan(**changes: Any) -> Plan:
    usual: dict[str, Any] = {
        "task": "inference",
        "size_hw": (480, 640),
        "device": "cpu",
        "layout": "channels_last",
        "precision": "bf16",
        "runtime": "openvino",
        "streams": 2,
        "threads": 1,
        "tile_hw": (256, 512),
        "batch": 1,
        "keep_memory": True,
        "memory_bytes": 2**28,
        "predicted_seconds": 0.004,
        "latency_seconds": 0.008,
        "volume": 0.5,
        "intensity": 0.01,
        "score": 0.25,
        "reasons": {"device": "because"},
        "rejected": (Rejected(name="a", slower=2.0, why="b"), Rejected(name="c", slower=None, why="d")),
        "measured": {"a": 0.01},
    }
    return Plan(**(usual | changes))


@pytest.mark.parametrize("changes", [{}, {"tile_hw": None, "rejected": (), "measured": {}}])
def test_a_plan_goes_through_json_unchanged(changes: dict[str, Any]) -> None:
    plan = a_plan(**changes)

    assert Plan.from_dict(json.loads(json.dumps(plan.to_dict()))) == plan


def test_a_plan_with_other_keys_is_refused() -> None:
    values = a_plan().to_dict()

    with pytest.raises(ConfigError, match="a plan has the keys"):
        Plan.from_dict({key: value for key, value in values.items() if key != "score"})
    with pytest.raises(ConfigError, match="a plan has the keys"):
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
