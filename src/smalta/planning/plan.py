"""The planner's decisions and limits: plain values that training and prediction follow.

In:  nothing.
Out: `Plan`, `Limits`, `Rejected`; a plan as plain data and back.

Must not know: how a plan is made, machines, networks.
"""

from __future__ import annotations

import math
from collections.abc import Collection, Mapping
from dataclasses import asdict, dataclass, field
from typing import Any, Literal, Self, get_args

from smalta.description.model_info import Precision
from smalta.errors import ConfigError
from smalta.planning.rates import Disturbance
from smalta.planning.tiles import check_tile
from smalta.runtimes.registry import RUNTIMES, Device, Layout
from smalta.system.records import read_record

Task = Literal["training", "inference"]

_CHOICES: Mapping[str, Collection[str]] = {
    "task": get_args(Task),
    "device": get_args(Device),
    "layout": get_args(Layout),
    "precision": get_args(Precision),
    "runtime": RUNTIMES.keys(),
}


@dataclass(frozen=True, slots=True, kw_only=True)
class Limits:
    """The limits of a plan; None leaves a limit to the machine.

    Attributes:
        memory_bytes: peak memory of the process on the chosen device.
        latency_seconds: for one picture, from array to fields.
        threads: in total, over all streams.
        device: the only allowed one.
        precision: the only allowed one.
        batch: the only allowed number of pictures per pass.
        tile: the only allowed side of tiles, pixels; smaller pictures are not cut.
    """

    memory_bytes: int | None = None
    latency_seconds: float | None = None
    threads: int | None = None
    device: Device | None = None
    precision: Precision | None = None
    batch: int | None = None
    tile: int | None = None

    def __post_init__(self) -> None:
        for name in ("memory_bytes", "latency_seconds", "threads", "batch"):
            value = getattr(self, name)
            if value is not None and not 0 < value < math.inf:
                raise ConfigError(f"the limit {name} must be above 0 and finite, got {value!r}")
        if self.tile is not None:
            check_tile(self.tile)
        for name in ("device", "precision"):
            _check_choice(name, getattr(self, name), optional=True)


@dataclass(frozen=True, slots=True, kw_only=True)
class Rejected:
    """A candidate that was not chosen.

    Attributes:
        name: in words, such as "pytorch, fp32, channels_last, 1 stream of 2 threads".
        slower: predicted time divided by that of the plan; None where it breaks a limit.
        why: a sentence with numbers.
    """

    name: str
    slower: float | None
    why: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Plan:
    """How to train, or how to predict.

    Attributes:
        task: training or inference.
        size_hw: of the picture or the training crop that it was made for, pixels.
        device: where the network runs.
        layout: of feature maps in PyTorch; other runtimes choose their own.
        precision: of the multiplications.
        runtime: what runs the network, a name in `smalta.runtimes.registry.RUNTIMES`.
        streams: passes that run side by side.
        threads: per stream.
        tile_hw: of the tiles that larger pictures are cut into, pixels; None runs every picture whole.
        batch: pictures or tiles per pass.
        keep_memory: whether large blocks of memory stay with the process between passes (only with glibc).
        memory_bytes: predicted peak of the process on the device, runtime and weights included.
        whole_pixels: of the largest picture that is processed as a whole within the memory; larger ones are
            processed part by part.
        allowed_bytes: upper limit of `memory_bytes`: the requested limit, or what the machine has.
        predicted_seconds: per training step; for inference, per picture of `size_hw` while all streams work.
        latency_seconds: of one pass, from arrays to fields.
        volume: V, the bytes that a pass uses again, divided by the L2 of the processor's cores at work.
        volume_l3: the same bytes, divided by the L3; None where there is none.
        intensity: P, the seconds that the operations of a picture or a step take those cores at their measured rate.
        cpu_seconds, gpu_seconds: predicted per picture or step, on the processor and on `gpu`: of the plan on its
            device, and of the fastest way on the other.
        gpu: the card that the processor is compared with.
        score: cpu_seconds / (cpu_seconds + gpu_seconds): below one half the processor is faster, above it the GPU.
        tie_pixels: of the picture or crop for which both take equally long; None if one is faster at every
            size, or both are close at every size.
        caches: on a processor, where the bytes of a pass come from, as in `smalta.planning.layer_costs.CacheUse`.
        reasons: a sentence with numbers, by name of the decision.
        rejected: other candidates, the fastest first.
        measured: seconds that `--measure` found, by name of the candidate.
        disturbed: measured speeds of the machine that the plan could not rely on, as in `Rates.disturbed`.
        during: sentences about surprises during the work, and what was changed then.

    Example:
        >>> made = plan("model.onnx", size_hw=(480, 640))
        >>> sorted(made.reasons)[:3]
        ['batch', 'caches', 'device']
    """

    task: Task
    size_hw: tuple[int, int]
    device: Device
    layout: Layout
    precision: Precision
    runtime: str
    streams: int
    threads: int
    tile_hw: tuple[int, int] | None
    batch: int
    keep_memory: bool
    memory_bytes: int
    allowed_bytes: int
    whole_pixels: int
    predicted_seconds: float
    latency_seconds: float
    volume: float
    volume_l3: float | None
    intensity: float
    cpu_seconds: float
    gpu_seconds: float
    gpu: str
    score: float
    tie_pixels: float | None
    caches: Mapping[str, float] = field(default_factory=dict)
    reasons: Mapping[str, str] = field(default_factory=dict)
    rejected: tuple[Rejected, ...] = ()
    measured: Mapping[str, float] = field(default_factory=dict)
    disturbed: Mapping[str, Disturbance] = field(default_factory=dict)
    during: tuple[str, ...] = ()

    def __post_init__(self) -> None:
        for name in _CHOICES:
            _check_choice(name, getattr(self, name))
        for name in ("streams", "threads", "batch"):
            if getattr(self, name) < 1:
                raise ConfigError(f"a plan's {name} must be at least 1, got {getattr(self, name)}")

    def to_dict(self) -> dict[str, Any]:
        """The plan as plain data for a JSON file."""
        return asdict(self)

    @classmethod
    def from_dict(cls, values: Mapping[str, Any]) -> Self:
        """Build from a parsed JSON file; keys must be exactly those of `to_dict`.

        Raises:
            ConfigError: if a key is missing or unknown, or a value is invalid.
        """
        return read_record(cls, values, what="the plan", fix="make it again with `smalta plan`", complete=True)


def _check_choice(name: str, value: str | None, *, optional: bool = False) -> None:
    if value not in _CHOICES[name] and not (optional and value is None):
        raise ConfigError(f"{name} must be one of {', '.join(_CHOICES[name])}, got {value!r}")
