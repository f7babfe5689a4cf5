from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from machines import TWO_CORES
from smalta.inference import trial as module
from smalta.inference.answer_plan import answering_work
from smalta.inference.opened import open_model
from smalta.inference.trial import try_out
from smalta.planning.candidates import Candidate, candidates
from smalta.planning.plan import Limits
from smalta.planning.planner import best_two, plan


@pytest.fixture(autouse=True)
def short(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "SECONDS", 0.0)
    monkeypatch.setattr(module, "LEAST", 1)


def two(path: Path) -> list[Candidate]:
    return best_two(answering_work(path, (64, 96)), TWO_CORES, Limits(precision="fp32"))


@pytest.mark.parametrize("kind", ["random_run", "random_file"])
def test_the_two_best_ways_are_timed(kind: str, request: pytest.FixtureRequest) -> None:
    path = request.getfixturevalue(kind)

    found = try_out(open_model(path), two(path), (64, 96))

    assert list(found.seconds) == [one.name for one in two(path)]
    assert all(0 < seconds < 60 for seconds in found.seconds.values())
    assert found.notes == ()


class Fixed:
    """A runtime that gives all pixels one class."""

    stride, streams = 1, 1

    def __init__(self, best: int) -> None:
        self.best = best

    def maps(self, pictures: np.ndarray, /) -> dict[str, np.ndarray]:
        logits = np.zeros((1, 2, 4, 4), np.float32)
        logits[:, self.best] = 1
        return {"logits": logits}


def test_a_way_that_answers_otherwise_is_not_taken(random_run: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    first, second = two(random_run)
    model = open_model(random_run)
    monkeypatch.setattr(type(model), "runtime", lambda _, way: Fixed(0 if way == first.way else 1))

    found = try_out(model, [first, second], (64, 96))

    assert list(found.seconds) == [first.name]
    assert found.notes == (f"{second.name} is not chosen: 100.0% of the pixels get another class",)


def test_the_measured_faster_of_the_two_becomes_the_plan(random_run: Path) -> None:
    work = answering_work(random_run, (64, 96))
    first, second = two(random_run)
    limits = Limits(precision="fp32")

    made = plan(work, TWO_CORES, limits, measured={first.name: 0.02, second.name: 0.01})

    assert made.layout == second.way.layout != first.way.layout
    assert made.measured == {first.name: 0.02, second.name: 0.01}
    assert made.reasons["time"].startswith("measured 10 ms a picture, predicted ")


def test_the_best_two_are_the_fastest_with_the_same_tiles() -> None:
    from machines import work

    job = work(2048, runtimes=("pytorch", "openvino"))
    first, second = best_two(job, TWO_CORES, Limits())

    near = [one for one in candidates(job, TWO_CORES, Limits()) if one.tile_hw == first.tile_hw]
    assert {first.name, second.name} == {one.name for one in near[:2]}
