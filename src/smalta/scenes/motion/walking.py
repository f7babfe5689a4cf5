"""People who walk by a script, wait, and keep out of each other's way.

In:  for each person a start, a speed and a list of places and waits.
Out: one `Motion` each, with the steps before the clip begins.

numpy only. Must not know: cameras, shops, roads.

Each person accelerates towards the next place of the script. People nearer than 0.9 m push each other apart and a
little to their right, so that two who meet pass each other (a social force model: Helbing and Molnar, Physical Review E
51, 1995).
"""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np

from smalta.scenes.motion.paths import STEP_S, WARM_S, Motion, n_steps

ROOM = 0.9  # metres; people who are nearer push each other
BODY = 0.48  # metres; no two people are nearer
REACTION_S = 0.3  # how fast a speed becomes what is wanted
TURN = 5.0  # radians a second at most


@dataclass(frozen=True, slots=True)
class Go:
    """Walk to a place, metres; it is reached at `near` metres."""

    x: float
    z: float
    near: float = 0.3


@dataclass(frozen=True, slots=True)
class Wait:
    """Stand for some seconds."""

    seconds: float


@dataclass(frozen=True, slots=True, kw_only=True)
class Walker:
    """One person's plan.

    Attributes:
        start_xz: metres.
        begin_s: seconds when the person appears; may be up to `WARM_S` before the clip begins.
        speed: metres a second.
        script: what the person does, one after the other.
        stays: whether the person stands at the end of the script, instead of being gone.
    """

    start_xz: tuple[float, float]
    begin_s: float
    speed: float
    script: tuple[Go | Wait, ...]
    stays: bool = False


class _Mind:
    """How far one person has come in the script."""

    def __init__(self, walker: Walker) -> None:
        self.walker = walker
        self.next = 0
        self.waited = 0.0

    def wish(self, x: float, z: float) -> tuple[float, float] | None:
        """The velocity that is wanted at a place, metres a second; None if the person is gone."""
        script = self.walker.script
        while self.next < len(script):
            step = script[self.next]
            if isinstance(step, Wait):
                self.waited += STEP_S
                if self.waited < step.seconds:
                    return 0.0, 0.0
            else:
                dx, dz = step.x - x, step.z - z
                away = math.hypot(dx, dz)
                if away > step.near:
                    last = self.next + 1 == len(script) or isinstance(script[self.next + 1], Wait)
                    speed = min(self.walker.speed, 0.25 + 1.6 * away) if last else self.walker.speed
                    return dx / away * speed, dz / away * speed
            self.next, self.waited = self.next + 1, 0.0
        return (0.0, 0.0) if self.walker.stays else None


def walk(
    walkers: Sequence[Walker], *, seconds: float, keep: Callable[[np.ndarray], np.ndarray] = lambda places: places
) -> list[Motion]:
    """Let all walk at the same time.

    Args:
        walkers: N plans.
        seconds: length of the clip.
        keep: moves places (N, 2) out of walls.

    Returns:
        N motions that begin `WARM_S` before the clip.
    """
    steps, n = n_steps(seconds), len(walkers)
    places, yaws = np.zeros((steps, n, 2)), np.zeros((steps, n))
    here = np.zeros((steps, n), dtype=bool)
    minds = [_Mind(walker) for walker in walkers]
    place = np.array([walker.start_xz for walker in walkers], dtype=float).reshape(n, 2)
    velocity, yaw = np.zeros((n, 2)), np.array([_first_yaw(walker) for walker in walkers])
    most = np.array([1.25 * walker.speed for walker in walkers])
    gone = np.zeros(n, dtype=bool)
    for k in range(steps):
        now = k * STEP_S - WARM_S
        wish = np.zeros((n, 2))
        for i, mind in enumerate(minds):
            if not gone[i] and now >= mind.walker.begin_s:
                here[k, i] = True
                wanted = mind.wish(*place[i])
                gone[i] = wanted is None
                wish[i] = wanted or (0.0, 0.0)
        active = here[k] & ~gone
        velocity += ((wish - velocity) / REACTION_S + _push(place, velocity, active)) * STEP_S
        fast = np.hypot(velocity[:, 0], velocity[:, 1])
        velocity *= np.where(fast > most, most / np.maximum(fast, 1e-9), 1.0)[:, None]
        velocity[~active] = 0.0
        place = keep(_apart(place + velocity * STEP_S, active))
        yaw = _turned(yaw, velocity, active)
        places[k], yaws[k] = place, yaw
    return [_motion(places[:, i], yaws[:, i], here[:, i]) for i in range(n)]


def _first_yaw(walker: Walker) -> float:
    for step in walker.script:
        if isinstance(step, Go):
            return math.atan2(step.x - walker.start_xz[0], step.z - walker.start_xz[1])
    return 0.0


def _push(place: np.ndarray, velocity: np.ndarray, active: np.ndarray) -> np.ndarray:
    """(N, 2) metres a second squared by which people push each other apart."""
    apart = place[:, None] - place[None]  # [a, b]: from b to a
    away = np.hypot(apart[..., 0], apart[..., 1])
    close = (away < ROOM) & active[:, None] & active[None]
    np.fill_diagonal(close, False)
    if not close.any():
        return np.zeros_like(place)
    along = apart / np.maximum(away, 1e-6)[..., None]
    strength = np.where(close, (ROOM - away) / ROOM * 3.2, 0.0)[..., None]
    to_right = np.stack([-along[..., 1], along[..., 0]], axis=-1)  # of someone who looks from a to b
    meets = ((velocity[None] - velocity[:, None]) * along).sum(axis=-1, keepdims=True) > 0.3
    return np.asarray((strength * (along + 0.7 * meets * to_right)).sum(axis=1))


def _apart(place: np.ndarray, active: np.ndarray) -> np.ndarray:
    """Places (N, 2) where no two bodies overlap, as far as one correction can."""
    apart = place[:, None] - place[None]
    away = np.hypot(apart[..., 0], apart[..., 1])
    close = (away < BODY) & active[:, None] & active[None]
    np.fill_diagonal(close, False)
    if not close.any():
        return place
    along = apart / np.maximum(away, 1e-6)[..., None]
    return np.asarray(place + (np.where(close, 0.5 * (BODY - away), 0.0)[..., None] * along).sum(axis=1))


def _turned(yaw: np.ndarray, velocity: np.ndarray, active: np.ndarray) -> np.ndarray:
    """Directions (N,) after a step; whoever walks turns to where the way leads."""
    goal = np.arctan2(velocity[:, 0], velocity[:, 1])
    turn = np.mod(goal - yaw + np.pi, 2 * np.pi) - np.pi
    walks = active & (np.hypot(velocity[:, 0], velocity[:, 1]) > 0.25)
    return yaw + np.where(walks, np.clip(0.25 * turn, -TURN * STEP_S, TURN * STEP_S), 0.0)


def _motion(places: np.ndarray, yaw: np.ndarray, here: np.ndarray) -> Motion:
    moved = np.hypot(*np.diff(places, axis=0, prepend=places[:1]).T)
    smooth = np.convolve(moved / STEP_S, np.ones(7) / 7, mode="same")
    return Motion(place_xz=places, yaw=yaw, stride=np.cumsum(moved), speed=smooth, here=here)
