from __future__ import annotations

from dataclasses import replace

import pytest

from machines import RATES, TWO_CORES
from smalta.errors import ConfigError
from smalta.planning.rates import Rates, disturbance, names_of


def test_rates_go_through_numbers_unchanged() -> None:
    disturbed = {"l3 on one core": "busy"}
    rates = replace(RATES, disturbed=disturbed)

    assert Rates.of(rates.numbers, rates.page_bytes, disturbed) == rates
    assert set(rates.numbers) == set(names_of(2, TWO_CORES.processor))


def test_some_cores_are_between_one_and_all() -> None:
    rates = replace(RATES, flops={**RATES.flops, "fp32": 350e9})  # four cores, one alone makes 50e9

    assert rates.flops_of("fp32", 1, 4) == 50e9
    assert rates.flops_of("fp32", 2, 4) == 150e9
    assert rates.flops_of("fp32", 4, 4) == 350e9
    assert rates.bandwidth_of("memory", 1, 2) == 10e9
    assert rates.bandwidth_of("memory", 1, 1) == 20e9


def test_a_precision_that_the_processor_lacks_runs_as_fp32() -> None:
    lacks = replace(RATES, flops={"fp32": 100e9, "int8": 400e9}, flops_one_core={"fp32": 50e9, "int8": 200e9})

    assert lacks.flops_of("bf16", 2, 2) == 100e9


def test_impossible_rates_are_refused() -> None:
    with pytest.raises(ConfigError, match="above 0"):
        replace(RATES, fault_seconds=-1.0)
    with pytest.raises(ConfigError, match="lack l3"):
        replace(RATES, bandwidth={"l2": 1.0, "memory": 1.0})
    few = {name: value for name, value in RATES.numbers.items() if name != "memory"}
    with pytest.raises(ConfigError, match="lack memory"):
        Rates.of(few, 4096, {})


def test_many_disturbed_numbers_are_counted() -> None:
    told = disturbance(dict.fromkeys(RATES.numbers, "busy"))

    assert (
        told
        == "other programs were busy while 13 of its speeds were measured; they are measured again at the next start"
    )
    assert disturbance({}) is None
    assert disturbance({"fp32": "busy", "l2": "unsteady"}) == (
        "other programs were busy while fp32 was measured, and the speed of this machine changed while L2 was "
        "measured; they are measured again at the next start"
    )
