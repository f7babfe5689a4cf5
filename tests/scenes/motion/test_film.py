"""Frames have maps that agree with each other, and an object keeps its id and its class over the clip."""

from __future__ import annotations

import numpy as np
import pytest

from small_clips import SMALL_HW, small_clip
from smalta.scenes.motion import KINDS, MotionKind, TrueFrame, generate_clip
from smalta.scenes.motion.truth import on_ground, pixels
from smalta.scenes.stage import MIN_PIXELS


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("seed", [0, 1])
def test_maps_agree_with_each_other(kind: MotionKind, seed: int) -> None:
    clip = small_clip(kind, seed)

    for frame in (clip.frame(k) for k in range(0, 20, 3)):
        assert frame.picture.shape == (*SMALL_HW, 3)
        assert (frame.picture.dtype, frame.classes.dtype, frame.instances.dtype) == (np.uint8, np.uint16, np.int32)
        assert (clip.tree.is_thing[frame.classes] == (frame.instances > 0)).all()
        assert set(np.unique(frame.classes)) <= {0, *clip.tree.leaves}
        numbers, counts = np.unique(frame.instances[frame.instances > 0], return_counts=True)
        assert set(numbers.tolist()) == set(frame.node_of)
        assert (counts >= MIN_PIXELS).all()
        for number, node in frame.node_of.items():
            assert (frame.classes[frame.instances == number] == node).all()


@pytest.mark.parametrize("kind", KINDS)
def test_an_object_keeps_its_class_and_its_mask_follows_its_place(kind: MotionKind) -> None:
    clip = small_clip(kind, 1)
    nodes: dict[int, int] = {}
    checked = 0

    for frame in clip.frames():
        for number, node in frame.node_of.items():
            assert nodes.setdefault(number, node) == node
            actor = clip.world.actors[number - 1]
            assert (actor.number, clip.tree[actor.node].id) == (number, node)
            pose = actor.motion.at(frame.time_s)
            assert pose is not None
            rows, columns = np.nonzero(frame.instances == number)
            x, y = pixels(clip.world.camera, on_ground(np.array([[pose.x, pose.z]])))[0]
            size = max(np.ptp(rows), np.ptp(columns)) + 6
            assert columns.min() - size <= x <= columns.max() + size
            assert rows.min() - size <= y <= rows.max() + size
            checked += 1
    assert checked >= 20


def test_most_of_the_picture_is_labelled() -> None:
    for kind in KINDS:
        assert (small_clip(kind).frame(3).classes > 0).mean() > 0.98


def test_the_wall_beside_the_door_hides_whoever_is_outside() -> None:
    clip = generate_clip("entrance", 4, seconds=6.0, fps=5.0, size_hw=SMALL_HW)
    wall = clip.tree["wall"].id
    hidden = 0

    for frame in clip.frames():
        for actor in clip.world.actors:
            pose = actor.motion.at(frame.time_s)
            if pose is not None and pose.z > 0.6 and abs(pose.x) > 4.7:
                assert actor.number not in frame.node_of
                x, y = pixels(clip.world.camera, on_ground(np.array([[pose.x, pose.z]]), 1.0))[0].round().astype(int)
                if 0 <= x < SMALL_HW[1] and 0 <= y < SMALL_HW[0]:
                    hidden += frame.classes[y, x] == wall
    assert hidden > 0


def fits_at(still: np.ndarray, down: int, right: int, frame: TrueFrame) -> bool:
    """Whether the frame shows this cut-out of what stands still, where no object is."""
    behind = (frame.instances == 0) & (frame.classes > 0)
    return bool((still[down : down + 120, right : right + 208] == frame.classes)[behind].all())


def test_the_camera_shakes_by_whole_pixels_and_pictures_shake_with_their_maps() -> None:
    clip = generate_clip("entrance", 2, seconds=4.0, fps=25.0, size_hw=SMALL_HW)
    still = clip.film.backdrop.classes
    shifts = set()

    for frame in (clip.frame(k) for k in range(0, 100, 3)):
        fits = [(down, right) for down in range(5) for right in range(5) if fits_at(still, down, right, frame)]
        shifts.update(fits[:1])
        assert fits
    assert len(shifts) > 1
    assert all(1 <= down <= 3 and 1 <= right <= 3 for down, right in shifts)


def test_light_and_noise_change_from_frame_to_frame() -> None:
    clip = generate_clip("entrance", 2, seconds=4.0, fps=25.0, size_hw=SMALL_HW)
    brightness = [float(clip.frame(k).picture.mean()) for k in range(0, 100, 7)]

    assert 0.3 < max(brightness) - min(brightness) < 40
    one, other = (clip.frame(k).picture[:20, :20].astype(int) for k in (10, 11))
    assert 0.3 < np.abs(one - other).mean() < 15
