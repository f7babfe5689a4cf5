"""Give the reasons of a plan: a sentence with numbers for each of its lines.

In:  `Decision`: the work, the limits, the chosen candidate, and the others that keep the limits.
Out: sentences by name of the line; which limit a candidate breaks; why no candidate keeps the limits.

Must not know: how the choice is made, tables, files.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace

from smalta.planning.candidates import Allowed, Candidate, Work, as_exported, candidates
from smalta.planning.cost import cost
from smalta.planning.layer_costs import CacheUse
from smalta.planning.machine import Machine
from smalta.planning.plan import Limits
from smalta.planning.plausible import why_not
from smalta.planning.score import Score
from smalta.planning.score_reasons import both_times, caches_sentence, score_sentence, verdict
from smalta.planning.tiles import OVERLAP
from smalta.planning.words import duration, size


@dataclass(frozen=True, slots=True, kw_only=True)
class Decision:
    """The chosen candidate, and everything that its reasons need.

    Attributes:
        work: to be done.
        machine: that does it.
        limits: set by the user.
        allowed: what a candidate may take: the limits, or what the machine has.
        best: the chosen candidate.
        fitting: all candidates that keep the limits, the fastest first.
        where: the score of the work between processor and GPU.
        caches: where the bytes of a pass come from; None on a GPU.
        measured: seconds per picture of timed candidates, by name.
    """

    work: Work
    machine: Machine
    limits: Limits
    allowed: Allowed
    best: Candidate
    fitting: Sequence[Candidate]
    where: Score
    caches: CacheUse | None = None
    measured: Mapping[str, float] = field(default_factory=dict)

    def against(self, value: str, differs: Callable[[Candidate], bool], otherwise: str) -> str:
        """Compare the time of the chosen value of a line with that of the fastest other value.

        Args:
            value: chosen, in words.
            differs: whether a candidate has another value.
            otherwise: the reason where no candidate has another value.
        """
        other = next((one for one in self.fitting if one.batch == self.best.batch and differs(one)), None)
        if other is None:
            return f"{value}: {otherwise}"
        told = f"{value}: {duration(self.best.seconds)} a picture, {duration(other.seconds)} with {other.name}"
        return told if other.seconds >= self.best.seconds else f"{told}, too close to replace the usual way"


def reasons(decision: Decision) -> dict[str, str]:
    """A sentence by name of the line, in the order of the plan; lines without a reason are omitted."""
    found = {name: reason(decision) for name, reason in LINES.items()}
    return {name: sentence for name, sentence in found.items() if sentence is not None}


# -- one function for each line -----------------------------------------------------------------------


def _device(decision: Decision) -> str:
    machine, best, where = decision.machine, decision.best, decision.where
    task = decision.work.task
    told = f"predicted {both_times(where, task)}: {verdict(where, task)}"
    if not machine.gpus:
        unused = f"; this PyTorch cannot use {', '.join(machine.unused_gpus)}" if machine.unused_gpus else ""
        return f"no usable GPU{unused}; {told}"
    if decision.limits.device is not None:
        return f"as requested; {told}"
    if all(one.way.device == best.way.device for one in decision.fitting):
        if best.way.kind.reads_exported:
            return f"an exported model runs on the processor, a run folder on the GPU; {told}"
        return f"the other device cannot keep the limits; {told}"
    return told


def _score(decision: Decision) -> str:
    return score_sentence(decision.where, decision.machine)


def _caches(decision: Decision) -> str | None:
    return None if decision.caches is None else caches_sentence(decision.caches)


def _runtime(decision: Decision) -> str:
    name = decision.best.way.runtime
    return decision.against(name, lambda one: one.way.runtime != name, _alone(decision))


def _alone(decision: Decision) -> str:
    """Why there is only one runtime, and what exporting the model would change."""
    work, best = decision.work, decision.best
    if work.task == "training" or best.way.kind.reads_exported or best.way.device != "cpu":
        return "the only installed runtime for this work"
    exported = candidates(as_exported(work), decision.machine, decision.limits)[0]
    ratio = best.seconds / exported.seconds
    return (
        f"a run folder needs it; exported with `smalta export`, {exported.name} would take "
        f"{duration(exported.seconds)} a picture, {ratio:.1f} times as fast"
    )


def _precision(decision: Decision) -> str:
    way = decision.best.way
    unused = (
        [why_not(decision.machine, precision) for precision in decision.work.precisions] if way.device == "cpu" else []
    )
    if decision.limits.precision is not None:
        otherwise = "as requested"
    else:
        otherwise = next((reason for reason in unused if reason is not None), "the only one for this work")
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
        return f"whole crops of {work.size_hw[0]} x {work.size_hw[1]} px"
    if best.tile_hw is None:
        told = f"{work.size_hw[0]} x {work.size_hw[1]} px in one piece"
        cut = next((one for one in fitting if one.tile_hw is not None and one.way == best.way), None)
        return told if cut is None else f"{told}: {duration(best.seconds)}, {duration(cut.seconds)} in {cut.name}"
    told = f"{best.tile_hw[0]} x {best.tile_hw[1]} px, neighbours overlap by {OVERLAP} px"
    if decision.limits.tile is not None:
        return f"{told}: as requested"
    whole = next((one for one in fitting if one.tile_hw is None), None)
    if whole is None:
        return f"{told}: the whole picture does not fit in {size(decision.allowed.memory_bytes)}"
    return f"{told}: {duration(best.seconds)} a picture, {duration(whole.seconds)} in one piece"


def _batch(decision: Decision) -> str:
    work, best = decision.work, decision.best
    if decision.limits.batch is not None:
        return f"{best.batch}: as requested"
    if work.task == "training":
        if best.batch == work.batch:
            return f"{best.batch}: the learning rate is tuned for it"
        return f"{best.batch}: a batch of {work.batch} does not fit in {size(decision.allowed.memory_bytes)}"
    if best.way.device == "cuda":
        return f"{best.batch}: the smallest batch within 5 % of the fastest"
    return f"{best.batch}: a larger batch is no faster on a processor, and fits its caches less well"


def _memory(decision: Decision) -> str:
    return f"{size(decision.best.memory_bytes)} at the peak, {size(decision.allowed.memory_bytes)} allowed"


def _allocator(decision: Decision) -> str | None:
    machine, best = decision.machine, decision.best
    if best.way.kind.graph or best.way.device != "cpu":
        return None
    if not machine.glibc:
        return "only glibc can keep large blocks"
    workload = decision.work.workload(best.way, pixels=best.pixels, batch=best.batch)
    without = cost(workload, machine, replace(best.way, keep_memory=False))
    if without.fresh < 0.01 * best.latency:
        return "large blocks are kept; at this size, that saves less than 1 % of the time"
    return (
        f"large blocks are kept: fresh pages would take {duration(without.fresh)} more per pass "
        f"({1e6 * machine.rates.fault_seconds:.1f} us per page)"
    )


def _time(decision: Decision) -> str:
    best, measured = decision.best, decision.measured
    if best.name in measured:
        others = [f"{duration(value)} {name}" for name, value in measured.items() if name != best.name]
        told = f"measured {duration(measured[best.name])} a picture, predicted {duration(best.seconds)}"
        return "; ".join([told, *others])
    return (
        f"{duration(best.latency)} per pass: {100 * best.cost.compute_bound:.0f} % is arithmetic, the rest is memory "
        "traffic and the start of operations"
    )


LINES: Mapping[str, Callable[[Decision], str | None]] = {
    "device": _device,
    "score": _score,
    "runtime": _runtime,
    "precision": _precision,
    "layout": _layout,
    "streams": _streams,
    "tile": _tile,
    "batch": _batch,
    "memory": _memory,
    "caches": _caches,
    "allocator": _allocator,
    "time": _time,
}


# -- broken limits ------------------------------------------------------------------------------------


def broken(one: Candidate, allowed: Allowed) -> str:
    """The limit that a candidate breaks; empty if it keeps all."""
    if allowed.too_large(one):
        return f"needs {size(one.memory_bytes)} of memory, {size(allowed.memory_for(one))} allowed"
    if allowed.too_slow(one):
        return f"takes {duration(one.latency)} for one, {duration(allowed.latency_seconds)} allowed"
    return ""


def nothing_runs(work: Work, machine: Machine, limits: Limits) -> str:
    """Why no runtime can do the work, and the fix."""
    wanted = limits.precision
    reason = None if wanted is None or wanted not in work.precisions else why_not(machine, wanted)
    because = reason or f"no installed runtime multiplies in {wanted} for this work"
    return (
        f"{work.task} cannot run in {wanted} on this machine: {because}; omit the precision, and the plan chooses one"
    )


def nothing_fits(work: Work, found: Sequence[Candidate], allowed: Allowed) -> str:
    """Why no candidate keeps the limits, and the fix."""
    smallest = min(found, key=lambda one: one.memory_bytes)
    quickest = min(found, key=lambda one: one.latency)
    if smallest.memory_bytes > allowed.memory_bytes:
        return (
            f"a memory limit of {size(allowed.memory_bytes)} is too low: {smallest.name} needs the least, "
            f"{size(smallest.memory_bytes)}; set a higher limit, or use a smaller network or "
            f"{'crop' if work.task == 'training' else 'tile'}"
        )
    if allowed.too_slow(quickest):
        return (
            f"a latency limit of {duration(allowed.latency_seconds)} is too low: {quickest.name} is the fastest and "
            f"takes {duration(quickest.latency)}; set a higher limit, or use a smaller network or picture"
        )
    return "the limits of memory and latency cannot be kept together; set a higher limit for one of them"
