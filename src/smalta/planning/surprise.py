"""Compare the work with its plan while it runs, and report once if it takes far longer.

In:  planned and observed seconds of each picture or step; the load of the machine, read by the caller's function.
Out: `Surprise`: the likely cause, and what will be done, in one sentence.

Must not know: what the work is, how speeds are measured, where sentences are shown.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import asdict, dataclass
from statistics import median
from typing import Any, Literal

from smalta.planning.words import duration, size
from smalta.system.load import Load

Unit = Literal["picture", "step"]
Cause = Literal["busy", "memory", "rates"]

TOO_LONG = 2.0  # times as long as planned
LEAST_UNITS, LEAST_SECONDS = 3, 2.0  # of a look: one slow start does not decide, and no short job is reported
LEAST_SHARE = 0.1  # of the work so far: in a long work, one busy moment does not decide
LEAST_ROOM = 0.8  # cores that other programs leave, relative to the planned threads
MOST_OWN = (
    12.0  # times the planned processor time; reading, decoding and writing of a small picture may take some times
)
MOST_OTHERS = 0.5  # cores; with more, threads that wait for each other spin
MOST_FAULTS = 100.0  # pages per second from the disk
AGAIN = "the machine is measured again at the next quiet moment"
DONE: Mapping[Cause, str] = {
    "busy": f"the work goes on, and {AGAIN}",
    "memory": "the work goes on; close other programs, or set a lower --memory",
    "rates": AGAIN,
}


@dataclass(frozen=True, slots=True, kw_only=True)
class Surprise:
    """Work that takes far longer than planned.

    Attributes:
        unit: of the work.
        cause: the likely one: other programs, short memory, or wrong measured speeds.
        planned, observed: median seconds of a unit.
        sentence: the facts, the cause, and what is done, for people.
    """

    unit: Unit
    cause: Cause
    planned: float
    observed: float
    sentence: str

    def to_dict(self) -> dict[str, Any]:
        """Plain data for a JSON file."""
        return asdict(self)


class PlanCheck:
    """Compares the seconds of pictures or steps with the planned ones.

    It looks after at least three units and two seconds, and then again and again. Each look covers the units since the
    last one. A look is a surprise if the median unit took more than twice as long as planned. Only the first surprise
    is returned.

    Args:
        unit: of the work.
        threads: that the plan uses, over all streams.
        memory_bytes: that the plan needs.
        load: gives the load since its last call, such as `smalta.system.load.LoadMeter().look`. Make the meter when
            the work begins.
        done: what is done, by cause; the usual sentences if empty.

    Example:
        >>> quiet = Load(seconds=4.0, own_seconds=8.0, other_cores=0.1, seen_cores=2, faults_per_second=0.0,
        ...              held_bytes=2**29, free_bytes=2**32)
        >>> check = PlanCheck(unit="picture", threads=2, memory_bytes=2**30, load=lambda: quiet)
        >>> [check.add(1.3, 0.08) is None for _ in range(3)]
        [True, True, False]
        >>> check.surprise.cause
        'rates'
    """

    def __init__(
        self,
        *,
        unit: Unit,
        threads: int,
        memory_bytes: int,
        load: Callable[[], Load],
        done: Mapping[Cause, str] | None = None,
    ) -> None:
        self.surprise: Surprise | None = None
        self._unit, self._threads, self._memory_bytes = unit, threads, memory_bytes
        self._load, self._done = load, {**DONE, **(done or {})}
        self._pairs: list[tuple[float, float]] = []  # observed and planned seconds since the last look
        self._seconds = 0.0  # of all units

    def add(self, observed: float, planned: float) -> Surprise | None:
        """Note the seconds of one unit; the first time that units take far longer than planned, say why.

        Args:
            observed: seconds of this unit.
            planned: seconds of this unit by the plan, above 0.
        """
        if self.surprise is not None:
            return None
        self._pairs.append((observed, planned))
        self._seconds += observed
        since = sum(seconds for seconds, _ in self._pairs)
        if len(self._pairs) < LEAST_UNITS or since < max(LEAST_SECONDS, LEAST_SHARE * self._seconds):
            return None
        pairs, self._pairs = self._pairs, []
        load = self._load()  # on each look, so that the next one covers the same time as its units
        if median(seconds / planned for seconds, planned in pairs) <= TOO_LONG:
            return None
        total = sum(planned for _, planned in pairs)
        self.surprise = self._surprise(
            median(pair[0] for pair in pairs), median(pair[1] for pair in pairs), load, total
        )
        return self.surprise

    def _surprise(self, observed: float, planned: float, load: Load, total: float) -> Surprise:
        cause, why = likely_cause(
            load, self._unit, threads=self._threads, memory_bytes=self._memory_bytes, planned=total
        )
        sentence = (
            f"a {self._unit} takes {duration(observed)} instead of the planned {duration(planned)}, probably "
            f"because {why}; {self._done[cause]}"
        )
        return Surprise(unit=self._unit, cause=cause, planned=planned, observed=observed, sentence=sentence)


def likely_cause(load: Load, unit: Unit, *, threads: int, memory_bytes: int, planned: float) -> tuple[Cause, str]:
    """Why work takes longer than planned, and the numbers that say so.

    Other programs take the cores, and hardly change the processor time that a picture itself needs. So where that is
    far more than planned, the measured speeds are wrong, whether the machine is busy or not. The threads of a training
    step spin while they wait for each other, so its processor time says nothing beside other programs.

    Args:
        load: of the machine during the work.
        unit: of the work.
        threads: that the plan uses, over all streams.
        memory_bytes: that the plan needs.
        planned: seconds of the work that the load covers.
    """
    if load.faults_per_second > MOST_FAULTS:
        return "memory", f"memory is short: {load.faults_per_second:,.0f} pages per second come back from the disk"
    own = load.own_seconds / (planned * threads)
    is_spinning = unit == "step" and load.other_cores > MOST_OTHERS
    if own > MOST_OWN and not is_spinning:
        return (
            "rates",
            f"it needs {own:.0f} times the planned processor time: the measured speeds of the machine are wrong",
        )
    if load.seen_cores - load.other_cores < LEAST_ROOM * min(threads, load.seen_cores):
        return "busy", f"other programs keep {load.other_cores:.1f} of {load.seen_cores} cores busy"
    if load.held_bytes + load.free_bytes < memory_bytes:
        return "memory", f"memory is short: {size(load.free_bytes)} are free beside the {size(load.held_bytes)} in use"
    return "rates", "the measured speeds of the machine are wrong: it is not busy, and its memory is not short"
