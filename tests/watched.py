"""What tests of watches share: a small tree, rules for it, tracks and masks."""

from __future__ import annotations

from typing import Any

import numpy as np

from seen_tracks import seen_track
from smalta.classes import ClassTree
from smalta.video.rules import WatchRules
from smalta.video.values import Mask, Track

# 1 floor  2 street  3 person  4 person/guest  5 person/staff  6 car
TREE = ClassTree(
    {
        "floor": {"color": "#808080"},
        "street": {"color": "#405060"},
        "person": {"kind": "thing", "children": ["guest", "staff"]},
        "car": {"kind": "thing"},
    }
)
SIZE_HW, CELL = (96, 160), 4
CONTENT: dict[str, Any] = {
    "picture": [160, 96],
    "zones": {
        "shop": {"polygon": [[8, 48], [152, 48], [152, 92], [8, 92]], "of": "person"},
        "place": {"polygon": [[100, 8], [140, 8], [140, 40], [100, 40]], "point": "overlap 0.4", "of": "car"},
    },
    "lines": {"door": {"from": [40, 48], "to": [120, 48], "in": "right", "of": "person"}},
    "events": [{"name": "queue", "when": "count in shop of person >= 2", "for": "0.5 s"}],
}


def rules(**changes: Any) -> WatchRules:
    """The rules above, with other entries."""
    return WatchRules.parse(CONTENT | changes, TREE).fitted(SIZE_HW)


def mask(left: int, top: int, right: int, bottom: int) -> Mask:
    """A rectangle, pixels; all multiples of the cell."""
    cells = np.ones(((bottom - top) // CELL, (right - left) // CELL), dtype=bool)
    return Mask(cells=cells, top_left=(top // CELL, left // CELL), cell=CELL)


def track(number: int, box: tuple[int, int, int, int], node: str = "person", **changes: Any) -> Track:
    """A sure and visible track with a rectangle as its mask."""
    return seen_track(number, TREE[node].id, mask(*box), **changes)
