from __future__ import annotations

import math
from collections import deque
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays

from smalta.errors import ShapeError
from smalta.metrics import panoptic
from smalta.metrics.panoptic import SegmentMap, mean_quality, panoptic_counts
from smalta.metrics.semantic import confusion, counts_of, mean_iou
from smalta.metrics.video_panoptic import SegmentationTracking, StqSums, VideoPanoptic, video_panoptic_quality

IS_THING = np.array([False, False, True, True])  # class 1 is ground, 2 and 3 are things
K = 3
GROUND, CAR, MAN = 1, 2, 3

Frame = tuple[np.ndarray, np.ndarray, np.ndarray, np.ndarray]


def frame(true: list[tuple[int, int]], found: list[tuple[int, int]]) -> Frame:
    """A row of pixels, each (class, track id), in the truth and as predicted."""
    (true_classes, true_ids), (classes, ids) = (np.array(side, dtype=np.int64).T[:, None] for side in (true, found))
    return true_classes, true_ids, classes, ids


def vpq_counts(frames: list[Frame], windows: tuple[int, ...] = (1, 2, 3, 4)) -> np.ndarray:
    video = VideoPanoptic(IS_THING, windows)
    for one in frames:
        video.add(*one)
    return video.counts()


def stq(frames: list[Frame]) -> StqSums:
    tracking = SegmentationTracking(IS_THING)
    for one in frames:
        tracking.add(*one)
    return tracking.sums()


def random_clip(seed: int, n_frames: int) -> list[Frame]:
    """Maps of a few classes and ids, with void, crowds, and objects whose class is not one."""
    random = np.random.default_rng(seed)
    return [tuple(np.repeat(random.integers(0, 4, (4, 5, 2)), 2, axis=2)) for _ in range(n_frames)]  # type: ignore[misc]


# -- VPQ ----------------------------------------------------------------------------------------------


@given(seed=st.integers(0, 10**6))
def test_vpq_of_single_frames_is_panoptic_quality(seed: int) -> None:
    frames = random_clip(seed, 3)
    expected = sum(
        panoptic_counts(SegmentMap.from_maps(a, b, IS_THING), SegmentMap.from_maps(c, d, IS_THING), K)
        for a, b, c, d in frames
    )

    counts = vpq_counts(frames, (1,))

    np.testing.assert_allclose(counts[0], expected)
    np.testing.assert_equal(video_panoptic_quality(counts), float(mean_quality(np.asarray(expected))))


@given(seed=st.integers(0, 10**6), window=st.integers(1, 5))
def test_a_window_is_one_picture_of_all_its_frames(seed: int, window: int) -> None:
    frames, last, expected = random_clip(seed, 5), deque[Frame](maxlen=window), np.zeros((K, 4))
    for one in frames:
        last.append(one)
        if len(last) == window:
            a, b, c, d = (np.concatenate(maps) for maps in zip(*last, strict=True))
            expected += panoptic_counts(SegmentMap.from_maps(a, b, IS_THING), SegmentMap.from_maps(c, d, IS_THING), K)

    np.testing.assert_allclose(vpq_counts(frames, (window,))[0], expected)


def test_an_id_that_changes_breaks_the_tubes_of_all_windows_that_hold_the_change() -> None:
    true = [(CAR, 7), (GROUND, 0)]
    frames = [frame(true, [(CAR, i), (GROUND, 0)]) for i in (4, 4, 5, 5)]

    counts = vpq_counts(frames)

    # windows of 1, 2, 3, 4 frames fit 4, 3, 2, 1 times; the ground always matches
    assert counts[:, GROUND - 1, 0].tolist() == [4, 3, 2, 1]
    # of two frames, the middle window is cut in halves: no part has an IoU above one half, so 1 missed and 2 false
    assert counts[1, CAR - 1].tolist() == [2, 2, 1, 2]
    # of three frames, both windows are cut 2 to 1: an IoU of 2/3 and a false tube each
    np.testing.assert_allclose(counts[2, CAR - 1], [2, 2, 0, 4 / 3])
    assert counts[3, CAR - 1].tolist() == [0, 2, 1, 0]
    car = [1, 2 / (2 + 3 / 2), (4 / 3) / (2 + 2 / 2), 0]
    assert video_panoptic_quality(counts) == pytest.approx(np.mean([(1 + q) / 2 for q in car]))
    assert video_panoptic_quality(counts, IS_THING[1:]) == pytest.approx(np.mean(car))


