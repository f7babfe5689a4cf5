"""All kinds of answers of one network for one scene, each as a picture with a title and a sentence about it.

In:  a model that makes objects, a labelled scene.
Out: `Panel`s.

Must not know: how scenes are drawn, how networks work, files, how panels are laid out.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass

import cv2
import numpy as np

from smalta.answers.objects import Objects
from smalta.answers.segmentation import Segmentation
from smalta.classes import ROOT, ClassTree
from smalta.data.sample import Sample
from smalta.errors import ShapeError
from smalta.inference.predictor import Predictor
from smalta.metrics.node_counts import node_counts
from smalta.pictures.overlay import overlay, write_names
from smalta.results.overlays import object_names

WIDTH = 384
OPACITY = 0.6
ROAD, BODY, COUNTED = "road", "body", ("person", "vehicle")


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Panel:
    """One picture of the demo.

    Attributes:
        title: a few words, written above it.
        words: what it shows, a plain sentence or two.
        picture: (H, W, 3) uint8 RGB.
    """

    title: str
    words: str
    picture: np.ndarray


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Shown:
    """One scene with its answers.

    Attributes:
        name: of the scene.
        panels: eight of them.
        nodes: ids of the classes in them, 0 excluded.
    """

    name: str
    panels: tuple[Panel, ...]
    nodes: frozenset[int]


def show(predictor: Predictor, sample: Sample) -> Shown:
    """Answer a scene, and draw all kinds of answers.

    Args:
        predictor: a model for the classes of the scenes, with objects.
        sample: a scene with its truth.

    Raises:
        ShapeError: if the model or the scene has no objects.
    """
    answer = predictor(sample.picture)
    coarse = predictor(sample.picture, kind="semantic", level=1)
    if answer.objects is None or sample.instances is None:
        raise ShapeError("the model or the scenes have no objects, which the page shows; use a model with objects")
    nodes = {int(node) for node in np.unique([sample.classes, answer.classes, coarse.classes])}
    return Shown(
        name=sample.name,
        panels=(
            _picture(sample),
            *_classes(sample.picture, answer, coarse),
            _truth(sample, answer.tree),
            *_objects(predictor, sample.picture, answer, answer.objects),
        ),
        nodes=frozenset(nodes - {ROOT}),
    )


def _picture(sample: Sample) -> Panel:
    words = "The scene as the camera sees it. It was drawn just now, and the model has never seen it."
    return Panel(title="picture", words=words, picture=enlarged(sample.picture))


def _classes(picture: np.ndarray, answer: Segmentation, coarse: Segmentation) -> Iterable[Panel]:
    tree = answer.tree
    road = np.where(enlarged(answer.probability(ROAD)) >= 0.5, tree[ROAD].id, ROOT)
    yield Panel(
        title=f"binary: is it {ROAD}?",
        words="One question with two answers: a pixel is road, whatever kind of road, or it is not.",
        picture=_drawn(picture, road, tree),
    )
    yield Panel(
        title="semantic: top of the tree",
        words="A class for every pixel, at the top level of the class tree: road, construction, nature, vehicle ...",
        picture=_drawn(picture, enlarged(coarse.classes), tree),
    )
    yield Panel(
        title="semantic: leaves of the tree",
        words="The same network at the finest level: the own lane and the oncoming lane, which have the same asphalt "
        "and differ only in their place, and the three makes of cars, which differ in shape, lamps and grille.",
        picture=_drawn(picture, enlarged(answer.classes), tree),
    )


def _truth(sample: Sample, tree: ClassTree) -> Panel:
    assert sample.instances is not None  # `show` checks it
    return Panel(
        title=f"truth: {listed(true_counts(sample, tree, COUNTED))}",
        words="The labels that come with the drawing, for comparison: every pixel and every object. The model does "
        "not see them.",
        picture=_drawn(sample.picture, enlarged(sample.classes), tree, enlarged(sample.instances)),
    )


def _objects(predictor: Predictor, picture: np.ndarray, answer: Segmentation, objects: Objects) -> Iterable[Panel]:
    tree = answer.tree
    instances, panoptic = map(enlarged, (objects.instances, answer.panoptic()))
    things = _drawn(picture, np.where(instances, panoptic, ROOT), tree, instances)
    yield Panel(
        title=f"instance: {listed(counts_with_intervals(predictor, objects))}",
        words="Every person and every vehicle is an object with a number, a class and an outline of its own. The "
        "counts have an interval that holds the true number in 90 of 100 pictures.",
        picture=write_names(things, instances, object_names(objects)),
    )
    bodies, values = _attribute(objects)
    cars = np.where(np.append(ROOT, bodies)[instances], instances, 0)
    yield Panel(
        title=f"attribute: {BODY} of every car",
        words=f"A further question about each car: is its {BODY} that of a {' or a '.join(v.name for v in values)}?",
        picture=write_names(
            _drawn(picture, np.append(ROOT, bodies)[cars], values, cars),
            cars,
            [[values[int(value)].name] if value else [] for value in bodies],
        ),
    )
    yield Panel(
        title="panoptic: everything, object by object",
        words="All of it in one map: every pixel has one class, and one object where the class can be counted.",
        picture=_drawn(picture, panoptic, tree, instances),
    )


def _drawn(
    picture: np.ndarray, classes: np.ndarray, tree: ClassTree, instances: np.ndarray | None = None
) -> np.ndarray:
    return overlay(enlarged(picture), classes, tree, instances=instances, opacity=OPACITY)


def _attribute(objects: Objects) -> tuple[np.ndarray, ClassTree]:
    """(N,) value of every object, 0 for objects without the attribute; and the values as classes, for colours."""
    values = next(attribute.values for attribute in objects.tree.attributes if attribute.name == BODY)
    return objects.attribute(BODY), ClassTree({value: {"kind": "thing"} for value in values})


def true_counts(sample: Sample, tree: ClassTree, paths: Iterable[str]) -> dict[str, int]:
    """Number of labelled objects of each of these classes."""
    assert sample.instances is not None  # of a scene
    found = {}
    for path in paths:
        inside = np.isin(sample.classes, [tree[path].id, *tree.descendants(tree[path].id)])
        found[path] = len(np.setdiff1d(sample.instances[inside], 0))
    return found


def counts_with_intervals(predictor: Predictor, objects: Objects) -> dict[str, str]:
    """The counts of people and vehicles, such as "7 (5 to 8)"; without intervals if the model has none."""
    counts = node_counts(predictor.tree, objects.classes)
    calibration = predictor.info.counting
    found = {}
    for path in COUNTED:
        node = predictor.tree[path].id
        found[path] = str(counts[node])
        if calibration is not None and calibration.shortage is None:
            low, high = (int(ends[0, node]) for ends in calibration.intervals(predictor.tree, counts[None]))
            found[path] += f" ({low} to {high})" if high >= 0 else ""
    return found


def listed(counts: Mapping[str, object]) -> str:
    """Counts by class as one line."""
    return ", ".join(f"{path} {count}" for path, count in counts.items())


def enlarged(array: np.ndarray) -> np.ndarray:
    """A picture or a map as wide as a panel."""
    size_wh = (WIDTH, round(array.shape[0] * WIDTH / array.shape[1]))
    smooth = array.ndim == 3 or array.dtype.kind == "f"
    return cv2.resize(array, size_wh, interpolation=cv2.INTER_CUBIC if smooth else cv2.INTER_NEAREST_EXACT)
