"""What is called true agrees with where people and vehicles stand on the ground."""

from __future__ import annotations

from collections import Counter

import numpy as np
import pytest

from small_clips import small_clip
from smalta.scenes.canvas import Camera
from smalta.scenes.motion.truth import BAND, below, crossings, doubtful, in_picture, lasting, polygon
from smalta.scenes.motion.values import TrueCrossing

SEEDS = range(4)


def walk_through(*inward: float) -> list[TrueCrossing]:
    """The crossings of somebody whose distance inside the line is given at steps of 0.04 s."""
    return crossings(np.array(inward), np.ones(len(inward), dtype=bool), 7, "door")


def test_a_crossing_has_the_time_at_the_line_between_two_steps() -> None:
    assert walk_through(-1.0, -0.1, 0.3, 1.0) == [(pytest.approx(0.05), 7, "door", "in")]  # a quarter after step 1


def test_who_turns_within_the_band_does_not_cross() -> None:
    assert walk_through(-1.0, -0.1, BAND - 0.01, -0.1, -1.0) == []
    assert [c.way for c in walk_through(-1.0, BAND + 0.01, -1.0)] == ["in", "out"]


def test_the_last_of_several_passes_of_the_line_is_the_crossing() -> None:
    assert walk_through(1.0, -0.1, 0.1, -0.1, -1.0) == [(pytest.approx(0.10), 7, "door", "out")]


def test_somebody_who_appears_inside_has_not_crossed() -> None:
    here = np.array([False, True, True])

    assert crossings(np.array([-1.0, 1.0, 1.0]), here, 1, "door") == []


def test_conditions_hold_for_times_of_at_least_a_length() -> None:
    holds = np.array([True] * 3 + [False] * 5 + [True] * 10 + [False])

    assert lasting(holds, 0.4) == [(pytest.approx(0.32), pytest.approx(0.72))]
    assert len(lasting(holds, 0.12)) == 2
    assert doubtful(holds, 1.0)  # not for 0.2 s in between
    assert doubtful(holds[8:], 0.35)
    assert not doubtful(holds[8:], 1.0)


def test_polygons_are_cut_at_the_picture() -> None:
    # from 4 m above, straight down, with 25 px a metre; ahead is upwards
    camera = Camera.look((0.0, 4.0, 0.0), yaw=0.0, pitch=np.pi / 2, roll=0.0, focal=100.0, size_hw=(100, 200))

    found = polygon(camera, [(0.0, -1.0), (9.0, -1.0), (9.0, 1.0), (0.0, 1.0)])

    assert sorted(found or []) == [[100.0, 25.0], [100.0, 75.0], [200.0, 25.0], [200.0, 75.0]]
    assert polygon(camera, [(20.0, 0.0), (21.0, 0.0), (21.0, 1.0)]) is None
    assert in_picture(camera, np.array([(3.9, 1.9), (4.1, 0.0), (0.0, 2.1)])).tolist() == [True, False, False]
    assert in_picture(camera, np.array([(3.9, 1.9)]), margin=5.0).tolist() == [False]


def test_the_picture_below_a_line() -> None:
    camera = Camera.look((0.0, 4.0, 0.0), yaw=0.0, pitch=1.0, roll=0.0, focal=100.0, size_hw=(100, 200))

    found = below(camera, np.array([50.0, 40.0]), np.array([150.0, 60.0]))

    assert sorted(found) == [[0.0, 30.0], [0.0, 100.0], [200.0, 70.0], [200.0, 100.0]]


@pytest.mark.parametrize("seed", SEEDS)
def test_occupancy_of_the_shop_is_who_was_inside_plus_all_crossings(seed: int) -> None:
    clip = small_clip("entrance", seed, seconds=20.0)
    count = clip.truth.occupancy[:, 0]

    for number, now in enumerate(count.tolist()):
        ways = Counter(c.way for c in clip.truth.crossings if c.time_s <= number / clip.fps)
        assert now == count[0] + ways["in"] - ways["out"]


@pytest.mark.parametrize("seed", SEEDS)
def test_occupancy_of_the_shop_is_who_stands_in_its_polygon(seed: int) -> None:
    clip = small_clip("entrance", seed, seconds=20.0)
    line = clip.rules["lines"]["door"]
    (x0, y0), (x1, y1) = line["from"], line["to"]
    agree = []

    for frame in clip.frames():
        inside = 0
        for number in frame.node_of:
            rows, columns = np.nonzero(frame.instances == number)
            y, x = rows.max() + 1, columns[rows >= rows.max() - 2].mean()
            inside += (x1 - x0) * (y - y0) - (y1 - y0) * (x - x0) > 0  # right of the line, seen along it
        agree.append(inside == clip.truth.occupancy[frame.number, 0])

    assert np.mean(agree) > 0.7  # the others: somebody hidden, or a leg across the line


@pytest.mark.parametrize("seed", SEEDS)
def test_crossings_are_where_feet_pass_the_door(seed: int) -> None:
    clip = small_clip("entrance", seed, seconds=20.0)

    for crossing in clip.truth.crossings:
        actor = clip.world.actors[crossing.number - 1]
        before, after = (actor.motion.at(crossing.time_s + step) for step in (-0.05, 0.05))
        assert before is not None
        assert after is not None
        assert abs(after.x) < 1.3
        assert (after.z < before.z) == (crossing.way == "in")


@pytest.mark.parametrize("seed", SEEDS)
def test_a_place_is_taken_while_a_vehicle_stands_in_it(seed: int) -> None:
    clip = small_clip("parking", seed, seconds=20.0)
    taken = clip.truth.taken

    np.testing.assert_array_equal(taken, clip.truth.occupancy)
    assert clip.truth.places == clip.truth.zones
    vehicles = [len([n for n in clip.frame(k).node_of.values() if n != clip.tree["person"].id]) for k in (0, 99)]
    assert taken[0].sum() <= vehicles[0]
    assert taken[99].sum() <= vehicles[1]


@pytest.mark.parametrize("seed", SEEDS)
def test_a_jaywalker_stands_on_the_road_and_not_on_the_crossing(seed: int) -> None:
    clip = small_clip("street", seed, seconds=20.0)
    tree = clip.tree

    for contact in clip.truth.contacts:
        assert contact.end_s - contact.start_s >= (1.0 if contact.event == "jaywalk" else 2.0)
        frame = clip.frame(min(round((contact.start_s + contact.end_s) / 2 * clip.fps), clip.n_frames - 1))
        if contact.number in frame.node_of:
            node = tree.name(frame.node_of[contact.number])
            assert node == "person" if contact.event == "jaywalk" else node.startswith("vehicle/")
