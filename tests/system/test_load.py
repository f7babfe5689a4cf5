from __future__ import annotations

import time
from types import SimpleNamespace

import pytest

from smalta.system import load as module
from smalta.system.load import LoadMeter, free_memory


def machine_does(
    monkeypatch: pytest.MonkeyPatch, *looks: tuple[float, float, list[tuple[float, float, float]]]
) -> None:
    """Clock, own seconds, and (user, idle, steal) of each core, one entry for each look."""
    moments = iter(looks)
    now: dict[str, object] = {}

    class Times(tuple[float, ...]):
        idle = property(lambda self: self[1])

    def cores(percpu: bool) -> list[Times]:
        now["clock"], now["own"], found = next(moments)
        return [Times(one) for one in found]

    monkeypatch.setattr(module.psutil, "cpu_times", cores)
    monkeypatch.setattr(
        module, "time", SimpleNamespace(perf_counter=lambda: now["clock"], process_time=lambda: now["own"])
    )
    monkeypatch.setattr(module, "_seen_cores", lambda: [0, 1])


def test_other_cores_are_busy_seconds_without_the_own_ones(monkeypatch: pytest.MonkeyPatch) -> None:
    machine_does(
        monkeypatch,
        (10.0, 1.0, [(5.0, 5.0, 0.0), (5.0, 5.0, 0.0), (0.0, 10.0, 0.0)]),
        (14.0, 5.0, [(9.0, 5.0, 0.0), (7.0, 6.0, 1.0), (4.0, 10.0, 0.0)]),  # the third core is not ours
    )

    load = LoadMeter().look()

    assert (load.seconds, load.own_seconds, load.seen_cores) == (4.0, 4.0, 2)
    assert load.other_cores == pytest.approx(3 / 4)  # busy for 4 + 2 + 1 (stolen) seconds, 4 of them ours


def test_a_look_covers_the_time_since_the_last_one(monkeypatch: pytest.MonkeyPatch) -> None:
    machine_does(
        monkeypatch,
        (0.0, 0.0, [(0.0, 0.0, 0.0)]),
        (1.0, 0.0, [(1.0, 0.0, 0.0)]),
        (3.0, 0.0, [(1.0, 2.0, 0.0)]),
    )
    meter = LoadMeter()

    assert [meter.look().other_cores, meter.look().other_cores] == [1.0, 0.0]


def test_this_machine_can_be_looked_at() -> None:
    meter = LoadMeter()
    end = time.process_time() + 0.02
    while time.process_time() < end:
        pass

    load = meter.look()

    assert load.own_seconds >= 0.02
    assert 0 <= load.other_cores <= load.seen_cores
    assert load.held_bytes > 2**20
    assert load.faults_per_second >= 0


def test_free_memory_respects_control_groups(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module.cgroup, "memory_left", lambda: 12345)
    assert free_memory() == 12345

    monkeypatch.setattr(module.cgroup, "memory_left", lambda: None)
    assert free_memory() > 12345
