"""The part of the picture that the rules of a camera need.

In:  rules that fit the video.
Out: a box with a margin, and why; or that the whole picture is needed.

Must not know: networks, frames, how rules are evaluated.
"""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np

from smalta.video.rulebook.conditions import Condition, Count, Stays
from smalta.video.rules import WatchRules

MARGIN = 0.25  # of the picture's height, at each side: an object is taller than the place where it stands
NEARLY_ALL = 0.7  # of the picture: a region that is larger saves nothing

Box = tuple[float, float, float, float]  # left, top, right, bottom, pixels


def needed_region(rules: WatchRules | None, size_hw: tuple[int, int]) -> tuple[Box | None, str]:
    """The region that the network must be shown, and why.

    Args:
        rules: fitted to the video; None without rules.
        size_hw: of the frames, pixels.

    Returns:
        The bounding box of all zones and lines with a margin, cut at the picture's edges, pixels; None for the whole
        picture. And a sentence.
    """
    if rules is None:
        return None, "there are no rules that need only a part of the picture"
    if (whole := next(_anywhere(rules), None)) is not None:
        return None, f"{whole} needs the whole picture"
    places = [np.asarray(zone.polygon) for zone in rules.zones if zone.polygon is not None]
    places += [np.array([line.start_xy, line.end_xy]) for line in rules.lines]
    points = np.concatenate(places)
    margin = MARGIN * size_hw[0]
    left, top = np.maximum(points.min(axis=0) - margin, 0).tolist()
    right, bottom = np.minimum(points.max(axis=0) + margin, size_hw[::-1]).tolist()
    share = (right - left) * (bottom - top) / (size_hw[0] * size_hw[1])
    what = f"all zones and lines with a margin of {margin:.0f} px around them fill {100 * share:.0f} % of the picture"
    if share > NEARLY_ALL:
        return None, f"{what}, so the rest is seen too"
    return (left, top, right, bottom), f"{what}, and no rule needs the rest"


def _anywhere(rules: WatchRules) -> Iterator[str]:
    """Names of what may happen anywhere in the picture."""
    yield from (f"the zone {zone.name}, which is the stuff of a class," for zone in rules.zones if zone.polygon is None)
    for event in rules.events:
        if not _is_local(event.when):
            yield f"the event {event.name}"


def _is_local(condition: Condition) -> bool:
    """Whether a condition looks only at objects in a zone; `unless` looks at the same ones."""
    return isinstance(condition, Count | Stays)
