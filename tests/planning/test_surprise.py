from __future__ import annotations

import json
from dataclasses import replace

import pytest

from loads import GIB, QUIET
from smalta.planning.surprise import Cause, PlanCheck, likely_cause
from smalta.system.load import Load


class Loads:
    """Gives one load, and counts how often it is asked."""

    def __init__(self, load: Load = QUIET) -> None:
        self.load, self.asked = load, 0

    def __call__(self) -> Load:
        self.asked += 1
        return self.load


def check(loads: Loads) -> PlanCheck:
    return PlanCheck(unit="picture", threads=2, memory_bytes=2 * GIB, load=loads)


def test_work_as_planned_is_no_surprise() -> None:
    loads = Loads()
    watched = check(loads)

    assert all(watched.add(1.9, 1.0) is None for _ in range(100))
    assert watched.surprise is None
    assert loads.asked > 1


def test_the_first_surprise_is_returned_once() -> None:
    watched = check(Loads())

    found = [watched.add(2.1, 1.0) for _ in range(50)]

    assert [one for one in found if one is not None] == [watched.surprise]
    assert found[2] is watched.surprise  # after three units and more than two seconds


def test_one_slow_start_is_no_surprise() -> None:
    watched = check(Loads())

    assert [watched.add(seconds, 1.0) for seconds in (30.0, 1.0, 1.0)] == [None] * 3


def test_work_of_less_than_two_seconds_is_not_judged() -> None:
    watched = check(Loads())

    assert all(watched.add(0.01, 0.001) is None for _ in range(199))
    assert watched.add(0.02, 0.001) is not None


def test_each_unit_is_compared_with_its_own_plan() -> None:
    """Crops of a training grow, and so do their planned seconds."""
    watched = check(Loads())

    assert all(watched.add(seconds, seconds / 1.5) is None for seconds in (1.0, 4.0, 16.0, 64.0))


def test_later_looks_cover_a_tenth_of_the_work() -> None:
    watched = check(Loads())
    for _ in range(1000):
        watched.add(1.0, 1.0)

    slow = [watched.add(5.0, 1.0) for _ in range(40)]

    assert sum(one is not None for one in slow) == 1
    assert all(one is None for one in slow[:10])  # 50 of 1,000 seconds do not decide


@pytest.mark.parametrize(
    ("load", "cause", "part"),
    [
        (QUIET, "rates", "the measured speeds of the machine are wrong"),
        (replace(QUIET, other_cores=1.04), "busy", "other programs keep 1.0 of 2 cores busy"),
        (replace(QUIET, other_cores=0.3), "rates", "not busy"),  # 1.7 cores are enough for two threads
        (replace(QUIET, faults_per_second=2345.6), "memory", "2,346 pages per second come back from the disk"),
        (replace(QUIET, free_bytes=GIB // 2), "memory", "512 MiB are free beside the 1.0 GiB in use"),
        (replace(QUIET, other_cores=1.9, faults_per_second=500.0), "memory", "pages"),
    ],
)
def test_the_cause_follows_from_the_load(load: Load, cause: Cause, part: str) -> None:
    found, why = likely_cause(load, "picture", threads=2, memory_bytes=2 * GIB, planned=1.5)

    assert found == cause
    assert part in why


def test_processor_time_far_above_the_planned_one_means_wrong_speeds_even_on_a_busy_machine() -> None:
    busy = replace(QUIET, other_cores=1.7)

    assert likely_cause(busy, "picture", threads=2, memory_bytes=0, planned=0.3) == (
        "rates",
        "it needs 13 times the planned processor time: the measured speeds of the machine are wrong",
    )
    assert likely_cause(busy, "picture", threads=2, memory_bytes=0, planned=1.1)[0] == "busy"


def test_threads_of_a_step_that_wait_for_each_other_do_not_make_the_speeds_wrong() -> None:
    busy = replace(QUIET, other_cores=1.3)

    assert likely_cause(busy, "step", threads=2, memory_bytes=0, planned=0.3)[0] == "busy"
    assert likely_cause(QUIET, "step", threads=2, memory_bytes=0, planned=0.3)[0] == "rates"


def test_one_thread_needs_only_one_core() -> None:
    cause, _ = likely_cause(replace(QUIET, other_cores=1.0), "picture", threads=1, memory_bytes=0, planned=3.0)

    assert cause == "rates"


def test_the_sentence_has_the_numbers_the_cause_and_what_is_done() -> None:
    watched = check(Loads(replace(QUIET, other_cores=1.4, own_seconds=0.6)))
    for _ in range(3):
        watched.add(1.32, 0.079)

    assert watched.surprise is not None
    assert watched.surprise.sentence == (
        "a picture takes 1.32 s instead of the planned 79 ms, probably because other programs keep 1.4 of 2 cores "
        "busy; the work goes on, and the machine is measured again at the next quiet moment"
    )
    assert json.loads(json.dumps(watched.surprise.to_dict()))["cause"] == "busy"


def test_the_caller_can_say_what_is_done() -> None:
    watched = PlanCheck(unit="step", threads=2, memory_bytes=0, load=Loads(), done={"rates": "it stops"})
    for _ in range(3):
        watched.add(2.0, 0.5)

    assert watched.surprise is not None
    assert watched.surprise.sentence.startswith("a step takes 2 s instead of the planned 500 ms, probably because ")
    assert watched.surprise.sentence.endswith("; it stops")
