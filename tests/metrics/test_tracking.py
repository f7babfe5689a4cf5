from __future__ import annotations

import json
import math
from pathlib import Path

import numpy as np
import pytest

from smalta.errors import ShapeError
from smalta.metrics.tracked_frame import TrackedFrame
from smalta.metrics.tracking import Tracking, TrackingScores, TrackingSums, score_clip
from tracking_clips import ClipFrame, clip

EXPECTED = json.loads((Path(__file__).parent / "trackeval.json").read_text(encoding="utf-8"))
OURS = {
    "MOTA": "mota",
    "MOTP": "motp",
    "sMOTA": "smota",
    "CLR_Re": "recall",
    "CLR_Pr": "precision",
    "CLR_FN": "misses",
    "CLR_FP": "false_alarms",
    "IDSW": "switches",
    "Frag": "fragmentations",
    "MT": "mostly_tracked",
    "ML": "mostly_lost",
    "IDF1": "idf1",
    "IDP": "idp",
    "IDR": "idr",
    "HOTA": "hota",
    "DetA": "det_a",
    "AssA": "ass_a",
    "LocA": "loc_a",
}


def by_boxes(frame: ClipFrame) -> TrackedFrame:
    return TrackedFrame.of_boxes(frame.true_ids, frame.true_boxes, frame.predicted_ids, frame.predicted_boxes)


def by_masks(frame: ClipFrame) -> TrackedFrame:
    return TrackedFrame.of_maps(*frame.maps())


def sums_of(seed: str, kind: str) -> TrackingSums:
    tracking = Tracking()
    for frame in clip(int(seed)):
        tracking.add(by_boxes(frame) if kind == "boxes" else by_masks(frame))
    return tracking.sums()


def row(scores: TrackingScores) -> list[float]:
    return [getattr(scores, OURS[name]) for name in EXPECTED["names"]]


@pytest.mark.parametrize(("kind", "n"), [("boxes", 200), ("masks", 40)])
def test_scores_of_random_clips_equal_those_of_trackeval(kind: str, n: int) -> None:
    expected = EXPECTED[kind]["clips"]

    sums = {seed: sums_of(seed, kind) for seed in expected}

    assert len(sums) == n
    for seed, clip_sums in sums.items():
        np.testing.assert_allclose(row(clip_sums.scores()), expected[seed], rtol=0, atol=1e-9, err_msg=seed)
    first, *others = sums.values()
    for other in others:
        first = first + other
    np.testing.assert_allclose(row(first.scores()), EXPECTED[kind]["together"], rtol=0, atol=1e-9)


def test_the_clips_are_hard_enough_to_tell_measures_apart() -> None:
    boxes = np.array(list(EXPECTED["boxes"]["clips"].values()))

    for name in ("IDSW", "Frag", "MT", "ML", "CLR_FN", "CLR_FP"):
        assert np.mean(boxes[:, EXPECTED["names"].index(name)] > 0) > 0.4, name
    assert 0.3 < boxes[:, EXPECTED["names"].index("HOTA")].mean() < 0.9


# -- cases worked out by hand -------------------------------------------------------------------------


def frame(true: list[int], predicted: list[int], similarity: list[list[float]]) -> TrackedFrame:
    return TrackedFrame(
        true_ids=np.array(true, dtype=np.int64),
        predicted_ids=np.array(predicted, dtype=np.int64),
        similarity=np.array(similarity, dtype=np.float64).reshape(len(true), len(predicted)),
    )


def test_scores_of_a_clip_worked_out_by_hand() -> None:
    # one person of four frames: id 5, missed, id 5, id 9; the overlap is 0.8, and something is seen that is not there
    frames = [
        frame([1], [5], [[0.8]]),
        frame([1], [], []),
        frame([1], [5, 7], [[0.8, 0]]),
        frame([1], [9], [[0.8]]),
    ]

    scores = score_clip(frames)

    assert (scores.misses, scores.false_alarms, scores.switches, scores.tracks) == (1, 1, 1, 1)
    assert (scores.mostly_tracked, scores.mostly_lost) == (0, 0)
    assert scores.mota == 1 - (1 + 1 + 1) / 4
    assert scores.smota == pytest.approx((3 * 0.8 - 1 - 1) / 4)
    assert scores.motp == pytest.approx(0.8)
    assert (scores.recall, scores.precision) == (3 / 4, 3 / 4)
    # the track keeps the partner 5 for two frames of 4 true and 4 predicted objects
    assert (scores.idf1, scores.idr, scores.idp) == (2 * 2 / 8, 2 / 4, 2 / 4)
    # 3 TP, 1 miss, 1 false alarm up to alpha 0.8, which is 16 of 19; with 5: 2 / (4 + 2 - 2), with 9: 1 / (4 + 1 - 1)
    det_a, ass_a = 3 / 5, (2 * 2 / 4 + 1 / 4) / 3
    assert scores.det_a == pytest.approx(det_a * 16 / 19)
    assert scores.ass_a == pytest.approx(ass_a * 16 / 19)
    assert scores.hota == pytest.approx(math.sqrt(det_a * ass_a) * 16 / 19)
    assert scores.loc_a == pytest.approx((0.8 * 16 + 3) / 19)


