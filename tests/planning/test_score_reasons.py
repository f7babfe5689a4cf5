from __future__ import annotations

from dataclasses import replace

import pytest

from machines import CARD, MIB, TWO_CORES, WITH_CARD, use_round_shares, work
from smalta.planning.facts import Caches
from smalta.planning.gpus import PUBLISHED
from smalta.planning.layer_costs import CacheUse
from smalta.planning.plan import Limits
from smalta.planning.planner import plan
from smalta.planning.score import Score, score
from smalta.planning.score_reasons import both_times, caches_sentence, round_side, score_sentence, verdict

JOB = work(512, runtimes=("openvino",), precisions=("fp32",))


@pytest.fixture(autouse=True)
def slow_starts(monkeypatch: pytest.MonkeyPatch) -> None:
    use_round_shares(monkeypatch, **{"pytorch.call": 1e-3})  # of operations on the GPU, so that small work ties


def found(side: int = 512) -> Score:
    return score(work(side, runtimes=("openvino",), precisions=("fp32",)), TWO_CORES, PUBLISHED["l4"])


def test_the_device_has_both_times_the_score_and_the_size_of_a_tie() -> None:
    where = replace(found(), cpu_seconds=0.03, gpu_seconds=0.01)
    where = replace(where, curve=replace(where.curve, tie_pixels=217.0**2))

    assert both_times(where, "inference") == (
        "30 ms a picture on the processor, 10 ms on the NVIDIA L4 (by published numbers)"
    )
    told = "score 0.75, work for a GPU; both would take equally long for pictures of about 220 x 220 px"
    assert verdict(where, "inference") == told
    assert "30 ms a step on the processor" in both_times(where, "training")
    assert verdict(replace(where, cpu_seconds=0.001), "training").startswith("score 0.09, work for the processor; ")


def test_without_a_tie_no_score_is_named() -> None:
    where = found()
    none = replace(where.curve, tie_pixels=None)

    assert verdict(replace(where, curve=none, cpu_seconds=2.0, gpu_seconds=1.0), "inference") == (
        "the GPU is predicted to be faster for pictures of every size"
    )
    assert verdict(replace(where, curve=none, cpu_seconds=1.0, gpu_seconds=2.0), "training") == (
        "the processor is predicted to be faster for crops of every size"
    )


def test_a_flat_curve_gives_no_score() -> None:
    where = found()

    told = verdict(replace(where, curve=replace(where.curve, flat=True)), "inference")

    assert told == "the two are close for pictures of every size, so no score is given"


def test_v_and_p_are_named_with_their_parts() -> None:
    machine = replace(TWO_CORES, processor=replace(TWO_CORES.processor, clock=2.6e9))
    one = score(JOB, machine, CARD, Limits(threads=1))

    assert score_sentence(one, machine) == (
        "V: 48 MiB are used again in a pass, 48 times the L2 (1 MiB) and 1.5 times the L3 (32 MiB); "
        "P: 444 MFLOP take 1 core of 2.6 GHz 8.88 ms at a measured 50 GFLOP/s (fp32)"
    )


def test_caches_and_a_clock_that_are_unknown_are_left_out() -> None:
    hidden = replace(TWO_CORES, processor=replace(TWO_CORES.processor, caches=Caches()))

    told = score_sentence(score(JOB, hidden, CARD), hidden)

    assert "of caches that the system does not report; P: 444 MFLOP take 2 cores 4.44 ms" in told


def test_the_caches_have_shares_and_what_is_loaded_again() -> None:
    use = CacheUse(near=0.49, l3=0.48, memory=0.03, moved=100.0 * MIB, loaded_again=12.0 * MIB)

    assert caches_sentence(use) == (
        "49 % of the bytes from L1+L2, 48 % from the L3, 3 % from memory; a pass moves 100 MiB, 12 MiB of maps are "
        "evicted and loaded again"
    )
    assert caches_sentence(replace(use, loaded_again=0.0)).endswith("no map is evicted before its last use")


def test_a_plan_with_a_card_says_why_the_device() -> None:
    card = plan(JOB, WITH_CARD)
    asked = plan(JOB, WITH_CARD, Limits(device="cpu"))

    assert card.reasons["device"].startswith("an exported model runs on the processor, a run folder on the GPU; ")
    assert asked.reasons["device"].startswith("as requested; predicted ")
    assert asked.gpu == "card"
    assert set(asked.caches) == {"near", "l3", "memory", "moved", "loaded_again"}


@pytest.mark.parametrize(("side", "told"), [(5.4, 5), (52.4, 52), (217.3, 220), (1893, 1900)])
def test_sides_have_two_digits(side: float, told: int) -> None:
    assert round_side(side) == told
