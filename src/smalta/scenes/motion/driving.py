"""Vehicles that follow a route, stop where it says, and brake for whoever is in their way.

In:  routes, and the motions of all who came before.
Out: one `Motion` each, with the steps before the clip begins.

numpy only. Must not know: cameras, lanes, car parks.

A driver knows where everybody will be in the next seconds. So a vehicle never touches a person who steps into its way
in time, and people need not look out for vehicles.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from smalta.scenes.motion.paths import STEP_S, WARM, WARM_S, Motion, n_steps

SPACING = 0.25  # metres between the points of a route
BRAKE, BRAKE_MOST, GAIN = 3.5, 7.0, 1.8  # metres a second squared: usual, in need, accelerating
GAP = 1.2  # metres that stay free before whoever is in the way
LOOK = 8  # steps between two moments at which a driver looks ahead


@dataclass(frozen=True, slots=True)
class Leg:
    """A part of a route.

    Attributes:
        points_xz: (k, 2) metres, the corners of a line.
        limit: metres a second.
        backwards: whether the vehicle reverses.
        wait_s: seconds for which it stands at the end; 0 = it does not stop.
    """

    points_xz: np.ndarray
    limit: float
    backwards: bool = False
    wait_s: float = 0.0


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Route:
    """Points at every `SPACING` metres.

    Attributes:
        points_xz: (K, 2) metres.
        yaw: (K,) radians, where the vehicle faces.
        limit: (K,) metres a second.
        stops: metres from the start, and seconds.
    """

    points_xz: np.ndarray
    yaw: np.ndarray
    limit: np.ndarray
    stops: tuple[tuple[float, float], ...]

    @classmethod
    def of(cls, legs: Sequence[Leg]) -> Route:
        """The legs one after the other; each begins where the one before ends."""
        points, yaws, limits, stops, so_far = [], [], [], [], 0
        for leg in legs:
            steps = np.hypot(*np.diff(leg.points_xz, axis=0).T)
            along = np.concatenate([[0.0], np.cumsum(steps)])
            places = np.linspace(0.0, along[-1], max(2, round(along[-1] / SPACING) + 1))
            line = np.stack([np.interp(places, along, leg.points_xz[:, axis]) for axis in (0, 1)], axis=1)
            ahead = np.gradient(line, axis=0) * (-1 if leg.backwards else 1)
            points.append(line[:-1])
            yaws.append(np.arctan2(ahead[:-1, 0], ahead[:-1, 1]))
            limits.append(np.full(len(line) - 1, leg.limit))
            so_far += len(line) - 1
            if leg.wait_s > 0:
                stops.append((so_far * SPACING, leg.wait_s))
        points.append(line[-1:])
        yaws.append(yaws[-1][-1:])
        limits.append(limits[-1][-1:])
        return cls(
            points_xz=np.concatenate(points),
            yaw=np.unwrap(np.concatenate(yaws)),
            limit=np.concatenate(limits),
            stops=tuple(stops),
        )

    @property
    def length(self) -> float:
        """Metres."""
        return (len(self.yaw) - 1) * SPACING


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Crowd:
    """Those for whom a driver brakes.

    Attributes:
        points_xz: (T, m, 2) metres at each step, NaN for whoever is not there.
        radius: metres around each point.
        seconds: how far ahead the driver knows where they will be.
    """

    points_xz: np.ndarray
    radius: float
    seconds: float

    @classmethod
    def of_people(cls, motions: Sequence[Motion], *, seconds: float = 2.6) -> Crowd:
        """People, by their motions with the steps before the clip begins."""
        points = [np.where(motion.here[:, None], motion.place_xz, np.nan) for motion in motions]
        return cls(points_xz=np.stack(points, axis=1), radius=0.35, seconds=seconds)

    @classmethod
    def of_vehicle(cls, motion: Motion, length: float, *, seconds: float = 3.0) -> Crowd:
        """One vehicle of a length in metres, as three circles."""
        ahead = np.stack([np.sin(motion.yaw), np.cos(motion.yaw)], axis=1)
        points = motion.place_xz[:, None] + np.array([-0.36, 0.0, 0.36])[:, None] * length * ahead[:, None]
        return cls(points_xz=np.where(motion.here[:, None, None], points, np.nan), radius=0.95, seconds=seconds)

    def soon(self, step: int) -> np.ndarray:
        """(k, 2) metres: where they are now and in the next seconds."""
        points = self.points_xz[step : step + round(self.seconds / STEP_S) + 1 : LOOK].reshape(-1, 2)
        return points[~np.isnan(points[:, 0])]


def drive(
    route: Route,
    *,
    begin_s: float,
    seconds: float,
    half_width: float,
    length: float,
    crowds: Sequence[Crowd] = (),
    stays: bool = False,
) -> Motion:
    """Drive along a route.

    Args:
        route: the way of the vehicle's middle.
        begin_s: when the vehicle appears at the start of its route, seconds.
        seconds: length of the clip.
        half_width: of the vehicle, metres.
        length: of the vehicle, metres.
        crowds: for whom it brakes.
        stays: whether it stands at the end of its route, instead of being gone.

    Returns:
        A motion that begins `WARM_S` before the clip.
    """
    steps = n_steps(seconds)
    way, speeds, here = np.zeros(steps), np.zeros(steps), np.zeros(steps, dtype=bool)
    stops = [*route.stops, *([(route.length, math.inf)] if stays else [])]
    at, speed, waited = 0.0, float(route.limit[0]), 0.0
    for k in range(steps):
        if k * STEP_S - WARM_S < begin_s or (at >= route.length and not stays):
            continue
        here[k], way[k], speeds[k] = True, at, speed
        target = float(route.limit[min(int(at / SPACING), len(route.limit) - 1)])
        if stops:
            target = min(target, math.sqrt(2 * 1.6 * max(stops[0][0] - at, 0.0)) + 0.12)
            if at >= stops[0][0] - 0.06:
                target, waited = 0.0, waited + STEP_S
                if waited >= stops[0][1]:
                    stops, waited = stops[1:], 0.0
        free = _free(route, at, speed, half_width, length, crowds, k)
        if free > speed**2 / (2 * BRAKE_MOST) or speed < 0.5:  # else it is too late, and it passes before
            target = min(target, math.sqrt(2 * BRAKE * max(free - GAP, 0.0)))
        speed += min(max(target - speed, -BRAKE_MOST * STEP_S), GAIN * STEP_S)
        at = min(at + max(speed, 0.0) * STEP_S, route.length)
    return _motion(route, way, speeds, here)


def _free(
    route: Route, at: float, speed: float, half_width: float, length: float, crowds: Sequence[Crowd], step: int
) -> float:
    """Metres before the vehicle in which nobody is or will be; infinite if nobody is near."""
    first = int((at + length / 2) / SPACING)
    last = int((at + length / 2 + speed**2 / (2 * BRAKE) + GAP + 3.0) / SPACING)
    ahead = route.points_xz[first : last + 1 : 2]
    nearest = math.inf
    for crowd in crowds:
        people = crowd.soon(step)
        if len(people) and len(ahead):
            away = np.hypot(*(ahead[:, None] - people[None]).transpose(2, 0, 1)).min(axis=1)
            hit = np.flatnonzero(away < half_width + crowd.radius + 0.15)
            if len(hit):
                nearest = min(nearest, float(hit[0]) * 2 * SPACING)
    return nearest


def _motion(route: Route, way: np.ndarray, speeds: np.ndarray, here: np.ndarray) -> Motion:
    along = np.arange(len(route.yaw)) * SPACING
    place = np.stack([np.interp(way, along, route.points_xz[:, axis]) for axis in (0, 1)], axis=1)
    return Motion(place_xz=place, yaw=np.interp(way, along, route.yaw), stride=way, speed=speeds, here=here)


def parked(x: float, z: float, yaw: float, seconds: float) -> Motion:
    """The motion of a vehicle that does not move."""
    steps = n_steps(seconds)
    zero = np.zeros(steps)
    return Motion(
        place_xz=np.tile((x, z), (steps, 1)),
        yaw=np.full(steps, yaw),
        stride=zero,
        speed=zero,
        here=np.ones(steps, dtype=bool),
    )


def arc(centre_xz: tuple[float, float], radius: float, start: float, end: float) -> np.ndarray:
    """(k, 2) points of an arc; angles in radians from the x axis towards the z axis."""
    turn = np.linspace(start, end, 14)
    return np.stack([centre_xz[0] + radius * np.cos(turn), centre_xz[1] + radius * np.sin(turn)], axis=1)


def touches(one: Motion, one_length: float, other: Crowd, least: float) -> bool:
    """Whether a vehicle comes nearer than `least` metres to anybody, from the beginning of the clip."""
    circles = Crowd.of_vehicle(one, one_length).points_xz[WARM:]
    others = other.points_xz[WARM:]
    away = np.hypot(*(circles[:, :, None] - others[:, None]).transpose(3, 0, 1, 2))
    return bool((away < least).any())  # NaN is never nearer
