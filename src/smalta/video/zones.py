"""Zones: which points and masks lie inside a polygon, and which objects stand on stuff.

In:  polygons, points and sizes in pixels; masks, and the class map of a frame on cells.
Out: whether something is inside, and shares; checks of polygons.

"On" means: the lowest 15 % of the visible mask, grown by 3 px, touches the stuff by more than half. Of the cells of the
grown foot that no object covers, more than half are of the stuff. The growth is rounded up to whole cells.

Pure geometry, numpy only. Must not know: names, rules, tracks, files.
"""

from __future__ import annotations

import numpy as np

from smalta.classes import ClassTree
from smalta.video.values import Ground, Mask

GROWN_PX = 3.0  # of the foot, to reach the ground around it
TOUCHED = 0.5  # of the ground around the foot
EDGE_PX = 1e-6  # distance to an edge at which a point lies on it
PARTS = 4  # of a cell's side, to measure how much of it a polygon covers


def inside(polygon: np.ndarray, points_yx: np.ndarray) -> np.ndarray:
    """Which points lie inside a polygon or on its edge.

    Args:
        polygon: (k, 2) corners, order (x, y), pixels.
        points_yx: (N, 2) points, order (y, x), pixels.

    Returns:
        (N,) bool, by the even-odd rule (Shimrat 1962).
    """
    points = np.asarray(points_yx, dtype=np.float64).reshape(-1, 2)
    y, x = points[:, 0], points[:, 1]
    odd, near = np.zeros(len(points), dtype=bool), np.zeros(len(points), dtype=bool)
    for (x0, y0), (x1, y1) in zip(polygon.tolist(), np.roll(polygon, -1, axis=0).tolist(), strict=True):
        dx, dy = x1 - x0, y1 - y0
        if dy:
            odd ^= ((y0 > y) != (y1 > y)) & (x < dx * ((y - y0) / dy) + x0)
        length2 = dx * dx + dy * dy
        share = np.clip(((x - x0) * dx + (y - y0) * dy) / length2, 0, 1) if length2 else np.zeros_like(x)
        near |= (x - x0 - share * dx) ** 2 + (y - y0 - share * dy) ** 2 <= EDGE_PX**2
    return odd | near


def cover(polygon: np.ndarray, size_hw: tuple[int, int], cell: int) -> np.ndarray:
    """How much of each cell a polygon covers.

    Args:
        polygon: (k, 2) corners, order (x, y), pixels.
        size_hw: rows and columns of cells.
        cell: side of a cell, pixels.

    Returns:
        (h, w) float32 in 0..1, in steps of 1/16.
    """
    height, width = size_hw
    step = cell / PARTS
    rows, columns = ((np.arange(n * PARTS) + 0.5) * step for n in size_hw)
    (left, top), (right, bottom) = polygon.min(axis=0), polygon.max(axis=0)
    rows_in, columns_in = (rows >= top) & (rows <= bottom), (columns >= left) & (columns <= right)
    found = np.zeros((height * PARTS, width * PARTS), dtype=bool)
    if rows_in.any() and columns_in.any():
        grid = np.stack(np.meshgrid(rows[rows_in], columns[columns_in], indexing="ij"), axis=-1)
        found[np.ix_(rows_in, columns_in)] = inside(polygon, grid.reshape(-1, 2)).reshape(grid.shape[:2])
    return found.reshape(height, PARTS, width, PARTS).mean(axis=(1, 3), dtype=np.float32)


def share_inside(mask: Mask, covered: np.ndarray) -> float:
    """The share of an object's visible mask that lies in a zone, 0..1.

    Args:
        mask: of the object; a mask of no cells has the share 0.
        covered: (h, w) float32, what `cover` gives for cells of the mask's size.
    """
    total = int(mask.cells.sum())
    picture, own = _windows(mask.top_left, mask.cells.shape, covered.shape)
    return float(covered[picture][mask.cells[own]].sum(dtype=np.float64)) / total if total else 0.0


def centre_yx(mask: Mask) -> tuple[float, float]:
    """The centre of the mask's box, pixels."""
    left, top, right, bottom = mask.box_xyxy
    return (top + bottom) / 2, (left + right) / 2


def stuff_cells(ground: Ground, tree: ClassTree, node: int) -> np.ndarray:
    """(h, w) bool: the cells whose class is a node or lies below it."""
    table = np.zeros(len(tree) + 1, dtype=bool)
    table[[node, *tree.descendants(node)]] = True
    return table[ground.classes]


def thing_cells(ground: Ground, tree: ClassTree) -> np.ndarray:
    """(h, w) bool: the cells whose class is a thing."""
    return tree.is_thing[ground.classes]


