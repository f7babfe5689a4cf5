"""How the answers for other classes start: combinations of the answers that a trained network gives.

In:  paths of the answers that a network gives now ("vehicle/car"), paths of those that it shall give.
Out: `Start`: a matrix and offsets that turn the old logits into new ones.

A path that stays keeps its logit z. A new path gets, from the deepest class on its way that the network knows,

    z_new = mean of z_v over v  +  log n  -  log k

where k new paths share that class, and v are the n old answers below it that no longer exist. If all n score the same,
their probability p goes to the k new ones in equal parts p / k. That is exact for one class that is split (n = 1);
otherwise it is a little less, because log sum exp z_v >= mean z_v + log n. If all old answers below the class stay
(a new sibling), v are all of them and log n is left out: the new answer starts at their geometric mean and never beats
the best of them.

Must not know: networks, class trees, files.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np


@dataclass(frozen=True, slots=True, kw_only=True)
class Start:
    """New logits from old ones: `matrix @ old + offsets`.

    Attributes:
        matrix: (n_new, n_old) float64.
        offsets: (n_new,) float64.
        kept: for each new path whether it stays.
        origins: for each new path the deepest known class on its way, which may be itself; None if there is none, and
            then its row is 0.
        left_out: old paths that are used for nothing.
    """

    matrix: np.ndarray
    offsets: np.ndarray
    kept: tuple[bool, ...]
    origins: tuple[str | None, ...]
    left_out: tuple[str, ...]


def start(old: Sequence[str], new: Sequence[str]) -> Start:
    """How new answers start.

    Args:
        old: paths of the network's answers, with "/" between the levels.
        new: paths of the wanted answers.

    Example:
        >>> found = start(["sky", "car"], ["sky", "car/audi", "car/honda"])
        >>> found.matrix.tolist(), found.offsets.round(2).tolist()
        ([[1.0, 0.0], [0.0, 1.0], [0.0, 1.0]], [0.0, -0.69, -0.69])
    """
    known = {prefix for path in old for prefix in _upwards(path)}
    origins = tuple(next((prefix for prefix in _upwards(path) if prefix in known), None) for path in new)
    added = [origin for path, origin in zip(new, origins, strict=True) if origin is not None and path not in old]
    handed: dict[str, list[str]] = {}  # old answers that no longer exist, by the class whose new answers get them
    left_out = []
    for path in (path for path in old if path not in new):
        heir = next((prefix for prefix in _upwards(path) if prefix in added), None)
        if heir is None:
            left_out.append(path)
        else:
            handed.setdefault(heir, []).append(path)
    matrix, offsets = np.zeros((len(new), len(old))), np.zeros(len(new))
    for row, (path, origin) in enumerate(zip(new, origins, strict=True)):
        if path in old:
            matrix[row, old.index(path)] = 1
        elif origin is not None:
            gone = handed.get(origin, [])
            members = [place for place, one in enumerate(old) if one in gone or (not gone and origin in _upwards(one))]
            matrix[row, members] = 1 / len(members)
            offsets[row] = math.log(max(len(gone), 1)) - math.log(added.count(origin))
    return Start(
        matrix=matrix,
        offsets=offsets,
        kept=tuple(path in old for path in new),
        origins=origins,
        left_out=tuple(left_out),
    )


def _upwards(path: str) -> list[str]:
    """A path and the classes above it, from the deepest to the top.

    Example:
        >>> _upwards("vehicle/car/audi")
        ['vehicle/car/audi', 'vehicle/car', 'vehicle']
    """
    parts = path.split("/")
    return ["/".join(parts[:stop]) for stop in range(len(parts), 0, -1)]
