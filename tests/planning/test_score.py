import math
from collections.abc import Iterator
from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from machines import CARD, MIB, TWO_CORES, WITH_CARD, use_round_shares, work, workload
from smalta.planning.candidates import Work, candidates
from smalta.planning.facts import Caches
from smalta.planning.gpus import PUBLISHED
from smalta.planning.plan import Limits
from smalta.planning.planner import plan
from smalta.planning.score import Score, compared_gpu, fit_curve, place, score, sigmoid

CARDS = ("l4", "rtx4090", "h100")


@pytest.fixture(autouse=True, scope="module")
def round_shares() -> Iterator[None]:
    with pytest.MonkeyPatch.context() as patch:
        use_round_shares(patch)
        yield


def test_v_is_what_a_pass_uses_again_against_the_l2_and_the_l3() -> None:
    found = score(work(runtimes=("openvino",), precisions=("fp32",)), TWO_CORES, CARD)

    streams = found.cpu.way.streams
    assert found.volume_bytes == streams * 48 * MIB  # the weights, 1 MiB, are read once
    assert found.volume == pytest.approx(streams * 48 / 2)
    assert found.volume_l3 == pytest.approx(streams * 48 / 32)


def test_p_is_seconds_of_the_cores_at_work_at_their_rate() -> None:
    job = work(runtimes=("openvino",), precisions=("fp32",))  # 0.444 GFLOP

    both, one = (score(job, TWO_CORES, CARD, Limits(threads=threads)) for threads in (None, 1))

    assert (both.cores, both.intensity) == (2, pytest.approx((4e8 + 4e6 + 4e7) / 100e9))
    assert (one.cores, one.intensity) == (1, pytest.approx((4e8 + 4e6 + 4e7) / 50e9))
    assert one.l2_bytes == MIB  # of the one core


def test_weights_and_gradients_of_a_training_are_used_again() -> None:
    answering, training = workload(), workload(training=True)

    assert answering.reused_bytes == answering.live_bytes
    assert training.reused_bytes == training.live_bytes + 2 * MIB


@pytest.mark.parametrize("name", CARDS)
def test_the_score_is_the_share_of_the_predicted_times(name: str) -> None:
    found = score(work(), TWO_CORES, PUBLISHED[name])

    assert found.value == found.cpu_seconds / (found.cpu_seconds + found.gpu_seconds)
    assert found.value == pytest.approx(sigmoid(math.log(found.cpu_seconds / found.gpu_seconds)))


def test_each_card_has_a_score_and_a_curve_of_its_own() -> None:
    found = [score(work(), TWO_CORES, PUBLISHED[name]) for name in CARDS]

    assert [one.value for one in found] == sorted({one.value for one in found})  # rising with the card's speed
    assert len({(one.curve.k, one.curve.x0) for one in found}) == len(CARDS)


@pytest.mark.parametrize("side", [64, 512, 2048])
def test_the_score_compares_what_the_planner_compares(side: int) -> None:
    job = work(side)

    made, found = plan(job, WITH_CARD), score(job, WITH_CARD, CARD)

    assert made.score == pytest.approx(found.value, abs=0.01)  # the plan may prefer a smaller batch
    assert made.device == ("cuda" if found.value > 0.5 else "cpu")
    assert made.predicted_seconds == pytest.approx(min(found.cpu_seconds, found.gpu_seconds), rel=0.06)


def test_the_curve_is_near_the_scores_that_it_is_drawn_for() -> None:
    for side in (128, 512, 2048):
        found = score(work(side), WITH_CARD, CARD)
        assert found.curve.at(found.volume * found.intensity) == pytest.approx(
            found.value, abs=found.curve.error + 0.05
        )
        assert found.curve.error < 0.2


def test_one_half_is_where_the_devices_tie() -> None:
    products = np.log([1.0, 10.0, 100.0, 1000.0])
    ratios = np.array([-2.0, -1.0, 1.0, 2.0])  # T_cpu / T_gpu grows; they tie midway from 10 to 100

    found = fit_curve(products, ratios, [1, 4, 16, 64])

    assert found.tie_pixels == pytest.approx(8)
    assert found.x0 == pytest.approx(math.sqrt(1000))
    assert found.at(math.sqrt(1000)) == pytest.approx(0.5)
    assert not found.flat


def test_the_slope_follows_the_scores() -> None:
    products = np.linspace(-4, 4, 9)

    found = fit_curve(products, 0.7 * products - 0.1, [4.0**power for power in range(9)])

    assert found.k == pytest.approx(0.7, rel=0.02)
    assert found.error < 0.01


def test_without_a_tie_there_is_no_size_to_name() -> None:
    found = fit_curve(np.log([1.0, math.e, math.e**2]), np.array([1.0, 2.0, 3.0]), [1, 4, 16])  # the GPU always wins

    assert found.tie_pixels is None
    assert (found.k, math.log(found.x0)) == pytest.approx((1.0, -1.0))


def test_a_curve_that_hardly_rises_is_flat_and_finite() -> None:
    found = fit_curve(np.array([0.0, 1.0, 2.0]), np.array([3.0, 3.0, 3.001]), [1, 4, 16])

    assert found.flat
    assert found.x0 > 0
    assert 0 < found.at(1.0) < 1


def test_sigmoid_is_one_half_at_zero_and_overflows_nowhere() -> None:
    assert sigmoid(0.0) == 0.5
    assert sigmoid(math.log(3)) == pytest.approx(0.75)
    assert (sigmoid(-1e6), sigmoid(1e6)) == (0.0, 1.0)


def test_a_machine_without_a_card_is_compared_with_a_usual_one() -> None:
    assert compared_gpu(WITH_CARD) is CARD
    assert compared_gpu(TWO_CORES).published


def test_a_quantised_model_is_compared_with_its_run_on_the_card() -> None:
    reduced, exact = work(runtimes=("openvino",), precisions=("int8",)), work(runtimes=("openvino",))

    ours, theirs = (score(one, TWO_CORES, CARD) for one in (reduced, exact))

    assert ours.gpu.way.precision != "int8"
    assert ours.curve.x0 > theirs.curve.x0  # the faster processor is left for larger work


def fastest(job: Work, device: str) -> float:
    limits = Limits(device="cuda" if device == "cuda" else "cpu")
    return candidates(job, WITH_CARD, limits)[0].seconds


@given(side=st.sampled_from([32, 64, 128, 256, 512, 1024]))
def test_below_one_half_the_processor_is_predicted_to_be_faster(side: int) -> None:
    job = work(side)

    assert (score(job, WITH_CARD, CARD).value > 0.5) == (fastest(job, "cpu") > fastest(job, "cuda"))


def test_larger_pictures_have_a_higher_score() -> None:
    sides = (32, 128, 512, 2048)
    values = [score(work(side, runtimes=("openvino",)), WITH_CARD, CARD).value for side in sides]

    assert values == sorted(values)
    assert values[0] < values[-1]


def test_another_size_has_its_place_on_the_plane() -> None:
    small, large = (score(work(side, runtimes=("openvino",)), TWO_CORES, CARD) for side in (256, 512))

    def spot(found: Score) -> tuple[float, float]:
        return place(work(512, runtimes=("openvino",)), TWO_CORES, found, 256 * 256)

    assert spot(large) == pytest.approx((small.volume, small.intensity))


def test_a_machine_that_hides_its_caches_has_coordinates_all_the_same() -> None:
    hidden = replace(TWO_CORES, processor=replace(TWO_CORES.processor, caches=Caches()))

    found = score(work(), hidden, CARD)

    assert found.volume_l3 is None
    assert found.volume == found.volume_bytes / MIB
