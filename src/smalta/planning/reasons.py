"""Say why a plan is as it is: a sentence with numbers for each of its lines.

In:  `Decision`: what was to be done, within what, what was chosen, what else would do.
Out: sentences by name of the line; which limit a candidate breaks; why nothing keeps the limits.

Must not know: how the choice is made, tables, files.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace

from smalta.planning.candidates import Allowed, Candidate, Work, as_exported, candidates, fast_enough
from smalta.planning.cost import cost
from smalta.planning.machine import Machine
from smalta.planning.plan import Limits
from smalta.planning.score import Score
from smalta.planning.tiles import OVERLAP
from smalta.planning.words import duration, size


@dataclass(frozen=True, slots=True, kw_only=True)
class Decision:
    """What was decided, and all that speaks for it.

    Attributes:
        work: that was planned.
        machine: where it is done.
        limits: that a person set.
        allowed: what a candidate may take: the limits, or what the machine has.
        best: what was chosen.
        fitting: all candidates that keep the limits, the fastest first.
        where: the score of the work between processor and GPU.
        measured: seconds per picture by name of the candidates that were timed.
    """

    work: Work
    machine: Machine
    limits: Limits
    allowed: Allowed
    best: Candidate
    fitting: Sequence[Candidate]
    where: Score
    measured: Mapping[str, float] = field(default_factory=dict)

    def against(self, value: str, differs: Callable[[Candidate], bool], otherwise: str) -> str:
        """The chosen value of a line, and its time beside that of the fastest candidate with another value.

        Args:
            value: in words.
            differs: whether a candidate has another value.
            otherwise: why there is no such candidate, where there is none.
        """
        other = next((one for one in self.fitting if one.batch == self.best.batch and differs(one)), None)
        if other is None:
            return f"{value}: {otherwise}"
        return f"{value}: {duration(self.best.seconds)} a picture, {duration(other.seconds)} with {other.name}"


def reasons(decision: Decision) -> dict[str, str]:
    """A sentence by name of the plan's line, in their order; lines that say nothing here are left out."""
    found = {name: reason(decision) for name, reason in LINES.items()}
    return {name: sentence for name, sentence in found.items() if sentence is not None}


# -- one function for each line -----------------------------------------------------------------------


def _device(decision: Decision) -> str:
    machine, best, where = decision.machine, decision.best, decision.where
    told = (
        f"V {where.volume:.2g} x P {where.intensity:.2g} s against a tie at {where.x0:.2g} s"
        f"{'' if where.ties else ' (no size ties; extrapolated)'} gives a score of {where.value:.2f}"
    )
    side = "the processor's area" if where.value < 0.5 else "a GPU's area"
    marked = " by its maker's numbers" if where.gpu.published else ""
    if not machine.gpus:
        unused = f"; PyTorch here cannot use {', '.join(machine.unused_gpus)}" if machine.unused_gpus else ""
        return f"no GPU is usable{unused}; against an {where.gpu.name}{marked}, {told}, {side}"
    if decision.limits.device is not None:
        return f"as told; {told}, {side}"
    other = next((one for one in decision.fitting if one.way.device != best.way.device), None)
    if other is None:
        return f"nothing on the other device keeps the limits; {told}, {side}"
    return f"{told}, {side}{marked}: {duration(best.seconds)} a picture, {duration(other.seconds)} with {other.name}"


def _runtime(decision: Decision) -> str:
    name = decision.best.way.runtime
    return decision.against(name, lambda one: one.way.runtime != name, _alone(decision))


def _alone(decision: Decision) -> str:
    """Why there is only one runtime, and what exporting the model would change."""
    work, best = decision.work, decision.best
    if work.task == "training" or best.way.kind.reads_exported or best.way.device != "cpu":
        return "nothing else that is installed runs this"
    exported = candidates(as_exported(work), decision.machine, decision.limits)[0]
    ratio = best.seconds / exported.seconds
    return (
        f"a run's folder needs it; once `smalta export` made one file of it, {exported.name} would take "
        f"{duration(exported.seconds)} a picture, {ratio:.1f} times as fast"
    )


def _precision(decision: Decision) -> str:
    machine, way, rates = decision.machine, decision.best.way, decision.machine.rates.flops
    if not fast_enough(machine, "bf16") and "bf16" in decision.work.precisions and way.device == "cpu":
        otherwise = f"bf16 runs at {rates['bf16'] / rates['fp32']:.1f} times the rate of fp32 here, too little to gain"
    else:
        otherwise = "as told" if decision.limits.precision else "the only one that this work can be run in"
    return decision.against(way.precision, lambda one: one.way.precision != way.precision, otherwise)


def _layout(decision: Decision) -> str:
    way = decision.best.way
    if way.kind.graph:
        return f"{way.runtime} chooses its own"

    def differs(one: Candidate) -> bool:
        same_place = (one.way.runtime, one.way.device) == (way.runtime, way.device)
        return same_place and one.way.layout != way.layout

    return decision.against(way.layout.replace("_", "-"), differs, "the only one that keeps the limits")


def _streams(decision: Decision) -> str | None:
    way = decision.best.way
    if way.device != "cpu":
        return None
    return decision.against(
        f"{way.streams} x {way.threads}",
        lambda one: one.way.runtime == way.runtime and one.way.streams != way.streams,
        f"all {way.threads} usable cores work on one pass" if way.streams == 1 else "one thread for each stream",
    )


