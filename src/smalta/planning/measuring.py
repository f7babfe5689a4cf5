"""Measure the speeds of the processor in rounds, until two rounds agree.

In:  the number of usable cores, the processor, numbers that are known already.
Out: `Rates`, in one to two seconds on a quiet machine, and in at most six on a busy one.

A number of one round is the fastest of many short repeats, so programs that are busy now and then do not change it. Two
signs show what does. Where the own threads got less processor time than the clock allows, other programs used the
cores. Where they got it all, and rounds still differ, the machine itself is unsteady: its clock or its host changes.

Must not know: networks, plans, files.
"""

from __future__ import annotations

import mmap
import time
from collections import defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from itertools import pairwise

from smalta.planning.facts import Processor
from smalta.planning.probes import Probe, probes
from smalta.planning.rates import Disturbance, Rates, names_of

SECONDS = 0.03  # of the repeats of one number in one round
LEAST_OWN = 0.8  # share of the requested processor time; below it, other programs used the cores
AGREE = 1.05  # the fastest two rounds differ by at most this factor
LEAST_ROUNDS, MOST_ROUNDS = 2, 8
OUTLIER_ROUNDS = 4  # so many rounds may have one that is faster than all others
MOST_BUSY_ROUNDS = 3  # a program that was busy in so many rounds does not stop soon
MOST_SECONDS = 5.0  # of all; each number has at least one round


@dataclass(frozen=True, slots=True)
class Round:
    """One measurement of one number.

    Attributes:
        value: per second.
        own: processor time that the threads got, relative to what the clock allows.
    """

    value: float
    own: float


def measure(
    cores: int, processor: Processor, *, quota: float | None = None, known: Mapping[str, float] | None = None
) -> Rates:
    """Measure this machine.

    Args:
        cores: number of usable cores.
        processor: of this machine.
        quota: cores that the process may use on average, if a control group limits them.
        known: numbers by name that are not measured again.
    """
    known = dict(known or {})
    wanted = [name for name in names_of(cores, processor) if name not in known]
    rounds: dict[str, list[Round]] = defaultdict(list)
    end = time.perf_counter() + MOST_SECONDS
    with probes(cores, processor, wanted) as prepared:
        todo = prepared
        while todo:
            for probe in todo:
                if not rounds[probe.name] or time.perf_counter() < end:
                    rounds[probe.name].append(_round(probe, quota))
            late = time.perf_counter() >= end
            todo = [] if late else [probe for probe in prepared if not finished(rounds[probe.name])]
    values, causes = {}, {}
    for name, found in rounds.items():
        values[name], cause = judged(found)
        if cause is not None:
            causes[name] = cause
    return Rates.of(known | values, mmap.PAGESIZE, causes)


def judged(rounds: Sequence[Round]) -> tuple[float, Disturbance | None]:
    """The number that rounds give, and what disturbed it; None if nothing did.

    Rounds in which other programs used the cores do not count, unless all were like that. Of the others, the fastest
    two must agree; among four or more, a single faster one does not count.
    """
    own = sorted((one.value for one in rounds if one.own >= LEAST_OWN), reverse=True)
    if len(own) < LEAST_ROUNDS:
        busy: Disturbance = "busy" if len(own) < len(rounds) else "unsteady"
        return max(one.value for one in rounds), busy
    for first, second in pairwise(own[: 3 if len(own) >= OUTLIER_ROUNDS else 2]):
        if first <= AGREE * second:
            return first, None
    return own[0], "unsteady"


def finished(rounds: Sequence[Round]) -> bool:
    """Whether more rounds are of no use: two agree, or there is no hope."""
    if len(rounds) < LEAST_ROUNDS:
        return False
    busy = sum(one.own < LEAST_OWN for one in rounds)
    return judged(rounds)[1] is None or len(rounds) >= MOST_ROUNDS or busy >= MOST_BUSY_ROUNDS


def _round(probe: Probe, quota: float | None) -> Round:
    """Repeat a probe for a moment; the fastest repeat gives the number."""
    probe.call()  # wakes the threads
    best, count = float("inf"), 0
    own, allowed = probe.seconds()
    start = now = time.perf_counter()
    while count < 2 or now < start + SECONDS:
        probe.call()
        before, now = now, time.perf_counter()
        best = min(best, now - before)
        count += 1
    got, could = (after - first for after, first in zip(probe.seconds(), (own, allowed), strict=True))
    return Round(probe.amount / best, got / could * max(1.0, probe.threads / (quota or probe.threads)))
