from __future__ import annotations

import contextlib
import io
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays
from pycocotools import mask as coco_mask
from pycocotools.coco import COCO
from pycocotools.cocoeval import COCOeval

from smalta.metrics.average_precision import AveragePrecision, run_lengths
from smalta.metrics.object_map import ObjectMap

K = 3
IS_THING = np.array([False, False, True, True])  # 1 ground, 2 cell, 3 dirt


def picture(labels: Any, instances: Any) -> ObjectMap:
    return ObjectMap.from_maps(np.atleast_2d(labels).astype(np.uint16), np.atleast_2d(instances), IS_THING)


def result(*pictures: tuple[ObjectMap, ObjectMap, list[float]]) -> dict[str, np.ndarray]:
    collected = AveragePrecision(K)
    for truth, answer, scores in pictures:
        runs = [run_lengths(m.instances) for m in (truth, answer)]
        collected.add(truth, answer, *runs, np.array(scores))
    return collected.result()


@given(arrays(np.int32, (5, 7), elements=st.integers(0, 4)))
def test_run_lengths_are_those_of_the_masks(instances: np.ndarray) -> None:
    ids = np.unique(instances[instances != 0])
    dense = np.searchsorted(ids, instances).astype(np.int32) + (instances != 0)

    runs = run_lengths(dense)

    masks = [np.asfortranarray(dense == number, dtype=np.uint8) for number in range(1, len(ids) + 1)]
    assert [run["counts"] for run in runs] == [coco_mask.encode(mask)["counts"] for mask in masks]


def test_a_wrong_object_costs_precision_only_where_it_is_surer_than_the_right_ones() -> None:
    truth = picture([2, 2, 1, 2, 2, 1, 1, 1], [1, 1, 0, 2, 2, 0, 0, 0])
    answer = picture([2, 2, 1, 2, 2, 1, 2, 2], [1, 1, 0, 2, 2, 0, 3, 3])

    last = result((truth, answer, [0.9, 0.8, 0.1]))
    first = result((truth, answer, [0.8, 0.7, 0.9]))

    assert last["ap"][1] == 1.0
    # precision is 1/2 at a recall of 1/2 and 2/3 at 1, and a curve may not rise: 2/3 everywhere
    assert first["ap"][1] == pytest.approx(2 / 3)
    assert np.isnan(last["ap"][[0, 2]]).all()


def test_scores_at_one_threshold_and_by_size() -> None:
    labels, instances = np.ones((120, 160), np.uint16), np.zeros((120, 160), np.int32)
    labels[:10, :10], instances[:10, :10] = 2, 1  # small
    labels[:40, 20:60], instances[:40, 20:60] = 2, 2  # medium
    labels[:, 62:], instances[:, 62:] = 2, 3  # large
    truth = picture(labels, instances)
    shown = instances.copy()
    shown[28:40, 20:60] = 0  # seven tenths are left: right up to a threshold of 0.7
    answer = picture(np.where(shown > 0, 2, 1), shown)

    found = result((truth, answer, [0.9, 0.9, 0.9]))

    assert found["ap50"][1] == 1.0
    # the second of three is wrong: precision 1 up to a recall of 1/3, then 2/3 up to 2/3, at the recalls 0, 0.01 .. 1
    assert found["ap75"][1] == pytest.approx((34 + 33 * 2 / 3) / 101)
    assert (found["ap_small"][1], found["ap_large"][1]) == (1.0, 1.0)
    assert found["ap_medium"][1] == pytest.approx(0.5)  # 0.5 to 0.7 are five of ten


def test_more_than_a_hundred_objects_of_a_picture_count() -> None:
    cells = np.kron(np.arange(1, 301).reshape(15, 20), np.ones((2, 2), int)).astype(np.int32)
    truth = picture(cells * 0 + 2, cells)

    assert result((truth, truth, [0.5] * 300))["ap"][1] == 1.0


