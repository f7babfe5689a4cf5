"""List the ways to run a piece of work, and predict what each takes.

In:  work, a machine, limits.
Out: `Candidate`s with predicted seconds and memory, the fastest first; which limits one keeps.

Must not know: sentences, tables, files.
"""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field, replace
from typing import Self

from smalta.description.model_info import Precision
from smalta.description.workload import Workload
from smalta.planning.cost import BITS, Cost, Way, cost, fitted
from smalta.planning.machine import Machine
from smalta.planning.plan import Limits, Task
from smalta.planning.plausible import worth_using
from smalta.planning.tiles import on_grid, tile_starts
from smalta.runtimes.registry import PYTORCH, RUNTIMES, Device, RuntimeKind, runtimes_for

TILES = (4096, 2048, 1536, 1024, 768)
GPU_BATCHES = (1, 2, 4, 8, 16)
ANSWER_BYTES = 16  # per pixel, where only its class is wanted
BAND_BYTES = 16  # per pixel, measured: the picture, its classes, their values, compression buffers
TRAINING_BATCH = 8  # the learning rate and the schedule are tuned for it


@dataclass(frozen=True, slots=True, kw_only=True)
class Work:
    """What is to be done, to one picture or training crop at a time.

    Attributes:
        task: training or inference.
        size_hw: of the picture or crop, pixels.
        workloads: of one picture by bits of the multiplications in PyTorch: 32, and 16 where PyTorch may run it.
        runtimes: that can run it, names in `smalta.runtimes.registry.RUNTIMES`.
        precisions: that it may run in; a single one is used even where the processor is slow at it.
        answer_bytes: memory per pixel for the picture, its fields and its classes.
        batch: wanted pictures per training step.
    """

    task: Task
    size_hw: tuple[int, int]
    workloads: Mapping[int, Workload]
    runtimes: tuple[str, ...] = (PYTORCH.name,)
    precisions: tuple[Precision, ...] = ("fp32", "bf16")
    answer_bytes: int = ANSWER_BYTES
    batch: int = TRAINING_BATCH

    def workload(self, way: Way, *, pixels: int, batch: int) -> Workload:
        """The work of a batch of pictures or tiles with `pixels` pixels each."""
        bits = 32 if way.kind.graph else BITS[way.precision]
        base = self.workloads.get(bits, self.workloads[32])  # an exported model has only that of fp32
        return base.scaled(batch * pixels / base.pixels)


def as_exported(work: Work) -> Work:
    """The same work, once the network is exported."""
    return replace(work, runtimes=(runtimes_for(exported=True)[0].name,), workloads={32: work.workloads[32]})


@dataclass(frozen=True, slots=True, kw_only=True)
class Candidate:
    """One way, with its tile and batch.

    Attributes:
        way: how a pass is run.
        tile_hw: pixels; None for whole pictures.
        pixels: of one picture or tile, padded.
        passes: tiles that cover a picture; 1 without tiles.
        batch: pictures or tiles per pass.
        seconds: per picture, while all streams work.
        latency: of one picture with all its tiles one after the other, or of a whole training step.
        memory_bytes: peak of the process on the device.
        cost: of one pass.
    """

    way: Way
    tile_hw: tuple[int, int] | None
    pixels: int
    passes: int
    batch: int
    seconds: float
    latency: float
    memory_bytes: int
    cost: Cost = field(compare=False, repr=False)

    @property
    def name(self) -> str:
        """In words."""
        parts = [self.way.name]
        if self.tile_hw is not None:
            parts.append(f"tiles of {self.tile_hw[0]} x {self.tile_hw[1]}")
        if self.batch > 1:
            parts.append(f"batch {self.batch}")
        return ", ".join(parts)


@dataclass(frozen=True, slots=True, kw_only=True)
class Allowed:
    """What a candidate may take.

    Attributes:
        memory_bytes: of the process.
        card_bytes: of the card, where there is one.
        latency_seconds: for one picture; infinite without a limit.
    """

    memory_bytes: int
    card_bytes: int = 0
    latency_seconds: float = math.inf

    @classmethod
    def of(cls, machine: Machine, limits: Limits) -> Self:
        """The limits that a user set; otherwise what the machine has."""
        return cls(
            memory_bytes=limits.memory_bytes or machine.usable_memory,
            card_bytes=machine.gpus[0].memory_bytes if machine.gpus else 0,
            latency_seconds=math.inf if limits.latency_seconds is None else limits.latency_seconds,
        )

    def memory_for(self, one: Candidate) -> int:
        """Allowed bytes on the device of a candidate."""
        return self.memory_bytes if one.way.device == "cpu" else min(self.memory_bytes, self.card_bytes)

    def too_large(self, one: Candidate) -> bool:
        """Whether a candidate needs more memory than is allowed."""
        return one.memory_bytes > self.memory_for(one)

    def too_slow(self, one: Candidate) -> bool:
        """Whether one picture takes a candidate longer than is allowed."""
        return one.latency > self.latency_seconds

    def fits(self, one: Candidate) -> bool:
        """Whether a candidate keeps every limit."""
        return not self.too_large(one) and not self.too_slow(one)


