"""Choose how to train or to answer, and say why: a pure function of work, machine and limits.

In:  `Work`, `Machine`, `Limits`.
Out: `Plan`, every line with a reason in numbers, and what was rejected.

Must not know: files, PyTorch, how work is found or timed.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from typing import Any

from smalta.errors import ConfigError
from smalta.plan.candidates import Candidate, Work, as_exported, candidates, fast_enough
from smalta.plan.cost import cost
from smalta.plan.machine import Machine
from smalta.plan.plan import Limits, Plan, Rejected
from smalta.plan.score import Score, compared_gpu, score
from smalta.plan.tiles import OVERLAP
from smalta.plan.words import duration, size

WORTH_CUTTING = (
    0.9  # tiles must take less than this share of the whole picture's time, or they are not worth their seams
)
MOST_REJECTED = 8


def best_two(work: Work, machine: Machine, limits: Limits) -> list[Candidate]:
    """The plan's candidate and the fastest other one with the same tiles and batch, to be timed for real.

    Raises:
        ConfigError: if nothing keeps the limits.
    """
    fitting = _fitting(work, machine, limits)
    best = _best(work, fitting)
    near = [one for one in fitting if (one.tile_hw, one.batch) == (best.tile_hw, best.batch) and one is not best]
    return [best, *near[:1]]


def plan(
    work: Work, machine: Machine, limits: Limits | None = None, *, measured: Mapping[str, float] | None = None
) -> Plan:
    """The fastest way that keeps the limits.

    Args:
        work: what is to be done.
        machine: where.
        limits: what must be kept; memory defaults to what the machine or the control group allows.
        measured: seconds per picture by name of the candidates that were timed; then the fastest of them is taken.

    Raises:
        ConfigError: if nothing keeps the limits; the sentence says what would.
    """
    limits = limits or Limits()
    found, fitting = candidates(work, machine, limits), _fitting(work, machine, limits)
    memory = limits.memory_bytes or machine.usable_memory
    best = _best(work, fitting)
    if timed := [one for one in fitting if one.name in (measured or {})]:
        best = min(timed, key=lambda one: (measured or {})[one.name])
    where = score(work, machine, compared_gpu(machine), batch=best.batch)
    others = [
        one for one in found if _differs_once(one, best) and not (work.task == "training" and one.batch < best.batch)
    ]
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
        keep_memory=best.way.keep_memory and machine.glibc,
        memory_bytes=best.memory_bytes,
        allowed_bytes=(allowed := _allowed(best, memory, machine)),
        whole_pixels=best.pixels + (allowed - best.memory_bytes) // (work.answer_bytes * (best.way.streams + 1)),
        predicted_seconds=best.latency if work.task == "training" else best.seconds,
        latency_seconds=best.latency,
        volume=where.volume,
        intensity=where.intensity,
        score=where.value,
        reasons=_reasons(work, machine, limits, best, fitting, where, memory) | _measured_reason(best, measured or {}),
        rejected=_rejected(best, others, memory, machine, limits),
        measured=dict(measured or {}),
    )


def _fitting(work: Work, machine: Machine, limits: Limits) -> list[Candidate]:
    """The candidates that keep the limits, the fastest first."""
    if limits.device == "cuda" and not machine.gpus:
        raise ConfigError("the device is to be cuda, but no CUDA device is there; use --device cpu or --what-if NAME")
    found = candidates(work, machine, limits)
    if not found:
        raise ConfigError(
            f"nothing here runs {work.task} in {limits.precision}: the processor's measured rates are "
            + ", ".join(f"{name} {rate / 1e9:.0f} GFLOP/s" for name, rate in machine.rates.flops.items())
            + "; leave the precision to the plan"
        )
    memory = limits.memory_bytes or machine.usable_memory
    fitting = [one for one in found if _fits(one, memory, machine, limits)]
    if not fitting:
        raise ConfigError(_nothing_fits(work, found, memory, limits))
    return fitting


def _differs_once(one: Candidate, best: Candidate) -> bool:
    """Whether a candidate has another way, another tile or another batch, but not two of them."""
    return [one.way != best.way, one.tile_hw != best.tile_hw, one.batch != best.batch].count(True) == 1


def _fits(one: Candidate, memory: int, machine: Machine, limits: Limits) -> bool:
    return not _broken(one, memory, machine, limits)


def _broken(one: Candidate, memory: int, machine: Machine, limits: Limits) -> str:
    """Which limit a candidate breaks, in words; empty if none."""
    allowed = _allowed(one, memory, machine)
    if one.memory_bytes > allowed:
        return f"needs {size(one.memory_bytes)}, {size(allowed)} are allowed"
    if limits.latency_seconds is not None and one.latency > limits.latency_seconds:
        return f"takes {duration(one.latency)} for one, {duration(limits.latency_seconds)} are allowed"
    return ""


def _allowed(one: Candidate, memory: int, machine: Machine) -> int:
    return memory if one.way.device == "cpu" else min(memory, machine.gpus[0].memory_bytes)


def _nothing_fits(work: Work, found: Sequence[Candidate], memory: int, limits: Limits) -> str:
    smallest = min(found, key=lambda one: one.memory_bytes)
    quickest = min(found, key=lambda one: one.latency)
    if smallest.memory_bytes > memory:
        return (
            f"{size(memory)} of memory are too little: {smallest.name} needs the least, {size(smallest.memory_bytes)}; "
            f"allow that much, or use a smaller network or {'view' if work.task == 'training' else 'tile'}"
        )
    if limits.latency_seconds is not None and quickest.latency > limits.latency_seconds:
        return (
            f"{duration(limits.latency_seconds)} are too little: {quickest.name} is the quickest and takes "
            f"{duration(quickest.latency)}; allow that much, or use a smaller network or picture"
        )
    return "no way keeps the limits of memory and latency together; allow more of one of them"


def _best(work: Work, fitting: Sequence[Candidate]) -> Candidate:
    """The fastest; but training keeps the largest batch, and cutting a picture must be worth it."""
    if work.task == "training":
        largest = max(one.batch for one in fitting)
        return next(one for one in fitting if one.batch == largest)
    fastest = fitting[0]
    whole = next((one for one in fitting if one.tile_hw is None), None)
    if whole is not None and fastest.seconds > WORTH_CUTTING * whole.seconds:
        fastest = whole
    near = [one for one in fitting if (one.way, one.tile_hw) == (fastest.way, fastest.tile_hw)]
    return min((one for one in near if one.seconds <= 1.05 * fastest.seconds), key=lambda one: one.batch)


# -- sentences ----------------------------------------------------------------------------------------


def _reasons(
    work: Work,
    machine: Machine,
    limits: Limits,
    best: Candidate,
    fitting: Sequence[Candidate],
    where: Score,
    memory: int,
) -> dict[str, str]:
    def against(**changes: Any) -> Candidate | None:
        """The fastest that keeps the limits and differs in one line of the plan at least."""
        return next(
            (one for one in fitting if one.batch == best.batch and all(test(one) for test in changes.values())), None
        )

    def compared(told: str, test: Callable[[Candidate], bool], otherwise: str) -> str:
        other = against(test=test)
        if other is None:
            return f"{told}: {otherwise}"
        return f"{told}: {duration(best.seconds)} a picture, {duration(other.seconds)} with {other.name}"

    way, rates = best.way, machine.rates.flops
    caches = machine.processor.caches
    reasons = {"device": _device_reason(machine, limits, best, fitting, where)}
    reasons["runtime"] = compared(
        way.runtime, lambda one: one.way.runtime != way.runtime, _alone(work, machine, limits, best)
    )
    if not fast_enough(machine, "bf16") and "bf16" in work.precisions and way.device == "cpu":
        otherwise = f"bf16 runs at {rates['bf16'] / rates['fp32']:.1f} times the rate of fp32 here, too little to gain"
    else:
        otherwise = "as told" if limits.precision else "the only one that this work can be run in"
    reasons["precision"] = compared(way.precision, lambda one: one.way.precision != way.precision, otherwise)
    if way.runtime == "pytorch":
        reasons["layout"] = compared(
            way.layout.replace("_", "-"),
            lambda one: (
                (one.way.layout, one.way.runtime, one.way.device) != (way.layout, "pytorch", way.device)
                and one.way.runtime == "pytorch"
                and one.way.device == way.device
            ),
            "the only one that keeps the limits",
        )
    else:
        reasons["layout"] = f"{way.runtime} chooses its own"
    if way.device == "cpu":
        told = f"{way.streams} x {way.threads}"
        reasons["streams"] = compared(
            told,
            lambda one: one.way.runtime == way.runtime and one.way.streams != way.streams,
            f"all {way.threads} usable cores work on one pass" if way.streams == 1 else "one thread for each stream",
        )
    reasons["tile"] = _tile_reason(work, limits, best, fitting, memory)
    reasons["batch"] = _batch_reason(work, limits, best, memory)
    reasons["memory"] = (
        f"{size(best.memory_bytes)} at the peak, {size(memory)} are allowed; the maps alive at once fill "
        f"{100 * where.volume:.0f} % of the last cache ({size(caches.l3_total or caches.l2_total)})"
    )
    if way.runtime == "pytorch" and way.device == "cpu":
        reasons["allocator"] = _allocator_reason(work, machine, best)
    reasons["time"] = (
        f"{duration(best.latency)} a pass; {100 * best.cost.compute_bound:.0f} % of it waits for arithmetic, the rest "
        "for memory and for operations to start"
    )
    return reasons


def _alone(work: Work, machine: Machine, limits: Limits, best: Candidate) -> str:
    """Why there is but one runtime, and what exporting the model would change."""
    if work.task == "training" or best.way.runtime != "pytorch" or best.way.device != "cpu":
        return "nothing else that is installed runs this"
    exported = candidates(as_exported(work), machine, limits)[0]
    ratio = best.seconds / exported.seconds
    return (
        f"a run's folder needs it; once `smalta export` made one file of it, {exported.name} would take "
        f"{duration(exported.seconds)} a picture, {ratio:.1f} times as fast"
    )


def _measured_reason(best: Candidate, measured: Mapping[str, float]) -> dict[str, str]:
    if best.name not in measured:
        return {}
    others = [f"{duration(value)} {name}" for name, value in measured.items() if name != best.name]
    told = f"measured {duration(measured[best.name])} a picture, predicted {duration(best.seconds)}"
    return {"time": "; ".join([told, *others])}


def _device_reason(
    machine: Machine, limits: Limits, best: Candidate, fitting: Sequence[Candidate], where: Score
) -> str:
    told = (
        f"V {where.volume:.2g} x P {where.intensity:.2g} s against a tie at {where.x0:.2g} s"
        f"{'' if where.ties else ' (no size ties; extrapolated)'} gives a score of {where.value:.2f}"
    )
    side = "the processor's area" if where.value < 0.5 else "a GPU's area"
    marked = " by its maker's numbers" if where.gpu.published else ""
    if not machine.gpus:
        unused = f"; PyTorch here cannot use {', '.join(machine.unused_gpus)}" if machine.unused_gpus else ""
        return f"no GPU is usable{unused}; against an {where.gpu.name}{marked}, {told}, {side}"
    other = next((one for one in fitting if one.way.device != best.way.device), None)
    if limits.device is not None:
        return f"as told; {told}, {side}"
    if other is None:
        return f"nothing on the other device keeps the limits; {told}, {side}"
    return f"{told}, {side}{marked}: {duration(best.seconds)} a picture, {duration(other.seconds)} with {other.name}"


def _tile_reason(work: Work, limits: Limits, best: Candidate, fitting: Sequence[Candidate], memory: int) -> str:
    if work.task == "training":
        return f"whole views of {work.size_hw[0]} x {work.size_hw[1]} px"
    whole = [one for one in fitting if one.tile_hw is None]
    cut = next((one for one in fitting if one.tile_hw is not None and one.way == best.way), None)
    if best.tile_hw is None:
        told = f"{work.size_hw[0]} x {work.size_hw[1]} px in one piece"
        return told if cut is None else f"{told}: {duration(best.seconds)}, {duration(cut.seconds)} in {cut.name}"
    told = f"{best.tile_hw[0]} x {best.tile_hw[1]} px, of which neighbours share {OVERLAP}"
    if limits.tile is not None:
        return f"{told}: as told"
    if not whole:
        return f"{told}: the whole picture does not fit in {size(memory)}"
    return f"{told}: {duration(best.seconds)} a picture, {duration(whole[0].seconds)} in one piece"


def _batch_reason(work: Work, limits: Limits, best: Candidate, memory: int) -> str:
    if limits.batch is not None:
        return f"{best.batch}: as told"
    if work.task == "training":
        if best.batch == work.batch:
            return f"{best.batch}: what the learning rate is made for"
        return f"{best.batch}: {work.batch} do not fit in {size(memory)}"
    if best.way.device == "cuda":
        return f"{best.batch}: the fewest within 5 % of the fastest"
    return f"{best.batch}: a processor gains nothing from more, and caches hold less of it"


def _allocator_reason(work: Work, machine: Machine, best: Candidate) -> str:
    if not machine.glibc:
        return "only glibc can be told to keep large blocks"
    workload = work.workload(best.way, pixels=best.pixels, batch=best.batch)
    without = cost(workload, machine, replace(best.way, keep_memory=False))
    if without.fresh < 0.01 * best.latency:
        return "large blocks are kept; at this size the system would take few of them back"
    return (
        f"large blocks are kept: handed out fresh, their pages would take {duration(without.fresh)} more a pass "
        f"({1e6 * machine.rates.fault_seconds:.1f} us a page)"
    )


def _rejected(
    best: Candidate, others: Sequence[Candidate], memory: int, machine: Machine, limits: Limits
) -> tuple[Rejected, ...]:
    """The fastest others."""
    found = []
    for one in others[:MOST_REJECTED]:
        broken = _broken(one, memory, machine, limits)
        ratio = one.seconds / best.seconds
        why = broken or f"takes {duration(one.seconds)} a picture, {ratio:.2f} times as long"
        found.append(Rejected(name=one.name, slower=None if broken else ratio, why=why))
    return tuple(found)
