"""Short clips of small pictures that several tests look at."""

from __future__ import annotations

from functools import cache

from smalta.scenes.motion import Clip, MotionKind, generate_clip

SMALL_HW = (120, 208)


@cache
def small_clip(kind: MotionKind, seed: int = 0, seconds: float = 4.0, fps: float = 5.0) -> Clip:
    """A clip; nobody changes it."""
    return generate_clip(kind, seed, seconds=seconds, fps=fps, size_hw=SMALL_HW)
