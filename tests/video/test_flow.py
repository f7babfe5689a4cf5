"""Motion between two frames."""

from __future__ import annotations

import cv2
import numpy as np
import pytest

from smalta.errors import ShapeError
from smalta.video.flow import Flow, motion_of, moved, moved_mask
from smalta.video.values import Mask


def texture(size_hw: tuple[int, int], seed: int = 0) -> np.ndarray:
    """(H, W, 3) uint8: smooth random spots."""
    random = np.random.default_rng(seed)
    grey = cv2.GaussianBlur(random.normal(size=size_hw).astype(np.float32), (0, 0), 3)
    grey = np.clip(128 + 60 * grey / grey.std(), 0, 255).astype(np.uint8)
    return np.repeat(grey[..., None], 3, axis=2)


def test_a_shifted_picture_has_that_motion_everywhere() -> None:
    wide, flow = texture((200, 360)), Flow((180, 320), cell=4)

    first = flow.step(wide[10:190, 20:340])
    second = flow.step(wide[7:187, 14:334])  # content goes 3 px down and 6 px to the right

    assert first is None
    assert second is not None
    assert second.shape == (45, 80, 2)
    assert second.dtype == np.float32
    np.testing.assert_allclose(np.median(second, axis=(0, 1)), [3, 6], atol=0.3)


def test_an_object_moves_before_a_still_background() -> None:
    ground, thing = texture((180, 320)), texture((60, 40), seed=1)
    flow = Flow((180, 320), cell=4)
    for left in (100, 108):
        picture = ground.copy()
        picture[60:120, left : left + 40] = thing
        answer = flow.step(picture)

    assert answer is not None
    here = np.zeros((45, 80), bool)
    here[15:30, 25:35] = True
    motion = motion_of(Mask.of(here, 4), answer, (0.0, 0.0))

    assert motion == pytest.approx((0, 8), abs=1)
    np.testing.assert_allclose(np.median(answer[:, 60:], axis=(0, 1)), [0, 0], atol=0.1)


def test_the_answer_does_not_depend_on_threads() -> None:
    wide, before, answers = texture((200, 360)), cv2.getNumThreads(), []
    try:
        for threads in (1, 2, 4):
            cv2.setNumThreads(threads)
            flow = Flow((180, 320), cell=4)
            flow.step(wide[10:190, 20:340])
            answers.append(flow.step(wide[7:187, 14:334]))
    finally:
        cv2.setNumThreads(before)

    assert answers[0] is not None
    np.testing.assert_array_equal(answers[0], answers[1])
    np.testing.assert_array_equal(answers[0], answers[2])


@pytest.mark.parametrize("size_hw", [(1, 1), (1, 50), (7, 13), (50, 3), (1080, 1920), (361, 641)])
def test_any_size_has_a_motion_for_each_cell(size_hw: tuple[int, int]) -> None:
    flow = Flow(size_hw, cell=4)
    picture = np.full((*size_hw, 3), 90, np.uint8)

    flow.step(picture)
    answer = flow.step(picture)

    assert answer is not None
    assert answer.shape == (-(-size_hw[0] // 4), -(-size_hw[1] // 4), 2)
    assert not answer.any()


def test_a_picture_of_another_size_is_refused() -> None:
    with pytest.raises(ShapeError, match=r"must have \(10, 20\)"):
        Flow((10, 20), cell=4).step(np.zeros((20, 10, 3), np.uint8))


def test_each_cell_of_a_moved_map_takes_the_value_of_its_source() -> None:
    labels = np.array([[1, 2, 3], [4, 5, 6]], np.uint16)
    flow = np.zeros((2, 3, 2), np.float32)
    flow[0] = (0, -4)  # the upper row comes from the right
    flow[1, 0] = (4, 0)  # the lower left comes from above
    flow[1, 2] = (1.9, 0)  # less than half a cell

    answer = moved(labels, flow, cell=4)

    assert answer.tolist() == [[2, 3, 3], [1, 5, 6]]
    assert answer.dtype == np.uint16


def test_a_moved_mask_is_rounded_to_cells_and_may_leave_the_picture() -> None:
    mask = Mask(cells=np.ones((2, 3), bool), top_left=(1, 1), cell=4)

    assert moved_mask(mask, (5.9, -9.0)).top_left == (2, -1)


def test_an_object_that_is_moved_out_of_the_picture_has_no_motion() -> None:
    mask = Mask(cells=np.ones((2, 3), bool), top_left=(1, 1), cell=4)

    assert motion_of(mask, np.zeros((10, 10, 2), np.float32), (0.0, -40.0)) is None


def test_the_motion_is_looked_up_where_the_object_has_gone() -> None:
    flow = np.zeros((10, 20, 2), np.float32)
    flow[:, 9:] = (0, 40)  # the object is there now, and only there something moves
    mask = Mask(cells=np.ones((4, 3), bool), top_left=(2, 0), cell=4)

    assert motion_of(mask, flow, (0.0, 38.0)) == (0, 40)