def test_a_pair_is_kept_although_another_overlaps_more() -> None:
    frames = [frame([1], [5], [[0.6]]), frame([1], [5, 6], [[0.5, 0.9]])]

    scores = score_clip(frames)

    assert (scores.switches, scores.motp) == (0, pytest.approx(0.55))


def test_a_track_that_is_found_again_counts_as_a_fragmentation_and_not_as_a_switch() -> None:
    frames = [frame([1], [5], [[0.9]]), frame([1], [5], [[0.2]]), frame([1], [5], [[0.9]])]

    scores = score_clip(frames)

    assert (scores.fragmentations, scores.switches) == (1, 0)


def test_perfect_tracks_score_one_whatever_their_numbers() -> None:
    frames = [frame([3, 900], [2**40, 7], [[1, 0], [0, 1]])] * 3 + [frame([], [], [])]

    scores = score_clip(frames)

    assert scores.mota == scores.motp == scores.smota == scores.idf1 == scores.hota == scores.loc_a == 1
    assert (scores.tracks, scores.mostly_tracked) == (2, 2)


def test_without_predictions_everything_is_missed() -> None:
    scores = score_clip([frame([1, 2], [], []), frame([1], [], [])])

    assert (scores.mota, scores.recall, scores.idf1, scores.idr) == (0, 0, 0, 0)
    assert (scores.hota, scores.det_a, scores.ass_a, scores.misses) == (0, 0, 0, 3)
    assert (scores.tracks, scores.mostly_lost) == (2, 2)
    assert math.isnan(scores.precision)
    assert math.isnan(scores.motp)


def test_without_true_objects_there_is_no_mota() -> None:
    scores = score_clip([frame([], [4], [])])

    assert (scores.false_alarms, scores.precision, scores.idf1, scores.hota) == (1, 0, 0, 0)
    assert math.isnan(scores.mota)
    assert math.isnan(scores.recall)


@pytest.mark.parametrize("frames", [[], [frame([], [], [])] * 3])
def test_without_any_object_there_is_no_score(frames: list[TrackedFrame]) -> None:
    scores = score_clip(frames)

    shares = (scores.mota, scores.motp, scores.idf1, scores.hota, scores.det_a, scores.ass_a, scores.loc_a)
    assert all(math.isnan(score) for score in shares)


def test_sums_may_be_asked_for_after_every_frame() -> None:
    frames = [by_boxes(f) for f in clip(3)]
    tracking = Tracking()

    for number, one in enumerate(frames, start=1):
        tracking.add(one)
        np.testing.assert_equal(row(tracking.sums().scores()), row(score_clip(frames[:number])))


# -- frames -------------------------------------------------------------------------------------------


def test_boxes_overlap_by_their_iou_and_boxes_without_area_overlap_nothing() -> None:
    true = np.array([[0, 0, 4, 4], [0, 0, 0, 9]], dtype=np.float64)
    predicted = np.array([[2, 0, 6, 4], [0, 0, 4, 4], [9, 9, 9, 9]], dtype=np.float64)

    made = TrackedFrame.of_boxes(np.array([1, 2]), true, np.array([1, 2, 3]), predicted)

    np.testing.assert_allclose(made.similarity, [[8 / 24, 1, 0], [0, 0, 0]])


def test_a_frame_of_no_boxes_is_a_frame() -> None:
    none = np.zeros(0, dtype=np.int64)

    made = TrackedFrame.of_boxes(none, np.zeros((0, 4)), np.array([4]), np.array([[0, 0, 1, 1]]))

    assert made.similarity.shape == (0, 1)


def test_masks_overlap_by_their_iou() -> None:
    made = TrackedFrame.of_maps(np.array([[9, 9, 9, 0, 4]]), np.array([[0, 30, 30, 30, 2]]))

    assert (made.true_ids.tolist(), made.predicted_ids.tolist()) == ([4, 9], [2, 30])
    np.testing.assert_allclose(made.similarity, [[1, 0], [0, 2 / 4]])


@pytest.mark.parametrize(
    ("true", "predicted", "shape"), [([1, 1], [2], (2, 1)), ([1], [-1], (1, 1)), ([1], [2], (2, 2))]
)
def test_frames_that_make_no_sense_are_refused(true: list[int], predicted: list[int], shape: tuple[int, int]) -> None:
    with pytest.raises(ShapeError):
        TrackedFrame(true_ids=np.array(true), predicted_ids=np.array(predicted), similarity=np.zeros(shape))
