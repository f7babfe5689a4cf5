"""How well and how fast fields become objects: other ways, true fields, the share of the network's time.

`python -m bench.grouping [--data nuclei|nuclei_by_picture]`, after `python -m bench.nuclei --who smalta` with the same.

In:  the model that the bench of nuclei trained; the validation part of its data.
Out: bench/results/grouping.json.

The ways differ in one thing each, with the model's own thresholds, so all of them are scored on the pictures that the
thresholds were chosen on: what counts is how they differ.
"""

from __future__ import annotations

import argparse
import tempfile
import time
from collections.abc import Callable, Iterable, Iterator, Mapping
from contextlib import contextmanager, nullcontext
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any
from unittest import mock

import cv2
import numpy as np

from bench.common import WORK, exit_on_error, machine_facts, recorded_load, write_result
from bench.nuclei import DATA, MINUTES, SETS, command
from bench.prepare import prepared
from smalta.answers import grouping
from smalta.answers.fields import CENTER, OFFSETS, SEMANTIC
from smalta.answers.grouping import GroupingRule, group
from smalta.answers.upscaling import fields_of
from smalta.data.any_format import open_dataset
from smalta.data.dataset import Dataset
from smalta.data.sample import Sample
from smalta.errors import DataError
from smalta.exporting.onnx_export import export
from smalta.inference.predictor import Predictor, load
from smalta.metrics.instance import accuracy, match_counts, mean_accuracy
from smalta.training.targets import object_targets

SIDE, SPACING, RADIUS = 1024, 32, 14  # of the speed test: 32 x 32 discs, 1,024 objects
REPEATS = 15


@dataclass(frozen=True, slots=True)
class Fields:
    """What a network, or the labels, say of one picture."""

    thing: np.ndarray
    center: np.ndarray
    offsets: np.ndarray
    truth: np.ndarray


@contextmanager
def _without_joining() -> Iterator[None]:
    with mock.patch.object(grouping, "join", lambda heights, to: np.arange(1, len(heights) + 1)):
        yield


def votes(of: Fields, least: float) -> np.ndarray:
    """(h, w) float32: how many cells point to each cell, brought to 0..1."""
    stride = round(of.thing.shape[0] / of.center.shape[0])
    cells = np.argwhere(of.thing[::stride, ::stride] >= least)
    rows, columns = grouping.follow(cells, of.offsets[:, cells[:, 0], cells[:, 1]] / stride, of.center.shape)
    found = np.zeros(of.center.shape, np.float32)
    np.add.at(found, (rows, columns), 1)
    found = cv2.GaussianBlur(found, (0, 0), 1.0)
    return found / (found + 3)


