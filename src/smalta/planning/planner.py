"""Choose how to train or to predict, and give the reasons: a pure function of work, machine and limits.

In:  `Work`, `Machine`, `Limits`.
Out: `Plan`: decisions, a reason with numbers for each, and the rejected candidates.

Predicted times are off by some tenths, and far more if a measured speed is wrong. So the way that measures fastest on
most networks and sizes is kept, unless another one is predicted to take less than half as long.

Must not know: files, PyTorch, how work is found or timed, how a reason is worded.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import asdict

from smalta.errors import ConfigError
from smalta.planning.candidates import Allowed, Candidate, Work, candidates
from smalta.planning.cost import BITS
from smalta.planning.layer_costs import cache_use
from smalta.planning.machine import Machine
from smalta.planning.plan import Limits, Plan, Rejected
from smalta.planning.plausible import plausible
from smalta.planning.reasons import Decision, broken, nothing_fits, nothing_runs, reasons
from smalta.planning.score import compared_gpu, score
from smalta.planning.words import duration
from smalta.runtimes.registry import RUNTIMES

# tiles are used only if they take less than this share of the whole picture's time, because of their seams
WORTH_CUTTING = 0.9
NEARLY = 1.05  # a smaller batch may take this many times as long as the fastest
MUCH_FASTER = 2.0  # a way that is predicted to be so many times as fast replaces the usual one
MOST_REJECTED = 8


def best_two(work: Work, machine: Machine, limits: Limits) -> list[Candidate]:
    """The plan's candidate and the fastest other one with the same tiles and batch, which are then timed.

    Raises:
        ConfigError: if no candidate keeps the limits.
    """
    _, fitting = _candidates(work, plausible(machine), limits)
    best = _best(work, fitting)
    near = [one for one in fitting if (one.tile_hw, one.batch) == (best.tile_hw, best.batch) and one is not best]
    return [best, *near[:1]]


def plan(
    work: Work, machine: Machine, limits: Limits | None = None, *, measured: Mapping[str, float] | None = None
) -> Plan:
    """Choose the fastest way that keeps the limits; one that is unusual must be predicted to be much faster.

    Args:
        work: what is to be done.
        machine: that does it.
        limits: to keep; memory defaults to what the machine or the control group allows.
        measured: seconds per picture of timed candidates, by name; the fastest of them is chosen.

    Raises:
        ConfigError: if no candidate keeps the limits; the message says what would help.
    """
    limits, measured, machine = limits or Limits(), dict(measured or {}), plausible(machine)
    found, fitting = _candidates(work, machine, limits)
    timed = [one for one in fitting if one.name in measured]
    best = min(timed, key=lambda one: measured[one.name]) if timed else _best(work, fitting)
    decision = Decision(
        work=work,
        machine=machine,
        limits=limits,
        allowed=Allowed.of(machine, limits),
        best=best,
        fitting=fitting,
        where=score(work, machine, compared_gpu(machine), limits, chosen=best),
        caches=cache_use(work, machine, best),
        measured=measured,
    )
    return _plan(decision, _rejected(decision, found))


def _plan(decision: Decision, rejected: tuple[Rejected, ...]) -> Plan:
    """The decision as the value that training and prediction follow."""
    work, best, where = decision.work, decision.best, decision.where
    allowed = decision.allowed.memory_for(best)
    return Plan(
        task=work.task,
        size_hw=work.size_hw,
        device=best.way.device,
        layout=best.way.layout,
        precision=best.way.precision,
        runtime=best.way.runtime,
        streams=best.way.streams,
        threads=best.way.threads,
        tile_hw=best.tile_hw,
        batch=best.batch,
        keep_memory=best.way.keep_memory and decision.machine.glibc,
        memory_bytes=best.memory_bytes,
        allowed_bytes=allowed,
        whole_pixels=best.pixels + (allowed - best.memory_bytes) // (work.answer_bytes * (best.way.streams + 1)),
        predicted_seconds=best.latency if work.task == "training" else best.seconds,
        latency_seconds=best.latency,
        volume=where.volume,
        volume_l3=where.volume_l3,
        intensity=where.intensity,
        cpu_seconds=where.cpu_seconds,
        gpu_seconds=where.gpu_seconds,
        gpu=where.card.name,
        score=where.value,
        tie_pixels=where.curve.tie_pixels if where.separates else None,
        caches={} if decision.caches is None else asdict(decision.caches),
        reasons=reasons(decision),
        rejected=rejected,
        measured=decision.measured,
        disturbed=decision.machine.rates.disturbed,
    )


def _candidates(work: Work, machine: Machine, limits: Limits) -> tuple[list[Candidate], list[Candidate]]:
    """All candidates, and those that keep the limits; the fastest first.

    Raises:
        ConfigError: if no candidate keeps the limits.
    """
    if limits.device == "cuda" and not machine.gpus:
        raise ConfigError(
            "the requested device is cuda, and this machine has no CUDA device; use --device cpu or --what-if NAME"
        )
    found = candidates(work, machine, limits)
    if not found:
        raise ConfigError(nothing_runs(work, machine, limits))
    allowed = Allowed.of(machine, limits)
    fitting = [one for one in found if allowed.fits(one)]
    if not fitting:
        raise ConfigError(nothing_fits(work, found, allowed))
    return found, fitting


def _best(work: Work, fitting: Sequence[Candidate]) -> Candidate:
    """The best candidate. Training keeps the largest batch, and tiles must save enough time."""
    if work.task == "training":
        largest = max(one.batch for one in fitting)
        return _of_the_best_way([one for one in fitting if one.batch == largest])[0]
    mine = _of_the_best_way(fitting)
    fastest = mine[0]
    whole = next((one for one in mine if one.tile_hw is None), None)
    if whole is not None and fastest.seconds > WORTH_CUTTING * whole.seconds:
        fastest = whole
    near = [one for one in mine if one.tile_hw == fastest.tile_hw]
    return min((one for one in near if one.seconds <= NEARLY * fastest.seconds), key=lambda one: one.batch)


def _of_the_best_way(fitting: Sequence[Candidate]) -> list[Candidate]:
    """The candidates of the usual way, or of a much faster one; of the faster device. The fastest first."""
    chosen = []
    for device in dict.fromkeys(one.way.device for one in fitting):
        mine = [one for one in fitting if one.way.device == device]
        usual = min(mine, key=_unusual)
        chosen.append(mine[0] if mine[0].seconds * MUCH_FASTER < usual.seconds else usual)
    way = min(chosen, key=lambda one: one.seconds).way
    return [one for one in fitting if one.way == way]


def _unusual(one: Candidate) -> tuple[object, ...]:
    """Sorts candidates by what measures fastest on most networks and sizes (docs/decisions/0041)."""
    way = one.way
    return (
        not way.kind.graph,
        list(RUNTIMES).index(way.runtime),
        BITS[way.precision],
        one.tile_hw is not None,
        way.layout != "channels_last",
        -way.streams,
        one.seconds,
    )


def _rejected(decision: Decision, found: Sequence[Candidate]) -> tuple[Rejected, ...]:
    """The fastest candidates that differ from the best in one respect."""
    work, best = decision.work, decision.best
    others = [
        one for one in found if _differs_once(one, best) and not (work.task == "training" and one.batch < best.batch)
    ]
    rejected = []
    for one in others[:MOST_REJECTED]:
        breaks, ratio = broken(one, decision.allowed), one.seconds / best.seconds
        why = breaks or f"takes {duration(one.seconds)} a picture, {ratio:.2f} times as long{_kept(ratio)}"
        rejected.append(Rejected(name=one.name, slower=None if breaks else ratio, why=why))
    return tuple(rejected)


def _kept(ratio: float) -> str:
    """Why a candidate that is predicted to be faster is rejected."""
    return (
        "" if ratio >= 1 else f"; it must take less than {1 / MUCH_FASTER:.2g} times as long to replace the usual way"
    )


def _differs_once(one: Candidate, best: Candidate) -> bool:
    """Whether exactly one of way, tile and batch differs."""
    return [one.way != best.way, one.tile_hw != best.tile_hw, one.batch != best.batch].count(True) == 1
