"""People reach their places, wait, keep apart, and walk with legs that fit their speed."""

from __future__ import annotations

import numpy as np
import pytest

from smalta.scenes.motion.bodies import LEG, N_BALLS, balls, draw_body
from smalta.scenes.motion.paths import STEP_S, WARM, WARM_S
from smalta.scenes.motion.walking import BODY, Go, Wait, Walker, walk


def test_somebody_walks_to_a_place_waits_and_is_gone() -> None:
    plan = Walker(start_xz=(0.0, 0.0), begin_s=0.0, speed=1.0, script=(Go(0.0, 3.0), Wait(1.0), Go(0.0, 0.0)))

    motion = walk([plan], seconds=20.0)[0].cut()

    lived = motion.times[motion.here]
    assert lived[0] == pytest.approx(0.0, abs=STEP_S)
    assert 6.5 < lived[-1] < 11.0
    assert motion.place_xz[:, 1].max() == pytest.approx(3.0, abs=0.4)
    assert (motion.speed[motion.here] < 1.3).all()


def test_somebody_who_stays_stands_at_the_end() -> None:
    plan = Walker(start_xz=(0.0, 0.0), begin_s=-WARM_S, speed=1.5, script=(Go(2.0, 0.0),), stays=True)

    motion = walk([plan], seconds=2.0)[0].cut()

    assert motion.here.all()
    assert np.ptp(motion.place_xz, axis=0) == pytest.approx([0.0, 0.0], abs=0.05)


def test_two_who_meet_pass_each_other() -> None:
    there = Walker(start_xz=(0.0, 0.0), begin_s=-WARM_S, speed=1.2, script=(Go(0.0, 8.0),))
    back = Walker(start_xz=(0.0, 8.0), begin_s=-WARM_S, speed=1.2, script=(Go(0.0, 0.0),))

    one, other = walk([there, back], seconds=4.0)

    both = one.here & other.here
    away = np.hypot(*(one.place_xz - other.place_xz)[both].T)
    assert away.min() > BODY - 0.08
    assert one.place_xz[one.here][-1, 1] > 7.0
    assert other.place_xz[other.here][-1, 1] < 1.0


def test_walls_keep_people_in() -> None:
    plan = Walker(start_xz=(0.0, 0.0), begin_s=-WARM_S, speed=1.5, script=(Go(5.0, 0.0),))

    motion = walk([plan], seconds=1.0, keep=lambda places: np.minimum(places, (2.0, 9.0)))[0]

    assert motion.place_xz[:, 0].max() == 2.0


def test_a_pose_lies_between_two_steps() -> None:
    plan = Walker(start_xz=(0.0, 0.0), begin_s=-WARM_S, speed=1.0, script=(Go(0.0, 30.0),))
    motion = walk([plan], seconds=1.0)[0].cut()

    pose = motion.at(0.5 * STEP_S)

    assert pose is not None
    assert pose.z == pytest.approx(motion.place_xz[:2, 1].mean())
    assert len(motion.here) == len(walk([plan], seconds=1.0)[0].here) - WARM


def test_feet_stay_on_the_ground_and_swing_with_the_way() -> None:
    body = draw_body(np.random.default_rng(0))
    size = body.height / 1.75

    places = np.stack([balls(body, stride, 1.2) for stride in np.linspace(0, 1.5 * size, 13)])
    still = balls(body, 0.3, 0.0)

    assert places.shape == (13, N_BALLS, 4)
    lowest = places[:, [LEG + 2, LEG + 7], 1].min(axis=1)
    assert lowest == pytest.approx(np.full(13, 0.045 * size))
    assert np.ptp(places[:, LEG + 2, 2]) > 0.5 * size  # an ankle swings
    np.testing.assert_allclose(places[0], places[-1], atol=1e-9)  # two steps later
    assert still[LEG + 2, 2] == pytest.approx(still[LEG + 7, 2])


def test_people_differ() -> None:
    bodies = [draw_body(np.random.default_rng(seed)) for seed in range(40)]

    assert len({len(body.parts) for body in bodies}) > 1
    assert min(body.height for body in bodies) < 1.45 < 1.7 < max(body.height for body in bodies)
