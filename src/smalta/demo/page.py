"""One page with all kinds of answers of one network.

In:  a model that makes objects, labelled scenes.
Out: a picture.

Must not know: how scenes are drawn, how networks work, files.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import cv2
import numpy as np

from smalta.answers.objects import Objects
from smalta.answers.segmentation import Segmentation
from smalta.classes import ROOT, ClassTree
from smalta.data.sample import Sample
from smalta.errors import ShapeError
from smalta.inference.predictor import Predictor
from smalta.pictures.overlay import caption, overlay, with_legend, write_names
from smalta.results.overlays import object_names

CELL_WIDTH = 384
OPACITY = 0.6
ROAD, BODY, COUNTED = "road", "body", ("vehicle", "person")


def page(predictor: Predictor, samples: Sequence[Sample]) -> np.ndarray:
    """Eight pictures of every scene in two rows, and a legend of the classes below.

    Args:
        predictor: a model for the classes of the scenes, with objects.
        samples: scenes of the same size with their truth.

    Returns:
        (H, W, 3) uint8 RGB.
    """
    blocks, nodes = [], set()
    for sample in samples:
        answer = predictor(sample.picture)
        coarse = predictor(sample.picture, kind="semantic", level=1)
        cells = _cells(sample, answer, coarse)
        drawn = [np.vstack([caption(title, CELL_WIDTH), cell]) for title, cell in cells]
        blocks += [np.hstack(drawn[:4]), np.hstack(drawn[4:])]
        nodes |= {int(node) for node in np.unique([sample.classes, answer.classes, coarse.classes])}
    return with_legend(np.vstack(blocks), predictor.tree, sorted(nodes - {ROOT}))


def _cells(sample: Sample, answer: Segmentation, coarse: Segmentation) -> list[tuple[str, np.ndarray]]:
    """Titles and pictures."""
    tree, objects = answer.tree, answer.objects
    if objects is None or sample.instances is None:
        raise ShapeError("the model or the scenes have no objects, which the page shows; use a model with objects")
    picture = _enlarged(sample.picture)
    instances, panoptic, truth = map(_enlarged, (objects.instances, answer.panoptic(), sample.classes))
    road = np.where(_enlarged(answer.probability(ROAD)) >= 0.5, tree[ROAD].id, ROOT)
    bodies, values = _attribute(objects)
    cars = np.where(np.append(ROOT, bodies)[instances], instances, 0)
    return [
        ("picture", picture),
        (f"binary: is it {ROAD}?", overlay(picture, road, tree, opacity=OPACITY)),
        ("semantic: top of the tree", overlay(picture, _enlarged(coarse.classes), tree, opacity=OPACITY)),
        ("semantic: leaves of the tree", overlay(picture, _enlarged(answer.classes), tree, opacity=OPACITY)),
        (
            f"truth: {_listed(_true_counts(sample.classes, sample.instances, tree))}",
            overlay(picture, truth, tree, instances=_enlarged(sample.instances), opacity=OPACITY),
        ),
        (
            f"instance: {_listed(objects.counts())}",
            write_names(
                overlay(picture, np.where(instances, panoptic, ROOT), tree, instances=instances, opacity=OPACITY),
                instances,
                object_names(objects),
            ),
        ),
        (
            f"attribute: {BODY} of every car",
            write_names(
                overlay(picture, np.append(ROOT, bodies)[cars], values, instances=cars, opacity=OPACITY),
                cars,
                [[values[int(value)].name] if value else [] for value in bodies],
            ),
        ),
        (
            "panoptic: everything, object by object",
            overlay(picture, panoptic, tree, instances=instances, opacity=OPACITY),
        ),
    ]


def _attribute(objects: Objects) -> tuple[np.ndarray, ClassTree]:
    """(N,) value of every object, 0 for objects without the attribute; and the values as classes, for colours."""
    values = next(attribute.values for attribute in objects.tree.attributes if attribute.name == BODY)
    return objects.attribute(BODY), ClassTree({value: {"kind": "thing"} for value in values})


def _true_counts(classes: np.ndarray, instances: np.ndarray, tree: ClassTree) -> dict[str, int]:
    """Number of objects by path of every class that the page counts."""
    found = {}
    for path in COUNTED:
        inside = np.isin(classes, [tree[path].id, *tree.descendants(tree[path].id)])
        found[path] = len(np.setdiff1d(instances[inside], 0))
    return found


def _listed(counts: Mapping[str, int]) -> str:
    return ", ".join(f"{path} {counts[path]}" for path in COUNTED)


def _enlarged(array: np.ndarray) -> np.ndarray:
    """A picture or a map as wide as a cell."""
    size_wh = (CELL_WIDTH, round(array.shape[0] * CELL_WIDTH / array.shape[1]))
    smooth = array.ndim == 3 or array.dtype.kind == "f"
    return cv2.resize(array, size_wh, interpolation=cv2.INTER_CUBIC if smooth else cv2.INTER_NEAREST_EXACT)
