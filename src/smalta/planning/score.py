"""Score whether work suits the processor (small, fits its caches) or a GPU (large).

In:  work, a machine, a card.
Out: `Score`: V, P, and sigmoid(k * log(V * P / x0)).

At x0, the cost model predicts that the best ways on both devices take equally long, for this network at some size. k
makes the sigmoid follow T_cpu / (T_cpu + T_gpu), which is sigmoid(log(T_cpu / T_gpu)).

Must not know: how a plan is chosen, sentences.
"""

from __future__ import annotations

import math
from dataclasses import dataclass, replace

import numpy as np

from smalta.description.model_info import Precision
from smalta.description.workload import Workload
from smalta.planning.candidates import Work, ways
from smalta.planning.cost import cost
from smalta.planning.gpus import PUBLISHED, Gpu
from smalta.planning.machine import Machine
from smalta.planning.plan import Limits
from smalta.runtimes.registry import Device, runtimes_for

REFERENCE = "l4"  # the card that the score compares with on a machine without one
LEAST_SLOPE = 0.05  # keeps the curve rising where the ratio of the two times is almost constant
PIXELS = tuple(2**power for power in range(8, 29))  # per pass: from 16 x 16 to 16,384 x 16,384
FLOATS: tuple[Precision, ...] = ("fp32", "bf16")


@dataclass(frozen=True, slots=True, kw_only=True)
class Score:
    """The position of a piece of work between the devices.

    Attributes:
        volume: V, bytes alive at once in one pass, divided by those of the processor's last cache.
        intensity: P, seconds that the operations of a pass take the processor at its measured rate.
        k, x0: slope and middle of the curve.
        gpu: the card that the processor is compared with.
        ties: whether both devices are predicted to tie at some size; otherwise x0 is extrapolated by a line
            through all sizes.
    """

    volume: float
    intensity: float
    k: float
    x0: float
    gpu: Gpu
    ties: bool

    @property
    def value(self) -> float:
        """Below one half for the processor, above it for the GPU."""
        return sigmoid(self.k * math.log(self.volume * self.intensity / self.x0))


def sigmoid(x: float) -> float:
    """1 / (1 + exp(-x)), for x of any size."""
    return 0.5 * (1 + math.tanh(x / 2))


def compared_gpu(machine: Machine) -> Gpu:
    """The machine's card; on a machine without one, `REFERENCE` with its published numbers."""
    return machine.gpus[0] if machine.gpus else PUBLISHED[REFERENCE]


def score(work: Work, machine: Machine, gpu: Gpu, *, batch: int = 1) -> Score:
    """Score the work on this machine with this card.

    Args:
        work: to be done.
        machine: whose processor is compared.
        gpu: the card to compare with, installed or not.
        batch: pictures per pass.
    """
    both = replace(machine, gpus=(gpu,))
    own = work.workloads[32]
    products, ratios = [], []
    devices: tuple[Device, Device] = ("cpu", "cuda")
    for pixels in PIXELS:
        volume, intensity = coordinates(own.scaled(pixels / own.pixels), machine)
        products.append(math.log(volume * intensity))
        times = [_fastest(work, both, pixels, device) for device in devices]
        ratios.append(math.log(times[0] / times[1]))
    k, tie, ties = _line(np.array(products), np.array(ratios))
    volume, intensity = coordinates(own.scaled(float(batch)), machine)
    return Score(volume=volume, intensity=intensity, k=k, x0=math.exp(tie), gpu=gpu, ties=ties)


def coordinates(workload: Workload, machine: Machine) -> tuple[float, float]:
    """V and P of a pass."""
    caches = machine.processor.caches
    cache = caches.l3_total or caches.l2_total or 2**20
    return (workload.live_bytes + workload.weight_bytes) / cache, workload.operations / machine.rates.flops["fp32"]


def _fastest(work: Work, machine: Machine, pixels: int, device: Device) -> float:
    able = work
    if device == "cuda":
        precisions = FLOATS if work.precisions == ("int8",) else work.precisions  # a run folder is not quantised
        able = replace(work, runtimes=tuple(kind.name for kind in runtimes_for(exported=False)), precisions=precisions)
    return min(
        cost(work.workload(way, pixels=pixels, batch=1), machine, way, gpu=machine.gpus[0]).per_pass
        for way in ways(able, machine, Limits(device=device))
    )


def _line(products: np.ndarray, ratios: np.ndarray) -> tuple[float, float, bool]:
    """k, log x0 and whether there is a tie, from log(V * P) and log(T_cpu / T_gpu) over rising sizes."""
    crossing = np.flatnonzero((ratios[:-1] < 0) & (ratios[1:] >= 0))
    middle = int(crossing[-1]) if len(crossing) else 0
    near = slice(max(middle - 2, 0), middle + 4) if len(crossing) else slice(None)
    slope = float(np.polyfit(products[near], ratios[near], 1)[0])
    k = max(slope, LEAST_SLOPE)
    if not len(crossing):
        return k, float(products.mean() - ratios.mean() / k), False
    share = -ratios[middle] / (ratios[middle + 1] - ratios[middle])
    return k, float(products[middle] + share * (products[middle + 1] - products[middle])), True
