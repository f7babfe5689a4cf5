"""Choose when pixels are an object, and learn how far the counts are then off; both on validation pictures.

In:  fields and labels of validation pictures, one picture after the other.
Out: a `GroupingRule` and a `CountCalibration`.

numpy and OpenCV. Must not know: networks, files, data sets.

Of a picture only its candidates stay: the objects that any of some rules would make, and whether each is right. The
rule with the best panoptic quality (IoU 0.5), summed over all pictures and averaged over the families of things, is
taken; of rules that are as good up to `TIE`, the one whose counts are nearest to the truth. A family is a thing with
all that lies below it in the tree. Each speaks alike: with all objects in one sum, many large and sure ones would
choose a rule by which the few small ones are lost.

A rule that has seen a picture counts it better than a new one. So the errors that intervals of counts are made from are
taken out of sample: each picture is counted by the rule that all other pictures choose (the jackknife; see Barber et
al. 2021, "Predictive inference with the jackknife+", for what that is worth). The network itself has chosen its weights
by its look at the same pictures, which no rule can undo: `evaluate` measures the coverage on pictures that nothing saw.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, replace

import numpy as np

from smalta.answers.count_intervals import CountCalibration
from smalta.answers.fields import CENTER, OFFSETS, SEMANTIC
from smalta.answers.grouping import NO_RIDGE, RIDGE, GroupingRule, group
from smalta.answers.objects import Objects
from smalta.classes import ClassTree
from smalta.metrics.matching import match_objects
from smalta.metrics.node_counts import node_counts, true_counts
from smalta.metrics.object_map import ObjectMap
from smalta.system.cores import usable_cores

# tried, each with all least scores and areas; more smoothing, which few data sets need, in wider steps and with ridges
SETTINGS = (
    *(
        GroupingRule(min_thing=thing, min_center=center, ridge=ridge)
        for thing in (0.5, 0.6, 0.7, 0.8)
        for center in (0.1, 0.2, 0.3, 0.4, 0.5)
        for ridge in (RIDGE, NO_RIDGE)
    ),
    *(
        GroupingRule(min_thing=thing, min_center=center, smoothing=smoothing)
        for smoothing in (1.5, 2.5, 4.0)
        for thing in (0.5, 0.7)
        for center in (0.1, 0.2, 0.4)
    ),
)
SCORES = np.arange(17) / 20
AREA_SHARES = np.array([0, 0.25, 0.5, 0.75, 1])  # of the area that one true object in twenty is smaller than
TIE = 0.005  # of panoptic quality
AT_ONCE = 2  # settings: each holds maps of the picture's size, and more would mostly wait for Python's lock

_STUFF = 1  # among the kinds that objects are matched in; families follow


@dataclass(frozen=True, slots=True, kw_only=True)
class Candidates:
    """The objects of one picture that the settings make (M in all), and its true ones.

    Attributes:
        setting: (M,) int64 place in `SETTINGS`.
        scores: (M,) float32.
        areas: (M,) int64 pixels.
        nodes: (M,) int64 node ids.
        iou: (M,) float64 with the true object of its family that it matches; 0 without a match.
        excused: (M,) bool: neither right nor wrong.
        counted: (M,) bool: not mostly on unlabelled pixels.
        true_areas: (T,) int64 pixels.
        true_nodes: (T,) int64 node ids.
        true_counts: (N + 1,) int64 by node id; at 0 of all objects.
        known: (N + 1,) bool: whether the true count is known.
    """

    setting: np.ndarray
    scores: np.ndarray
    areas: np.ndarray
    nodes: np.ndarray
    iou: np.ndarray
    excused: np.ndarray
    counted: np.ndarray
    true_areas: np.ndarray
    true_nodes: np.ndarray
    true_counts: np.ndarray
    known: np.ndarray


def candidates(
    tree: ClassTree, fields: Mapping[str, np.ndarray], classes: np.ndarray, instances: np.ndarray
) -> Candidates:
    """What the settings make of one picture.

    Args:
        tree: the classes.
        fields: of the picture, as `smalta.answers.fields` lists them, without their first axis.
        classes: (H, W) uint16 node ids, 0 = unlabelled.
        instances: (H, W) integers, 0 = none.
    """
    family = families(tree)
    kinds = family + _STUFF
    kinds[0] = 0
    truth = ObjectMap.from_maps(classes, instances, tree.is_thing)
    things = truth.seen_by(kinds)
    probabilities = fields[SEMANTIC]
    thing = probabilities[tree.is_thing[list(tree.leaves)]].sum(axis=0)

    def judged(rule: GroupingRule) -> tuple[np.ndarray, ...]:
        made, scores = group(thing, fields[CENTER][0], fields[OFFSETS], rule)
        objects = Objects.from_instances(tree, made, probabilities, scores)
        answered = kinds[objects.classes]
        answer = ObjectMap(
            instances=made,
            classes=answered,
            labels=np.concatenate([[_STUFF], answered])[made],
            crowd=np.zeros(made.shape, bool),
        )
        found = match_objects(things, answer)
        return scores, objects.areas, objects.classes, found.iou, found.excused, ~found.unlabelled

    with ThreadPoolExecutor(min(AT_ONCE, usable_cores())) as pool:
        columns = [(np.full(len(of[0]), place), *of) for place, of in enumerate(pool.map(judged, SETTINGS))]
    setting, scores, areas, nodes, iou, excused, counted = (np.concatenate(c) for c in zip(*columns, strict=True))
    counts, known = true_counts(tree, truth)
    return Candidates(
        setting=setting,
        scores=scores,
        areas=areas,
        nodes=nodes.astype(np.int64),
        iou=iou,
        excused=excused,
        counted=counted,
        true_areas=np.bincount(truth.instances.ravel(), minlength=1)[1:][things.classes > _STUFF],
        true_nodes=truth.classes[things.classes > _STUFF].astype(np.int64),
        true_counts=counts,
        known=known,
    )


def calibrate(tree: ClassTree, pictures: Sequence[Candidates]) -> tuple[GroupingRule, CountCalibration]:
    """The rule that all pictures choose, and the errors of counts where each picture had no say.

    Args:
        tree: the classes.
        pictures: their candidates; from nine pictures on there are intervals of counts.
    """
    least_areas = _least_areas(pictures)
    total = sum((_tally(tree, picture, least_areas) for picture in pictures), _no_tally(tree, least_areas))
    predicted = np.zeros((len(pictures), len(tree) + 1), dtype=np.int64)
    for i, picture in enumerate(pictures):  # a tally is made again rather than kept: with many families they are large
        setting, score, area = _best(total - _tally(tree, picture, least_areas))
        kept = (picture.setting == setting) & (picture.scores >= SCORES[score]) & (picture.areas >= least_areas[area])
        predicted[i] = node_counts(tree, picture.nodes[kept & picture.counted])
    true = np.array([picture.true_counts for picture in pictures]).reshape(predicted.shape)
    known = np.array([picture.known for picture in pictures], dtype=bool).reshape(predicted.shape)
    setting, score, area = _best(total)
    rule = replace(SETTINGS[setting], min_score=float(SCORES[score]), min_area=int(least_areas[area]))
    return rule, CountCalibration.fit(tree, predicted, true, known)


def _least_areas(pictures: Sequence[Candidates]) -> np.ndarray:
    """(A,) int64 rising: values of min_area to try; the first is 1."""
    areas = np.concatenate([picture.true_areas for picture in pictures]) if pictures else np.zeros(0)
    small = float(np.quantile(areas, 0.05)) if len(areas) else 1.0
    return np.unique(np.maximum(np.round(AREA_SHARES * small), 1).astype(np.int64))


def families(tree: ClassTree) -> np.ndarray:
    """(N + 1,) int64 by node id: 1.. = number of the topmost thing at or above it, 0 where it is none."""
    numbers = np.zeros(len(tree) + 1, dtype=np.int64)
    for node in tree:  # parents before children
        if tree.is_thing[node.id]:
            above = [numbers[ancestor] for ancestor in tree.ancestors(node.id)]
            numbers[node.id] = max(above, default=0) or numbers.max() + 1
    return numbers


def _no_tally(tree: ClassTree, least_areas: np.ndarray) -> np.ndarray:
    return np.zeros((5, len(SETTINGS), len(SCORES), len(least_areas), int(families(tree).max())))


def _tally(tree: ClassTree, picture: Candidates, least_areas: np.ndarray) -> np.ndarray:
    """(5, settings, scores, areas, families) of a picture.

    Answered objects, IoU of the matched, how far the count is off, true objects, true count. The third and the last
    are 0 where the true count is not known.
    """
    family = families(tree)
    table = _no_tally(tree, least_areas)
    shape = np.array(table.shape[1:])
    # the highest of the least scores and areas that each object reaches: it counts there and at all lower ones
    reached = (
        np.searchsorted(SCORES, picture.scores, side="right") - 1,
        np.searchsorted(least_areas, picture.areas, side="right") - 1,
    )
    place = np.ravel_multi_index((picture.setting, *reached, family[picture.nodes] - 1), tuple(shape))
    for column, weight in enumerate((~picture.excused, picture.iou, picture.counted)):
        alone = np.bincount(place, weight, minlength=shape.prod()).reshape(shape)
        table[column] = alone[:, ::-1, ::-1].cumsum(axis=1).cumsum(axis=2)[:, ::-1, ::-1]
    roots = [int(np.flatnonzero(family == number)[0]) for number in range(1, shape[-1] + 1)]
    table[2] = np.abs(table[2] - picture.true_counts[roots]) * picture.known[roots]
    table[3] = np.bincount(family[picture.true_nodes], minlength=shape[-1] + 1)[1:]
    table[4] = picture.true_counts[roots] * picture.known[roots]
    return table


def _best(sums: np.ndarray) -> tuple[int, int, int]:
    """Places of the best setting, least score and least area, from summed tallies."""
    answered, iou, off, true, count = sums
    shown = true[0, 0, 0] > 0
    if not shown.any():  # nothing to choose by
        return SETTINGS.index(GroupingRule()), 0, 0
    quality = (2 * iou / np.maximum(answered + true, 1))[..., shown].mean(axis=-1)
    error = (off / np.maximum(count, 1))[..., shown].mean(axis=-1)
    error = np.where(quality >= quality.max() - TIE, error, np.inf)
    least_off = np.where(error <= error.min() + 1e-9, quality, -1)
    equal = np.argwhere(least_off >= least_off.max() - 1e-9)
    middle = equal[np.abs(equal - equal.mean(axis=0)).sum(axis=1).argmin()]
    return int(middle[0]), int(middle[1]), int(middle[2])
