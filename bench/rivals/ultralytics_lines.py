"""Ultralytics' rule for lines, written anew from its public description and behaviour; not its code.

`ultralytics.solutions.ObjectCounter` 8.3 (`count_objects`, region of two points): a number is counted once in its life,
when the way between its last two places meets the line. It is "IN" if it moved to larger x at a line that is more
upright than level, or to larger y at any other. In: places of one number after the other. Out: counts.

Ultralytics takes the centre of the box as the place. Here it gets the foot, as the others do.
"""

from __future__ import annotations

from bench.walks import Walk

Place = tuple[float, float]


def counts(walk: Walk) -> tuple[int, int]:
    """How many came in and went out, in the walk's own directions."""
    (x0, y0), (x1, y1) = walk.start_xy, walk.end_xy
    upright = abs(x1 - x0) < abs(y1 - y0)
    right = (-(y1 - y0), x1 - x0)  # seen from start to end
    inwards = right if walk.in_side == "right" else (-right[0], -right[1])
    axis = 0 if upright else 1
    last: dict[int, Place] = {}
    counted: set[int] = set()
    found = [0, 0]
    for number, (y, x) in zip(walk.ids.tolist(), walk.feet_yx.tolist(), strict=True):
        if not number:
            continue
        here, before = (x, y), last.get(number)
        last[number] = here
        if before is None or number in counted or not meets(walk.start_xy, walk.end_xy, before, here):
            continue
        counted.add(number)
        larger = here[axis] > before[axis]
        found[0 if larger == (inwards[axis] > 0) else 1] += 1
    return found[0], found[1]


def meets(a: Place, b: Place, c: Place, d: Place) -> bool:
    """Whether two segments have a point in common."""
    if max(a[0], b[0]) < min(c[0], d[0]) or max(c[0], d[0]) < min(a[0], b[0]):
        return False
    if max(a[1], b[1]) < min(c[1], d[1]) or max(c[1], d[1]) < min(a[1], b[1]):
        return False
    return turn(a, b, c) * turn(a, b, d) <= 0 and turn(c, d, a) * turn(c, d, b) <= 0


def turn(a: Place, b: Place, c: Place) -> float:
    """Above 0 if the way from a by b to c turns to the right of the picture's axes."""
    return (b[0] - a[0]) * (c[1] - a[1]) - (b[1] - a[1]) * (c[0] - a[0])
