"""A track as most tests of video need it."""

from __future__ import annotations

from typing import Any

from smalta.video.values import Mask, Track


def seen_track(number: int, node: int, shape: Mask, /, **changes: Any) -> Track:
    """A sure and visible track that stands where its shape ends, unless the changes say otherwise."""
    usual: dict[str, Any] = {
        "number": number,
        "node": node,
        "attributes": {},
        "mask": shape,
        "foot_yx": shape.foot_yx,
        "velocity_yx": (0.0, 0.0),
        "first_s": 0.0,
        "last_s": 0.0,
        "sure": True,
        "seen": True,
        "cut": False,
        "score": 0.9,
    }
    return Track(**usual | changes)
