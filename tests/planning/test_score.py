import math
from collections.abc import Iterator
from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from machines import CARD, MIB, TWO_CORES, WITH_CARD, use_round_shares, work
from smalta.planning.candidates import Work, candidates
from smalta.planning.facts import Caches
from smalta.planning.plan import Limits
from smalta.planning.score import _line, compared_gpu, coordinates, score, sigmoid


@pytest.fixture(autouse=True, scope="module")
def round_shares() -> Iterator[None]:
    with pytest.MonkeyPatch.context() as patch:
        use_round_shares(patch)
        yield


def test_v_is_what_is_alive_against_the_last_cache_and_p_is_seconds_of_arithmetic() -> None:
    workload = work().workloads[32]  # 48 MiB of maps and 1 of weights, 0.444 GFLOP

    volume, intensity = coordinates(workload, TWO_CORES)

    assert volume == pytest.approx(49 / 32)
    assert intensity == pytest.approx((4e8 + 4e6 + 4e7) / 100e9)


def test_a_quantised_model_is_compared_with_its_run_on_the_card() -> None:
    reduced = work(runtimes=("openvino",), precisions=("int8",))
    exact = work(runtimes=("openvino",))

    ours, theirs = (score(one, TWO_CORES, CARD) for one in (reduced, exact))

    assert ours.x0 > theirs.x0  # the faster processor is left for larger work


def test_one_half_is_where_the_devices_tie() -> None:
    sizes = np.log([1.0, 10.0, 100.0, 1000.0])
    ratios = np.array([-2.0, -1.0, 1.0, 2.0])  # T_cpu / T_gpu grows; they tie midway from 10 to 100

    k, log_x0, ties = _line(sizes, ratios)

    assert ties
    assert math.exp(log_x0) == pytest.approx(math.sqrt(1000))
    assert sigmoid(k * (math.log(math.sqrt(1000)) - log_x0)) == pytest.approx(0.5)


def test_without_a_tie_x0_is_where_the_line_of_the_nearest_sizes_leads() -> None:
    sizes, ratios = np.log([1.0, math.e, math.e**2]), np.array([1.0, 2.0, 3.0])  # the GPU always wins; slope 1

    k, log_x0, ties = _line(sizes, ratios)

    assert not ties
    assert (k, log_x0) == pytest.approx((1.0, -1.0))


def test_sigmoid_is_one_half_at_zero_and_overflows_nowhere() -> None:
    assert sigmoid(0.0) == 0.5
    assert sigmoid(math.log(3)) == pytest.approx(0.75)
    assert (sigmoid(-1e6), sigmoid(1e6)) == (0.0, 1.0)


def test_a_machine_without_a_card_is_compared_with_a_usual_one() -> None:
    assert compared_gpu(WITH_CARD) is CARD
    assert compared_gpu(TWO_CORES).published


def fastest(work: Work, device: str) -> float:
    limits = Limits(device="cuda" if device == "cuda" else "cpu", batch=1)
    return candidates(work, WITH_CARD, limits)[0].seconds


@given(side=st.sampled_from([32, 64, 128, 256, 512, 1024]))
def test_below_one_half_the_processor_is_predicted_to_be_faster(side: int) -> None:
    job = work(side)
    found = score(job, WITH_CARD, CARD)
    ratio = math.log(fastest(job, "cpu") / fastest(job, "cuda"))

    if abs(ratio) > 0.3:  # at the tie itself the straight line and the curve may differ
        assert (found.value > 0.5) == (ratio > 0)


def test_larger_pictures_have_a_higher_score() -> None:
    values = [score(work(side), WITH_CARD, CARD).value for side in (32, 128, 512, 2048)]

    assert values == sorted(values)
    assert values[0] < values[-1]


def test_a_machine_that_hides_its_caches_has_coordinates_all_the_same() -> None:
    hidden = replace(TWO_CORES, processor=replace(TWO_CORES.processor, caches=Caches()))

    assert coordinates(work().workloads[32], hidden)[0] == pytest.approx(49 * MIB / MIB)