def _tile(decision: Decision) -> str:
    work, best, fitting = decision.work, decision.best, decision.fitting
    if work.task == "training":
        return f"whole views of {work.size_hw[0]} x {work.size_hw[1]} px"
    if best.tile_hw is None:
        told = f"{work.size_hw[0]} x {work.size_hw[1]} px in one piece"
        cut = next((one for one in fitting if one.tile_hw is not None and one.way == best.way), None)
        return told if cut is None else f"{told}: {duration(best.seconds)}, {duration(cut.seconds)} in {cut.name}"
    told = f"{best.tile_hw[0]} x {best.tile_hw[1]} px, of which neighbours share {OVERLAP}"
    if decision.limits.tile is not None:
        return f"{told}: as told"
    whole = next((one for one in fitting if one.tile_hw is None), None)
    if whole is None:
        return f"{told}: the whole picture does not fit in {size(decision.allowed.memory_bytes)}"
    return f"{told}: {duration(best.seconds)} a picture, {duration(whole.seconds)} in one piece"


def _batch(decision: Decision) -> str:
    work, best = decision.work, decision.best
    if decision.limits.batch is not None:
        return f"{best.batch}: as told"
    if work.task == "training":
        if best.batch == work.batch:
            return f"{best.batch}: what the learning rate is made for"
        return f"{best.batch}: {work.batch} do not fit in {size(decision.allowed.memory_bytes)}"
    if best.way.device == "cuda":
        return f"{best.batch}: the fewest within 5 % of the fastest"
    return f"{best.batch}: a processor gains nothing from more, and caches hold less of it"


def _memory(decision: Decision) -> str:
    caches = decision.machine.processor.caches
    return (
        f"{size(decision.best.memory_bytes)} at the peak, {size(decision.allowed.memory_bytes)} are allowed; the maps "
        f"alive at once fill {100 * decision.where.volume:.0f} % of the last cache "
        f"({size(caches.l3_total or caches.l2_total)})"
    )


def _allocator(decision: Decision) -> str | None:
    machine, best = decision.machine, decision.best
    if best.way.kind.graph or best.way.device != "cpu":
        return None
    if not machine.glibc:
        return "only glibc can be told to keep large blocks"
    workload = decision.work.workload(best.way, pixels=best.pixels, batch=best.batch)
    without = cost(workload, machine, replace(best.way, keep_memory=False))
    if without.fresh < 0.01 * best.latency:
        return "large blocks are kept; at this size the system would take few of them back"
    return (
        f"large blocks are kept: handed out fresh, their pages would take {duration(without.fresh)} more a pass "
        f"({1e6 * machine.rates.fault_seconds:.1f} us a page)"
    )


def _time(decision: Decision) -> str:
    best, measured = decision.best, decision.measured
    if best.name in measured:
        others = [f"{duration(value)} {name}" for name, value in measured.items() if name != best.name]
        told = f"measured {duration(measured[best.name])} a picture, predicted {duration(best.seconds)}"
        return "; ".join([told, *others])
    return (
        f"{duration(best.latency)} a pass; {100 * best.cost.compute_bound:.0f} % of it waits for arithmetic, the rest "
        "for memory and for operations to start"
    )


LINES: Mapping[str, Callable[[Decision], str | None]] = {
    "device": _device,
    "runtime": _runtime,
    "precision": _precision,
    "layout": _layout,
    "streams": _streams,
    "tile": _tile,
    "batch": _batch,
    "memory": _memory,
    "allocator": _allocator,
    "time": _time,
}


# -- what does not work -------------------------------------------------------------------------------


def broken(one: Candidate, allowed: Allowed) -> str:
    """Which limit a candidate breaks; empty if it breaks none."""
    if allowed.too_large(one):
        return f"needs {size(one.memory_bytes)}, {size(allowed.memory_for(one))} are allowed"
    if allowed.too_slow(one):
        return f"takes {duration(one.latency)} for one, {duration(allowed.latency_seconds)} are allowed"
    return ""


def nothing_runs(work: Work, machine: Machine, limits: Limits) -> str:
    """Why there is no candidate at all, and what would help."""
    rates = ", ".join(f"{name} {rate / 1e9:.0f} GFLOP/s" for name, rate in machine.rates.flops.items())
    return (
        f"nothing here runs {work.task} in {limits.precision}: the processor's measured rates are {rates}; leave the "
        "precision to the plan"
    )


def nothing_fits(work: Work, found: Sequence[Candidate], allowed: Allowed) -> str:
    """Why no candidate keeps the limits, and what would."""
    smallest = min(found, key=lambda one: one.memory_bytes)
    quickest = min(found, key=lambda one: one.latency)
    if smallest.memory_bytes > allowed.memory_bytes:
        return (
            f"{size(allowed.memory_bytes)} of memory are too little: {smallest.name} needs the least, "
            f"{size(smallest.memory_bytes)}; allow that much, or use a smaller network or "
            f"{'view' if work.task == 'training' else 'tile'}"
        )
    if allowed.too_slow(quickest):
        return (
            f"{duration(allowed.latency_seconds)} are too little: {quickest.name} is the quickest and takes "
            f"{duration(quickest.latency)}; allow that much, or use a smaller network or picture"
        )
    return "no way keeps the limits of memory and latency together; allow more of one of them"
