"""Place and speed of one object along one axis, and how sure both are.

In:  measured places, motion by flow, seconds.
Out: predicted places with variances.

Pure Python. Must not know: masks, classes, which axis it is.

It is a Kalman filter. Its speed is an Ornstein-Uhlenbeck process: without measurements the speed decays to zero within
`persistence_s`, and its deviation grows to `speed`. So the prediction depends on seconds, not on the number of frames:
one step of a second gives what 25 steps of 40 ms give. Formulas: Gillespie 1996, "Exact numerical simulation of the
Ornstein-Uhlenbeck process and its integral".
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

ALIKE = 4.0  # errors of motion in neighbouring frames are alike, so places drift faster than by noise


@dataclass(frozen=True, slots=True, kw_only=True)
class Habit:
    """How objects move along an axis when nothing is measured.

    Attributes:
        speed: standard deviation, pixels a second.
        persistence_s: seconds within which a speed decays to 1/e.
    """

    speed: float
    persistence_s: float


@dataclass(slots=True)
class Axis:
    """Place in pixels, speed in pixels a second, and their variances and covariance."""

    place: float
    place_variance: float
    speed: float
    speed_variance: float
    covariance: float = 0.0

    def predict(self, seconds: float, habit: Habit) -> None:
        """Go on by the speed."""
        tau, variance = habit.persistence_s, habit.speed**2
        keep = math.exp(-seconds / tau)
        reach = tau * (1 - keep)  # what a speed of 1 adds to the place
        drift = 2 * seconds / tau - 3 + 4 * keep - keep**2
        self.place += reach * self.speed
        self.place_variance += 2 * reach * self.covariance + reach**2 * self.speed_variance
        self.place_variance += variance * tau**2 * max(drift, 0.0)
        self.covariance = keep * (self.covariance + reach * self.speed_variance) + variance * tau * (1 - keep) ** 2
        self.speed *= keep
        self.speed_variance = keep**2 * self.speed_variance + variance * (1 - keep**2)

    def follow(self, motion: float, seconds: float, deviation: float, habit: Habit) -> None:
        """Go on by a measured motion.

        Args:
            motion: pixels since the last step.
            seconds: since the last step, above 0.
            deviation: standard deviation of the motion, pixels.
            habit: how objects move otherwise.
        """
        keep = math.exp(-seconds / habit.persistence_s)
        self.place += motion
        self.place_variance += (ALIKE * deviation) ** 2
        variance = keep**2 * self.speed_variance + habit.speed**2 * (1 - keep**2)
        gain = variance / (variance + (deviation / seconds) ** 2)
        self.speed += gain * (motion / seconds - self.speed)
        self.speed_variance = (1 - gain) * variance
        self.covariance *= keep * (1 - gain)

    def measure(self, place: float, deviation: float) -> None:
        """Correct by a measured place, pixels, with its standard deviation."""
        total = self.place_variance + deviation**2
        place_gain, speed_gain = self.place_variance / total, self.covariance / total
        missing = place - self.place
        self.place += place_gain * missing
        self.speed += speed_gain * missing
        self.speed_variance -= speed_gain * self.covariance
        self.covariance *= 1 - place_gain
        self.place_variance *= 1 - place_gain

    def state(self) -> list[float]:
        """Plain data, from which `restored` makes an equal axis."""
        return [self.place, self.place_variance, self.speed, self.speed_variance, self.covariance]

    @classmethod
    def restored(cls, state: Sequence[float]) -> Axis:
        """The axis whose `state` this was."""
        return cls(*state)
