"""Measure the object labels of one picture: sizes, parts, and whether they agree with the classes.

In:  a class map, an object map, the class tree.
Out: `ObjectLook`: counts only.

There is no loop over pixels or objects: a part is a connected component of a graph of runs of equal pixels.

Must not know: rules, files, other pictures.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import NamedTuple

import numpy as np
from scipy.sparse import coo_array
from scipy.sparse.csgraph import connected_components

from smalta.classes import ROOT, ClassTree
from smalta.data.settle import class_votes, without_gaps

SPECK = 4  # pixels
ALIKE = 0.25  # a part is alike the largest part, and may be an object, from this share of its area on
STREWN = 10  # number of alike parts from which on an object is strewn


@dataclass(frozen=True, slots=True, kw_only=True)
class ObjectLook:
    """The measures of the objects of one picture.

    Attributes:
        n: number of objects.
        highest: the largest id; 0 without objects.
        specks: objects of at most 4 pixels.
        scattered: objects whose two largest parts are alike in area and lie further apart than either is long.
        strewn: objects of at least ten parts that are alike in area.
        parts: the median number of alike parts of an object; 0 without objects.
        one_per_class: whether no two objects have the same class.
        without_class: objects whose pixels are mostly unlabelled.
        on_stuff: objects whose pixels are mostly stuff.
        pixels: number of pixels in objects that are things.
        stray_pixels: pixels among them that are stuff.
        thing_pixels: number of pixels of things.
        crowd_pixels: pixels among them that belong to no object.
    """

    n: int = 0
    highest: int = 0
    specks: int = 0
    scattered: int = 0
    strewn: int = 0
    parts: float = 0.0
    one_per_class: bool = True
    without_class: int = 0
    on_stuff: int = 0
    pixels: int = 0
    stray_pixels: int = 0
    thing_pixels: int = 0
    crowd_pixels: int = 0


def look_at_objects(classes: np.ndarray, instances: np.ndarray, tree: ClassTree) -> ObjectLook:
    """Measure the objects of a picture.

    Args:
        classes: (H, W) node ids.
        instances: (H, W) whole numbers, 0 = no object.
        tree: says which classes are things.
    """
    numbers, places = without_gaps(instances)
    present, votes = class_votes(classes, places, len(numbers))
    is_thing = tree.is_thing[present]
    outside, inside = votes[0], votes[1:]
    crowd_pixels = int(outside[is_thing].sum())
    if not len(inside):
        return ObjectLook(thing_pixels=crowd_pixels, crowd_pixels=crowd_pixels)
    majority = present[inside.argmax(axis=1)]
    things = inside[tree.is_thing[majority]]
    alike, is_scattered = _alike_parts(_parts(places), len(numbers))
    return ObjectLook(
        n=len(inside),
        highest=int(numbers[-1]),
        specks=int((inside.sum(axis=1) <= SPECK).sum()),
        scattered=int(is_scattered[1:].sum()),
        strewn=int((alike[1:] >= STREWN).sum()),
        parts=float(np.median(alike[1:])),
        one_per_class=len(np.unique(majority)) == len(majority),
        without_class=int((majority == ROOT).sum()),
        on_stuff=int((~tree.is_thing[majority] & (majority != ROOT)).sum()),
        pixels=int(things.sum()),
        stray_pixels=int(things[:, ~is_thing & (present != ROOT)].sum()),
        thing_pixels=crowd_pixels + int(inside[:, is_thing].sum()),
        crowd_pixels=crowd_pixels,
    )


class _Parts(NamedTuple):
    """Connected parts: (P,) owner, area, and box in pixels; its right and lower edges lie one pixel beyond the part."""

    owner: np.ndarray
    area: np.ndarray
    top: np.ndarray
    left: np.ndarray
    bottom: np.ndarray
    right: np.ndarray


def _parts(places: np.ndarray) -> _Parts:
    """Parts of every number above 0 of a map (H, W); pixels of a part touch at sides or corners."""
    width = places.shape[1]
    begins = np.ones(places.shape, dtype=bool)
    begins[:, 1:] = places[:, 1:] != places[:, :-1]
    starts = np.flatnonzero(begins)
    run = (begins.cumsum(dtype=np.int32) - 1).reshape(places.shape)
    pairs = [np.zeros((2, 0), dtype=np.int32)]
    for above, below in (((0, width), (0, width)), ((0, width - 1), (1, width)), ((1, width), (0, width - 1))):
        upper, lower = (slice(None, -1), slice(*above)), (slice(1, None), slice(*below))
        touching = np.flatnonzero((places[upper] == places[lower]) & (places[upper] > 0))
        pairs.append(np.stack([run[upper].ravel()[touching], run[lower].ravel()[touching]]))
    above, below = np.concatenate(pairs, axis=1)
    graph = coo_array((np.ones(len(above), dtype=bool), (above, below)), shape=(len(starts), len(starts)))
    _, part = connected_components(graph, directed=False)
    owner = places.ravel()[starts]
    order = np.argsort(part, kind="stable")
    order = order[owner[order] > 0]
    firsts = np.flatnonzero(np.diff(part[order], prepend=-1))
    rows, left = np.divmod(starts[order], width)
    length = np.diff(starts, append=places.size)[order]
    return _Parts(
        owner=owner[order][firsts],
        area=np.add.reduceat(length, firsts),
        top=np.minimum.reduceat(rows, firsts),
        left=np.minimum.reduceat(left, firsts),
        bottom=np.maximum.reduceat(rows, firsts) + 1,
        right=np.maximum.reduceat(left + length, firsts),
    )


def _alike_parts(parts: _Parts, n: int) -> tuple[np.ndarray, np.ndarray]:
    """By owner, (n,): the number of parts alike the largest; whether the two largest are alike and far apart."""
    order = np.lexsort((-parts.area, parts.owner))
    parts = _Parts(*(values[order] for values in parts))
    first = np.flatnonzero(np.diff(parts.owner, prepend=0))
    largest = np.repeat(parts.area[first], np.diff(first, append=len(parts.owner)))
    is_alike = parts.area >= ALIKE * largest
    second = first + 1
    second = second[second < len(parts.owner)]
    second = second[(parts.owner[second] == parts.owner[second - 1]) & is_alike[second]]
    a, b = (_Parts(*(values[index] for values in parts)) for index in (second - 1, second))
    gap = np.maximum(
        np.maximum(a.left, b.left) - np.minimum(a.right, b.right),
        np.maximum(a.top, b.top) - np.minimum(a.bottom, b.bottom),
    )
    length = np.max([a.right - a.left, a.bottom - a.top, b.right - b.left, b.bottom - b.top], axis=0, initial=0)
    is_scattered = np.zeros(n, dtype=bool)
    is_scattered[a.owner] = gap > length
    return np.bincount(parts.owner[is_alike], minlength=n), is_scattered