def candidates(work: Work, machine: Machine, limits: Limits) -> list[Candidate]:
    """All ways that work here, the fastest first, whatever memory and time they take."""
    found = [
        candidate(work, machine, way, tile, batch)
        for way in ways(work, machine, limits)
        for tile in _tiles(work, limits)
        for batch in _batches(work, way, limits)
    ]
    return sorted(found, key=lambda candidate: candidate.seconds)


def ways(work: Work, machine: Machine, limits: Limits) -> Iterator[Way]:
    """Devices, runtimes, layouts, precisions, streams and threads that can be combined here."""
    cores = min(machine.cores, limits.threads or machine.cores)
    for precision in work.precisions:
        if limits.precision not in (None, precision):
            continue
        if limits.device != "cuda" and (worth_using(machine, precision) or len(work.precisions) == 1):
            for kind in _able(work, "cpu", precision):
                for layout in kind.layouts:
                    for streams in _streams(work, kind, cores):
                        yield Way(
                            runtime=kind.name,
                            layout=layout,
                            precision=precision,
                            streams=streams,
                            threads=cores // streams,
                        )
        if limits.device != "cpu" and machine.gpus:
            for kind in _able(work, "cuda", precision):
                for layout in kind.layouts:
                    yield Way(device="cuda", runtime=kind.name, layout=layout, precision=precision)


def _able(work: Work, device: Device, precision: Precision) -> list[RuntimeKind]:
    """The work's runtimes that multiply in this precision on this device."""
    kinds = [RUNTIMES[name] for name in work.runtimes]
    return [kind for kind in kinds if precision in kind.precisions.get(device, ())]


def _streams(work: Work, kind: RuntimeKind, cores: int) -> list[int]:
    """Numbers of streams that share the cores evenly."""
    if work.task == "training" or not kind.side_by_side:
        return [1]
    return sorted({n for n in (1, 2, 4, 8, cores // 2, cores) if n >= 1 and cores % n == 0})


def _tiles(work: Work, limits: Limits) -> list[tuple[int, int] | None]:
    if work.task == "training":
        return [None]
    height, width = map(on_grid, work.size_hw)
    cutting = [side for side in (TILES if limits.tile is None else [limits.tile]) if side < max(height, width)]
    tiles = [(min(side, height), min(side, width)) for side in cutting]
    return [*tiles] if limits.tile is not None and tiles else [None, *tiles]


def _batches(work: Work, way: Way, limits: Limits) -> list[int]:
    if limits.batch is not None:
        return [limits.batch]
    if work.task == "training":
        return [work.batch >> shift for shift in range(work.batch.bit_length()) if work.batch >> shift >= 2] or [1]
    return list(GPU_BATCHES) if way.device == "cuda" else [1]


def candidate(work: Work, machine: Machine, way: Way, tile: tuple[int, int] | None, batch: int) -> Candidate:
    """What a way takes with this tile and batch."""
    height, width = map(on_grid, work.size_hw)
    tile_hw = tile or (height, width)
    passes = math.prod(len(tile_starts(*pair)) for pair in zip((height, width), tile_hw, strict=True))
    pixels = math.prod(tile_hw)
    workload = work.workload(way, pixels=pixels, batch=batch)
    gpu = machine.gpus[0] if way.device == "cuda" else None
    one = cost(workload, machine, way, gpu=gpu)
    return Candidate(
        way=way,
        tile_hw=tile,
        pixels=pixels,
        passes=passes,
        batch=batch,
        seconds=one.per_pass * passes / batch,
        latency=one.latency * (math.ceil(passes / batch) if work.task == "inference" else 1),
        memory_bytes=_memory(work, workload, way, pixels * batch) + (0 if tile is None else _in_parts(tile, width)),
        cost=one,
    )


def _memory(work: Work, workload: Workload, way: Way, pixels: int) -> int:
    """Peak of the process: the runtime, the weights, the live maps of each stream, and the answers.

    While all streams work on pictures, one more is being read or written.
    """
    base, name = fitted()["memory"], way.kind.shares(way.device)
    width = BITS[way.precision] / 32 if way.kind.graph else 1.0
    alive = workload.live_bytes * width * base[f"{name}.{work.task}"]
    answers = (way.streams + 1) * pixels * work.answer_bytes if work.task == "inference" else 0
    return round(base[name] + workload.weight_bytes + way.streams * alive + answers)


def _in_parts(tile_hw: tuple[int, int], width: int) -> int:
    """Bytes held for a picture processed in parts: rows of the picture and of the result, as high as a tile."""
    return BAND_BYTES * tile_hw[0] * width
