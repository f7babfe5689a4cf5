from __future__ import annotations

from dataclasses import replace

import pytest

from machines import RATES, TWO_CORES, without_bf16
from smalta.planning.facts import Processor
from smalta.planning.machine import Machine
from smalta.planning.plausible import gain, plausible, why_not, worth_using
from smalta.planning.rates import Rates


def with_rates(rates: Rates, **processor: object) -> Machine:
    known: Processor = replace(TWO_CORES.processor, **processor)  # type: ignore[arg-type]
    return replace(TWO_CORES, rates=rates, processor=known)


def changed(**numbers: float) -> Rates:
    """The round rates with other numbers; "fp32_1" is that on one core."""
    names = {name.replace("_1", " on one core"): value for name, value in numbers.items()}
    return Rates.of(RATES.numbers | names, RATES.page_bytes, {})


def test_speeds_that_can_be_true_are_unchanged() -> None:
    assert plausible(TWO_CORES) == TWO_CORES
    wrong = with_rates(changed(fp32=400e9, l3=1e9))
    assert plausible(plausible(wrong)) == plausible(wrong)


@pytest.mark.parametrize(
    ("rates", "found"),
    [
        (changed(fp32=25e9), 2.0),  # 8 times on all cores, 2 on one, 1.6 usual
        (changed(bf16=50e9), 1.6),  # a half, 2, 1.6
        (changed(bf16=50e9, bf16_1=25e9), 0.5),  # both say that it gains nothing
        (changed(bf16=900e9, bf16_1=450e9), 4.0),  # no such processor gains nine times
    ],
)
def test_one_wrong_number_does_not_decide_about_a_gain(rates: Rates, found: float) -> None:
    assert gain(with_rates(rates), "bf16") == pytest.approx(found)


def test_no_level_of_memory_is_faster_than_the_one_before() -> None:
    found = plausible(with_rates(changed(l2=10e9, memory=500e9))).rates

    assert found.bandwidth == {"l2": 100e9, "l3": 100e9, "memory": 100e9}


def test_a_core_has_at_least_its_part_and_at_most_all() -> None:
    low = plausible(with_rates(changed(fp32_1=1e9, memory_1=1e9))).rates
    high = plausible(with_rates(changed(fp32_1=900e9))).rates

    assert low.flops_one_core["fp32"] == 50e9
    assert low.bandwidth_one_core["memory"] == 10e9
    assert high.flops_one_core["fp32"] == 100e9


def test_bf16_needs_the_instruction_a_gain_and_quiet() -> None:
    assert worth_using(TWO_CORES, "bf16")
    assert why_not(with_rates(RATES, instructions=("AVX2",)), "bf16") == "this processor has no instructions for bf16"
    assert why_not(with_rates(without_bf16(RATES)), "bf16") == (
        "bf16 runs at 1.0 times the rate of fp32 here, which gains nothing"
    )
    for name in ("bf16", "fp32", "bf16 on one core", "fp32 on one core"):
        told = why_not(with_rates(replace(RATES, disturbed={name: "busy"})), "bf16")
        assert told == "whether bf16 is faster here is unknown, because other programs were busy while it was measured"
    unsteady = why_not(with_rates(replace(RATES, disturbed={"fp32": "unsteady"})), "bf16")
    assert unsteady is not None
    assert "the speed of the machine changed" in unsteady
    assert worth_using(with_rates(replace(RATES, disturbed={"l3": "busy"})), "bf16")


def test_int8_needs_a_gain_too() -> None:
    slow = changed(int8=110e9, int8_1=50e9)

    assert worth_using(TWO_CORES, "int8")
    assert not worth_using(with_rates(slow), "int8")
    assert worth_using(with_rates(slow), "fp32")
