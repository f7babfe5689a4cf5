"""Fit the shares of the cost model to measured cases.

In:  cases of `bench.planner_cases`, of one or more processors, each with its measured speeds.
Out: shares by name, as `src/smalta/planning/efficiency.json` keeps them.

Each share begins at a usual value and is held near it by a weak spring, so that one which the cases do not tell stays
there. The squared logarithms of predicted against measured time are made small, large errors counting less.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from dataclasses import replace
from functools import cache
from typing import Any, get_args

import numpy as np
from scipy.optimize import least_squares

from bench.planner_ways import N_LEAVES, STRIDE, WIDTH, exported
from smalta.description.model_info import PRECISIONS
from smalta.description.network_config import NetworkConfig
from smalta.description.workload import Kind, Workload
from smalta.model.tracing import trace
from smalta.planning.candidates import Work
from smalta.planning.cost import FUSED, Table, Way, cpu_cost, share_name
from smalta.planning.machine import Machine
from smalta.planning.work_of import work_of_model
from smalta.runtimes.onnx_file import examine
from smalta.runtimes.registry import RUNTIMES

TRACED_SIDE = 512
SPRING = 0.1  # an error of a tenth weighs as much as a share that is wrong by a factor of e
USUAL = {"dense": 0.7, "pointwise": 0.5, "depthwise": 0.15, "grouped": 0.3, "stem": 0.2}
OTHERS = {"convolution.bytes": 0.7, "call": 5e-6, "serial": 0.05}
PYTORCH = {"pytorch.reorder.fp32": 1.0, "pytorch.reorder.bf16": 1.0, "pytorch.fresh": 0.5, "pytorch.trimmed": 0.1}
# no CUDA device was at hand: what such kernels usually reach of a card's published or measured peak
CUDA = {"dense": 0.45, "pointwise": 0.35, "depthwise": 0.05, "grouped": 0.15, "stem": 0.1}

Case = Mapping[str, Any]


def usual_shares() -> dict[str, float]:
    """Where all shares begin."""
    shares = dict(PYTORCH)
    for runtime in (*RUNTIMES, "cuda"):
        for kind in get_args(Kind):
            start = (CUDA if runtime == "cuda" else USUAL).get(kind, 0.5)
            if runtime in RUNTIMES and RUNTIMES[runtime].graph and kind in FUSED:
                start = 1.0
            for bits in (32, 16, 8):
                for backward in (False, True):
                    shares[share_name(runtime, kind, bits, backward)] = start
        if runtime != "cuda":
            shares |= {f"{runtime}.{name}": value for name, value in OTHERS.items()}
    return shares | {"cuda.bytes": 0.7, "cuda.channels_first": 0.5}


def way_of(case: Case) -> Way:
    return Way(
        runtime=case["runtime"],
        layout=case["layout"],
        precision=case["precision"],
        streams=case["streams"],
        threads=case["threads"],
        keep_memory=case["keep"],
    )


def table_of(case: Case) -> Table:
    """The work of a case, found as plans find it: traced, or of the exported file."""
    graph = RUNTIMES[case["runtime"]].graph
    bf16 = case["precision"] == "bf16" and not graph
    one = _workload(case["task"], case["encoder"], bf16, case["precision"] if graph else "")
    return Table.of(one.scaled(case["batch"] * case["side"] ** 2 / one.pixels))


@cache
def _workload(task: str, encoder: str, bf16: bool, exported_as: str) -> Workload:
    """The work of one picture or crop; other sizes have it in proportion."""
    if exported_as:
        content = exported(encoder, exported_as)
        info = replace(examine(exported(encoder)), precision="int8" if exported_as == "int8" else "fp32")
        return work_of_model(content, info, (TRACED_SIDE, TRACED_SIDE)).workloads[32]
    config = NetworkConfig(n_leaves=N_LEAVES, encoder=encoder, width=WIDTH, stride=STRIDE)
    return trace(config, (TRACED_SIDE, TRACED_SIDE), bf16=bf16, training=task == "training")


def work_of_case(case: Case, runtimes: Collection[str], precisions: Collection[str]) -> Work:
    """The work of a case, for the planner to choose among these runtimes and precisions."""
    graph = RUNTIMES[case["runtime"]].graph
    found = {}
    for bits, bf16 in ((32, False), (16, True)):
        one = _workload(case["task"], case["encoder"], bf16 and not graph, case["precision"] if graph else "")
        found[bits] = one.scaled(case["side"] ** 2 / one.pixels)
    return Work(
        task=case["task"],
        size_hw=(case["side"], case["side"]),
        workloads=found,
        runtimes=tuple(name for name in RUNTIMES if name in runtimes),
        precisions=tuple(name for name in PRECISIONS if name in precisions),
        batch=case["batch"],
    )


def predicted(case: Case, machine: Machine, shares: Mapping[str, float]) -> float:
    """Seconds per picture, or per training step."""
    return cpu_cost(table_of(case), machine, way_of(case), shares).per_pass


def fit(cases: Sequence[tuple[Case, Machine]]) -> dict[str, float]:
    """Shares for all runtimes that the cases know; the others keep their usual values.

    Args:
        cases: each with the machine that it was measured on.
    """
    shares = usual_shares()
    for runtime in RUNTIMES:
        mine = [pair for pair in cases if pair[0]["runtime"] == runtime]
        if mine:
            shares |= _fit_runtime(runtime, mine, shares)
            if not any(case["precision"] == "int8" for case, _ in mine):  # as bf16, on top of its own measured rate
                shares |= {name: shares[name.replace(".int8", ".bf16")] for name in shares if _int8_of(runtime, name)}
    return shares


def _int8_of(runtime: str, name: str) -> bool:
    return name.startswith(f"{runtime}.") and ".int8" in name


def _fit_runtime(runtime: str, cases: Sequence[tuple[Case, Machine]], usual: Mapping[str, float]) -> dict[str, float]:
    prepared = [(table_of(case), machine, way_of(case)) for case, machine in cases]
    free = sorted(name for name in _seen(runtime, [(table, way) for table, _, way in prepared]) if name in usual)
    start = np.log([usual[name] for name in free])
    measured = np.log([case["seconds"] for case, _ in cases])

    def errors(values: np.ndarray) -> np.ndarray:
        shares = dict(usual) | dict(zip(free, np.exp(values), strict=True))
        found = np.log([cpu_cost(table, machine, way, shares).per_pass for table, machine, way in prepared])
        return np.concatenate([found - measured, SPRING * (values - start)])

    best = least_squares(errors, start, loss="soft_l1", f_scale=0.1).x
    return {name: float(f"{np.exp(value):.4g}") for name, value in zip(free, best, strict=True)}


def _seen(runtime: str, prepared: Sequence[tuple[Table, Way]]) -> set[str]:
    """Names of the shares that the cases tell something about."""
    graph = RUNTIMES[runtime].graph
    names = {f"{runtime}.convolution.bytes", f"{runtime}.call"}
    for table, way in prepared:
        for kind, bits, backward in table.sorts:
            if not (graph and kind in FUSED):
                own = {"fp32": 32, "bf16": 16, "int8": 8}[way.precision]
                names.add(share_name(runtime, kind, own if graph else bits, backward))
    if len({way.threads for _, way in prepared}) > 1:
        names.add(f"{runtime}.serial")
    return names if graph else names | set(PYTORCH)
