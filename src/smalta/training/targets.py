"""The targets of the heads for objects, for one crop.

In:  the crop's class and instance maps.
Out: `ObjectTargets`: centre map, offsets and their weights at the network's stride.

All work is done on the cells of the network's map, so a crop with hundreds of objects takes a few milliseconds.

Must not know: networks, losses, how crops are made.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

UNKNOWN = -1.0  # in a centre map: the labels do not decide
SPREAD = 0.18  # standard deviation of a centre's blob, in square roots of the object's area
LEAST_SPREAD = 0.6  # cells


@dataclass(frozen=True, slots=True, kw_only=True)
class ObjectTargets:
    """Targets of one crop with h x w cells.

    Attributes:
        center: (h, w) float32: 1 at an object's centre, falling as a Gaussian within the object, 0 elsewhere, `UNKNOWN`
            where the labels do not decide whether there is an object.
        offsets: (2, h, w) float32 pixels (dy, dx) to the centre; 0 outside objects.
        weights: (h, w) float32 of the offsets: 1 / square root of the object's area in pixels, 0 outside objects.
    """

    center: np.ndarray
    offsets: np.ndarray
    weights: np.ndarray


def object_targets(
    classes: np.ndarray, instances: np.ndarray | None, is_thing: np.ndarray, stride: int
) -> ObjectTargets:
    """Compute the targets of a crop.

    The centre of an object is that one of its cells that is nearest to the mean of its visible cells. So the centre is
    inside even if the object is bent. Pixels of a thing without an object (a crowd) and unlabelled pixels are unknown.
    Without instance labels all pixels are unknown.

    Args:
        classes: (H, W) integer node ids, 0 = unlabelled.
        instances: (H, W) integers, 0 = no object; None if the picture's objects are not labelled.
        is_thing: (N + 1,) bool by node.
        stride: H and W are multiples of it.
    """
    at = slice(stride // 2, None, stride)
    nodes = classes[at, at]
    blank = np.zeros(nodes.shape, dtype=np.float32)
    if instances is None:
        unknown = np.full_like(blank, UNKNOWN)
        return ObjectTargets(center=unknown, offsets=np.stack([blank, blank]), weights=blank)
    ids = np.where(is_thing[nodes], instances[at, at], 0)
    center, offsets, weights = blank.copy(), np.stack([blank, blank]), blank.copy()
    center[(nodes == 0) | (is_thing[nodes] & (ids == 0))] = UNKNOWN
    rows, columns = np.nonzero(ids)
    if len(rows) == 0:
        return ObjectTargets(center=center, offsets=offsets, weights=weights)
    _, of = np.unique(ids[rows, columns], return_inverse=True)
    areas = np.bincount(of)
    mean_row, mean_column = np.bincount(of, rows) / areas, np.bincount(of, columns) / areas
    away = (rows - mean_row[of]) ** 2 + (columns - mean_column[of]) ** 2
    order = np.lexsort((away, of))
    nearest = order[np.unique(of[order], return_index=True)[1]]
    down, right = rows[nearest][of] - rows, columns[nearest][of] - columns
    spread = np.maximum(SPREAD * np.sqrt(areas), LEAST_SPREAD)[of]
    center[rows, columns] = np.exp(-(down**2 + right**2) / (2 * spread**2))
    offsets[:, rows, columns] = stride * np.stack([down, right])
    weights[rows, columns] = 1 / (stride * np.sqrt(areas[of]))
    return ObjectTargets(center=center, offsets=offsets, weights=weights)
