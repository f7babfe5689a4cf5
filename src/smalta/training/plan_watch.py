"""Watch over the plan while a run works: say once if steps take far longer, measure the machine again, plan anew.

In:  the plan; seconds of steps; moments between steps.
Out: notes; another plan to follow, if the machine is not what the first one assumed.

Must not know: how steps are made, how a plan is chosen.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace

from smalta.planning.machine import Machine, measured_again
from smalta.planning.plan import Plan
from smalta.planning.surprise import PlanCheck
from smalta.planning.words import duration
from smalta.system.load import Load, LoadMeter
from smalta.training.observer import Log

WARM_UP = 3  # first steps of a process, which build kernels
FIXED = 0.2  # share of a step that does not depend on the size of the crops, such as the optimiser's
MOST_TRIES = 20  # looks for a quiet moment
MOST_MEASURED = 2
Replan = Callable[[Machine], Plan]


def work_of_step(share: float) -> float:
    """Work of a step relative to one of full crops; `share` is the side of its crops divided by that of full ones."""
    return FIXED + (1 - FIXED) * share**2


class PlanWatch:
    """The watch of one run.

    Args:
        plan: that the run obeys.
        log: for notes.
        replan: the plan for another machine, on the same device and with the same batch; None to keep the plan.
        load: of the machine since its last call; None to measure it.

    Attributes:
        plan: with sentences about what happened, and after a change the plan that the run obeys now.
    """

    def __init__(
        self, plan: Plan, log: Log, replan: Replan | None = None, load: Callable[[], Load] | None = None
    ) -> None:
        self.plan = plan
        self._log, self._replan = log, replan
        self._check = PlanCheck(
            unit="step", threads=plan.threads, memory_bytes=plan.memory_bytes, load=load or LoadMeter().look
        )
        self._warm_up = WARM_UP
        self._tries, self._measured = MOST_TRIES, 0

    def add(self, seconds: float, share: float) -> None:
        """Compare a step with the plan.

        Args:
            seconds: that it took.
            share: side of its crops divided by that of full ones.
        """
        if self._warm_up > 0:
            self._warm_up -= 1
            return
        found = self._check.add(seconds, self.plan.predicted_seconds * work_of_step(share))
        if found is not None:
            self._say(found.sentence)

    def between_steps(self) -> Plan | None:
        """Measure again if that is due and the machine is quiet; returns another plan to follow, or None."""
        surprise = self._check.surprise
        if surprise is None or surprise.cause == "memory" or self._replan is None or self._tries == 0:
            return None
        self._tries -= 1
        machine = measured_again()
        if machine is None:
            return None
        self._measured += 1
        if self._measured == MOST_MEASURED:
            self._tries = 0
        old, new = self.plan, self._replan(machine)
        if (new.precision, new.layout) == (old.precision, old.layout):
            self._say(
                f"the machine is measured again: a step should take {duration(new.predicted_seconds)}, and "
                f"{_name(old)} stays the best way"
            )
            return None
        self.plan = replace(new, during=old.during)
        self._say(
            f"the machine is measured again: {_name(new)} should take {duration(new.predicted_seconds)} a step, so the "
            f"run goes on with it instead of {_name(old)}"
        )
        return self.plan

    def _say(self, sentence: str) -> None:
        self.plan = replace(self.plan, during=(*self.plan.during, sentence))
        self._log.note(sentence)


def _name(plan: Plan) -> str:
    return f"{plan.precision}, {plan.layout.replace('_', '-')}"
