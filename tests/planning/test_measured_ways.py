"""No plan is fooled by wrong speeds: over a recorded table of measured ways, whatever the planner believes.

`measured_ways.json` holds what 531 ways took on two quiet cores (bench/results/planner.json), and the work of the
networks of that date. For each network, size and job, the way of the plan may take at most 1.3 times as long as the
fastest measured one.
"""

from __future__ import annotations

import json
from collections.abc import Iterator
from functools import cache
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from smalta.description.workload import Layer, Workload
from smalta.planning.candidates import Work
from smalta.planning.cost import Way
from smalta.planning.facts import Caches, Processor
from smalta.planning.machine import Machine
from smalta.planning.plan import Limits
from smalta.planning.planner import best_two
from smalta.planning.rates import Rates

TABLE = json.loads(Path(__file__).with_name("measured_ways.json").read_text())
MOST = 1.3
SIDES = {"inference": (128, 256, 512, 1024, 2048), "training": (128, 256, 320)}
JOBS: dict[str, dict[str, dict[str, Any]]] = {
    "training": {"run": {"runtimes": ("pytorch",)}},
    "inference": {
        "run": {"runtimes": ("pytorch",)},
        "fp32 file": {"runtimes": ("openvino", "onnxruntime"), "precisions": ("fp32",)},
        "bf16 file": {"runtimes": ("openvino", "onnxruntime")},
    },
}


def measured_rates() -> Rates:
    told = TABLE["measured"]["rates"]
    single = told["flops_one_core"] / told["flops"]["fp32"]  # only that of fp32 was measured
    return Rates(
        flops=told["flops"],
        flops_one_core={name: single * value for name, value in told["flops"].items()},
        bandwidth=told["bandwidth"],
        bandwidth_one_core={name: single * value for name, value in told["bandwidth"].items()},
        fault_seconds=told["fault_seconds"],
        page_bytes=told["page_bytes"],
    )


RATES = measured_rates()


def machine(rates: Rates, *instructions: str) -> Machine:
    return Machine(
        processor=Processor(
            name="AMD EPYC",
            architecture="x86_64",
            caches=Caches(**TABLE["measured"]["caches"]),
            instructions=instructions or ("AVX2", "AVX-512", "VNNI", "bf16"),
        ),
        cores=2,
        memory_bytes=2**36,
        memory_limit=None,
        glibc=True,
        rates=rates,
        versions={},
        measured="",
    )


def times(factors: dict[str, float]) -> Rates:
    """The measured rates with some numbers multiplied."""
    return Rates.of({name: factors.get(name, 1.0) * value for name, value in RATES.numbers.items()}, 4096, {})


@cache
def workload(name: str) -> Workload:
    told, columns = TABLE["workloads"][name], TABLE["layer"][1:]
    layers = []
    for number, *values in told["layers"]:
        facts = dict(zip(columns, values, strict=True))
        layers += number * [Layer(**facts | {"backward": bool(facts["backward"]), "once": facts["kind"] == "update"})]
    return Workload(
        pixels=told["pixels"],
        layers=tuple(layers),
        live_bytes=told["live_bytes"],
        weight_bytes=told["weight_bytes"],
        training=name.startswith("training"),
    )


def choices() -> Iterator[tuple[str, Work, dict[tuple[Any, ...], float]]]:
    """Each job with the measured times of the ways that it can take."""
    for key, rows in TABLE["ways"].items():
        task, encoder, side = key.split("/")
        if int(side) not in SIDES[task]:
            continue
        pixels = int(side) ** 2
        for job, settings in JOBS[task].items():
            both = {bits: workload(f"{task}/{encoder}/{bits}") for bits in (32, 16)}
            scaled = {bits: one.scaled(pixels / one.pixels) for bits, one in both.items()}
            work = Work(task=task, size_hw=(int(side), int(side)), workloads=scaled, batch=4, **settings)  # type: ignore[arg-type]
            ways = {tuple(row[:5]): row[5] for row in rows if row[0] in work.runtimes and row[2] in work.precisions}
            yield f"{key}, {job}", work, ways


CHOICES = tuple(choices())


def regrets(believed: Machine) -> dict[str, float]:
    """Measured time of the way that the planner chooses, relative to the fastest measured one, by job."""
    found = {}
    for name, work, ways in CHOICES:
        way = best_two(work, believed, Limits())[0].way
        if _key(way) in ways:  # one way of 531 was disturbed, and is not in the table
            found[name] = ways[_key(way)] / min(ways.values())
    return found


def _key(way: Way) -> tuple[Any, ...]:
    return way.runtime, way.layout, way.precision, way.streams, way.threads


def check(rates: Rates) -> None:
    worst = {name: round(regret, 2) for name, regret in regrets(machine(rates)).items() if regret > MOST}
    assert not worst


def test_true_speeds_choose_nearly_the_best() -> None:
    found = np.array(list(regrets(machine(RATES)).values()))

    assert len(found) > 80
    assert np.median(found) <= 1.05
    assert found.max() <= MOST


@pytest.mark.parametrize("factor", [0.5, 2.0])
def test_a_machine_that_is_slower_or_faster_than_believed(factor: float) -> None:
    check(times(dict.fromkeys(RATES.numbers, factor)))


@pytest.mark.parametrize("factor", [0.25, 4.0])
@pytest.mark.parametrize("name", ["fp32", "bf16", "fp32 on one core", "bf16 on one core", "l2", "l3", "memory"])
def test_one_wrong_number(name: str, factor: float) -> None:
    check(times({name: factor}))


@pytest.mark.parametrize("seed", range(4))
def test_noisy_numbers(seed: int) -> None:
    """A fifth in the standard deviation: far more than two rounds of a measurement may differ."""
    rng = np.random.default_rng(seed)
    check(times({name: float(np.exp(0.2 * rng.standard_normal())) for name in RATES.numbers}))


@pytest.mark.parametrize("seed", range(2))
def test_a_processor_without_bf16_is_never_planned_in_it(seed: int) -> None:
    """A busy minute once let a processor without the instruction look fast in bf16."""
    rng = np.random.default_rng(seed)
    rates = times({name: float(np.exp(rng.standard_normal())) for name in RATES.numbers})
    believed = machine(rates, "AVX2")

    assert all(best_two(work, believed, Limits())[0].way.precision == "fp32" for _, work, _ in CHOICES)
