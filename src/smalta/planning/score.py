"""Score whether work suits the processor (small, fits its caches) or a GPU (large).

In:  work, a machine, a card, limits.
Out: `Score`: V, P, the predicted times on both devices, and T_cpu / (T_cpu + T_gpu).

The score is the logistic function of log(T_cpu / T_gpu), for this work and this card. To draw it over V and P, a curve
sigmoid(k * log(V * P / x0)) is fitted to the scores of the same network at many sizes: x0 is where the cost model
predicts that both devices take equally long, and k gives the smallest squared error.

Must not know: how a plan is chosen, sentences.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace

import numpy as np

from smalta.description.model_info import Precision
from smalta.planning.candidates import GPU_BATCHES, Allowed, Candidate, Work, candidates, ways
from smalta.planning.cost import BITS, Table, Way, table_cost
from smalta.planning.gpus import PUBLISHED, Gpu
from smalta.planning.machine import Machine
from smalta.planning.plan import Limits
from smalta.runtimes.registry import Device, runtimes_for

REFERENCE = "l4"  # the card that the score compares with on a machine without one
PIXELS = tuple(2**power for power in range(10, 27))  # of a picture: from 32 x 32 to 8192 x 8192
SLOPES = np.geomspace(0.01, 10, 400)  # of the curve, to choose k from
FLAT = 0.1  # a curve whose scores differ by less does not separate small work from large work
FARTHEST = 300.0  # log of the middle of a curve without a tie, so that exp of it stays a number
DEVICES: tuple[Device, Device] = ("cpu", "cuda")
FLOATS: tuple[Precision, ...] = ("fp32", "bf16")


@dataclass(frozen=True, slots=True, kw_only=True)
class Curve:
    """The curve of the scores of a network at all sizes.

    Attributes:
        k, x0: slope and middle; x0 in seconds, like V * P.
        tie_pixels: of the picture at which both devices take equally long; None if one is faster at every size.
        flat: whether the scores at all sizes differ by less than `FLAT`.
        error: largest difference between the curve and a score.
    """

    k: float
    x0: float
    tie_pixels: float | None
    flat: bool
    error: float

    def at(self, product: float) -> float:
        """The curve's score for V * P, seconds."""
        return sigmoid(self.k * math.log(product / self.x0))


@dataclass(frozen=True, slots=True, kw_only=True)
class Score:
    """The position of a piece of work between the devices.

    Attributes:
        volume_bytes: used more than once in a pass, over all streams of the processor's fastest way.
        l2_bytes, l3_bytes: the caches of the cores at work; 0 where the system does not report them.
        operations: of one picture, or of one training step.
        rate: measured operations per second of the cores at work, in the precision of that way.
        precision, cores: of that way.
        cpu, gpu: the plan's way on its device, and the fastest one on the other.
        cpu_seconds, gpu_seconds: what it takes, per picture or per training step.
        card: that the processor is compared with.
        curve: over V and P.
    """

    volume_bytes: float
    l2_bytes: float
    l3_bytes: float
    operations: float
    rate: float
    precision: Precision
    cores: int
    cpu: Candidate
    gpu: Candidate
    cpu_seconds: float
    gpu_seconds: float
    card: Gpu
    curve: Curve

    @property
    def volume(self) -> float:
        """V: bytes that are used again, divided by the L2 of the cores at work."""
        return self.volume_bytes / (self.l2_bytes or self.l3_bytes or 2**20)

    @property
    def volume_l3(self) -> float | None:
        """The same bytes, divided by the L3; None without one."""
        return self.volume_bytes / self.l3_bytes if self.l3_bytes else None

    @property
    def intensity(self) -> float:
        """P: seconds that the operations take the cores at work at their measured rate."""
        return self.operations / self.rate

    @property
    def value(self) -> float:
        """T_cpu / (T_cpu + T_gpu): below one half the processor is faster, above it the GPU."""
        return self.cpu_seconds / (self.cpu_seconds + self.gpu_seconds)

    @property
    def separates(self) -> bool:
        """Whether the score depends on the size, and both devices tie at one; otherwise the two times say all."""
        return self.curve.tie_pixels is not None and not self.curve.flat


def sigmoid(x: float) -> float:
    """1 / (1 + exp(-x)), for x of any size."""
    return 0.5 * (1 + math.tanh(x / 2))


def compared_gpu(machine: Machine) -> Gpu:
    """The machine's card; on a machine without one, `REFERENCE` with its published numbers."""
    return machine.gpus[0] if machine.gpus else PUBLISHED[REFERENCE]


def score(
    work: Work, machine: Machine, gpu: Gpu, limits: Limits | None = None, *, chosen: Candidate | None = None
) -> Score:
    """Score the work on this machine with this card.

    Args:
        work: to be done.
        machine: whose processor is compared.
        gpu: the card to compare with, installed or not.
        limits: that both devices keep where they can; a limit of the device is ignored.
        chosen: stands for the fastest way of its device, where a plan has other reasons too.
    """
    limits, both = limits or Limits(), replace(machine, gpus=(gpu,))
    here, there = (
        chosen if chosen is not None and chosen.way.device == device else _fastest(work, both, limits, device)
        for device in DEVICES
    )
    way = here.way
    cores = min(way.streams * way.threads, machine.cores)
    spot = _Spot(work, machine, way, here.batch)
    volume, operations = spot.volume_and_operations(here.pixels)
    return Score(
        volume_bytes=volume,
        l2_bytes=spot.l2,
        l3_bytes=spot.l3,
        operations=operations * here.passes,
        rate=spot.rate,
        precision=way.precision,
        cores=cores,
        cpu=here,
        gpu=there,
        cpu_seconds=_seconds(work, here),
        gpu_seconds=_seconds(work, there),
        card=gpu,
        curve=_curve(work, both, limits, spot),
    )


