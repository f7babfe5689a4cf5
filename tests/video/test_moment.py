"""What stands on what at one moment."""

from __future__ import annotations

from typing import Any

from smalta.video.noticing.moment import Moment
from watch_steps import LANE, TREE, ground, track

NOBODY: Any = None  # nothing is remembered of the tracks
ROAD = ground([(LANE, 48, 200)])  # from x = 48 on


def test_ground_that_another_object_hides_does_not_count() -> None:
    # the foot and 3 px around it, on cells of 4 px, touch 10 cells of ground: 5 of floor, 5 of road
    walker, beside = track(1, (50, 100)), track(2, (32, 104))  # the other one hides 3 of the 5 cells of floor

    alone = Moment(TREE, 0.0, [(NOBODY, walker)], ROAD)
    both = Moment(TREE, 0.0, [(NOBODY, walker), (NOBODY, beside)], ROAD)

    assert alone.on(walker, LANE) is False
    assert both.on(walker, LANE) is True


def test_without_ground_nobody_knows() -> None:
    walker = track(1, (50, 100))

    assert Moment(TREE, 0.0, [(NOBODY, walker)], None).on(walker, LANE) is None
