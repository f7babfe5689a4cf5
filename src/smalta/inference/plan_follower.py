"""Watch over the plan while pictures are processed: say once if they take far longer, measure again, plan anew.

In:  an open model, its work, the plan; seconds of the network; moments in which no picture is being processed.
Out: sentences; another runtime and plan to follow, if the machine is not what the first plan assumed.

Must not know: what is made of the pictures, how a plan is chosen.
"""

from __future__ import annotations

import threading
import time
from collections.abc import Callable
from dataclasses import replace

from smalta.errors import ConfigError
from smalta.inference.opened import OpenedModel
from smalta.inference.tiling import Tiled
from smalta.planning.candidates import Work, candidate
from smalta.planning.cost import Way
from smalta.planning.machine import Machine, forget, measured_again
from smalta.planning.plan import Limits, Plan
from smalta.planning.planner import plan
from smalta.planning.plausible import plausible
from smalta.planning.surprise import PlanCheck
from smalta.planning.words import duration
from smalta.runtimes.protocol import Runtime
from smalta.system.load import Load, LoadMeter

MOST_TRIES = 5  # looks for a quiet moment
PAUSE = 20.0  # seconds until the second look; each later pause is twice as long


class PlanFollower:
    """Watches one job.

    Args:
        model: that answers.
        work: of the largest picture.
        machine: that the plan was made for.
        limits: of the plan.
        made: the plan.
        report: is called with each sentence; None to report nothing.
        load: of the machine since its last call; None to measure it.

    Attributes:
        plan: with sentences about what happened, and after a change the plan that the job follows now.
        wants_rest: whether no new picture should be started, so that the machine can be measured again.
    """

    def __init__(
        self,
        model: OpenedModel,
        work: Work,
        machine: Machine,
        limits: Limits,
        made: Plan,
        *,
        report: Callable[[str], None] | None = None,
        load: Callable[[], Load] | None = None,
    ) -> None:
        self.plan, self.wants_rest = made, False
        self._model, self._work, self._machine, self._limits = model, work, plausible(machine), limits
        self._report = report
        self._check = PlanCheck(
            unit="picture",
            threads=made.streams * made.threads,
            memory_bytes=made.memory_bytes,
            load=load or LoadMeter().look,
        )
        self._lock = threading.Lock()
        self._busy, self._planned, self._count = 0.0, 0.0, 0  # at the last comparison; since then
        self._tries, self._next, self._pause = MOST_TRIES, 0.0, PAUSE

    def finished(self, size_hw: tuple[int, int], busy_seconds: float) -> None:
        """Compare with the plan as many pictures as there are streams; called from several threads.

        Args:
            size_hw: of a finished picture, pixels.
            busy_seconds: of the network so far, over all pictures.
        """
        with self._lock:
            self._planned += self._seconds_of(size_hw)
            self._count += 1
            if self._count < self.plan.streams:
                return
            seconds, planned = (busy_seconds - self._busy) / self._count, self._planned / self._count
            self._busy, self._planned, self._count = busy_seconds, 0.0, 0
            found = self._check.add(seconds, planned)
            if found is not None:
                if found.cause == "rates":
                    forget()  # also if this job ends before it measures
                self._say(found.sentence)
            surprise = self._check.surprise
            due = surprise is not None and surprise.cause != "memory" and self._tries > 0
            self.wants_rest = due and time.monotonic() >= self._next

    def renewed(self) -> Runtime | None:
        """Measure the machine again and plan anew, while no picture is being processed.

        Returns:
            The runtime to go on with; None to go on as before.
        """
        with self._lock:
            self.wants_rest = False
            self._tries -= 1
            self._next, self._pause = time.monotonic() + self._pause, 2 * self._pause
            machine = measured_again()
            if machine is None:
                return None
            self._tries, self._machine = 0, plausible(machine)
            old, new = self.plan, self._planned_for(machine)
            if new is None or (Way.of(new), new.tile_hw) == (Way.of(old), old.tile_hw):
                seconds = old.predicted_seconds if new is None else new.predicted_seconds
                self._say(
                    f"the machine is measured again: a picture should take {duration(seconds)}, and "
                    f"{Way.of(old).name} stays the best way"
                )
                return None
            self.plan = replace(new, during=old.during)
            self._say(
                f"the machine is measured again: {Way.of(new).name} should take {duration(new.predicted_seconds)} a "
                f"picture, so the job goes on with it instead of {Way.of(old).name}"
            )
            runtime = self._model.runtime(Way.of(new))
            return runtime if new.tile_hw is None else Tiled(runtime, new.tile_hw)

    def _planned_for(self, machine: Machine) -> Plan | None:
        """The plan for a machine, never in a lower precision than before; None if none keeps the limits."""
        try:
            new = plan(self._work, machine, self._limits)
            if new.precision not in ("fp32", self.plan.precision):
                new = plan(self._work, machine, replace(self._limits, precision=self.plan.precision))
        except ConfigError:
            return None
        return new

    def _seconds_of(self, size_hw: tuple[int, int]) -> float:
        """Planned seconds of a picture."""
        tile = self.plan.tile_hw
        cut = tile is not None and (size_hw[0] > tile[0] or size_hw[1] > tile[1])
        work = replace(self._work, size_hw=size_hw)
        return candidate(work, self._machine, Way.of(self.plan), tile if cut else None, self.plan.batch).seconds

    def _say(self, sentence: str) -> None:
        self.plan = replace(self.plan, during=(*self.plan.during, sentence))
        if self._report is not None:
            self._report(sentence)
