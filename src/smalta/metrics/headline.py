"""A score of a report with an interval.

In:  counts per picture, a measure of summed counts.
Out: one row of a report.

Pure numpy. Must not know: what is counted.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np

from smalta.metrics.bootstrap import interval


@dataclass(frozen=True, slots=True)
class Headline:
    """A measure of counts that add up over pictures.

    Attributes:
        name: of the measure.
        scope: what is measured, such as "level 2".
        counts: (N, ...) per picture.
        measure: takes (R, ...) summed counts, gives (R,) values, nan if a value is not defined.
    """

    name: str
    scope: str
    counts: np.ndarray
    measure: Callable[[np.ndarray], np.ndarray]

    @property
    def value(self) -> float | None:
        """The measure over all pictures."""
        return number(self.measure(self.counts.sum(axis=0)))

    def to_dict(self, draws: np.ndarray) -> dict[str, Any]:
        """The row; its interval comes from the resamples of `bootstrap.draw_pictures`."""
        ends = interval(self.counts, self.measure, draws)
        return {
            "measure": self.name,
            "scope": self.scope,
            "value": self.value,
            "interval": list(ends) if ends else None,
        }


def number(value: Any) -> float | None:
    """A float for JSON; None for nan."""
    return None if math.isnan(value) else float(value)