def perfect(truth: np.ndarray, stride: int) -> Fields:
    """The fields that a perfect network answers with."""
    height, width = (-(-side // stride) * stride for side in truth.shape)
    padded = np.zeros((height, width), np.int32)
    padded[: truth.shape[0], : truth.shape[1]] = truth
    targets = object_targets(1 + (padded > 0), padded, np.array([False, False, True]), stride)
    return Fields((truth > 0).astype(np.float32), np.maximum(targets.center, 0), targets.offsets, truth)


def score(pictures: list[Fields], rule: GroupingRule) -> dict[str, float]:
    """Of the objects that `group` makes."""
    return score_objects((one.truth, group(one.thing, one.center, one.offsets, rule)[0]) for one in pictures)


def score_objects(maps: Iterable[tuple[np.ndarray, np.ndarray]]) -> dict[str, float]:
    """Accuracy at an IoU of one half, and its mean over 0.5 to 0.95, of true and found instance maps."""
    counts = sum(match_counts(true, found) for true, found in maps)
    return {
        "accuracy_50": round(float(accuracy(counts)[0]), 4),
        "mean_accuracy": round(float(mean_accuracy(counts)), 4),
    }


def ways(pictures: list[Fields], rule: GroupingRule) -> dict[str, dict[str, float]]:
    """Scores by what is done otherwise."""

    def changed(change: Callable[[Fields], Fields]) -> list[Fields]:
        return [change(one) for one in pictures]

    def true(one: Fields) -> Fields:
        return perfect(one.truth, round(one.thing.shape[0] / one.center.shape[0]))

    table: Mapping[str, tuple[list[Fields], GroupingRule, Any]] = {
        "as it is": (pictures, rule, nullcontext()),
        "centre map not smoothed": (pictures, replace(rule, smoothing=0.01), nullcontext()),
        "peaks that point to a higher one not joined": (pictures, rule, _without_joining()),
        "peaks not joined along ridges": (pictures, replace(rule, ridge=1.0), nullcontext()),
        "votes of the offsets instead of the centre map": (
            changed(lambda one: replace(one, center=votes(one, rule.min_thing))),
            rule,
            nullcontext(),
        ),
        "true centres": (changed(lambda one: replace(one, center=true(one).center)), rule, nullcontext()),
        "true offsets": (changed(lambda one: replace(one, offsets=true(one).offsets)), rule, nullcontext()),
        "true mask": (changed(lambda one: replace(one, thing=true(one).thing)), rule, nullcontext()),
    }
    found = {}
    for name, (fields, own, patch) in table.items():
        with patch:
            found[name] = score(fields, own)
    return found


def speed(model: Path) -> dict[str, float]:
    """Median milliseconds of the network and of the grouping, on 1024 x 1024 pixels with 1,024 objects."""
    truth = np.zeros((SIDE, SIDE), np.int32)
    for number, (row, column) in enumerate(np.ndindex(SIDE // SPACING, SIDE // SPACING), start=1):
        middle = (column * SPACING + SPACING // 2, row * SPACING + SPACING // 2)
        cv2.circle(truth, middle, RADIUS, number, cv2.FILLED)
    predictor = load(model)
    of = perfect(truth, predictor.info.network.stride)
    rng = np.random.default_rng(0)
    center = np.clip(of.center + rng.normal(0, 0.02, of.center.shape), 0, 1).astype(np.float32)
    offsets = (of.offsets + rng.normal(0, 1, of.offsets.shape)).astype(np.float32)
    picture = np.repeat((60 + 120 * (truth > 0)).astype(np.uint8)[..., None], 3, axis=2)
    rule = GroupingRule()
    n = len(group(of.thing, center, offsets, rule)[1])
    network = _milliseconds(lambda: predictor.runtime.maps(picture[None]))
    grouped = _milliseconds(lambda: group(of.thing, center, offsets, rule))
    return {"objects": n, "network_ms": network, "grouping_ms": grouped, "share": round(grouped / network, 3)}


def _milliseconds(call: Callable[[], object]) -> float:
    call()
    seconds = []
    for _ in range(REPEATS):
        start = time.perf_counter()
        call()
        seconds.append(time.perf_counter() - start)
    return round(1000 * float(np.median(seconds)), 2)


def answered(predictor: Predictor, dataset: Dataset) -> Iterator[tuple[Sample, dict[str, np.ndarray]]]:
    """Every validation picture, and a network's fields of it."""
    for sample in dataset.read_many(dataset.split("val")):
        maps = {name: batch[0] for name, batch in predictor.runtime.maps(sample.picture[None]).items()}
        yield sample, fields_of(maps, (), sample.picture.shape[:2], predictor.runtime.stride)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.split("\n", 1)[0])
    parser.add_argument("--data", choices=SETS, default=DATA, help="that the model was trained on")
    data = parser.parse_args().data
    run = WORK / "runs" / f"{data}_smalta" / "run"
    if not run.is_dir():
        raise DataError(f"the model is not there; run `{command(data, 'smalta', MINUTES)}` first")
    predictor = load(run)
    dataset = open_dataset(prepared(data))
    pictures = []
    for sample, fields in answered(predictor, dataset):
        assert sample.instances is not None
        pictures.append(Fields(fields[SEMANTIC][1], fields[CENTER][0], fields[OFFSETS], sample.instances))
    with recorded_load() as load_facts, tempfile.TemporaryDirectory() as scratch:
        model = Path(scratch) / "model.onnx"
        export(run, model)
        result = {
            "job": "grouping",
            "command": "python -m bench.grouping" + ("" if data == DATA else f" --data {data}"),
            "data": data,
            "about": "one network after the minutes of the bench of nuclei; its validation pictures, which chose the "
            "thresholds; accuracy is TP / (TP + FP + FN)",
            "pictures": len(pictures),
            "objects": int(sum(len(np.unique(one.truth)) - 1 for one in pictures)),
            "rule": predictor.info.grouping.to_dict(),
            "ways": ways(pictures, predictor.info.grouping),
            "perfect_fields": {
                f"stride {stride}": score([perfect(one.truth, stride) for one in pictures], GroupingRule())
                for stride in (1, 2, 4)
            },
            "speed": speed(model),
        }
    print(f"wrote {write_result('grouping', {**result, 'load': load_facts, 'machine': machine_facts()}).name}")


if __name__ == "__main__":
    exit_on_error(main)
