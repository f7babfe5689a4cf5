"""What a model states about its training: whether it made as many steps as its data need.

In:  the facts of a model.
Out: a sentence.

Must not know: how steps are made, which models there are.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

STEPS, ENOUGH_STEPS, ENOUGH_MINUTES = "steps", "enough_steps", "enough_minutes"  # names of facts


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
