"""A training uses the cores that other programs leave, and takes them back."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest
import torch

from loads import QUIET
from smalta.system.load import Load
from smalta.training.observer import Log, Silent
from smalta.training.spare_cores import LOOK_SECONDS, SpareCores
from tiny_runs import notes


@pytest.fixture(autouse=True)
def threads() -> Iterator[None]:
    before = torch.get_num_threads()
    yield
    torch.set_num_threads(before)


class Machine:
    """A clock that moves on by a look at each call of `look`, and a load that a test sets."""

    def __init__(self, folder: Path, threads: int, cores: int = 2) -> None:
        self.now, self.other, self.cores = 0.0, 0.0, cores
        torch.set_num_threads(threads)
        self.spare = SpareCores(threads, Log(folder, Silent()), self.load, lambda: self.now)

    def load(self) -> Load:
        return replace(QUIET, other_cores=self.other, seen_cores=self.cores)

    def looks(self, other: float, count: int) -> int:
        """The threads after some looks at this load."""
        self.other = other
        for _ in range(count):
            self.now += LOOK_SECONDS
            self.spare.look()
        return torch.get_num_threads()


def test_threads_follow_the_cores_that_other_programs_leave(tmp_path: Path) -> None:
    machine = Machine(tmp_path, threads=2)

    assert machine.looks(0.1, 3) == 2
    assert machine.looks(1.3, 3) == 1
    assert machine.looks(0.2, 3) == 2
    assert notes(tmp_path).startswith("other programs keep 1.3 of 2 cores busy: the run goes on with 1 of 2 threads")
    assert notes(tmp_path).count("other programs") == 1


def test_one_busy_look_changes_nothing(tmp_path: Path) -> None:
    machine = Machine(tmp_path, threads=2)

    assert machine.looks(1.4, 1) == 2
    assert machine.looks(0.0, 1) == 2
    assert machine.looks(1.4, 1) == 2


def test_on_many_cores_only_the_busy_ones_are_left(tmp_path: Path) -> None:
    assert Machine(tmp_path, threads=8, cores=8).looks(3.2, 2) == 5


def test_a_plan_of_one_thread_is_left_alone(tmp_path: Path) -> None:
    assert Machine(tmp_path, threads=1).looks(1.9, 3) == 1


def test_nothing_is_measured_between_two_looks(tmp_path: Path) -> None:
    machine = Machine(tmp_path, threads=2)
    machine.other = 1.5

    for _ in range(100):
        machine.now += LOOK_SECONDS / 100
        machine.spare.look()

    assert torch.get_num_threads() == 2