def test_perfect_tracks_have_a_vpq_of_one_although_they_move_and_vanish() -> None:
    truth = [[(CAR, 7), (GROUND, 0)], [(GROUND, 0), (CAR, 7)], [(GROUND, 0), (GROUND, 0)], [(0, 0), (MAN, 9)]]
    found = [[(c, i + 50 * (i > 0)) for c, i in pixels] for pixels in truth]
    found[3][0] = (CAR, 90)  # on an unlabelled pixel

    assert video_panoptic_quality(vpq_counts(list(map(frame, truth, found)))) == 1


def test_a_clip_that_is_shorter_than_a_window_has_no_score_for_it() -> None:
    counts = vpq_counts([frame([(GROUND, 0)], [(GROUND, 0)])] * 2, (1, 2, 3))

    assert counts[:, 0, 0].tolist() == [2, 1, 0]
    assert video_panoptic_quality(counts) == 1
    assert math.isnan(video_panoptic_quality(vpq_counts([])))


def test_counts_of_clips_add_up_and_a_window_never_spans_two_clips() -> None:
    clips = [random_clip(seed, 4) for seed in (1, 2)]

    total = sum(vpq_counts(one) for one in clips)

    assert not np.array_equal(total, vpq_counts(clips[0] + clips[1]))
    assert np.array_equal(total[0], vpq_counts(clips[0] + clips[1])[0])


@pytest.mark.parametrize("windows", [(), (0, 1)])
def test_a_window_without_frames_is_refused(windows: Any) -> None:
    with pytest.raises(ValueError, match="at least 1 frame"):
        VideoPanoptic(IS_THING, windows)


def test_maps_of_different_shapes_are_refused() -> None:
    maps = [np.zeros((2, 3), dtype=np.int64)] * 3 + [np.zeros((3, 2), dtype=np.int64)]

    with pytest.raises(ShapeError, match="same shape"):
        VideoPanoptic(IS_THING).add(*maps)
    with pytest.raises(ShapeError, match="same shape"):
        SegmentationTracking(IS_THING).add(*maps)


@given(
    pixels=arrays(np.int64, 6, elements=st.integers(1, 5)), values=arrays(np.int64, (4, 6), elements=st.integers(0, 3))
)
def test_an_entry_that_stands_for_pixels_counts_as_often(pixels: np.ndarray, values: np.ndarray) -> None:
    a, b, c, d = values
    long = [np.repeat(part, pixels) for part in values]

    counts = panoptic_counts(
        SegmentMap.from_maps(a, b, IS_THING, pixels), SegmentMap.from_maps(c, d, IS_THING, pixels), K, pixels
    )

    expected = panoptic_counts(
        SegmentMap.from_maps(long[0], long[1], IS_THING), SegmentMap.from_maps(long[2], long[3], IS_THING), K
    )
    np.testing.assert_allclose(counts, expected)
    assert panoptic.panoptic_quality(counts).shape == (K,)


# -- STQ ----------------------------------------------------------------------------------------------


def cars(ids: list[int]) -> list[tuple[int, int]]:
    return [(CAR, i) if i else (GROUND, 0) for i in ids]


