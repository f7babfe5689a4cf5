"""Predict the seconds of a pass, layer by layer, from the work of each layer and the speed of the machine.

In:  a workload, a machine, a way to run it.
Out: `Cost`: the seconds of a pass and of its parts.

A layer takes as long as its arithmetic or its memory traffic, whichever is longer. Traffic runs at the measured speed
of the level of memory that the data fit in. Each kind of layer reaches a share of these speeds. `bench/planner.py` fits
the shares to measured passes once and keeps them in `efficiency.json`; they scale with the measured speeds of the
machine at hand. Four further terms are added: reordering between memory layouts, memory that the system hands out
fresh, the start of each operation, and, on a GPU, launches and transfers.

Must not know: networks, plans, where the numbers are shown.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass, fields, replace
from functools import cache
from importlib.resources import files
from typing import Any, Self, get_args

import numpy as np

from smalta.description.model_info import Precision
from smalta.description.workload import CONVOLUTIONS, Kind, Workload
from smalta.planning.gpus import Gpu
from smalta.planning.machine import Machine
from smalta.planning.plan import Plan
from smalta.planning.rates import LEVELS
from smalta.runtimes.registry import PYTORCH, RUNTIMES, Device, Layout, RuntimeKind

KINDS: tuple[Kind, ...] = get_args(Kind)
FUSED: tuple[Kind, ...] = ("norm", "activation")  # graph runtimes fuse them into the convolution before
BITS: Mapping[Precision, int] = {"fp32": 32, "bf16": 16, "int8": 8}
PRECISION_OF: Mapping[int, Precision] = {bits: precision for precision, bits in BITS.items()}
MMAP_BYTES = 32 * 2**20  # glibc returns blocks of this size to the system at once, whatever its threshold


@dataclass(frozen=True, slots=True, kw_only=True)
class Way:
    """How a pass is run; fields as in `Plan`."""

    device: Device = "cpu"
    runtime: str = PYTORCH.name
    layout: Layout = "channels_last"
    precision: Precision = "fp32"
    streams: int = 1
    threads: int = 1
    keep_memory: bool = True

    @classmethod
    def of(cls, plan: Plan) -> Self:
        """The way of a plan."""
        return cls(**{entry.name: getattr(plan, entry.name) for entry in fields(cls)})

    @property
    def kind(self) -> RuntimeKind:
        """The kind of its runtime."""
        return RUNTIMES[self.runtime]

    @property
    def name(self) -> str:
        """In words."""
        parts: list[str] = [self.runtime, self.precision]
        if not self.kind.graph:
            parts.append(self.layout.replace("_", "-"))
        if self.device == "cuda":
            return ", ".join([*parts, "on the GPU"])
        streams = "1 stream" if self.streams == 1 else f"{self.streams} streams"
        return ", ".join([*parts, f"{streams} of {self.threads} thread{'s' if self.threads > 1 else ''}"])


@dataclass(frozen=True, slots=True, kw_only=True)
class Cost:
    """Seconds of one pass.

    Attributes:
        latency: of one pass, while all streams work.
        per_pass: between the ends of two passes, over all streams.
        layers: seconds of each layer.
        compute_bound: share of `latency` in layers that wait for arithmetic, not for memory.
        reorder: seconds of changing the memory layout.
        fresh: seconds of memory that the system hands out fresh.
        transfer: seconds of transfers from and to a GPU.
        moved: bytes that each layer reads and writes, in the precision of the way; 0 for a layer that runs inside
            the convolution before it.
        served: shares of `moved` by level, (layers, 3) for `LEVELS` on a processor, (layers, 0) on a GPU.
    """

    latency: float
    per_pass: float
    layers: np.ndarray
    compute_bound: float
    reorder: float
    fresh: float
    moved: np.ndarray
    served: np.ndarray
    transfer: float = 0.0


@dataclass(frozen=True, slots=True)
class Table:
    """A workload as arrays, one place per layer; `sorts` are the occurring kinds, bits and directions."""

    sorts: tuple[tuple[Kind, int, bool], ...]
    sort: np.ndarray  # index into `sorts`
    kind: np.ndarray  # index into KINDS
    operations: np.ndarray
    maps: np.ndarray  # bytes read and written
    weights: np.ndarray
    fresh: np.ndarray
    bits: np.ndarray
    once: np.ndarray  # whether it runs once a step, whatever the number of pixels
    live_bytes: float

    @classmethod
    def of(cls, workload: Workload) -> Table:
        """Build from the layers."""
        layers = workload.layers
        sorts = [(layer.kind, layer.bits, layer.backward) for layer in layers]
        known = tuple(dict.fromkeys(sorts))
        return cls(
            sorts=known,
            sort=np.array([known.index(one) for one in sorts]),
            kind=np.array([KINDS.index(layer.kind) for layer in layers]),
            operations=np.array([layer.operations for layer in layers], float),
            maps=np.array([layer.read + layer.written for layer in layers], float),
            weights=np.array([layer.weights for layer in layers], float),
            fresh=np.array([layer.fresh for layer in layers], float),
            bits=np.array([layer.bits for layer in layers]),
            once=np.array([layer.once for layer in layers]),
            live_bytes=workload.live_bytes,
        )

    def scaled(self, factor: float) -> Table:
        """As `Workload.scaled`, without making its layers."""
        factors = np.where(self.once, 1.0, factor)
        return replace(
            self,
            operations=self.operations * factors,
            maps=self.maps * factors,
            fresh=self.fresh * factors,
            live_bytes=self.live_bytes * factor,
        )


@cache
def fitted() -> Mapping[str, Any]:
    """The shares that `bench/planner.py` fitted, with the machine and the date of the measurement."""
    return json.loads(files("smalta.planning").joinpath("efficiency.json").read_text(encoding="utf-8"))


def cost(workload: Workload, machine: Machine, way: Way, *, gpu: Gpu | None = None) -> Cost:
    """Predict what a pass takes on a machine.

    Args:
        workload: of one pass of the whole batch. A graph runtime takes that of fp32; `way.precision` gives the
            precision of its multiplications.
        machine: measured.
        way: how it is run.
        gpu: the card, where `way.device` is "cuda".
    """
    return table_cost(Table.of(workload), machine, way, gpu=gpu)


def table_cost(table: Table, machine: Machine, way: Way, *, gpu: Gpu | None = None) -> Cost:
    """As `cost`, for a workload that is a table already."""
    shares = fitted()["shares"]
    if way.device == "cuda":
        assert gpu is not None
        return gpu_cost(table, gpu, way, shares)
    return cpu_cost(table, machine, way, shares)


def cpu_cost(table: Table, machine: Machine, way: Way, shares: Mapping[str, float]) -> Cost:
    """Predict what a pass takes on the processor, with these shares."""
    rates, graph, name = machine.rates, way.kind.graph, way.kind.shares(way.device)
    cores, streams = machine.cores, way.streams
    used = min(streams * way.threads, cores)  # by all streams
    bits = np.full_like(table.bits, BITS[way.precision]) if graph else table.bits
    width = bits / table.bits  # width of a graph runtime's numbers, relative to the trace
    maps, weights = table.maps * width, table.weights * width
    peak = np.select([bits == b for b in BITS.values()], [rates.flops_of(p, used, cores) / streams for p in BITS])
    convolution = np.isin(table.kind, [KINDS.index(kind) for kind in CONVOLUTIONS])

    share = _by_layer(table, name, shares, BITS[way.precision] if graph else None)
    sync = 1 + shares[f"{name}.serial"] * (way.threads - 1)
    compute = np.where(convolution, table.operations / (peak * share) * sync, 0.0)
    speeds = [rates.bandwidth_of(level, used, cores) / streams for level in LEVELS]
    served = by_level(maps + weights, caches_of_stream(machine, way))
    pace = served @ (1 / np.array(speeds))
    moved_share = np.where(convolution, shares[f"{name}.convolution.bytes"], share)
    memory = (maps + weights) * pace / moved_share
    call, moved = np.full(len(maps), shares[f"{name}.call"]), maps + weights
    if graph:
        inside = np.isin(table.kind, [KINDS.index(kind) for kind in FUSED])
        compute, memory, call, moved = (np.where(inside, 0.0, part) for part in (compute, memory, call, moved))
    reorder = np.zeros(len(maps))
    if not graph and way.layout == "channels_first":
        by_bits = np.where(bits == 32, shares[f"{name}.reorder.fp32"], shares[f"{name}.reorder.bf16"])
        reorder = np.where(convolution, maps * pace * by_bits, 0.0)
    fresh = np.zeros(len(maps))
    if not graph and not way.keep_memory and machine.glibc:
        small = shares[f"{name}.trimmed"] if table.live_bytes > 2 * MMAP_BYTES else 0.0
        fresh = np.where(table.fresh >= MMAP_BYTES, shares[f"{name}.fresh"], small) * table.fresh / rates.fresh_bytes
    layers = np.maximum(compute, memory) + call + reorder + fresh
    latency = float(layers.sum())
    return Cost(
        latency=latency,
        per_pass=latency / way.streams,
        layers=layers,
        compute_bound=float(layers[compute > memory].sum()) / max(latency, 1e-12),
        reorder=float(reorder.sum()),
        fresh=float(fresh.sum()),
        moved=moved,
        served=served,
    )


def gpu_cost(table: Table, gpu: Gpu, way: Way, shares: Mapping[str, float]) -> Cost:
    """Predict what a pass takes on a card; each operation waits for its launch, its arithmetic or its memory."""
    name = way.kind.shares(way.device)
    bits = np.minimum(table.bits, BITS[way.precision])
    peak = np.select([bits == b for b in BITS.values()], [gpu.flops.get(p, gpu.flops["fp32"]) for p in BITS])
    convolution = np.isin(table.kind, [KINDS.index(kind) for kind in CONVOLUTIONS])
    share = _by_layer(table, name, shares)
    if way.layout == "channels_first":  # tensor cores need channels last
        share = np.where(bits < 32, share * shares[f"{name}.channels_first"], share)
    moved = (table.maps + table.weights) * bits / table.bits
    compute = np.where(convolution, table.operations / (peak * share), 0.0)
    memory = moved / (gpu.bandwidth * shares[f"{name}.bytes"])
    start = gpu.launch_seconds + shares[f"{way.runtime}.call"]  # the processor prepares each operation
    layers = np.maximum(np.maximum(compute, memory), start)
    first, last = table.maps[0], table.maps[-1] / 2
    transfer = float(first + last) / gpu.transfer
    latency = float(layers.sum()) + transfer
    return Cost(
        latency=latency,
        per_pass=latency,
        layers=layers,
        compute_bound=float(layers[compute > memory].sum()) / max(latency, 1e-12),
        reorder=0.0,
        fresh=0.0,
        moved=moved,
        served=np.zeros((len(moved), 0)),
        transfer=transfer,
    )


def share_name(shares: str, kind: Kind, bits: int, backward: bool) -> str:
    """The name of the share of a kind of layer; only those of convolutions differ by precision.

    Args:
        shares: as `RuntimeKind.shares` names them.
        kind, bits, backward: of the layer.
    """
    name = f"{shares}.{kind}" + (f".{PRECISION_OF[bits]}" if kind in CONVOLUTIONS else "")
    return name + (".backward" if backward else "")


def _by_layer(table: Table, name: str, shares: Mapping[str, float], bits: int | None = None) -> np.ndarray:
    """The share of each layer; `bits` of a graph runtime replace those of the trace."""
    values = [shares[share_name(name, kind, bits or own, backward)] for kind, own, backward in table.sorts]
    return np.array(values)[table.sort]


def caches_of_stream(machine: Machine, way: Way) -> tuple[float, float]:
    """Bytes of L2 and of L3 that one of the streams has for itself, of the cores at work."""
    caches, cores = machine.processor.caches, machine.cores
    used = min(way.streams * way.threads, cores)
    reached = max(caches.l3_total * used / cores, caches.l3)  # a few cores reach a whole cache that more could share
    return caches.l2_total * used / cores / way.streams, reached / way.streams


def by_level(working_set: np.ndarray, levels: tuple[float, float]) -> np.ndarray:
    """Shares of the bytes of each layer that the L1 and L2, the L3 and the memory serve.

    Args:
        working_set: bytes of each layer; they fill the second level first, then the third, then the memory.
        levels: bytes of the second and the third level.

    Returns:
        (layers, 3); the rows sum to 1.
    """
    size = np.maximum(working_set, 1.0)
    near = np.minimum(levels[0] / size, 1.0)
    middle = np.minimum(max(levels) / size, 1.0) - near
    return np.stack([near, middle, 1 - near - middle], axis=1)