def place(work: Work, machine: Machine, where: Score, pixels: float) -> tuple[float, float]:
    """V and P of the same work on a picture of another size, `pixels` in one piece."""
    spot = _Spot(work, machine, where.cpu.way, where.cpu.batch)
    volume, operations = spot.volume_and_operations(pixels)
    return volume / (where.l2_bytes or where.l3_bytes or 2**20), operations / where.rate


class _Spot:
    """V and P of a work as a function of the size of the picture, on a processor that runs it in one way."""

    def __init__(self, work: Work, machine: Machine, way: Way, batch: int) -> None:
        caches, cores = machine.processor.caches, min(way.streams * way.threads, machine.cores)
        self._one = work.workload(way, pixels=work.workloads[32].pixels, batch=1)
        self._table = Table.of(self._one)
        self._width = BITS[way.precision] / 32 if way.kind.graph else 1.0
        self._streams, self._batch = way.streams, batch
        self._per_answer = 1 if work.task == "training" else batch
        self.l2 = caches.l2_total * cores / machine.cores
        self.l3 = float(caches.l3_total)
        self.rate = machine.rates.flops_of(way.precision, cores, machine.cores)

    def volume_and_operations(self, pixels: float) -> tuple[float, float]:
        """Bytes used again by all streams, and operations of one picture or one step."""
        factor = self._batch * pixels / self._one.pixels
        again = self._one.reused_bytes - self._one.live_bytes + factor * self._one.live_bytes
        operations = float(self._table.scaled(factor).operations.sum()) / self._per_answer
        return self._streams * self._width * again, operations


def _fastest(work: Work, machine: Machine, limits: Limits, device: Device) -> Candidate:
    """The fastest way on a device that keeps the limits; of all ways, if none does."""
    able = _runnable(work, device)
    found = candidates(able, machine, replace(limits, device=device, precision=None))
    allowed = Allowed.of(machine, limits)
    fitting = [one for one in found if allowed.fits(one)] or found
    if work.task == "training":
        largest = max(one.batch for one in fitting)
        fitting = [one for one in fitting if one.batch == largest]
    return min(fitting, key=lambda one: _seconds(work, one))


def _runnable(work: Work, device: Device) -> Work:
    """The work as a device can do it: a GPU runs the network of a run folder, which is not quantised."""
    if device == "cpu":
        return work
    precisions = FLOATS if work.precisions == ("int8",) else work.precisions
    return replace(work, runtimes=tuple(kind.name for kind in runtimes_for(exported=False)), precisions=precisions)


def _seconds(work: Work, one: Candidate) -> float:
    return one.latency if work.task == "training" else one.seconds


# -- the curve ----------------------------------------------------------------------------------------


def _curve(work: Work, machine: Machine, limits: Limits, spot: _Spot) -> Curve:
    """The curve through the scores of the same work at all sizes, each picture in one piece."""
    times = [_times(work, machine, limits, device) for device in DEVICES]
    products, ratios = [], []
    for pixels in PIXELS:
        volume, operations = spot.volume_and_operations(pixels)
        products.append(math.log(volume / (spot.l2 or spot.l3 or 2**20) * operations / spot.rate))
        ratios.append(math.log(times[0](pixels) / times[1](pixels)))
    return fit_curve(np.array(products), np.array(ratios), PIXELS)


def _times(work: Work, machine: Machine, limits: Limits, device: Device) -> Callable[[int], float]:
    """Seconds per picture of the fastest way on a device, as a function of the size."""
    able = _runnable(work, device)
    batches = GPU_BATCHES if device == "cuda" and work.task == "inference" else (1,)
    if work.task == "training":
        batches = (limits.batch or work.batch,)
    tables = {bits: Table.of(one) for bits, one in able.workloads.items()}
    own, gpu = able.workloads[32].pixels, machine.gpus[0]
    able_ways = list(ways(able, machine, replace(limits, device=device, precision=None)))

    def seconds(pixels: int) -> float:
        times = []
        for way in able_ways:
            table = tables.get(32 if way.kind.graph else BITS[way.precision], tables[32])
            for batch in batches:
                found = table_cost(table.scaled(batch * pixels / own), machine, way, gpu=gpu)
                times.append(found.per_pass / batch)
        return min(times)

    return seconds


def fit_curve(products: np.ndarray, ratios: np.ndarray, pixels: Sequence[float]) -> Curve:
    """Fit the curve to log(V * P) and log(T_cpu / T_gpu) at rising sizes.

    Without a tie, middle and slope are those of the straight line through all ratios.
    """
    scores = 1 / (1 + np.exp(-ratios))
    crossing = np.flatnonzero((ratios[:-1] < 0) & (ratios[1:] >= 0))
    if len(crossing):
        place = int(crossing[-1])
        share = float(-ratios[place] / (ratios[place + 1] - ratios[place]))
        middle = float(products[place] + share * (products[place + 1] - products[place]))
        tie = float(np.exp(np.interp(share, [0, 1], np.log([pixels[place], pixels[place + 1]]))))
        drawn = 1 / (1 + np.exp(-SLOPES[:, None] * (products - middle)))
        k = float(SLOPES[np.argmin(((drawn - scores) ** 2).sum(axis=1))])
    else:
        k = max(float(np.polyfit(products, ratios, 1)[0]), float(SLOPES[0]))
        middle, tie = float(products.mean() - ratios.mean() / k), None
        middle = min(max(middle, -FARTHEST), FARTHEST)
    error = np.abs(1 / (1 + np.exp(-k * (products - middle))) - scores).max()
    flat = bool(scores.max() - scores.min() < FLAT)
    return Curve(k=k, x0=math.exp(middle), tie_pixels=tie, flat=flat, error=float(error))