@pytest.mark.parametrize(
    ("true", "found", "aq", "sq"),
    [
        ([1, 1, 1, 1, 1], [8, 8, 8, 8, 8], 1, 1),
        # two parts: (2 x 2/5 + 3 x 3/5) / 5
        ([1, 1, 1, 1, 1], [1, 1, 2, 2, 2], (4 / 5 + 9 / 5) / 5, 1),
        ([1, 1, 1, 1, 1], [1, 2, 3, 4, 5], 1 / 5, 1),
        # the first pixel is called ground: 4 x 4/5 / 5; car 4/5, ground 0/1
        ([1, 1, 1, 1, 1], [0, 1, 1, 1, 1], (16 / 5) / 5, (4 / 5 + 0) / 2),
        # the ground is called car: the track of five shares four
        ([0, 1, 1, 1, 1], [1, 1, 1, 1, 1], 4 * (4 / 5) / 4, (4 / 5 + 0) / 2),
        # two true tracks under one id: each 2 x 2/4 / 2
        ([1, 1, 2, 2], [9, 9, 9, 9], 1 / 2, 1),
    ],
)
def test_stq_of_cases_worked_out_by_hand(true: list[int], found: list[int], aq: float, sq: float) -> None:
    frames = [frame([t], [f]) for t, f in zip(cars(true), cars(found), strict=True)]  # a pixel a frame

    for sums in (stq(frames), stq([frame(cars(true), cars(found))])):  # the same in one frame
        assert sums.association_quality == pytest.approx(aq)
        assert sums.segmentation_quality == pytest.approx(sq)
        assert sums.quality == pytest.approx(math.sqrt(aq * sq))


def test_ids_count_although_the_class_is_wrong() -> None:
    sums = stq([frame([(CAR, 1)] * 4, [(MAN, 3)] * 4)])

    assert (sums.association_quality, sums.segmentation_quality, sums.quality) == (1, 0, 0)


def test_crowds_and_unlabelled_pixels_are_neither_for_nor_against_a_track() -> None:
    true = [(CAR, 0), (0, 0), (CAR, 1), (CAR, 1)]

    sums = stq([frame(true, [(CAR, 5)] * 4)])

    assert (sums.tracks, sums.association_quality, sums.segmentation_quality) == (1, 1, 1)


def test_ids_on_stuff_are_no_track() -> None:
    sums = stq([frame([(CAR, 1), (GROUND, 1)], [(CAR, 5), (GROUND, 5)])])

    assert (sums.tracks, sums.association_quality) == (1, 1)
    assert stq([frame([(GROUND, 1)], [(GROUND, 5)])]).tracks == 0


def test_pixels_of_things_without_an_object_are_no_track() -> None:
    sums = stq([frame([(CAR, 1), (CAR, 1)], [(CAR, 0), (CAR, 6)])])

    assert sums.association_quality == 1 * (1 / 2) / 2


@given(seed=st.integers(0, 10**6))
def test_sq_is_the_mean_iou_where_all_classes_are_labelled(seed: int) -> None:
    frames = [(np.maximum(a, 1), b, np.maximum(c, 1), d) for a, b, c, d in random_clip(seed, 2)]
    frames.append(frame([(i, 1) for i in (1, 2, 3)], [(i, 1) for i in (1, 2, 3)]))
    expected = mean_iou(counts_of(np.sum([confusion(a, c, K) for a, _, c, _ in frames], axis=0)))

    assert stq(frames).segmentation_quality == pytest.approx(float(expected))


def test_sums_of_clips_add_up_by_tracks_and_pixels() -> None:
    good, bad = stq([frame([(CAR, 1)] * 2, [(CAR, 2)] * 2)]), stq([frame([(CAR, 1)] * 2, [(CAR, 2), (CAR, 3)])])

    both = good + bad

    assert (both.tracks, both.association_quality, both.segmentation_quality) == (2, (1 + 1 / 2) / 2, 1)


def test_without_true_tracks_there_is_no_stq() -> None:
    sums = stq([frame([(GROUND, 0)], [(GROUND, 0)])])

    assert math.isnan(sums.association_quality)
    assert math.isnan(sums.quality)
    assert sums.segmentation_quality == 1
    assert math.isnan(stq([]).segmentation_quality)