def touches(mask: Mask, stuff: np.ndarray, things: np.ndarray) -> bool:
    """Whether an object stands on stuff.

    Args:
        mask: of the object.
        stuff: (h, w) bool, cells of the stuff.
        things: (h, w) bool, cells that objects cover; the mask itself may be missing there.
    """
    foot = mask.foot()
    if not foot.any():
        return False
    grow = max(1, int(np.ceil(GROWN_PX / mask.cell)))
    grown = _grown(np.pad(foot, grow), grow)
    rows_above = mask.cells.shape[0] - foot.shape[0]
    own = np.zeros_like(grown)
    above = mask.cells[max(0, rows_above - grow) :]  # the rows of the mask that lie in the window, at its lower end
    own[own.shape[0] - grow - len(above) : own.shape[0] - grow, grow : grow + foot.shape[1]] = above
    top_left = (mask.top_left[0] + rows_above - grow, mask.top_left[1] - grow)
    picture, part = _windows(top_left, grown.shape, stuff.shape)
    around = grown[part] & ~own[part] & ~things[picture]
    total = int(around.sum())
    return total > 0 and int(stuff[picture][around].sum()) > TOUCHED * total


def _grown(cells: np.ndarray, by: int) -> np.ndarray:
    """(h, w) bool: the cells that are at most `by` rows and `by` columns away from a True one."""
    grown = cells.copy()
    for axis in (0, 1):
        once = grown.copy()
        for step in range(1, by + 1):
            ahead, behind = [slice(None)] * 2, [slice(None)] * 2
            ahead[axis], behind[axis] = slice(step, None), slice(None, -step)
            grown[tuple(ahead)] |= once[tuple(behind)]
            grown[tuple(behind)] |= once[tuple(ahead)]
    return grown


def _windows(
    top_left: tuple[int, int], size_hw: tuple[int, ...], whole_hw: tuple[int, ...]
) -> tuple[tuple[slice, slice], tuple[slice, slice]]:
    """Where a rectangle of cells lies in the picture, and the part of the rectangle that does."""
    picture, own = [], []
    for start, size, whole in zip(top_left, size_hw, whole_hw, strict=True):
        first, last = min(max(start, 0), whole), max(min(start + size, whole), 0)
        last = max(first, last)
        picture.append(slice(first, last))
        own.append(slice(first - start, last - start) if last > first else slice(0, 0))
    return (picture[0], picture[1]), (own[0], own[1])


# -- checks of polygons -------------------------------------------------------------------------------


def area(polygon: np.ndarray) -> float:
    """Square pixels; parts that a polygon winds around the other way are subtracted."""
    x, y = polygon[:, 0], polygon[:, 1]
    return abs(float(np.sum(x * np.roll(y, -1) - np.roll(x, -1) * y))) / 2


def is_flat(polygon: np.ndarray) -> bool:
    """Whether all corners lie on one straight line, by less than half a pixel."""
    centred = polygon - polygon.mean(axis=0)
    return bool(np.linalg.svd(centred, compute_uv=False)[-1] <= 0.5)


def crosses_itself(polygon: np.ndarray) -> bool:
    """Whether two edges that are not neighbours meet."""
    k = len(polygon)
    start, end = polygon, np.roll(polygon, -1, axis=0)
    i, j = np.triu_indices(k, 2)
    apart = ~((i == 0) & (j == k - 1))
    i, j = i[apart], j[apart]
    a, b, c, d = start[i], end[i], start[j], end[j]
    straddles = (_turn(a, b, c) * _turn(a, b, d) <= 0) & (_turn(c, d, a) * _turn(c, d, b) <= 0)
    low, high = np.minimum(a, b), np.maximum(a, b)
    overlap = (np.minimum(c, d) <= high) & (np.maximum(c, d) >= low)
    return bool(np.any(straddles & overlap.all(axis=1)))


def _turn(a: np.ndarray, b: np.ndarray, c: np.ndarray) -> np.ndarray:
    """(N,) sign of the turn from ab to ac."""
    ab, ac = b - a, c - a
    return np.sign(ab[:, 0] * ac[:, 1] - ab[:, 1] * ac[:, 0])


def cut_to_picture(polygon: np.ndarray, size_wh: tuple[int, int]) -> np.ndarray:
    """The part of a polygon inside the picture (Sutherland and Hodgman 1974).

    Args:
        polygon: (k, 2) corners, order (x, y), pixels.
        size_wh: width and height of the picture, pixels.

    Returns:
        (m, 2) corners; none if all of it is outside.
    """
    corners = polygon
    for axis, limit, sign in ((0, 0.0, 1), (0, float(size_wh[0]), -1), (1, 0.0, 1), (1, float(size_wh[1]), -1)):
        kept: list[np.ndarray] = []
        for here, after in zip(corners, np.roll(corners, -1, axis=0), strict=True):
            is_in, next_in = sign * (here[axis] - limit) >= 0, sign * (after[axis] - limit) >= 0
            if is_in:
                kept.append(here)
            if is_in != next_in:
                point = here + (after - here) * ((limit - here[axis]) / (after[axis] - here[axis]))
                point[axis] = limit
                kept.append(point)
        corners = np.array(kept).reshape(-1, 2)
        if not len(corners):
            break
    return corners
