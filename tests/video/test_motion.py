"""Whether anything moves."""

from __future__ import annotations

import json

import numpy as np
import pytest

from smalta.video.motion import LEAST_CELLS, Motion, n_changed

SIZE_HW = (180, 320)
WHOLE = (0, 0, 320, 180)
FRAME_S = 0.04


def scene(seed: int = 0) -> np.ndarray:
    """(180, 320, 3) uint8: patches of all greys with hard edges, as walls, shelves and floors have."""
    patches = np.random.default_rng(seed).integers(30, 220, (18, 32))
    return np.repeat(np.kron(patches, np.ones((10, 10)))[..., None], 3, axis=2).astype(np.uint8)


def noisy(picture: np.ndarray, k: int, *, deviation: float = 5.0, light: float = 1.0) -> np.ndarray:
    noise = np.random.default_rng(k).normal(0, deviation, picture.shape[:2])[..., None]
    return np.clip(picture * light + noise, 0, 255).astype(np.uint8)


def with_person(picture: np.ndarray, x: float) -> np.ndarray:
    """A dark person of 12 x 36 px at column x."""
    changed = picture.copy()
    changed[100:136, round(x) : round(x) + 12] = 20
    return changed


def still_after(motion: Motion, frames: list[np.ndarray], start_s: float = 0.0) -> list[bool]:
    return [motion.step(start_s + FRAME_S * k, frame) for k, frame in enumerate(frames)]


@pytest.mark.parametrize("seed", range(3))
def test_noise_flicker_and_a_trembling_camera_move_nothing(seed: int) -> None:
    wide = np.pad(scene(seed), ((2, 2), (2, 2), (0, 0)), mode="edge")
    rng = np.random.default_rng(seed)
    frames = []
    for k in range(100):
        dy, dx = rng.integers(1, 4, 2)  # the camera shakes by a pixel
        light = 1 + 0.15 * np.sin(2 * np.pi * k / 7)
        frames.append(noisy(wide[dy : dy + 180, dx : dx + 320], k, light=light))

    moves = still_after(Motion(WHOLE), frames)

    assert moves[:25] == [True] * 25  # of the first second nothing is known
    assert moves[25:] == [False] * 75


@pytest.mark.parametrize("speed", [10, 40, 150])  # pixels a second
def test_a_person_who_walks_moves(speed: int) -> None:
    still = scene()
    frames = [noisy(still, k) for k in range(50)]
    frames += [noisy(with_person(still, 50 + speed * FRAME_S * k), 50 + k) for k in range(50)]

    moves = still_after(Motion(WHOLE), frames)

    assert not moves[49]
    assert all(moves[50:75])  # at once, and for a second at least
    assert all(moves[50:]) or speed < 15


def test_what_stands_still_again_moves_no_more() -> None:
    still = scene()
    frames = [noisy(still, k) for k in range(30)] + [noisy(with_person(still, 50), 30 + k) for k in range(30)]

    moves = still_after(Motion(WHOLE), frames)

    assert moves[30:55] == [True] * 25
    assert moves[55:] == [False] * 5


def test_only_the_region_is_looked_at() -> None:
    still, motion = scene(), Motion((0, 0, 100, 180))
    frames = [still] * 30 + [with_person(still, 150 + 4 * k) for k in range(20)]

    assert not any(still_after(motion, frames)[26:])


def test_daylight_that_comes_slowly_moves_nothing() -> None:
    dark = scene() // 2

    frames = [noisy(dark + np.uint8(k // 5), k, deviation=2) for k in range(300)]  # 60 grey levels in 12 s

    assert not any(still_after(Motion(WHOLE), frames)[26:])


def test_a_restored_one_goes_on_as_if_it_had_never_stopped() -> None:
    still = scene()
    frames = [noisy(with_person(still, 50 + 3 * k) if 40 < k < 50 else still, k) for k in range(120)]
    expected = still_after(Motion(WHOLE), frames)

    for cut in (1, 45, 60):
        motion = Motion(WHOLE)
        still_after(motion, frames[:cut])
        earlier = frames[round(motion.compared_s / FRAME_S)]
        again = Motion.restored(WHOLE, json.loads(json.dumps(motion.state())), earlier)

        assert still_after(again, frames[cut:], FRAME_S * cut) == pytest.approx(expected[cut:])
        assert json.dumps(again.state()) == json.dumps(_at_the_end(frames).state())


def _at_the_end(frames: list[np.ndarray]) -> Motion:
    motion = Motion(WHOLE)
    still_after(motion, frames)
    return motion


@pytest.mark.parametrize("size_hw", [(1, 1), (2, 500), (33, 65)])
def test_any_size_works(size_hw: tuple[int, int]) -> None:
    height, width = size_hw
    motion = Motion((0, 0, width, height))

    assert [motion.step(k, np.full((height, width, 3), 9, np.uint8)) for k in range(3)] == [True, False, False]


def test_changed_cells_are_counted_beyond_the_least_change() -> None:
    before = np.full((9, 9), 100, np.uint8)
    now = before.copy()
    now[4, 3:5] = 109
    now[0, 0] = 107  # 8 grey levels are the least

    assert n_changed(now, before) == LEAST_CELLS == 2
