"""A street has a lane each way."""

from __future__ import annotations

import numpy as np

from smalta.scenes import generate, scene_tree


def test_a_mirrored_street_swaps_the_lanes() -> None:
    tree = scene_tree("street")

    assert tree.mirror[tree["own_lane"].id] == tree["oncoming_lane"].id
    assert tree.mirror[tree["oncoming_lane"].id] == tree["own_lane"].id


def test_traffic_keeps_to_the_right() -> None:
    tree = scene_tree("street")

    for seed in range(8):
        classes = generate("street", seed, (96, 128)).classes
        own, oncoming = classes == tree["own_lane"].id, classes == tree["oncoming_lane"].id
        both = own.any(axis=1) & oncoming.any(axis=1)
        columns = np.arange(128)
        for row in np.flatnonzero(both):
            assert columns[own[row]].mean() > columns[oncoming[row]].mean()
