from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace

import numpy as np
import pytest

from machines import MIB, TWO_CORES, WITH_CARD, use_round_shares, work, workload
from smalta.description.workload import Layer, Workload
from smalta.planning.candidates import Candidate, Work, candidates
from smalta.planning.cost import Way
from smalta.planning.layer_costs import cache_use, grouped, layers_of, loaded_again, summed
from smalta.planning.plan import Limits

EAGER, GRAPH = Way(threads=2), Way(runtime="openvino", threads=2)


@pytest.fixture(autouse=True, scope="module")
def round_shares() -> Iterator[None]:
    with pytest.MonkeyPatch.context() as patch:
        use_round_shares(patch)
        yield


def chain(*maps: float, kind: str = "arithmetic", weights: float = 0.0, skip: int | None = None) -> Workload:
    """Layers that each read the map of the one before, MiB written; `skip`: the last one reads that layer too."""
    layers = []
    for place, written in enumerate(maps):
        inputs = (place - 1,) if place else ()
        if skip is not None and place == len(maps) - 1:
            inputs = (*inputs, skip)
        read = sum(maps[one] for one in inputs) * MIB
        layers.append(
            Layer(kind=kind, read=read, written=written * MIB, weights=weights * MIB, inputs=inputs, name=str(place))  # type: ignore[arg-type]
        )
    return Workload(pixels=100, layers=tuple(layers), live_bytes=2 * MIB, weight_bytes=0)


def again(one: Workload, way: Way = EAGER) -> list[float]:
    return (loaded_again(one, TWO_CORES, way) / MIB).tolist()


def test_maps_that_fit_in_the_last_cache_together_are_loaded_once() -> None:
    assert again(chain(10, 10, 10)) == [0, 0, 0]  # of 32 MiB


def test_a_map_that_was_used_long_ago_is_loaded_again() -> None:
    found = again(chain(10, 10, 10, 10, skip=0))

    assert found[:3] == [0, 0, 0]
    assert found[3] == pytest.approx(8)  # of the first map: 30 MiB lie between its first bytes, 40 between its last


def test_a_large_map_is_loaded_again_as_far_as_it_does_not_fit() -> None:
    # from 20 MiB, with nothing beside, to 40 MiB: 12 of these 20 fit in 32
    assert again(chain(20, 20))[1] == pytest.approx(20 * (1 - 12 / 20))


def test_layers_inside_others_neither_read_nor_write_maps() -> None:
    one = chain(17, 17, 17)
    middle = replace(one.layers[1], kind="activation")
    fused = replace(one, layers=(one.layers[0], middle, one.layers[2]))

    assert again(fused, EAGER) == pytest.approx([0, 2, 17])  # the last layer finds 34 MiB since each byte's last use
    assert again(fused, GRAPH) == pytest.approx([0, 0, 2])  # it reads the first one's map, from 17 MiB to 34


def test_bytes_are_counted_in_the_precision_of_the_way() -> None:
    one = chain(20, 20)

    assert again(one, replace(GRAPH, precision="bf16")) == [0, 0]
    assert again(one, GRAPH)[1] > 0


def test_a_gpu_has_no_caches_to_divide() -> None:
    best = best_of(work(2048), Limits(device="cuda"))

    assert cache_use(work(2048), WITH_CARD, best) is None
    assert all(layer.served == () and layer.loaded_again == 0 for layer in layers_of(work(2048), WITH_CARD, best))


def best_of(job: Work, limits: Limits) -> Candidate:
    return candidates(job, WITH_CARD, limits)[0]


def test_the_layers_sum_to_the_pass() -> None:
    job = work(1024, runtimes=("openvino",))
    best = best_of(job, Limits(device="cpu", precision="fp32"))

    layers = layers_of(job, TWO_CORES, best)
    whole, use = summed(layers), cache_use(job, TWO_CORES, best)

    assert [layer.kind for layer in layers] == [
        "copy",
        "dense",
        "softmax",
    ]  # the activation runs inside the convolution
    assert whole.seconds == pytest.approx(best.cost.latency)
    assert use is not None
    assert use.near + use.l3 + use.memory == pytest.approx(1)
    assert np.array(whole.served) / whole.moved == pytest.approx([use.near, use.l3, use.memory])
    assert use.moved == whole.moved


def test_smaller_pictures_are_served_nearer() -> None:
    def use(side: int) -> tuple[float, float]:
        job = work(side, runtimes=("openvino",))
        found = cache_use(job, TWO_CORES, candidates(job, TWO_CORES, Limits(precision="fp32"))[0])
        assert found is not None
        return found.near, found.memory

    near, memory = zip(*(use(side) for side in (32, 256, 1024, 4096)), strict=True)
    assert list(near) == sorted(near, reverse=True)
    assert list(memory) == sorted(memory)
    assert near[0] > 0.9  # all but the weights of the convolution
    assert memory[0] == 0


def test_equal_layers_are_one_row_forward_and_backward_the_slowest_first() -> None:
    forward = Layer(kind="dense", name="3x3, 8 to 8", operations=1e9, read=MIB, written=MIB)
    layers = (forward, Layer(kind="softmax", read=MIB, written=MIB), replace(forward, operations=2e9, backward=True))
    one = Workload(pixels=512 * 512, layers=layers, live_bytes=MIB, weight_bytes=0, training=True)
    job = work(task="training", workloads={32: one, 16: one}, batch=1)
    best = candidates(job, TWO_CORES, Limits(precision="fp32", batch=1))[0]

    rows = grouped(layers_of(job, TWO_CORES, best))

    assert [(row.kind, row.count) for row in rows] == [("dense", 2), ("softmax", 1)]
    assert (rows[0].forward, rows[0].backward) == (1e9, 2e9)
    assert rows[0].working_set == 2 * MIB


def test_a_workload_without_known_inputs_loads_nothing_again() -> None:
    assert loaded_again(workload(), TWO_CORES, EAGER).tolist() == [0, 0, 0, 0]
