"""Would two further heads, for the borders between objects and for their size, make better objects than a ridge?

`python -m bench.object_heads nuclei|coco [--steps N] [--keep]`.

In:  SMALTA_DATA; the data of `bench.nuclei` and of `bench.panoptic coco`.
Out: bench/results/object_heads_JOB.json.

One network learns both heads beside its own. On the validation pictures the same fields are then made into objects in
several ways, which differ only in when a peak joins a higher one: never but by its offset; where a ridge of the centre
map leads to it, as smalta does; where no border was seen between them; where it is nearer than a share of the objects'
size, a bandwidth per pixel. Each way takes the thresholds that are best for it on those same pictures, so the numbers
are flattered alike, and only their differences count.
"""

from __future__ import annotations

import argparse
import shutil
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, fields, replace
from itertools import product
from pathlib import Path
from typing import Any
from unittest import mock

import cv2
import numpy as np
import torch
import torch.nn.functional as F
from torch import Tensor

from bench.common import WORK, exit_on_error, machine_facts, recorded_load, write_result
from bench.grouping import answered, score_objects
from bench.prepare import prepared
from smalta.answers import fields as described
from smalta.answers import grouping, upscaling
from smalta.answers.fields import CENTER, OBJECTS, OFFSETS, SEMANTIC, Head
from smalta.answers.grouping import GroupingRule, Lines, cells_on, group
from smalta.classes import ClassTree
from smalta.data.any_format import open_dataset
from smalta.description.run_folder import MODEL_FILE
from smalta.errors import DataError
from smalta.inference.predictor import load
from smalta.model.tracing import trace
from smalta.training import batches, head_losses, learner, targets, train
from smalta.training.batches import Batch
from smalta.training.head_losses import HeadLoss
from smalta.training.losses import TreeLoss
from smalta.training.settings import TrainSettings
from smalta.training.targets import UNKNOWN, ObjectTargets

SIZE, BORDER = "size", "border"
SIZE_WEIGHT, BORDER_WEIGHT = 0.3, 0.5
REACH = 2  # pixels: a border is where two objects are within it
LEAST_AREA = 5  # pixels of an object


@dataclass(frozen=True, slots=True)
class Job:
    """A data set, how long it is trained, and what is tried on it."""

    data: str
    steps: int
    smoothing: tuple[float, ...]


JOBS = {
    "nuclei": Job("nuclei", 500, (0.7,)),
    "coco": Job("coco_overfit", 850, (0.7, 1.5, 2.5, 4.0)),
}


# log of the root of the object's area in pixels, and borders; both begin with what is usual
FURTHER = (
    Head(name=SIZE, channels=lambda config: int(config.objects), branch=OBJECTS, bias=3.0),
    Head(name=BORDER, channels=lambda config: int(config.objects), branch=OBJECTS, activation="sigmoid", bias=-2.0),
)


@dataclass(frozen=True, slots=True, kw_only=True)
class FurtherTargets(ObjectTargets):
    """With the targets of the two heads, (h, w) float32 each; `UNKNOWN` where there is no statement on borders."""

    size: np.ndarray
    border: np.ndarray


