"""The progress of a run, in minutes or in steps, and the learning rate and crop size at each point.

In:  a budget; the clock, or the step number.
Out: progress from 0 to 1; factors of the learning rate and of the size of crops.

A run in minutes cannot know its number of steps, so everything that changes over a run is a function of progress.

Must not know: networks, data.
"""

from __future__ import annotations

import math
import time
from dataclasses import dataclass, field

from smalta.errors import ConfigError

GROWN = 0.6  # share of the run after which the crops have their full size
SIZES = 3  # number of smaller crop sizes before that; kernels are built again for each, which takes seconds
WARM_UP = 0.04  # share of the run in which the learning rate rises
VALIDATIONS = 8  # approximate number of validations in a run
# a run in minutes makes at least so many steps, however slow the machine: fewer do not reach full crops and leave the
# answers at those of the start
LEAST_STEPS = 20
LATE = 1.05  # a run that takes longer than this times its minutes has overrun them


@dataclass(frozen=True, slots=True, kw_only=True)
class Spent:
    """The used time of a run when its state was saved, in seconds.

    Attributes:
        elapsed: since its start.
        training_started: from its start to its first step.
        reserve: for the work at its end.
    """

    elapsed: float
    training_started: float
    reserve: float


@dataclass(slots=True, kw_only=True)
class Budget:
    """The budget of a run, and its used part; with minutes and steps, the run ends at whichever comes first.

    Attributes:
        minutes: of wall time from the start of the program to its end, validation included; or None. A run makes
            `LEAST_STEPS` steps even if they take longer.
        steps: number of steps; or None.
        started: `time.monotonic()` at the start; a resumed run subtracts the time that it used before.
        reserve: seconds at the end for the last validation and for writing files.
    """

    minutes: float | None = None
    steps: int | None = None
    started: float = field(default_factory=time.monotonic)
    reserve: float = 0.0
    _training_started: float | None = None

    def __post_init__(self) -> None:
        if self.minutes is None and self.steps is None:
            raise ConfigError("a run needs minutes or steps; give --minutes M, --steps N, or both")
        if self.minutes is not None and not 0 < self.minutes < math.inf:
            raise ConfigError(f"minutes must be above 0 and finite, got {self.minutes}")
        if self.steps is not None and self.steps < 1:
            raise ConfigError(f"steps must be at least 1, got {self.steps}")

    @property
    def elapsed(self) -> float:
        """Seconds used so far."""
        return time.monotonic() - self.started

    @property
    def _seconds(self) -> float:
        return 60 * (self.minutes or 0.0)

    def start_training(self) -> None:
        """Set progress 0 here: reading and measuring before the first step do not count as training."""
        if self._training_started is None:
            self._training_started = self.elapsed

    @property
    def training_started(self) -> float:
        """Seconds from the start of the run to its first step."""
        return self._training_started or 0.0

    @property
    def spent(self) -> Spent:
        """The used time so far."""
        return Spent(elapsed=self.elapsed, training_started=self.training_started, reserve=self.reserve)

    def resume(self, spent: Spent) -> None:
        """Continue a stopped run: its used time is added to the time that this program has used."""
        self.started -= spent.elapsed
        self._training_started, self.reserve = spent.training_started, spent.reserve

    def progress(self, step: int) -> float:
        """Used share of the budget before step `step`, in [0, 1]."""
        by_steps = min(step / self.steps, 1.0) if self.steps is not None else 0.0
        if self.minutes is None:
            return by_steps
        available = self._seconds - self.reserve - self.training_started
        by_clock = min(max((self.elapsed - self.training_started) / max(available, 1e-6), 0.0), 1.0)
        # on a slow machine the schedule spreads over the least number of steps, although the time is used up
        return max(by_steps, min(by_clock, step / LEAST_STEPS))

    def finished(self, step: int, seconds_per_step: float) -> bool:
        """Whether no further step fits; the first `LEAST_STEPS` always do."""
        if self.steps is not None and step >= self.steps:
            return True
        if self.minutes is None or step < LEAST_STEPS:
            return False
        return self.elapsed + seconds_per_step / 2 > self._seconds - self.reserve

    def seconds_left(self, step: int, seconds_per_step: float) -> float:
        """Expected seconds to the end of the run, with the work at its end."""

        def until(last: int) -> float:
            return max(last - step, 0) * seconds_per_step + self.reserve

        by_clock = math.inf
        if self.minutes is not None:
            by_clock = max(self._seconds - self.elapsed, until(LEAST_STEPS))
        return by_clock if self.steps is None else min(until(self.steps), by_clock)

    @property
    def overrun(self) -> float:
        """Seconds beyond the minutes; 0 if the run is in time, or less than 5 % late."""
        return self.elapsed - self._seconds if self.minutes and self.elapsed > LATE * self._seconds else 0.0


def learning_rate_factor(progress: float) -> float:
    """Linear warm-up, then polynomial decay with power 0.9 (Chen et al. 2017, DeepLab)."""
    if progress < WARM_UP:
        return max(progress / WARM_UP, 0.02)
    return max((1 - progress) / (1 - WARM_UP), 0.0) ** 0.9


def crop_share(progress: float, first: float) -> float:
    """Side of the training crops, divided by their full side: `SIZES` even steps up, then 1.

    Small crops of the same pictures come first, as in progressive learning (Tan and Le 2021, EfficientNetV2). They show
    the position and the appearance of classes too, and a step takes a fraction of the time.

    Args:
        progress: in [0, 1].
        first: the share at the start of a run, in (0, 1].
    """
    steps = min(int(SIZES * progress / GROWN + 1e-9), SIZES)
    return first + (1 - first) * steps / SIZES if steps < SIZES else 1.0


def mean_work_left(progress: float, first: float, parts: int = 32) -> float:
    """Mean work of the remaining steps, relative to a step now; the work of a step grows with the area of its crops."""
    ahead = [crop_share(progress + (1 - progress) * (k + 0.5) / parts, first) ** 2 for k in range(parts)]
    return sum(ahead) / parts / crop_share(progress, first) ** 2


def ema_decay(step: int, gamma: float = 16.0) -> float:
    """Decay of the average of weights after a step. Its width grows with the run, so it fits runs of any length.

    This is the power-function average of Karras et al. 2024 (arXiv 2312.02696, equation 1). With gamma 16 its width is
    about 5 % of the run so far.
    """
    return (1 - 1 / (step + 1)) ** (gamma + 1)
