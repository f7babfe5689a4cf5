"""Vehicles follow their routes, stop where they should, and touch nobody."""

from __future__ import annotations

import numpy as np
import pytest

from smalta.scenes.motion.driving import Crowd, Leg, Route, arc, drive, parked, touches
from smalta.scenes.motion.paths import WARM_S, Motion
from smalta.scenes.motion.walking import Go, Wait, Walker, walk

STRAIGHT = Route.of([Leg(np.array([(0.0, 0.0), (0.0, 60.0)]), 6.0)])


def drive_on(route: Route, *crowds: Crowd, seconds: float = 12.0, stays: bool = False) -> Motion:
    return drive(route, begin_s=-WARM_S, seconds=seconds, half_width=0.9, length=4.0, crowds=list(crowds), stays=stays)


def test_a_vehicle_keeps_the_limit_and_leaves_at_the_end() -> None:
    motion = drive_on(STRAIGHT)

    assert motion.speed.max() <= 6.0 + 1e-9
    assert motion.here.sum() == pytest.approx(60 / 6.0 / 0.04, abs=5)
    assert motion.yaw == pytest.approx(0.0)


def test_a_route_turns_and_reverses() -> None:
    route = Route.of([
        Leg(np.array([(-5.0, 0.0), (0.0, 0.0)]), 3.0),
        Leg(arc((0.0, 3.0), 3.0, -np.pi / 2, 0.0), 2.0, wait_s=0.5),
        Leg(np.array([(3.0, 3.0), (3.0, -4.0)]), 2.0, backwards=True),
    ])  # fmt: skip

    assert route.yaw[0] == pytest.approx(np.pi / 2)  # along x
    assert route.yaw[-1] == pytest.approx(0.0, abs=0.05)  # it faces ahead while it drives back
    assert np.abs(np.diff(route.yaw)).max() < 0.3
    assert len(route.stops) == 1
    motion = drive_on(route)
    assert motion.place_xz[motion.here][-1] == pytest.approx([3.0, -4.0], abs=0.3)
    assert (motion.speed[motion.here] < 0.05).sum() * 0.04 == pytest.approx(0.5, abs=0.3)


def test_a_vehicle_that_stays_stands_in_its_place() -> None:
    motion = drive_on(Route.of([Leg(np.array([(0.0, 0.0), (0.0, 10.0)]), 3.0)]), stays=True)

    assert motion.here.all()
    assert motion.place_xz[-1] == pytest.approx([0.0, 10.0], abs=0.15)


def test_a_vehicle_waits_for_somebody_who_crosses_and_goes_on() -> None:
    script = (Wait(2.0), Go(0.0, 30.0), Wait(3.0), Go(6.0, 30.0))
    people = walk([Walker(start_xz=(-6.0, 30.0), begin_s=-WARM_S, speed=1.3, script=script)], seconds=12.0)
    crowd = Crowd.of_people(people)

    motion = drive_on(STRAIGHT, crowd)

    assert not touches(motion, 4.0, crowd, 1.0)
    assert motion.speed[motion.here].min() < 0.2
    assert motion.place_xz[motion.here][-1, 1] == pytest.approx(60.0, abs=1.0)


def test_a_vehicle_follows_a_slower_one() -> None:
    slow = drive_on(Route.of([Leg(np.array([(0.0, 8.0), (0.0, 60.0)]), 2.0)]), seconds=20.0)
    crowd = Crowd.of_vehicle(slow, 4.0)

    motion = drive_on(STRAIGHT, crowd, seconds=20.0)

    assert not touches(motion, 4.0, crowd, 1.7)


def test_a_parked_vehicle_is_touched_by_who_drives_into_it() -> None:
    crowd = Crowd.of_vehicle(parked(0.0, 20.0, 0.0, 12.0), 4.0)

    assert touches(drive_on(Route.of([Leg(np.array([(0.0, -60.0), (0.0, 20.0)]), 6.0)])), 4.0, crowd, 1.7)