def further_targets(
    classes: np.ndarray, instances: np.ndarray | None, is_thing: np.ndarray, stride: int
) -> FurtherTargets:
    """`smalta.training.targets.object_targets`, and the two heads'."""
    known = targets.object_targets(classes, instances, is_thing, stride)
    own = {entry.name: getattr(known, entry.name) for entry in fields(ObjectTargets)}
    size = np.log(np.where(known.weights > 0, 1 / np.maximum(known.weights, 1e-6), 1)).astype(np.float32)
    border = np.full_like(known.center, UNKNOWN)
    if instances is not None:
        things = np.where(is_thing[classes], instances, 0).astype(np.float32)
        around = np.ones((2 * REACH + 1, 2 * REACH + 1), np.uint8)
        highest = cv2.dilate(things, around)
        lowest = cv2.erode(np.where(things > 0, things, np.float32(1e9)), around)
        between = (highest > 0) & (lowest < highest)
        at = slice(stride // 2, None, stride)
        border = np.where(known.center > UNKNOWN, between[at, at], UNKNOWN).astype(np.float32)
    return FurtherTargets(**own, size=size, border=border)


def size_loss(answers: Tensor, part: Batch, batch: Batch) -> Tensor:
    """Absolute error of the log, weighed as offsets are."""
    off = (answers[:, 0].float() - part.objects[SIZE]).abs() * part.objects["weights"]
    return off.sum() / batch.objects["weights"].sum().clamp_min(1e-6)


def border_loss(answers: Tensor, part: Batch, batch: Batch) -> Tensor:
    """As for the centre map, per unit of borders."""
    logits, wanted = answers[:, 0].float(), part.objects[BORDER]
    known, wanted = wanted > UNKNOWN, wanted.clamp_min(0)
    doubt = (torch.sigmoid(logits) - wanted).square()
    entropy = F.binary_cross_entropy_with_logits(logits, wanted, reduction="none")
    return (doubt * entropy * known).sum() / batch.objects[BORDER].clamp_min(0).sum().clamp_min(50)


def further_losses(tree: ClassTree, semantic: TreeLoss) -> dict[str, HeadLoss]:
    """`smalta.training.head_losses.head_losses`, and the two heads'."""
    return {
        **head_losses.head_losses(tree, semantic),
        SIZE: HeadLoss(of=size_loss, weight=SIZE_WEIGHT),
        BORDER: HeadLoss(of=border_loss, weight=BORDER_WEIGHT),
    }


@contextmanager
def with_heads() -> Iterator[None]:
    """smalta trains and reads networks with the two heads."""
    with ExitStack() as stack:
        for module, name, other in (
            (described, "HEADS", (*described.HEADS, *FURTHER)),
            (upscaling, "HEADS", (*described.HEADS, *FURTHER)),
            (batches, "object_targets", further_targets),
            (batches, "ObjectTargets", FurtherTargets),
            (learner, "head_losses", further_losses),
        ):
            stack.enter_context(mock.patch.object(module, name, other))
        trace.cache_clear()  # it remembers workloads by configurations, which do not name the two heads
        stack.callback(trace.cache_clear)
        yield


@dataclass(frozen=True, slots=True)
class Fields:
    """What a network says of one picture, and its objects."""

    thing: np.ndarray
    center: np.ndarray
    offsets: np.ndarray
    size: np.ndarray
    border: np.ndarray
    truth: np.ndarray


Criterion = Callable[[Fields, np.ndarray, np.ndarray, np.ndarray, Lines], np.ndarray]


def nowhere_a_border(least: float) -> Criterion:
    """Nowhere on the line is a border as likely as this."""
    return lambda of, _peaks, rows, columns, _ways: of.border[rows, columns].max(axis=1) < least


def within(share: float) -> Criterion:
    """The line is shorter than this share of the smaller of both sizes."""

    def near(of: Fields, peaks: np.ndarray, _rows: np.ndarray, _columns: np.ndarray, ways: Lines) -> np.ndarray:
        size = of.size[peaks[:, 0], peaks[:, 1]] / round(of.thing.shape[0] / of.center.shape[0])
        return ways.length < share * np.minimum(size[ways.begin], size[ways.end])

    return near


def objects_of(of: Fields, rule: GroupingRule, criterion: Criterion | None) -> np.ndarray:
    """(H, W) instance map; the criterion takes the place of the ridge."""
    if criterion is None:
        return group(of.thing, of.center, of.offsets, rule)[0]
    rule = replace(rule, ridge=0.0)
    seen: list[np.ndarray] = []

    def remembered(_center: np.ndarray, peaks: np.ndarray, _ways: Lines) -> np.ndarray:
        seen.append(peaks)
        return np.zeros(0)

    along = grouping.along_ridges
    stride = round(of.thing.shape[0] / of.center.shape[0])
    cells = grouping.sum_per_cell(of.thing >= rule.min_thing, stride, of.center.shape) > 0

    def joined(to: np.ndarray, heights: np.ndarray, ways: Lines, _lowest: np.ndarray, ridge: float) -> np.ndarray:
        rows, columns = cells_on(seen[0], ways)
        leads = criterion(of, seen[0], rows, columns, ways) & cells[rows, columns].all(axis=1)
        return along(to, heights, ways, np.where(leads, 1.0, -1.0), ridge)

    with mock.patch.object(grouping, "lowest_on", remembered), mock.patch.object(grouping, "along_ridges", joined):
        return group(of.thing, of.center, of.offsets, rule)[0]


def best(pictures: list[Fields], job: Job, ridge: float, criterion: Criterion | None) -> dict[str, Any]:
    """The best of all thresholds, by accuracy at an IoU of one half."""
    found = []
    for thing, center, smoothing in product((0.5, 0.6, 0.7), (0.1, 0.2, 0.3), job.smoothing):
        rule = GroupingRule(min_thing=thing, min_center=center, smoothing=smoothing, ridge=ridge, min_area=LEAST_AREA)
        scores = score_objects((one.truth, objects_of(one, rule, criterion)) for one in pictures)
        found.append(scores | {"min_thing": thing, "min_center": center, "smoothing": smoothing})
    return max(found, key=lambda row: (row["accuracy_50"], row["mean_accuracy"]))


def fields_by(run: Path, dataset: Any) -> list[Fields]:
    """Of every validation picture."""
    predictor = load(run)
    tree = predictor.tree
    is_thing = tree.is_thing[list(tree.leaves)]
    pictures = []
    for sample, found in answered(predictor, dataset):
        assert sample.instances is not None
        pictures.append(
            Fields(
                found[SEMANTIC][is_thing].sum(axis=0),
                found[CENTER][0],
                found[OFFSETS],
                np.exp(found[SIZE][0]),
                found[BORDER][0],
                np.where(tree.is_thing[sample.classes], sample.instances, 0),
            )
        )
    return pictures


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.split("\n", 1)[0])
    parser.add_argument("job", choices=JOBS)
    parser.add_argument("--steps", type=int, help="of training, instead of the job's own")
    parser.add_argument("--keep", action="store_true", help="keep the network of the last run")
    options = parser.parse_args()
    job = replace(JOBS[options.job], steps=options.steps or JOBS[options.job].steps)
    data = prepared(job.data)
    run = WORK / "runs" / f"object_heads_{options.job}"
    if options.keep and not (run / MODEL_FILE).is_file():
        raise DataError("there is no network of a last run; leave --keep away")
    with recorded_load() as load_facts, with_heads():
        if not options.keep:
            shutil.rmtree(run, ignore_errors=True)
            train.train(data, run, TrainSettings(steps=job.steps))
        pictures = fields_by(run, open_dataset(data))
        ways: dict[str, tuple[float, Criterion | None]] = {"by their offsets alone": (1.0, None)}
        ways |= {f"ridge of {ridge:g} of its height": (ridge, None) for ridge in (0.7, 0.8, 0.9, 0.95)}
        ways |= {f"no border of {p:g} between": (0.9, nowhere_a_border(p)) for p in (0.2, 0.3, 0.4)}
        ways |= {f"nearer than {share:g} of the size": (0.9, within(share)) for share in (0.4, 0.6, 0.8)}
        scores = {}
        for name, (ridge, criterion) in ways.items():
            scores[name] = best(pictures, job, ridge, criterion)
            print(f"{name:32s} {scores[name]['accuracy_50']:.4f} {scores[name]['mean_accuracy']:.4f}", flush=True)
    result = {
        "job": f"object_heads_{options.job}",
        "command": f"python -m bench.object_heads {options.job}" + (" --keep" if options.keep else ""),
        "about": "one network; its validation pictures, on which each way takes its best thresholds; accuracy is "
        "TP / (TP + FP + FN) over all objects",
        "steps": job.steps,
        "pictures": len(pictures),
        "objects": int(sum(len(np.unique(one.truth[one.truth > 0])) for one in pictures)),
        "ways": scores,
        "load": load_facts,
        "machine": machine_facts(),
    }
    scratch = job.steps != JOBS[options.job].steps
    print(f"wrote {write_result(str(result['job']), result, scratch=scratch).name}")


if __name__ == "__main__":
    exit_on_error(main)
