from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from machines import MIB, RATES, TWO_CORES, WITH_CARD, use_round_shares, without_bf16, work, workload
from smalta.errors import ConfigError
from smalta.planning.candidates import candidates
from smalta.planning.plan import Limits, Plan
from smalta.planning.planner import plan
from smalta.planning.tiles import tile_starts


@pytest.fixture(autouse=True, scope="module")
def round_shares() -> Iterator[None]:
    with pytest.MonkeyPatch.context() as patch:
        use_round_shares(patch)
        yield


NO_BF16 = replace(TWO_CORES, rates=without_bf16(RATES))
EXPORTED = work(runtimes=("openvino", "onnxruntime"))
TRAINING = work(
    320,
    task="training",
    workloads={
        bits: replace(workload(320**2 / 512**2, bits=bits, training=True), live_bytes=200 * MIB * bits / 32)
        for bits in (32, 16)
    },
)


def test_the_plan_is_the_fastest_candidate() -> None:
    found = candidates(EXPORTED, TWO_CORES, Limits())

    made = plan(EXPORTED, TWO_CORES)

    assert made.predicted_seconds == found[0].seconds == min(one.seconds for one in found)
    assert (made.device, made.runtime, made.precision) == ("cpu", "openvino", "bf16")


def test_every_line_has_a_reason_and_every_rejected_way_a_number() -> None:
    made = plan(EXPORTED, TWO_CORES)

    assert set(made.reasons) >= {"device", "runtime", "precision", "layout", "streams", "tile", "batch", "memory"}
    assert all(any(letter.isdigit() for letter in made.reasons[name]) for name in ("device", "precision", "memory"))
    assert made.rejected
    assert all(one.slower is not None and one.slower >= 1 for one in made.rejected)
    assert [one.slower for one in made.rejected] == sorted(one.slower or 0 for one in made.rejected)


def test_bf16_is_left_alone_where_the_processor_is_no_faster_at_it() -> None:
    made = plan(work(), NO_BF16)

    assert made.precision == "fp32"
    assert "bf16 runs at 1.0 times the rate of fp32 here" in made.reasons["precision"]


def test_large_work_goes_to_the_card_and_tiny_work_does_not() -> None:
    one = Limits(batch=1)
    large, tiny = plan(work(2048), WITH_CARD, one), plan(work(32), WITH_CARD, one)

    assert (tiny.device, large.device) == ("cpu", "cuda")
    assert tiny.score < 0.5 < large.score


def test_a_card_makes_up_for_its_launches_with_larger_batches() -> None:
    made = plan(work(32), WITH_CARD)

    assert made.device == "cuda"
    assert made.batch > 1


def test_a_device_that_is_told_is_taken_and_one_that_is_missing_refused() -> None:
    assert plan(work(2048), WITH_CARD, Limits(device="cpu")).device == "cpu"
    with pytest.raises(ConfigError, match="this machine has no CUDA device; use --device cpu"):
        plan(work(), TWO_CORES, Limits(device="cuda"))


def test_a_picture_that_does_not_fit_in_memory_is_cut_into_the_fastest_tiles_that_do() -> None:
    large = work(8192, runtimes=("openvino",))
    whole = plan(large, TWO_CORES, Limits(memory_bytes=2**40))
    limit = whole.memory_bytes // 2

    made = plan(large, TWO_CORES, Limits(memory_bytes=limit))

    assert made.tile_hw is not None
    assert made.memory_bytes <= limit
    assert "does not fit" in made.reasons["tile"]
    assert made.predicted_seconds >= 0.9 * whole.predicted_seconds


def test_tiles_cover_the_picture_with_what_neighbours_share() -> None:
    job = work(2048, runtimes=("openvino",))
    by_tile = {one.tile_hw: one for one in candidates(job, TWO_CORES, Limits(precision="fp32")) if one.way.streams == 1}

    tile = by_tile[1024, 1024]

    assert tile.passes == len(tile_starts(2048, 1024)) ** 2 == 16  # tiles begin 341 px apart, not 1024
    assert tile.seconds == pytest.approx(16 * tile.cost.per_pass)


def test_tiles_of_a_narrow_picture_are_as_narrow() -> None:
    job = replace(work(2048, runtimes=("openvino",)), size_hw=(65_500, 3))

    tiles = {one.tile_hw: one.passes for one in candidates(job, TWO_CORES, Limits())}

    assert tiles[1024, 32] == len(tile_starts(65_504, 1024))
    assert all(width == 32 for _, width in filter(None, tiles))


def test_a_tile_that_is_told_is_taken_and_pictures_that_are_no_larger_stay_whole() -> None:
    large, small = (plan(work(side, runtimes=("openvino",)), TWO_CORES, Limits(tile=768)) for side in (2048, 512))

    assert large.tile_hw == (768, 768)
    assert large.reasons["tile"].endswith("as requested")
    assert small.tile_hw is None


