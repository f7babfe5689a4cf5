from __future__ import annotations

import json
import os
import time
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given

from hostile import damaged
from machines import CARD, RATES, TWO_CORES, WITH_CARD
from smalta.errors import SmaltaError
from smalta.planning import machine as module
from smalta.planning.facts import Caches
from smalta.planning.machine import Machine, cache_file, this_machine
from smalta.planning.rates import Rates, measure


class Measured:
    """Stands in for the measurement: counts how often it is asked."""

    def __init__(self, rates: Rates) -> None:
        self.rates, self.calls = rates, 0

    def __call__(self, cores: int, caches: Caches) -> Rates:
        self.calls += 1
        return self.rates


@pytest.fixture
def measured(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Measured:
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path))
    stand_in = Measured(RATES)
    monkeypatch.setattr(module, "measure", stand_in)
    monkeypatch.setattr(module, "installed", lambda: (("NVIDIA Test", 2**33),))
    monkeypatch.setattr(module, "find_spec", lambda name: None)  # no PyTorch
    return stand_in


def test_a_machine_is_measured_once(measured: Measured) -> None:
    first, second = this_machine(), this_machine()

    assert first == second
    assert measured.calls == 1
    assert first.rates == RATES
    assert first.unused_gpus == ("NVIDIA Test",)
    assert json.loads(cache_file().read_text())["cores"] == first.cores


def test_refresh_measures_again(measured: Measured) -> None:
    this_machine()
    this_machine(refresh=True)

    assert measured.calls == 2


@pytest.mark.parametrize("content", ["", "{}", "[1]", '{"processor": {}}', "null"])
def test_a_damaged_file_is_measured_over(measured: Measured, content: str) -> None:
    this_machine()
    cache_file().write_text(content)

    this_machine()

    assert measured.calls == 2
    assert json.loads(cache_file().read_text())["rates"]


def test_other_versions_or_cores_are_another_machine(measured: Measured, monkeypatch: pytest.MonkeyPatch) -> None:
    this_machine()
    monkeypatch.setattr(module, "usable_cores", lambda: 99)
    assert this_machine().cores == 99
    monkeypatch.setattr(module, "_versions", lambda: {"smalta": "newer"})
    this_machine()

    assert measured.calls == 3


def test_a_disturbed_measurement_serves_for_an_hour(measured: Measured) -> None:
    measured.rates = replace(RATES, disturbed=True)
    this_machine()
    this_machine()
    assert measured.calls == 1

    earlier = time.time() - 3700
    os.utime(cache_file(), (earlier, earlier))
    this_machine()

    assert measured.calls == 2


def test_memory_is_never_taken_from_the_file(measured: Measured, monkeypatch: pytest.MonkeyPatch) -> None:
    this_machine()
    monkeypatch.setattr(module.cgroup, "memory_limit", lambda: 2**28)

    machine = this_machine()

    assert (machine.memory_limit, machine.usable_memory) == (2**28, 2**28)
    assert measured.calls == 1


def test_a_home_that_cannot_be_written_to_is_no_fault(
    measured: Measured, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    (tmp_path / "file").write_text("")
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "file"))

    assert this_machine().rates == RATES


@pytest.mark.parametrize("machine", [TWO_CORES, WITH_CARD])
def test_a_machine_goes_through_json_unchanged(machine: Machine) -> None:
    assert Machine.from_dict(json.loads(json.dumps(machine.to_dict()))) == machine
    assert CARD in WITH_CARD.gpus


def test_rates_are_measured_in_order(monkeypatch: pytest.MonkeyPatch) -> None:
    """A real measurement, cut short: a busy machine gives poor numbers, but no absurd ones."""
    monkeypatch.setattr("smalta.planning.rates._SECONDS", 0.005)

    rates = measure(1, Caches(l2=2**18, l3=2**22, l2_total=2**18, l3_total=2**22))

    assert set(rates.flops) == {"fp32", "bf16", "int8"}
    assert all(1e8 < value < 1e14 for value in (*rates.flops.values(), rates.flops_one_core))
    assert all(1e7 < value < 1e13 for value in rates.bandwidth.values())
    assert 1e-8 < rates.fault_seconds < 1e-3
    assert rates.fresh_bytes == rates.page_bytes / rates.fault_seconds


@given(values=damaged(json.loads(json.dumps(WITH_CARD.to_dict()))))
def test_a_machine_damaged_anywhere_is_read_or_refused_in_words(values: dict[str, Any]) -> None:
    try:
        machine = Machine.from_dict(values)
    except SmaltaError:
        return
    assert Machine.from_dict(machine.to_dict()) == machine


@pytest.mark.parametrize("content", ["", "[]", "{", "[" * 100_000, '{"processor": 3}'])
def test_a_machine_whose_file_is_damaged_is_measured_again(content: str, measured: Measured) -> None:
    this_machine()
    cache_file().write_text(content)

    assert this_machine().rates == RATES
    assert measured.calls == 2
