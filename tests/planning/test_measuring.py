from __future__ import annotations

from dataclasses import replace

import pytest

from machines import TWO_CORES
from smalta.planning import measuring as module
from smalta.planning.facts import Caches
from smalta.planning.measuring import Round, finished, judged, measure
from smalta.planning.rates import names_of

SMALL = Caches(l2=2**18, l3=2**22, l2_total=2**18, l3_total=2**22)


def test_two_rounds_that_agree_give_the_faster_one() -> None:
    assert judged([Round(100.0, 1.0), Round(96.0, 0.95)]) == (100.0, None)
    assert judged([Round(50.0, 1.0), Round(100.0, 1.0), Round(96.0, 1.0)]) == (100.0, None)


def test_rounds_without_the_processor_do_not_count() -> None:
    assert judged([Round(120.0, 0.5), Round(100.0, 1.0), Round(99.0, 1.0)]) == (100.0, None)
    assert judged([Round(60.0, 0.5), Round(61.0, 0.5)]) == (61.0, "busy")  # they agree, and are still disturbed
    assert judged([Round(100.0, 1.0), Round(60.0, 0.5)]) == (100.0, "busy")


def test_rounds_that_differ_with_all_of_the_processor_mean_an_unsteady_machine() -> None:
    assert judged([Round(100.0, 1.0), Round(90.0, 1.0)]) == (100.0, "unsteady")


def test_one_lucky_round_among_four_does_not_count() -> None:
    lucky, usual, near = Round(150.0, 1.0), Round(100.0, 1.0), Round(98.0, 1.0)

    assert judged([lucky, usual, near]) == (150.0, "unsteady")
    assert judged([lucky, usual, near, near]) == (100.0, None)
    assert judged([lucky, Round(120.0, 1.0), usual, near]) == (150.0, "unsteady")


def test_rounds_end_when_two_agree_or_there_is_no_hope() -> None:
    steady, other, busy = Round(100.0, 1.0), Round(80.0, 1.0), Round(50.0, 0.3)

    assert not finished([steady])
    assert finished([steady, steady])
    assert not finished([steady, other])
    assert finished([steady, other, steady])
    assert not finished([busy, busy])
    assert finished([busy, busy, busy])  # the other program will not stop soon
    assert finished([Round(100.0 * 1.1**power, 1.0) for power in range(module.MOST_ROUNDS)])


def test_only_numbers_that_are_not_known_are_measured(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "SECONDS", 0.001)
    processor = replace(TWO_CORES.processor, caches=SMALL)
    names = names_of(2, processor)

    rates = measure(2, processor, known={name: 7.0 for name in names if name != "l2"})

    assert rates.bandwidth["l2"] > 1e7
    assert [value for name, value in rates.numbers.items() if name != "l2"] == pytest.approx([7.0] * (len(names) - 1))


def test_a_real_measurement_gives_no_absurd_numbers(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "SECONDS", 0.002)
    processor = replace(TWO_CORES.processor, caches=SMALL, instructions=("AVX2",))

    rates = measure(1, processor)

    assert set(rates.flops) == {"fp32", "int8"}  # without the instruction, bf16 would only be emulated
    assert rates.flops_one_core == rates.flops
    assert all(1e8 < value < 1e14 for value in rates.flops.values())
    assert all(1e7 < value < 1e13 for value in rates.bandwidth.values())
    assert 1e-8 < rates.fault_seconds < 1e-3
    assert rates.fresh_bytes == rates.page_bytes / rates.fault_seconds


def test_a_quota_of_processor_time_is_no_other_program(monkeypatch: pytest.MonkeyPatch) -> None:
    """With 1.5 cores for two threads, three quarters of the clock are all that there is."""
    spent = iter([(0.0, 0.0), (0.75, 1.0)])
    probe = module.Probe(name="fp32", threads=2, call=lambda: None, amount=1.0, spent=lambda: next(spent))
    monkeypatch.setattr(module, "SECONDS", 0.0)

    assert module._round(probe, quota=1.5).own == pytest.approx(1.0)
