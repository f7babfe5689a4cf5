"""Where people and vehicles are at every moment of a clip.

In:  places at equal steps of time.
Out: `Motion`, and the `Pose` at any moment.

numpy only. Must not know: cameras, how anything looks, why anybody moves.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np

STEP_S = 0.04  # seconds between two steps of a simulation, whatever the frame rate
WARM_S = 8.0  # seconds that are simulated before a clip begins
WARM = round(WARM_S / STEP_S)  # the same in steps


def n_steps(seconds: float) -> int:
    """Steps of a simulation for a clip of this length, with those before it begins."""
    return WARM + math.ceil(seconds / STEP_S) + 2


@dataclass(frozen=True, slots=True)
class Pose:
    """One moment of a motion.

    Attributes:
        x: metres to the right.
        z: metres ahead.
        yaw: radians to the right of ahead, where it faces.
        stride: metres walked so far.
        speed: metres a second.
    """

    x: float
    z: float
    yaw: float
    stride: float
    speed: float


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Motion:
    """Where one person or vehicle is at steps of `STEP_S` seconds; the first step is at time 0.

    Attributes:
        place_xz: (T, 2) metres.
        yaw: (T,) radians without jumps.
        stride: (T,) metres walked or driven so far.
        speed: (T,) metres a second.
        here: (T,) bool, whether it exists; it may still be out of the picture.
    """

    place_xz: np.ndarray
    yaw: np.ndarray
    stride: np.ndarray
    speed: np.ndarray
    here: np.ndarray

    def cut(self) -> Motion:
        """Without the steps before the clip begins."""
        return Motion(
            place_xz=self.place_xz[WARM:],
            yaw=self.yaw[WARM:],
            stride=self.stride[WARM:],
            speed=self.speed[WARM:],
            here=self.here[WARM:],
        )

    @property
    def times(self) -> np.ndarray:
        """(T,) seconds of the steps."""
        return np.arange(len(self.here)) * STEP_S

    def at(self, time_s: float) -> Pose | None:
        """The pose at a moment, between two steps if need be; None if it does not exist then."""
        step = min(int(time_s / STEP_S + 1e-9), len(self.here) - 2)
        if not (self.here[step] and self.here[step + 1]):
            return None
        part = min(max(time_s / STEP_S - step, 0.0), 1.0)
        (x0, z0), (x1, z1) = self.place_xz[step], self.place_xz[step + 1]

        def between(values: np.ndarray) -> float:
            return float(values[step] + part * (values[step + 1] - values[step]))

        return Pose(
            float(x0 + part * (x1 - x0)),
            float(z0 + part * (z1 - z0)),
            between(self.yaw),
            between(self.stride),
            between(self.speed),
        )
