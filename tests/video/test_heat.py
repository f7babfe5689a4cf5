"""Where things stood: seconds, not frames; gaps do not count; a state goes on."""

from __future__ import annotations

import json

import numpy as np

from smalta.video.showing.heat import HeatMap
from watched import SIZE_HW, track

HERE = track(1, (16, 16, 32, 40))  # its foot is at y 40, x 24


def test_seconds_between_frames_are_added_where_the_foot_is() -> None:
    heat = HeatMap(SIZE_HW)
    for time_s in (5.0, 5.5, 5.75):
        heat.add(time_s, [HERE])

    assert heat.seconds.sum() == heat.seconds[40 // heat.cell, 24 // heat.cell] == 0.75


def test_gaps_and_tracks_that_are_unsure_or_hidden_do_not_count() -> None:
    heat = HeatMap(SIZE_HW)
    heat.add(0.0, [HERE])
    heat.add(9.0, [HERE])
    heat.add(9.5, [track(1, (16, 16, 32, 40), sure=False), track(2, (16, 16, 32, 40), seen=False)])

    assert heat.seconds.sum() == 0


def test_a_foot_on_the_lower_edge_is_inside() -> None:
    heat = HeatMap(SIZE_HW)
    heat.add(0.0, [])
    heat.add(0.5, [track(1, (144, 64, 160, 96))])

    assert heat.seconds[-1].sum() == 0.5


def test_a_map_goes_on_from_its_state() -> None:
    whole, first = HeatMap(SIZE_HW), HeatMap(SIZE_HW)
    for time_s in (0.0, 0.1, 0.3):
        whole.add(time_s, [HERE])
        first.add(time_s, [HERE])

    second = HeatMap(SIZE_HW, json.loads(json.dumps(first.state())))
    for heat in (whole, second):
        heat.add(0.7, [HERE])

    np.testing.assert_array_equal(second.seconds, whole.seconds)
    assert second.state() == whole.state()
