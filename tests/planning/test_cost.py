"""Seconds by hand, on a machine of round numbers: 100 GFLOP/s, L2 2 MiB, L3 32 MiB, memory 20 GB/s."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from machines import CARD, MIB, PLAIN_SHARES, TWO_CORES, workload
from smalta.description.workload import Layer, Workload
from smalta.planning.cost import FUSED, Cost, Table, Way, caches_of_stream, cost, cpu_cost, fitted, gpu_cost

BOTH = Way(threads=2)


def of(*layers: Layer, live: float = 0) -> Table:
    return Table.of(Workload(pixels=1, layers=layers, live_bytes=live, weight_bytes=0))


def seconds(layer: Layer, way: Way = BOTH, live: float = 0, **shares: float) -> float:
    return cpu_cost(of(layer, live=live), TWO_CORES, way, PLAIN_SHARES | shares).latency


def test_a_convolution_waits_for_its_arithmetic_when_it_has_much() -> None:
    layer = Layer(kind="dense", operations=1e9, read=MIB, written=MIB)

    assert seconds(layer) == pytest.approx(1e9 / 100e9)
    assert seconds(layer, **{"pytorch.dense.fp32": 0.5}) == pytest.approx(2e9 / 100e9)
    assert seconds(replace(layer, bits=16)) == pytest.approx(1e9 / 200e9)


def test_and_for_its_bytes_when_it_has_little() -> None:
    layer = Layer(kind="dense", operations=1e3, read=MIB, written=MIB / 2, weights=MIB / 2)  # 2 MiB, as the L2

    assert seconds(layer) == pytest.approx(2 * MIB / 200e9)
    assert seconds(layer, **{"pytorch.convolution.bytes": 0.25}) == pytest.approx(8 * MIB / 200e9)


def test_data_that_fit_in_no_cache_take_the_pace_of_each_level_by_the_share_that_fits() -> None:
    layer = Layer(kind="arithmetic", operations=1, read=32 * MIB, written=32 * MIB)
    #     of 64 MiB lie 2 in the L2, 30 more in the L3, 32 in memory
    expected = 2 * MIB / 200e9 + 30 * MIB / 100e9 + 32 * MIB / 20e9

    assert seconds(layer) == pytest.approx(expected)


def test_the_cost_keeps_which_level_serves_the_bytes() -> None:
    layers = (Layer(kind="resize", read=MIB, written=MIB), Layer(kind="arithmetic", read=32 * MIB, written=32 * MIB))
    inside = Layer(kind="activation", read=MIB, written=MIB)

    found = cpu_cost(of(*layers, inside), TWO_CORES, Way(runtime="openvino", threads=2), PLAIN_SHARES)

    assert found.served[0].tolist() == [1, 0, 0]
    assert found.served[1] == pytest.approx([2 / 64, 30 / 64, 32 / 64])
    assert found.moved.tolist() == [2 * MIB, 64 * MIB, 0]  # the activation runs inside the layer before
    assert gpu_cost(of(*layers), CARD, Way(device="cuda"), PLAIN_SHARES | {"pytorch.call": 0}).served.shape == (2, 0)


def test_streams_share_the_caches_of_the_cores_at_work() -> None:
    def levels(streams: int, threads: int) -> list[float]:
        return [one / MIB for one in caches_of_stream(TWO_CORES, Way(streams=streams, threads=threads))]

    assert levels(1, 2) == [2, 32]
    assert levels(2, 1) == [1, 16]
    assert levels(1, 1) == [1, 32]  # one core reaches the whole L3


@pytest.mark.parametrize("factor", [0.3, 4.0])
def test_a_scaled_table_is_the_table_of_the_scaled_workload(factor: float) -> None:
    whole = workload(training=True)
    whole = replace(whole, layers=(*whole.layers, Layer(kind="update", operations=5, weights=MIB, once=True)))

    scaled, expected = Table.of(whole).scaled(factor), Table.of(whole.scaled(factor))

    for name in ("operations", "maps", "weights", "fresh"):
        assert getattr(scaled, name) == pytest.approx(getattr(expected, name))
    assert scaled.live_bytes == expected.live_bytes


def test_each_operation_has_a_start_of_its_own() -> None:
    layer = Layer(kind="activation", read=0, written=0)

    assert seconds(layer, **{"pytorch.call": 5e-6}) == pytest.approx(5e-6)


def test_threads_that_share_a_pass_lose_what_streams_do_not() -> None:
    layer = Layer(kind="dense", operations=1e9)
    shares = PLAIN_SHARES | {"openvino.serial": 0.25}

    def run(streams: int, threads: int) -> Cost:
        way = Way(runtime="openvino", streams=streams, threads=threads)
        return cpu_cost(of(layer), TWO_CORES, way, shares)

    assert run(1, 2).per_pass == pytest.approx(1.25e9 / 100e9)
    assert run(2, 1).per_pass == pytest.approx(1e9 / 100e9)
    assert run(2, 1).latency == pytest.approx(1e9 / 50e9)  # each has one core
    assert run(1, 1).per_pass == pytest.approx(1e9 / 50e9)  # the other core is idle


def test_channels_first_pays_for_reordering_around_convolutions_alone() -> None:
    layers = (Layer(kind="dense", operations=1e9, read=MIB, written=MIB), Layer(kind="norm", read=MIB, written=MIB))
    shares = PLAIN_SHARES | {"pytorch.reorder.fp32": 3.0}

    first = cpu_cost(of(*layers), TWO_CORES, replace(BOTH, layout="channels_first"), shares)
    last = cpu_cost(of(*layers), TWO_CORES, BOTH, shares)

    assert last.reorder == 0
    assert first.reorder == pytest.approx(3 * 2 * MIB / 200e9)
    assert first.latency - last.latency == pytest.approx(first.reorder)


def test_memory_that_is_not_kept_is_paid_for_page_by_page() -> None:
    large = Layer(kind="copy", read=0, written=0, fresh=64 * MIB)  # a GB a second
    small = Layer(kind="copy", read=0, written=0, fresh=8 * MIB)
    given_back = replace(BOTH, keep_memory=False)

    assert seconds(large) == 0
    assert seconds(large, given_back) == pytest.approx(64 * MIB / 1e9)
    assert seconds(small, given_back) == 0
    # the heap is trimmed, and faulted in again, where much is alive
    assert seconds(small, given_back, live=100 * MIB, **{"pytorch.trimmed": 0.5}) == pytest.approx(4 * MIB / 1e9)
    no_glibc = replace(TWO_CORES, glibc=False)
    assert cpu_cost(of(large), no_glibc, given_back, PLAIN_SHARES).fresh == 0  # not known there, and not guessed


def test_graph_runtimes_do_activations_inside_convolutions_and_move_narrow_numbers() -> None:
    layers = [Layer(kind=kind, operations=1e9, read=64 * MIB, written=64 * MIB) for kind in FUSED]
    assert cpu_cost(of(*layers), TWO_CORES, Way(runtime="openvino"), PLAIN_SHARES).latency == 0

    resize = Layer(kind="resize", read=MIB, written=MIB)
    narrow = cpu_cost(of(resize), TWO_CORES, Way(runtime="openvino", precision="bf16", threads=2), PLAIN_SHARES)
    assert narrow.latency == pytest.approx(MIB / 200e9)


def test_a_gpu_waits_for_launches_and_for_its_pictures() -> None:
    layers = (
        Layer(kind="copy", read=MIB, written=0),
        Layer(kind="dense", operations=1e10, bits=16),
        Layer(kind="activation", written=2 * MIB),
    )
    shares = PLAIN_SHARES | {"pytorch.call": 4e-6}

    found = gpu_cost(of(*layers), CARD, Way(device="cuda"), shares)

    start = 6e-6 + 4e-6
    assert found.transfer == pytest.approx((MIB + MIB) / 10e9)
    assert found.latency == pytest.approx(start + 1e10 / 40e12 + start + found.transfer)
    slow = gpu_cost(of(*layers), CARD, Way(device="cuda", layout="channels_first"), shares)
    assert slow.latency - found.latency == pytest.approx(1e10 / 40e12)  # tensor cores want channels last


def test_the_fitted_shares_are_complete_and_say_where_they_come_from() -> None:
    shares = fitted()["shares"]

    assert set(PLAIN_SHARES) <= set(shares)
    assert all(0 <= value < 100 for value in shares.values())
    assert all({"name", "cores", "date"} <= set(processor) for processor in fitted()["fitted"]["processors"])


@given(scale=st.floats(0.01, 100), threads=st.sampled_from((1, 2)))
def test_more_pixels_never_take_less_time(scale: float, threads: int) -> None:
    way = Way(threads=threads)

    small = cost(workload(scale), TWO_CORES, way).latency
    large = cost(workload(2 * scale), TWO_CORES, way).latency

    assert large >= small
    assert np.isfinite(large)
