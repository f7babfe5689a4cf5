"""Make a class map and an object map of one picture agree.

In:  a class map, an object map, the class tree.
Out: both, so that every object is a thing of one class.

Pure numpy. Must not know: files, formats, networks.
"""

from __future__ import annotations

import numpy as np

from smalta.classes import ROOT, ClassTree


def settle(classes: np.ndarray, instances: np.ndarray, tree: ClassTree) -> tuple[np.ndarray, np.ndarray]:
    """Class map and object map in which every object has one class, a thing, and the objects are numbered 1..N.

    All pixels of an object get the class of most of them; if several classes are equally frequent, the one with the
    smallest id. If most pixels are unlabelled, all of them become unlabelled. If most are stuff, there is no object,
    and its pixels keep their classes. Pixels of a thing that belong to no object stay as they are: they are a crowd.

    Args:
        classes: (H, W) node ids, 0 = unlabelled.
        instances: (H, W) whole numbers, 0 = no object; gaps between the numbers are allowed.
        tree: says which classes are things.

    Returns:
        (H, W) uint16 node ids and (H, W) int32 object ids in the order of the old ids.

    Example:
        >>> tree = ClassTree({"ground": {}, "cell": {"kind": "thing"}})
        >>> [part.tolist() for part in settle(np.array([[1, 2, 2, 1]]), np.array([[0, 7, 7, 7]]), tree)]
        [[[1, 2, 2, 2]], [[0, 1, 1, 1]]]
    """
    numbers, places = without_gaps(instances)
    present, votes = class_votes(classes, places, len(numbers))
    majority = present[votes.argmax(axis=1)]
    is_object = tree.is_thing[majority]
    is_object[0] = False
    claims = is_object | (majority == ROOT)
    claims[0] = False
    renumbered = np.where(is_object, is_object.cumsum(), 0).astype(np.int32)
    return np.where(claims[places], majority[places], classes).astype(np.uint16), renumbered[places]


def class_votes(classes: np.ndarray, places: np.ndarray, n: int) -> tuple[np.ndarray, np.ndarray]:
    """Pixels of each object by class: the classes present (C,), and counts (n, C) int64.

    Args:
        classes: (H, W) node ids.
        places: (H, W) whole numbers below n, as `without_gaps` gives them.
        n: how many numbers there are, including 0 for the pixels in no object.
    """
    present = np.flatnonzero(np.bincount(classes.ravel()))
    column = np.zeros(int(present[-1]) + 1, dtype=np.int64)
    column[present] = np.arange(len(present))
    pairs = places.ravel().astype(np.int64) * len(present) + column[classes.ravel()]
    return present, np.bincount(pairs, minlength=n * len(present)).reshape(n, len(present))


def without_gaps(instances: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Sorted object ids with 0 before them, and for every pixel the index of its id among them, (H, W) int32.

    Args:
        instances: (H, W) whole numbers, 0 = no object.
    """
    highest = int(instances.max(initial=0))
    if highest < 4 * instances.size:  # counting is much faster than sorting
        known = np.bincount(instances.ravel(), minlength=1) > 0
        known[0] = True
        return np.flatnonzero(known), (known.cumsum(dtype=np.int32) - 1)[instances]
    numbers, places = np.unique(np.append(instances.ravel(), 0), return_inverse=True)
    return numbers, places[:-1].reshape(instances.shape).astype(np.int32)
