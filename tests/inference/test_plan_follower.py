from __future__ import annotations

from dataclasses import replace
from types import SimpleNamespace
from typing import Any

import pytest

from loads import QUIET
from machines import RATES, TWO_CORES, use_round_shares, without_bf16, work
from smalta.inference import plan_follower as module
from smalta.inference.plan_follower import PlanFollower
from smalta.inference.tiling import Tiled
from smalta.planning.cost import Way
from smalta.planning.machine import Machine
from smalta.planning.plan import Limits
from smalta.planning.planner import plan
from smalta.system.load import Load
from stand_ins import RedIsAudi

NO_BF16 = replace(TWO_CORES, rates=without_bf16(RATES))
JOB = work()  # a run folder: PyTorch in one stream, bf16 where the machine is fast in it


@pytest.fixture(autouse=True)
def round_shares(monkeypatch: pytest.MonkeyPatch) -> None:
    use_round_shares(monkeypatch)


class Job:
    """A followed job: its sentences, the ways in which runtimes were opened, how often numbers were forgotten."""

    def __init__(self, patch: pytest.MonkeyPatch, machine: Machine, again: Machine | None, load: Load = QUIET) -> None:
        self.said: list[str] = []
        self.opened: list[Way] = []
        self.forgotten = self.measured = 0
        self.again = again
        self.now = 0.0
        patch.setattr(module, "measured_again", self._measure)
        patch.setattr(module, "forget", self._forget)
        patch.setattr(module, "time", SimpleNamespace(monotonic=lambda: self.now))
        model: Any = SimpleNamespace(runtime=self._open)
        self.follower = PlanFollower(
            model, JOB, machine, Limits(), plan(JOB, machine), report=self.said.append, load=lambda: load
        )
        self._busy = 0.0

    def picture(self, seconds: float, side: int = 512) -> None:
        self._busy += seconds
        self.follower.finished((side, side), self._busy)

    def _open(self, way: Way) -> RedIsAudi:
        self.opened.append(way)
        return RedIsAudi()

    def _measure(self) -> Machine | None:
        self.measured += 1
        return self.again

    def _forget(self) -> None:
        self.forgotten += 1


def test_pictures_that_take_as_long_as_planned_change_nothing(monkeypatch: pytest.MonkeyPatch) -> None:
    job = Job(monkeypatch, TWO_CORES, NO_BF16)
    planned = job.follower.plan.predicted_seconds

    for _ in range(2000):
        job.picture(1.5 * planned)
        job.picture(1.5 * 4 * planned, side=1024)  # each size has its own prediction

    assert not job.said
    assert not job.follower.wants_rest


def test_wrong_speeds_are_forgotten_and_measured_and_the_better_way_is_taken(monkeypatch: pytest.MonkeyPatch) -> None:
    job = Job(monkeypatch, TWO_CORES, NO_BF16)
    assert job.follower.plan.precision == "bf16"

    for _ in range(3):
        job.picture(1.3)
    assert job.follower.wants_rest
    runtime = job.follower.renewed()

    assert isinstance(runtime, RedIsAudi)
    assert job.forgotten == 1
    assert [way.precision for way in job.opened] == ["fp32"]
    assert job.follower.plan.precision == "fp32"
    assert job.follower.plan.during == tuple(job.said)
    first, second = job.said
    assert first.startswith("a picture takes 1.3 s instead of the planned ")
    assert "so the job goes on with it instead of pytorch, bf16" in second
    for _ in range(50):
        job.picture(1.3)
    assert not job.follower.wants_rest  # once


def test_a_busy_machine_is_asked_again_later_and_keeps_its_numbers(monkeypatch: pytest.MonkeyPatch) -> None:
    job = Job(monkeypatch, TWO_CORES, None, replace(QUIET, other_cores=1.5, own_seconds=0.02))
    for _ in range(3):
        job.picture(1.3)

    assert job.follower.renewed() is None
    job.picture(1.3)
    assert not job.follower.wants_rest
    job.now = 21.0
    job.picture(1.3)

    assert job.follower.wants_rest
    assert job.forgotten == 0
    for _ in range(10):
        job.now *= 3
        job.picture(1.3)
        if job.follower.wants_rest:
            job.follower.renewed()
    assert job.measured == module.MOST_TRIES
    assert len(job.said) == 1


def test_the_same_best_way_stays(monkeypatch: pytest.MonkeyPatch) -> None:
    slower = Machine.from_dict(TWO_CORES.to_dict())
    job = Job(monkeypatch, TWO_CORES, slower)
    for _ in range(3):
        job.picture(1.3)

    assert job.follower.renewed() is None
    assert job.said[1].endswith(f"{Way.of(job.follower.plan).name} stays the best way")
    assert not job.opened


def test_the_precision_never_falls_during_a_job(monkeypatch: pytest.MonkeyPatch) -> None:
    job = Job(monkeypatch, NO_BF16, TWO_CORES)
    for _ in range(3):
        job.picture(9.0)

    assert job.follower.renewed() is None
    assert job.follower.plan.precision == "fp32"


def test_short_memory_is_no_reason_to_measure(monkeypatch: pytest.MonkeyPatch) -> None:
    job = Job(monkeypatch, TWO_CORES, NO_BF16, replace(QUIET, faults_per_second=1000.0))
    for _ in range(9):
        job.picture(1.3)

    assert len(job.said) == 1
    assert not job.follower.wants_rest


def test_streams_are_compared_together(monkeypatch: pytest.MonkeyPatch) -> None:
    """Two streams end a picture at nearly the same time; only both together took the time between two ends."""
    job = Job(monkeypatch, TWO_CORES, None)
    job.follower.plan = replace(job.follower.plan, streams=2)

    for _ in range(6):
        job.picture(2.6)
        job.picture(0.0)

    assert len(job.said) == 1
    assert job.said[0].startswith("a picture takes 1.3 s")


def test_a_plan_with_tiles_gets_a_runtime_with_tiles(monkeypatch: pytest.MonkeyPatch) -> None:
    job = Job(monkeypatch, TWO_CORES, NO_BF16)
    tiled = replace(plan(JOB, NO_BF16), tile_hw=(768, 768))
    monkeypatch.setattr(module, "plan", lambda *_: tiled)
    for _ in range(3):
        job.picture(1.3)

    assert isinstance(job.follower.renewed(), Tiled)
