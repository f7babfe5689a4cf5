"""What a model states about its training: whether it made as many steps as its data need, and how large pictures were.

In:  the facts of a model.
Out: a sentence; a size.

Must not know: how steps are made, which models there are.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

STEPS, ENOUGH_STEPS, ENOUGH_MINUTES = "steps", "enough_steps", "enough_minutes"  # names of facts
PICTURE_HW = "picture_hw"


def too_few(steps: int, enough: int) -> str:
    """That a training made fewer steps than its data need.

    Example:
        >>> too_few(32, 1400)
        'trained for 32 of about 1,400 steps'
    """
    return f"trained for {steps:,} of about {enough:,} steps"


def shortfall(facts: Mapping[str, Any]) -> str | None:
    """That sentence about a model; None if it made enough steps, or does not state them.

    Args:
        facts: of the model.

    Example:
        >>> shortfall({"steps": 32, "enough_steps": 600})
        'trained for 32 of about 600 steps'
    """
    steps, enough = facts.get(STEPS), facts.get(ENOUGH_STEPS)
    if not isinstance(steps, int) or not isinstance(enough, int) or steps >= enough:
        return None
    return too_few(steps, enough)


def picture_size(facts: Mapping[str, Any]) -> tuple[int, int] | None:
    """Median height and width of the training pictures, pixels; None if the model does not state them.

    Example:
        >>> picture_size({"picture_hw": [360, 640]})
        (360, 640)
    """
    stated = facts.get(PICTURE_HW)
    if not isinstance(stated, list | tuple) or len(stated) != 2:
        return None
    height, width = stated
    is_size = all(type(side) is int and side > 0 for side in (height, width))
    return (height, width) if is_size else None
