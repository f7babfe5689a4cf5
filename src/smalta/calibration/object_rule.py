"""Choose when pixels are an object, and learn the errors of the counts; both on validation pictures.

In:  fields and labels of validation pictures, one picture after the other.
Out: a `GroupingRule` and a `CountCalibration`.

How the rule is chosen:

1. Each of `SETTINGS` groups each picture. Only the `Candidates` are kept: the found objects, and how well each matches
   a true one.
2. A rule is a setting with a least score and a least area. The candidates are enough to compute its answer.
3. The quality of a rule is its panoptic quality (IoU 0.5) over all pictures together, averaged over the families of
   things. A family is a topmost thing with everything below it in the tree. In one sum over all objects, the many large
   and certain ones would choose a rule that loses the few small ones.
4. Of the rules within `TIE` of the best quality, the one whose counts are nearest to the truth is chosen. If several
   are equal, the one in their middle is chosen.

How counts are calibrated:

5. A rule counts the pictures that chose it better than new ones. So each picture is counted with the rule that all
   other pictures choose, and the errors of these counts give the intervals. This is the jackknife; Barber et al. 2021,
   "Predictive inference with the jackknife+", prove its guarantee.
6. The network's weights were chosen on the same pictures, and no rule can undo that. `evaluate` measures the coverage
   of the intervals on pictures that were used for neither choice.

numpy and OpenCV. Must not know: networks, files, data sets.
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

# each is tried with every least score and area; few data sets need more smoothing, so its steps are wide
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
AREA_SHARES = np.array([0, 0.25, 0.5, 0.75, 1])  # of the area below which 5 % of the true objects lie
TIE = 0.005  # of panoptic quality
AT_ONCE = 2  # settings: each holds maps of the picture's size, and more threads would mostly wait for Python's lock

_STUFF = 1  # objects are matched within kinds: 0 is unlabelled, 1 is stuff, families follow
_ANSWERED, _IOU, _OFF, _TRUE, _COUNT = range(5)  # planes of a tally


@dataclass(frozen=True, slots=True, kw_only=True)
class Candidates:
    """The M objects that all settings together find in one picture, and its T true objects.

    Attributes:
        setting: (M,) int64 place in `SETTINGS`.
        scores: (M,) float32.
        areas: (M,) int64 pixels.
        nodes: (M,) int64 node ids.
        iou: (M,) float64 with the matching true object of the same family; 0 without a match.
        excused: (M,) bool: counts as neither right nor wrong.
        counted: (M,) bool: does not lie mostly on unlabelled pixels.
        true_areas: (T,) int64 pixels.
        true_nodes: (T,) int64 node ids.
        true_counts: (N + 1,) int64 by node id; entry 0 is for all objects.
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
    """The objects that the settings find in one picture.

    Args:
        tree: the classes.
        fields: of the picture, as `smalta.answers.fields` lists them, without their first axis.
        classes: (H, W) uint16 node ids, 0 = unlabelled.
        instances: (H, W) integers, 0 = no object.
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
    """The rule that all pictures choose, and intervals from the counts of each picture with the others' rule.

    Args:
        tree: the classes.
        pictures: candidates of each picture; fewer than nine pictures give no intervals.
    """
    least_areas = _least_areas(pictures)
    total = sum((_tally(tree, picture, least_areas) for picture in pictures), _no_tally(tree, least_areas))
    predicted = np.zeros((len(pictures), len(tree) + 1), dtype=np.int64)
    for i, picture in enumerate(pictures):  # tallies are computed again, not kept: with many families they are large
        setting, score, area = _best(total - _tally(tree, picture, least_areas))
        kept = (picture.setting == setting) & (picture.scores >= SCORES[score]) & (picture.areas >= least_areas[area])
        predicted[i] = node_counts(tree, picture.nodes[kept & picture.counted])
    true = np.array([picture.true_counts for picture in pictures]).reshape(predicted.shape)
    known = np.array([picture.known for picture in pictures], dtype=bool).reshape(predicted.shape)
    setting, score, area = _best(total)
    rule = replace(SETTINGS[setting], min_score=float(SCORES[score]), min_area=int(least_areas[area]))
    return rule, CountCalibration.fit(tree, predicted, true, known)


def _least_areas(pictures: Sequence[Candidates]) -> np.ndarray:
    """(A,) int64, rising: the values of min_area that are tried; the first is 1."""
    areas = np.concatenate([picture.true_areas for picture in pictures]) if pictures else np.zeros(0)
    small = float(np.quantile(areas, 0.05)) if len(areas) else 1.0
    return np.unique(np.maximum(np.round(AREA_SHARES * small), 1).astype(np.int64))


def families(tree: ClassTree) -> np.ndarray:
    """(N + 1,) int64 by node id: 1.. = number of its family, that of the topmost thing at or above it; 0 for stuff."""
    numbers = np.zeros(len(tree) + 1, dtype=np.int64)
    for node in tree:  # parents before children
        if tree.is_thing[node.id]:
            above = [numbers[ancestor] for ancestor in tree.ancestors(node.id)]
            numbers[node.id] = max(above, default=0) or numbers.max() + 1
    return numbers


def _no_tally(tree: ClassTree, least_areas: np.ndarray) -> np.ndarray:
    return np.zeros((5, len(SETTINGS), len(SCORES), len(least_areas), int(families(tree).max())))


def _tally(tree: ClassTree, picture: Candidates, least_areas: np.ndarray) -> np.ndarray:
    """(5, settings, scores, areas, families) sums over one picture, for every rule and family.

    The planes: answered objects, IoU of the matched ones, error of the count, true objects, true count. `_OFF` and
    `_COUNT` are 0 if the true count is not known.
    """
    family = families(tree)
    table = _no_tally(tree, least_areas)
    shape = np.array(table.shape[1:])
    # an object counts at the highest least score and least area that it reaches, and at all lower ones
    reached = (
        np.searchsorted(SCORES, picture.scores, side="right") - 1,
        np.searchsorted(least_areas, picture.areas, side="right") - 1,
    )
    place = np.ravel_multi_index((picture.setting, *reached, family[picture.nodes] - 1), tuple(shape))
    for plane, weight in ((_ANSWERED, ~picture.excused), (_IOU, picture.iou), (_OFF, picture.counted)):
        alone = np.bincount(place, weight, minlength=shape.prod()).reshape(shape)
        table[plane] = alone[:, ::-1, ::-1].cumsum(axis=1).cumsum(axis=2)[:, ::-1, ::-1]
    roots = [int(np.flatnonzero(family == number)[0]) for number in range(1, shape[-1] + 1)]
    table[_OFF] = np.abs(table[_OFF] - picture.true_counts[roots]) * picture.known[roots]
    table[_TRUE] = np.bincount(family[picture.true_nodes], minlength=shape[-1] + 1)[1:]
    table[_COUNT] = picture.true_counts[roots] * picture.known[roots]
    return table


def _best(sums: np.ndarray) -> tuple[int, int, int]:
    """Places of the best setting, least score and least area, from summed tallies."""
    answered, iou, off = sums[_ANSWERED], sums[_IOU], sums[_OFF]
    true, count = sums[_TRUE], sums[_COUNT]
    shown = true[0, 0, 0] > 0
    if not shown.any():  # without true objects there is nothing to compare
        return SETTINGS.index(GroupingRule()), 0, 0
    quality = (2 * iou / np.maximum(answered + true, 1))[..., shown].mean(axis=-1)
    error = (off / np.maximum(count, 1))[..., shown].mean(axis=-1)
    error = np.where(quality >= quality.max() - TIE, error, np.inf)
    least_off = np.where(error <= error.min() + 1e-9, quality, -1)
    equal = np.argwhere(least_off >= least_off.max() - 1e-9)
    middle = equal[np.abs(equal - equal.mean(axis=0)).sum(axis=1).argmin()]
    return int(middle[0]), int(middle[1]), int(middle[2])
