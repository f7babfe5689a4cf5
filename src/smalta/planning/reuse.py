"""How far apart two uses of the same bytes are, and whether a cache still holds them at the second one.

In:  a nest of loops, or the layers of a pass.
Out: misses of a cache; the reuses of a pass, with their distances.

The reuse distance is the number of other bytes that are touched between two uses. A cache that evicts the least
recently used line holds exactly the bytes with a distance below its size (Mattson, Gecsei, Slutz and Traiger 1970,
"Evaluation techniques for storage hierarchies"). Caches count as fully associative: maps and weights are contiguous,
fill all sets evenly, and so have no conflicts that the binomial correction of Hill and Smith (1989, "Evaluating
associativity in CPU caches") would add. cachegrind's counts (`bench/cachegrind.py`) are within 1 % of that.

Must not know: seconds, machines, plans.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence, Set
from dataclasses import dataclass

import numpy as np

LINE_BYTES = 64


@dataclass(frozen=True, slots=True, kw_only=True)
class Operand:
    """An array in a nest of loops.

    Attributes:
        loops: that index it, by name, the contiguous one last.
        bytes_each: of one number.
    """

    loops: tuple[str, ...]
    bytes_each: int = 4


def misses(nest: Mapping[str, int], operands: Sequence[Operand], cache_bytes: float) -> list[float]:
    """Lines that a nest of loops loads into an empty cache.

    If all lines that one round of a loop touches fit in the cache, what the next round uses again is still there, and
    only the distinct lines of the whole loop are loaded. Otherwise each round loads its lines again.

    Args:
        nest: rounds of each loop by its name, the outermost first.
        operands: arrays that the innermost loop touches.
        cache_bytes: size of the cache.

    Returns:
        Lines of `LINE_BYTES`, one number per operand.

    Example:
        >>> maps, weights, sums = Operand(loops=("i", "p")), Operand(loops=("o", "i")), Operand(loops=("o", "p"))
        >>> misses({"o": 64, "i": 64, "p": 56 * 56}, [maps, weights, sums], 512 * 2**10)
        [802816.0, 256.0, 12544.0]
    """
    loops = list(nest)
    found = [1.0] * len(operands)
    for place in range(len(loops) - 1, -1, -1):
        inner, whole = set(loops[place + 1 :]), set(loops[place:])
        fits = LINE_BYTES * sum(_lines(operand, nest, inner) for operand in operands) <= cache_bytes
        for index, operand in enumerate(operands):
            found[index] = _lines(operand, nest, whole) if fits else nest[loops[place]] * found[index]
    return found


def _lines(operand: Operand, nest: Mapping[str, int], running: Set[str]) -> float:
    """Distinct lines that an operand touches while these loops run and the others stand still."""
    run, loops = operand.bytes_each, list(operand.loops)
    while loops and loops[-1] in running:
        run *= nest[loops.pop()]
    return max(run / LINE_BYTES, 1.0) * math.prod(nest[loop] for loop in loops if loop in running)


@dataclass(frozen=True, slots=True, kw_only=True)
class Reuse:
    """A map that a layer reads after a layer before it has read or written it.

    Attributes:
        layer: place of the layer that reads.
        size: bytes of the map.
        first, last: reuse distance of its first and its last byte, bytes; between them it changes evenly.
    """

    layer: int
    size: float
    first: float
    last: float

    def beyond(self, cache_bytes: float) -> float:
        """Bytes that a cache of this size has evicted by then, and loads again."""
        low, high = sorted((self.first, self.last))
        if high - low < 1:
            return self.size if low > cache_bytes else 0.0
        return self.size * min(max((high - cache_bytes) / (high - low), 0.0), 1.0)


def reuses(inputs: Sequence[Sequence[int]], written: np.ndarray, weights: np.ndarray) -> list[Reuse]:
    """All reuses of maps in a pass.

    Every layer goes through its maps once, from the first byte to the last, at the same pace. So when it reads a byte
    of map M, the bytes touched since M's last use at that place are: M itself, all that layers in between touched,
    what is left of the maps that were used beside M then, and the begun part of those that are used beside M now.

    Args:
        inputs: places of the layers whose maps each layer reads.
        written, weights: bytes of each layer, (layers,). Each map and each layer's weights count as own memory.
    """
    count, found = len(written), []
    size = np.concatenate([written, weights])  # of the map that a layer writes, then of its weights
    used = np.full(2 * count, -1)  # place of the layer that used each of them last
    for place, sources in enumerate(inputs):
        ours = np.array(sources, int)
        for source in sources:
            then = used[source]
            beside = used == then
            beside[source] = False
            again = size[ours[beside[ours]]].sum()  # used side by side then and now
            begun = written[place] + weights[place] + size[ours[used[ours] < then]].sum()
            known = size[source] + size[used > then].sum() + again
            rest = size[beside].sum() - again
            found.append(Reuse(layer=place, size=size[source], first=known + rest, last=known + begun))
        used[[*sources, place, count + place]] = place
    return found
