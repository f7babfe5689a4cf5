"""Objects that were found in parts are joined, and objects that were found as one are divided.

In:  known objects at their predicted places, a frame's detections, the pairs of both.
Out: `Repaired`: the instance map with one number for each known object that was found.

numpy only. Must not know: classes, files, how pairs are chosen.

Both are done for a short time only (`TrackerSettings.repaired_s`). Detections that stay in parts are believed.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from smalta.video.following.known import Known
from smalta.video.following.measuring import BOTTOM, LEFT, RIGHT, TOP, Measured
from smalta.video.following.tracker_settings import TrackerSettings

Box = tuple[float, float, float, float]  # top, left, bottom, right, pixels

MARGIN = 0.1  # of height and width, by which a predicted box may be off
INSIDE = 0.7  # of a part's box that lies in the object's
LOWER, NARROWER = 0.8, 0.7  # of height and width: below this an object lacks something
LARGER = 1.25  # times height or width that joined parts may have
COVERED = 0.6  # of an object's box that lies in the detection of several
BETTER = 0.05  # gain of the IoU with the detection by one more object


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Repaired:
    """Detections after joining and dividing.

    Attributes:
        instances: (h, w) int32; numbers above those of the frame are divided parts.
        n: the largest number.
        pairs: row of the known object and row of its detection (number - 1), by the former.
        split: rows of known objects that were found in parts.
        merged: rows of known objects that were found together with another one.
        joined: rows of detections that became a part of another one.
    """

    instances: np.ndarray
    n: int
    pairs: tuple[tuple[int, int], ...]
    split: frozenset[int] = frozenset()
    merged: frozenset[int] = frozenset()
    joined: frozenset[int] = frozenset()


def repair(
    known: Sequence[Known],
    pairs: Sequence[tuple[int, int]],
    instances: np.ndarray,
    measured: Measured,
    time_s: float,
    settings: TrackerSettings,
    cell: int,
) -> Repaired:
    """Join parts and divide detections of several objects.

    Args:
        known: T objects at their predicted places.
        pairs: rows of known objects and of detections.
        instances: (h, w) int32 of cells, the detections 1..N.
        measured: the N detections.
        time_s: seconds of the stream.
        settings: for how long it is done.
        cell: side of a cell, pixels.
    """
    boxes: list[Box] = [tuple(box) for box in measured.boxes.tolist()]
    lasting = settings.repaired_s
    parts = _parts(known, pairs, boxes, measured, time_s, lasting)
    groups = _groups(known, pairs, boxes, measured, time_s, lasting)
    if not parts and not groups:
        return Repaired(instances=instances, n=len(boxes), pairs=tuple(pairs))
    changed, n = instances.copy(), len(boxes)
    found = {row: detection for row, detection in pairs if detection not in parts}
    for part, row in parts.items():
        changed[instances == part + 1] = found[row] + 1
    merged: set[int] = set()
    for detection, rows in groups.items():
        numbers = [detection + 1, *range(n + 1, n + len(rows))]
        n += len(rows) - 1
        _divide(changed, [known[row] for row in rows], numbers, cell)
        for row, number in zip(rows, numbers, strict=True):
            found.pop(row, None)
            if (changed == number).any():
                found[row] = number - 1
                merged.add(row)
    return Repaired(
        instances=changed,
        n=n,
        pairs=tuple(sorted(found.items())),
        split=frozenset(parts.values()),
        merged=frozenset(merged),
        joined=frozenset(parts),
    )


def _parts(
    known: Sequence[Known],
    pairs: Sequence[tuple[int, int]],
    boxes: list[Box],
    measured: Measured,
    time_s: float,
    lasting: float,
) -> dict[int, int]:
    """Rows of the known objects by rows of the detections that are further parts of them."""
    taken = {detection for _, detection in pairs}
    now = {row: boxes[detection] for row, detection in pairs if _lacks(known[row], boxes[detection])}
    found: dict[int, int] = {}
    for part, box in enumerate(boxes):
        if part in taken or not measured.areas[part]:
            continue
        best, share = -1, INSIDE
        for row, present in now.items():
            one = known[row]
            whole = _around(present, box)
            fits = _height(whole) <= LARGER * one.height and _width(whole) <= LARGER * one.width
            inner = _covered(box, _wider(one.box))
            if fits and inner >= share and _lately(one.split_s, time_s, lasting):
                best, share = row, inner
        if best >= 0:
            found[part] = best
            now[best] = _around(now[best], box)
    return found


def _groups(
    known: Sequence[Known],
    pairs: Sequence[tuple[int, int]],
    boxes: list[Box],
    measured: Measured,
    time_s: float,
    lasting: float,
) -> dict[int, list[int]]:
    """Rows of the known objects that were found as one, at least two, by the row of the detection."""
    owner = {detection: row for row, detection in pairs}
    paired = {row for row, _ in pairs}
    lost = [
        row
        for row, one in enumerate(known)
        if row not in paired and one.sure and one.seen and _lately(one.merged_s, time_s, lasting)
    ]
    found: dict[int, list[int]] = {}
    for detection, box in enumerate(boxes):
        if not lost or not measured.areas[detection]:
            continue
        candidates = [row for row in lost if _covered(known[row].box, box) >= COVERED]
        if detection in owner:
            group = [owner[detection]]
        else:
            candidates.sort(key=lambda row: -_iou(known[row].box, box))
            group, candidates = candidates[:1], candidates[1:]
        if not group or not candidates:
            continue
        whole = known[group[0]].box
        for row in candidates:
            larger = _around(whole, known[row].box)
            if _iou(larger, box) >= _iou(whole, box) + BETTER:
                group.append(row)
                whole = larger
        if len(group) > 1:
            found[detection] = group
            lost = [row for row in lost if row not in group]
    return found


def _divide(instances: np.ndarray, objects: list[Known], numbers: list[int], cell: int) -> None:
    """Give each cell of the first number to the object whose middle is nearest, in its own heights and widths.

    A cell of an object's moved mask counts as nearer by one.
    """
    rows, columns = np.nonzero(instances == numbers[0])
    distances = []
    for one in objects:
        y, x = (rows + 0.5) * cell, (columns + 0.5) * cell
        away = ((y - one.y.place) / one.height + 0.5) ** 2 + ((x - one.x.place) / one.width) ** 2
        distances.append(away - one.mask_now.on(instances.shape)[rows, columns])
    instances[rows, columns] = np.array(numbers, dtype=instances.dtype)[np.argmin(distances, axis=0)]


def _lacks(one: Known, box: Box) -> bool:
    """Whether a detection is too low or too narrow for the whole object."""
    low = one.heights > 0 and _height(box) < LOWER * one.height
    narrow = one.widths > 0 and _width(box) < NARROWER * one.width
    return low or narrow


def _lately(since_s: float | None, time_s: float, lasting: float) -> bool:
    return since_s is None or time_s - since_s < lasting


def _height(box: Box) -> float:
    return box[BOTTOM] - box[TOP]


def _width(box: Box) -> float:
    return box[RIGHT] - box[LEFT]


def _area(box: Box) -> float:
    return max(_height(box), 0.0) * max(_width(box), 0.0)


def _around(a: Box, b: Box) -> Box:
    return min(a[TOP], b[TOP]), min(a[LEFT], b[LEFT]), max(a[BOTTOM], b[BOTTOM]), max(a[RIGHT], b[RIGHT])


def _wider(box: Box) -> Box:
    dy, dx = MARGIN * _height(box), MARGIN * _width(box)
    return box[TOP] - dy, box[LEFT] - dx, box[BOTTOM] + dy, box[RIGHT] + dx


def _shared(a: Box, b: Box) -> float:
    return _area((max(a[TOP], b[TOP]), max(a[LEFT], b[LEFT]), min(a[BOTTOM], b[BOTTOM]), min(a[RIGHT], b[RIGHT])))


def _covered(a: Box, b: Box) -> float:
    """Share of box a that lies in box b."""
    return _shared(a, b) / max(_area(a), 1e-9)


def _iou(a: Box, b: Box) -> float:
    shared = _shared(a, b)
    return shared / max(_area(a) + _area(b) - shared, 1e-9)
