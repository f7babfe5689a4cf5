from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given

from hostile import damaged
from machines import CARD, RATES, TWO_CORES, WITH_CARD
from smalta.errors import SmaltaError
from smalta.planning import machine as module
from smalta.planning.facts import Processor
from smalta.planning.machine import Machine, cache_file, forget, measured_again, this_machine
from smalta.planning.rates import Rates
from smalta.system.load import Load


class Measured:
    """Stands in for the measurement: counts how often it is asked."""

    def __init__(self, rates: Rates) -> None:
        self.rates, self.calls = rates, 0
        self.known: list[Mapping[str, float]] = []

    def __call__(self, cores: int, processor: Processor, *, quota: float | None, known: Mapping[str, float]) -> Rates:
        self.calls += 1
        self.known.append(known)
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
    assert json.loads(cache_file().read_text())["numbers"]


def test_other_versions_or_cores_are_another_machine(measured: Measured, monkeypatch: pytest.MonkeyPatch) -> None:
    this_machine()
    monkeypatch.setattr(module, "usable_cores", lambda: 99)
    assert this_machine().cores == 99
    monkeypatch.setattr(module, "_versions", lambda: {"smalta": "newer"})
    this_machine()

    assert measured.calls == 3


def test_a_disturbed_number_is_not_kept_and_alone_is_measured_again(measured: Measured) -> None:
    measured.rates = replace(RATES, disturbed={"bf16": "busy", "l3 on one core": "unsteady"})
    first = this_machine()
    measured.rates = RATES
    second = this_machine()
    third = this_machine()

    assert first.rates.disturbed == {"bf16": "busy", "l3 on one core": "unsteady"}
    assert measured.calls == 2
    assert RATES.numbers.keys() - measured.known[1].keys() == {"bf16", "l3 on one core"}
    assert second.rates == third.rates == RATES


@pytest.mark.parametrize("number", [0, -1.0, "fast", None])
def test_an_impossible_number_in_the_file_is_measured_over(measured: Measured, number: object) -> None:
    this_machine()
    values = json.loads(cache_file().read_text())
    values["numbers"]["fp32"] = number
    cache_file().write_text(json.dumps(values))

    assert this_machine().rates == RATES
    assert measured.calls == 2


def test_the_machine_is_measured_again_only_in_a_quiet_moment(
    measured: Measured, monkeypatch: pytest.MonkeyPatch
) -> None:
    this_machine()
    busy = [1.0]

    class Meter:
        def look(self) -> Load:
            return Load(
                seconds=0.1,
                own_seconds=0.0,
                other_cores=busy[0],
                seen_cores=2,
                faults_per_second=0.0,
                held_bytes=1,
                free_bytes=1,
            )

    monkeypatch.setattr(module, "LoadMeter", Meter)
    monkeypatch.setattr(module, "QUIET_SECONDS", 0.0)
    assert measured_again() is None
    assert measured.calls == 1

    busy[0] = 0.1
    again = measured_again()

    assert again is not None
    assert measured.calls == 2
    assert measured.known[1] == {}  # all numbers, not only the missing ones


def test_forgotten_numbers_are_measured_at_the_next_start(measured: Measured) -> None:
    forget()  # nothing there
    this_machine()
    forget()
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
