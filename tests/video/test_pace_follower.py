"""The pace of a live source while the machine falls behind, and afterwards."""

from __future__ import annotations

import math

from smalta.video.pace_follower import CALM_LOOKS, LOOK_S, SLOWEST_S, PaceFollower
from smalta.video.pacing import Pace, VideoFacts, pace


def planned() -> Pace:
    facts = VideoFacts(size_hw=(360, 640), fps=25, live=True)
    return pace(facts, stride=4, network_s=lambda size_hw: 0.05, cores=2)


def told(
    follower: PaceFollower, looks: int, *, start_s: float = 0.0, behind_s: float = 0.05, dropped: int = 0, key_s: float
) -> list[str]:
    """What is said while frames come in for some looks, each of which covers 5 s."""
    found, step_s = [], 0.04 * (1 + dropped)
    for k in range(math.ceil(LOOK_S * looks / step_s) + 3):
        said = follower.add(start_s + step_s * k, behind_s=behind_s, dropped=dropped, key_s=key_s)
        found += [] if said is None else [said]
    return found


def test_a_machine_that_keeps_up_hears_nothing() -> None:
    follower = PaceFollower(planned())

    assert told(follower, 30, dropped=1, key_s=0.06) == []  # every second frame: the network alone costs that
    assert follower.pace == planned()


def test_dropped_frames_make_key_frames_fewer_and_that_is_said_with_numbers() -> None:
    follower = PaceFollower(planned())

    said = told(follower, 1, dropped=3, key_s=0.4)

    assert follower.pace.key_every_s == 0.8  # 0.4 s of the network in half of the time
    assert said == [
        "75 % of the frames were dropped and the others waited 50 ms, a key frame takes 400 ms; "
        "the network now sees one frame in 800 ms instead of one in 200 ms"
    ]


def test_frames_that_wait_make_key_frames_fewer_by_half_at_least() -> None:
    follower = PaceFollower(planned())

    assert len(told(follower, 1, behind_s=1.5, key_s=0.05)) == 1
    assert follower.pace.key_every == 8  # 1.5 times 5, in whole frames


def test_key_frames_never_become_rarer_than_one_in_five_seconds_and_nothing_more_is_said() -> None:
    follower = PaceFollower(planned())

    said = told(follower, 20, behind_s=3, key_s=0.05)

    assert follower.pace.key_every_s == SLOWEST_S
    assert 3 < len(said) < 12


def test_after_a_calm_minute_the_planned_pace_comes_back_step_by_step() -> None:
    follower = PaceFollower(planned())
    told(follower, 2, behind_s=1.5, key_s=0.05)
    assert follower.pace.key_every == 12

    said = told(follower, CALM_LOOKS + 1, start_s=20, key_s=0.05)
    assert [one.split(":")[0] for one in said] == ["there is time again"]
    assert follower.pace.key_every == 8

    told(follower, 2 * CALM_LOOKS + 2, start_s=120, key_s=0.05)
    assert follower.pace == planned()


def test_the_pace_stays_slow_while_the_network_is_slow() -> None:
    follower = PaceFollower(planned())
    told(follower, 1, dropped=3, key_s=0.4)

    assert told(follower, 3 * CALM_LOOKS, start_s=20, key_s=0.4) == []
    assert follower.pace.key_every_s == 0.8