def test_a_tile_larger_than_the_memory_allows_is_refused() -> None:
    job = work(8192, runtimes=("openvino",))
    least = min(one.memory_bytes for one in candidates(job, TWO_CORES, Limits(tile=4096)))

    with pytest.raises(ConfigError, match=r"tiles of 4096 x 4096 needs the least.* or use a smaller network or tile"):
        plan(job, TWO_CORES, Limits(memory_bytes=least - 1, tile=4096))


@pytest.mark.parametrize("tile", [576, 1000])
def test_a_tile_that_cannot_be_cut_is_refused(tile: int) -> None:
    with pytest.raises(ConfigError, match=rf"multiple of 32 pixels and at least 608, got {tile}"):
        Limits(tile=tile)


def test_what_is_answered_as_a_whole_fits_in_the_memory_beside_the_network() -> None:
    job = work(8192, runtimes=("openvino",))
    limit = plan(job, TWO_CORES, Limits(memory_bytes=2**40)).memory_bytes // 2

    made = plan(job, TWO_CORES, Limits(memory_bytes=limit))

    assert made.tile_hw is not None
    answers = (made.streams + 1) * job.answer_bytes * (made.whole_pixels - made.tile_hw[0] * made.tile_hw[1])
    assert made.memory_bytes + answers <= made.allowed_bytes == limit
    more = plan(job, TWO_CORES, Limits(memory_bytes=2 * limit, tile=made.tile_hw[0]))
    assert more.whole_pixels > made.whole_pixels


def test_too_little_memory_says_how_much_would_do() -> None:
    with pytest.raises(ConfigError, match=r"limit of 1 MiB is too low: .* needs the least, .* set a higher limit"):
        plan(work(), TWO_CORES, Limits(memory_bytes=MIB))


def test_too_little_time_says_how_much_would_do() -> None:
    with pytest.raises(ConfigError, match=r"is too low: .* is the fastest and takes"):
        plan(work(), TWO_CORES, Limits(latency_seconds=1e-6))


def test_a_latency_limit_prefers_one_stream_of_all_threads() -> None:
    job = work(runtimes=("openvino",), precisions=("fp32",))
    found = {one.way.streams: one for one in candidates(job, TWO_CORES, Limits()) if one.tile_hw is None}
    assert found[2].seconds < found[1].seconds
    assert found[2].latency > found[1].latency
    between = (found[1].latency + found[2].latency) / 2

    assert plan(job, TWO_CORES).streams == 2
    assert plan(job, TWO_CORES, Limits(latency_seconds=between)).streams == 1


def test_fewer_threads_are_obeyed() -> None:
    made = plan(EXPORTED, TWO_CORES, Limits(threads=1))

    assert (made.streams, made.threads) == (1, 1)


def test_training_keeps_its_batch_until_memory_is_short() -> None:
    usual = plan(TRAINING, TWO_CORES)
    assert (usual.batch, usual.runtime, usual.streams, usual.threads) == (8, "pytorch", 1, 2)

    short = plan(TRAINING, TWO_CORES, Limits(memory_bytes=usual.memory_bytes - MIB))

    assert short.batch == 4
    assert "a batch of 8 does not fit" in short.reasons["batch"]
    assert plan(TRAINING, TWO_CORES, Limits(batch=3)).batch == 3


def test_training_reports_seconds_per_step() -> None:
    made = plan(TRAINING, TWO_CORES)
    step = next(one for one in candidates(TRAINING, TWO_CORES, Limits()) if one.way.precision == made.precision)

    assert made.predicted_seconds == made.latency_seconds
    assert made.predicted_seconds > step.seconds  # which are per picture


def test_a_plan_is_a_pure_function_and_goes_through_json() -> None:
    first, second = plan(EXPORTED, TWO_CORES), plan(EXPORTED, TWO_CORES)

    assert first == second
    assert Plan.from_dict(json.loads(json.dumps(first.to_dict()))) == first


@given(
    side=st.integers(1, 9000),
    memory=st.one_of(st.none(), st.integers(2**20, 2**36)),
    latency=st.one_of(st.none(), st.floats(1e-4, 10)),
    threads=st.one_of(st.none(), st.integers(1, 8)),
    card=st.booleans(),
    device=st.sampled_from((None, "cpu")),
)
def test_a_plan_keeps_its_limits_or_says_why_none_can(
    side: int, memory: int | None, latency: float | None, threads: int | None, card: bool, device: str | None
) -> None:
    limits = Limits(
        memory_bytes=memory, latency_seconds=latency, threads=threads, device="cpu" if device == "cpu" else None
    )
    job = work(side, runtimes=("pytorch", "openvino"))
    machine = WITH_CARD if card else TWO_CORES
    try:
        made = plan(job, machine, limits)
    except ConfigError:
        allowed = memory or TWO_CORES.usable_memory
        for one in candidates(job, machine, limits):  # and then indeed none can
            assert one.memory_bytes > allowed or (latency is not None and one.latency > latency)
        return

    assert made.memory_bytes <= (memory or TWO_CORES.usable_memory)
    assert latency is None or made.latency_seconds <= latency
    assert made.device == "cuda" or made.streams * made.threads <= min(threads or 2, 2)
    assert device is None or made.device == device
