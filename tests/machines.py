"""A machine of round numbers, and workloads to plan for."""

from __future__ import annotations

import sys
from dataclasses import replace
from pathlib import Path
from typing import Any, get_args

import pytest

from smalta.description.workload import Kind, Layer, Workload
from smalta.model.torch_runtime import cpu_has_fast_bf16
from smalta.planning import candidates, cost, machine
from smalta.planning.candidates import Work
from smalta.planning.cost import share_name
from smalta.planning.facts import Caches, Processor
from smalta.planning.gpus import Gpu
from smalta.planning.machine import Machine, this_machine
from smalta.planning.rates import Rates
from smalta.runtimes.open_vino import multiplies_bf16
from smalta.runtimes.registry import RUNTIMES

MIB = 2**20
RATES = Rates(
    flops={"fp32": 100e9, "bf16": 200e9, "int8": 400e9},
    flops_one_core={"fp32": 50e9, "bf16": 100e9, "int8": 200e9},
    bandwidth={"l2": 200e9, "l3": 100e9, "memory": 20e9},
    bandwidth_one_core={"l2": 100e9, "l3": 50e9, "memory": 10e9},
    fault_seconds=4.096e-6,  # 1 GB of fresh memory a second
    page_bytes=4096,
)
TWO_CORES = Machine(
    processor=Processor(
        name="round",
        architecture="x86_64",
        caches=Caches(l1=32 * 2**10, l2=MIB, l3=32 * MIB, l2_total=2 * MIB, l3_total=32 * MIB),
        instructions=("AVX2", "AVX-512", "VNNI", "bf16"),
    ),
    cores=2,
    memory_bytes=8 * 2**30,
    memory_limit=None,
    glibc=True,
    rates=RATES,
    versions={},
    measured="2026-01-01",
)
CARD = Gpu(
    name="card",
    memory_bytes=8 * 2**30,
    flops={"fp32": 10e12, "bf16": 40e12},
    bandwidth=400e9,
    cache_bytes=4 * MIB,
    transfer=10e9,
)
WITH_CARD = replace(TWO_CORES, gpus=(CARD,))


def without_bf16(rates: Rates) -> Rates:
    """The rates of a processor that gains nothing from bf16."""
    one_core = {**rates.flops_one_core, "bf16": rates.flops_one_core["fp32"]}
    return replace(rates, flops={**rates.flops, "bf16": rates.flops["fp32"]}, flops_one_core=one_core)


def keep(cache: Path, rates: Rates) -> None:
    """Let processes with this cache folder find these rates as their own measurement."""
    with pytest.MonkeyPatch.context() as once:
        once.setenv("XDG_CACHE_HOME", str(cache))
        once.setattr(machine, "measure", lambda *_, **__: rates)
        this_machine(refresh=True)


def pretend(patch: pytest.MonkeyPatch, cache: Path, *, bf16: bool) -> None:
    """Let this process, and those that it starts, see the processor with round numbers for its speed.

    Args:
        patch: takes it back.
        cache: a folder for what would have been measured.
        bf16: whether the processor multiplies in bf16, and faster than in fp32.
    """
    there = machine.processor()
    told = there.instructions if "bf16" in there.instructions or not bf16 else (*there.instructions, "bf16")
    patch.setattr(machine, "processor", lambda: replace(there, instructions=told))
    keep(cache, RATES if bf16 else without_bf16(RATES))
    patch.setenv("XDG_CACHE_HOME", str(cache))
    for real in (multiplies_bf16, cpu_has_fast_bf16):
        for module in [module for name, module in sys.modules.items() if name.startswith("smalta.")]:
            if getattr(module, real.__name__, None) is real:
                patch.setattr(module, real.__name__, lambda: bf16)


def workload(scale: float = 1.0, *, bits: int = 32, training: bool = False) -> Workload:
    """A network of three layers for a picture of 512 x 512, and more pixels by `scale`."""
    width = bits / 32
    layers = (
        Layer(kind="copy", read=0.75 * MIB, written=3 * MIB, fresh=3 * MIB),
        Layer(
            kind="dense", operations=4e8, read=3 * MIB, written=16 * MIB * width, weights=MIB, fresh=16 * MIB, bits=bits
        ),
        Layer(kind="activation", operations=4e6, read=16 * MIB * width, written=16 * MIB * width, bits=bits),
        Layer(kind="softmax", operations=4e7, read=11 * MIB, written=11 * MIB, fresh=11 * MIB),
    )
    whole = Workload(pixels=512 * 512, layers=layers, live_bytes=48 * MIB * width, weight_bytes=MIB, training=training)
    return whole.scaled(scale)


def work(side: int = 512, **changes: Any) -> Work:
    """Answering for one picture."""
    scale = (side / 512) ** 2
    usual: dict[str, Any] = {
        "task": "inference",
        "size_hw": (side, side),
        "workloads": {32: workload(scale), 16: workload(scale, bits=16)},
    }
    return Work(**(usual | changes))


# every kind of layer reaches what was measured, nothing else costs anything
PLAIN_SHARES = {
    share_name(runtime, kind, bits, backward): 1.0
    for runtime in (*RUNTIMES, "cuda")
    for kind in get_args(Kind)
    for bits in (32, 16, 8)
    for backward in (False, True)
}
PLAIN_SHARES |= {"pytorch.reorder.fp32": 0.0, "pytorch.reorder.bf16": 0.0, "pytorch.trimmed": 0.0, "pytorch.fresh": 1.0}
PLAIN_SHARES |= {"cuda.bytes": 1.0, "cuda.channels_first": 0.5}
for _runtime in RUNTIMES:
    PLAIN_SHARES |= {f"{_runtime}.convolution.bytes": 1.0, f"{_runtime}.call": 0.0, f"{_runtime}.serial": 0.0}
MEMORY = {"pytorch": 400 * MIB, "openvino": 200 * MIB, "onnxruntime": 100 * MIB, "cuda": 500 * MIB}
MEMORY |= {f"{runtime}.{task}": 1.0 for runtime in MEMORY for task in ("inference", "training")}


def use_round_shares(patch: pytest.MonkeyPatch, **shares: float) -> None:
    """Predict with shares that no later fit changes: PyTorch is slower than OpenVINO, shared passes lose a fifth."""
    usual = {"pytorch.call": 10e-6, "openvino.serial": 0.2, "onnxruntime.dense.fp32": 0.5, "pytorch.dense.fp32": 0.6}
    usual |= {"pytorch.dense.bf16": 0.6, "pytorch.reorder.fp32": 2.0, "pytorch.reorder.bf16": 2.0}
    told = {"shares": PLAIN_SHARES | usual | shares, "memory": MEMORY}
    for module in (cost, candidates):
        patch.setattr(module, "fitted", lambda: told)