def test_answers_on_unlabelled_pixels_are_neither_right_nor_wrong() -> None:
    truth = picture([2, 2, 0, 0, 0, 1, 1], [1, 1, 0, 0, 0, 0, 0])
    on_void = picture([2, 2, 1, 2, 2, 1, 1], [1, 1, 0, 2, 2, 0, 0])
    on_ground = picture([2, 2, 1, 1, 1, 2, 2], [1, 1, 0, 0, 0, 2, 2])

    assert result((truth, on_void, [0.1, 0.9]))["ap"][1] == 1.0
    assert result((truth, on_ground, [0.1, 0.9]))["ap"][1] == pytest.approx(0.5)


def test_no_answer_scores_0_and_no_truth_nothing() -> None:
    truth, nothing = picture([2, 2, 1], [1, 1, 0]), picture([1, 1, 1], [0, 0, 0])

    np.testing.assert_array_equal(result((truth, nothing, []))["ap"], [np.nan, 0, np.nan])
    assert np.isnan(result((nothing, truth, [0.5]))["ap"]).all()
    assert np.isnan(result((nothing, nothing, []))["ap"]).all()


def scene(rng: np.random.Generator) -> tuple[ObjectMap, ObjectMap, list[float]]:
    """Rectangles of all sizes, answered a little beside, some missed or invented, some as the other class; a crowd."""
    height, width, n = 150, 200, 14
    true, answered = np.zeros((2, height, width), np.int32)
    labels, shown = np.ones((2, height, width), np.uint16)
    labels[140:, :50] = 2  # cells that were not told apart
    for i in range(1, n + 1):
        y, x = rng.integers(0, 110), rng.integers(0, 150)
        side = rng.choice([8, 25, 60, 100])
        of = rng.integers(2, 4)
        there = (slice(y, y + side), slice(x, x + side))
        dy, dx = rng.integers(-3, 4, 2)
        found = (slice(max(y + dy, 0), y + dy + side), slice(max(x + dx, 0), x + dx + side))
        if rng.random() < 0.9:
            true[there], labels[there] = i, of
        if rng.random() < 0.9:
            answered[found], shown[found] = i, of if rng.random() < 0.8 else 5 - of
    answer = picture(shown, answered)
    return picture(labels, true), answer, rng.choice(np.arange(1, 100), len(answer.classes), replace=False) / 100


def test_the_numbers_are_those_of_pycocotools() -> None:
    rng = np.random.default_rng(4)
    scenes = [scene(rng) for _ in range(4)]
    images, truths, answers = [], [], []
    for number, (truth, answer, scores) in enumerate(scenes):
        images.append({"id": number, "height": 150, "width": 200})
        regions = [(truth.instances == i + 1, of, 0) for i, of in enumerate(truth.classes)]
        regions += [(truth.crowd & (truth.labels == of), of, 1) for of in (2, 3)]
        for mask, of, crowd in regions:
            run = coco_mask.encode(np.asfortranarray(mask, dtype=np.uint8))
            common = {"image_id": number, "category_id": int(of), "iscrowd": crowd, "area": int(mask.sum())}
            truths.append({"id": len(truths) + 1, "segmentation": run, "bbox": [0, 0, 1, 1], **common})
        for i, of in enumerate(answer.classes):
            run = coco_mask.encode(np.asfortranarray(answer.instances == i + 1, dtype=np.uint8))
            answers.append({"image_id": number, "category_id": int(of), "segmentation": run, "score": scores[i]})
    with contextlib.redirect_stdout(io.StringIO()):
        coco = COCO()
        coco.dataset = {"images": images, "annotations": truths, "categories": [{"id": k} for k in range(1, K + 1)]}
        coco.createIndex()
        judge = COCOeval(coco, coco.loadRes(answers), "segm")
        judge.evaluate()
        judge.accumulate()
    precision = judge.eval["precision"][..., -1].mean(axis=1)  # thresholds, classes, sizes
    precision[precision < 0] = np.nan

    ours = result(*scenes)

    for i, name in enumerate(("ap", "ap_small", "ap_medium", "ap_large")):
        np.testing.assert_allclose(ours[name][1:], precision[:, 1:, i].mean(axis=0), rtol=1e-9)
    np.testing.assert_allclose(ours["ap50"][1:], precision[0, 1:, 0], rtol=1e-9)
    assert len({round(float(ours[name][1]), 3) for name in ours}) == 6  # and they tell sizes and thresholds apart
