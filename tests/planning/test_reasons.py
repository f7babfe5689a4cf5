"""Each line of a plan says why, in numbers of a round machine."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace

import pytest

from machines import CARD, MIB, RATES, TWO_CORES, WITH_CARD, use_round_shares, work
from smalta.planning.candidates import Allowed, Candidate, candidates
from smalta.planning.plan import Limits
from smalta.planning.planner import plan
from smalta.planning.reasons import LINES, broken

EXPORTED = work(runtimes=("openvino", "onnxruntime"))


@pytest.fixture(autouse=True, scope="module")
def round_shares() -> Iterator[None]:
    with pytest.MonkeyPatch.context() as patch:
        use_round_shares(patch)
        yield


def smallest() -> Candidate:
    return min(candidates(EXPORTED, TWO_CORES, Limits()), key=lambda one: one.memory_bytes)


def test_lines_stand_in_their_order_and_those_without_a_choice_are_left_out() -> None:
    graph, eager, card = (plan(job, machine).reasons for job, machine in CASES)

    assert list(eager) == list(LINES)
    assert list(graph) == [name for name in LINES if name != "allocator"]  # OpenVINO keeps its memory
    assert list(card) == [name for name in LINES if name not in ("streams", "allocator", "caches")]


CASES = [(EXPORTED, TWO_CORES), (work(), TWO_CORES), (work(2048), WITH_CARD)]


def test_a_choice_is_told_beside_the_fastest_other_one() -> None:
    made = plan(EXPORTED, TWO_CORES)
    other = next(one for one in candidates(EXPORTED, TWO_CORES, Limits()) if one.way.precision == "fp32")

    value, _, told = made.reasons["precision"].partition(": ")
    assert value == "bf16"
    assert told.endswith(f"with {other.name}")
    assert made.reasons["layout"] == "openvino chooses its own"


def test_without_another_choice_the_line_says_why() -> None:
    alone = plan(work(runtimes=("openvino",), precisions=("fp32",)), TWO_CORES, Limits(threads=1)).reasons

    assert alone["runtime"] == "openvino: the only installed runtime for this work"
    assert alone["precision"] == "fp32: the only one for this work"
    assert alone["streams"] == "1 x 1: all 1 usable cores work on one pass"
    assert plan(EXPORTED, TWO_CORES, Limits(precision="bf16")).reasons["precision"] == "bf16: as requested"


def test_a_run_is_told_what_exporting_it_would_gain() -> None:
    gain = plan(work(), TWO_CORES).reasons["runtime"]

    assert gain.startswith("pytorch: a run folder needs it; exported with `smalta export`, openvino, bf16")
    assert plan(work(2048), WITH_CARD).reasons["runtime"] == "pytorch: the only installed runtime for this work"


def test_kept_memory_is_told_by_what_fresh_pages_would_cost() -> None:
    slow_pages = replace(TWO_CORES, rates=replace(RATES, fault_seconds=1e-3))

    assert "(1000.0 us per page)" in plan(work(4096), slow_pages, Limits(precision="fp32")).reasons["allocator"]
    assert "saves less than 1 %" in plan(work(64), TWO_CORES).reasons["allocator"]
    assert plan(work(), replace(TWO_CORES, glibc=False)).reasons["allocator"].startswith("only glibc can keep")


def test_what_was_measured_replaces_what_was_predicted() -> None:
    first, second = candidates(EXPORTED, TWO_CORES, Limits())[:2]

    told = plan(EXPORTED, TWO_CORES, measured={first.name: 0.5, second.name: 0.25}).reasons["time"]

    assert told.startswith("measured 250 ms a picture, predicted ")
    assert told.endswith(f"; 500 ms {first.name}")


def test_a_candidate_may_take_what_is_told_or_what_the_machine_has() -> None:
    assert Allowed.of(TWO_CORES, Limits()).memory_bytes == 8 * 2**30
    assert Allowed.of(replace(TWO_CORES, memory_limit=2**30), Limits()).memory_bytes == 2**30
    assert Allowed.of(TWO_CORES, Limits(memory_bytes=MIB)).memory_bytes == MIB
    small_card = replace(WITH_CARD, gpus=(replace(CARD, memory_bytes=MIB),))
    on_card = candidates(work(), WITH_CARD, Limits(device="cuda"))[0]
    assert Allowed.of(small_card, Limits()).memory_for(on_card) == MIB


def test_a_candidate_is_broken_by_the_limit_that_it_passes() -> None:
    one = smallest()

    assert broken(one, Allowed(memory_bytes=one.memory_bytes, latency_seconds=one.latency)) == ""
    assert broken(one, Allowed(memory_bytes=MIB)).endswith(" MiB of memory, 1 MiB allowed")
    assert broken(one, Allowed(memory_bytes=one.memory_bytes, latency_seconds=1e-6)).endswith("1 us allowed")
