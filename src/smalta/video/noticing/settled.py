"""A yes or no that must last before it counts.

In:  what is seen at each moment.
Out: `Settled`: what has lasted, and since when.

A foot that trembles on the border of a zone is inside and outside by turns. What lasts less than `SETTLED_S` is taken
as noise. What has lasted counts from the moment at which it began, so no time is lost.

Pure Python. Must not know: tracks, zones, rules.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Self

SETTLED_S = 0.5
_ROUNDING_S = 1e-9  # seconds that are sums of rounded numbers


@dataclass(slots=True)
class Settled:
    """One yes or no.

    Attributes:
        value: what has lasted; None as long as nothing has.
        since_s: when it began, seconds of the stream.
        latest: what was seen last; None before the first moment.
        latest_s: since when it was seen so without a break.

    Example:
        >>> inside = Settled()
        >>> [inside.see(moment / 4, moment != 2) for moment in range(7)]
        [False, False, False, False, False, True, False]
        >>> inside.value, inside.since_s
        (True, 0.75)
    """

    value: bool | None = None
    since_s: float = 0.0
    latest: bool | None = None
    latest_s: float = 0.0

    def see(self, time_s: float, now: bool, *, enough: bool = True) -> bool:
        """Take what is seen at a moment.

        Args:
            time_s: seconds of the stream.
            now: what is seen.
            enough: whether it is clear enough to become what has lasted.

        Returns:
            Whether `value` has changed.
        """
        if now is not self.latest:
            self.latest, self.latest_s = now, time_s
        if now is self.value or not enough or time_s - self.latest_s < SETTLED_S - _ROUNDING_S:
            return False
        self.value, self.since_s = now, self.latest_s
        return True

    def changing_s(self, now_s: float) -> float:
        """Up to when `value` is certain: now, or the moment from which something else has been seen."""
        return now_s if self.latest is self.value else self.latest_s

    def state(self) -> list[Any]:
        """Plain data."""
        return [self.value, self.since_s, self.latest, self.latest_s]

    @classmethod
    def restored(cls, state: Sequence[Any]) -> Self:
        """From its state."""
        return cls(*state)
