"""The sentences of a plan about the processor and a GPU, and about caches.

In:  a score, the plan's device, where the bytes of a pass come from.
Out: sentences with numbers.

Must not know: how the choice is made, tables, files.
"""

from __future__ import annotations

import math

from smalta.planning.layer_costs import CacheUse
from smalta.planning.machine import Machine
from smalta.planning.plan import Task
from smalta.planning.score import Score
from smalta.planning.words import duration, rate, size


def both_times(where: Score, task: Task) -> str:
    """The predicted times here and there.

    Example: "4.1 ms a picture on the processor, 0.9 ms on an NVIDIA L4 (by published numbers)".
    """
    each = "step" if task == "training" else "picture"
    known = " (by published numbers)" if where.card.published else ""
    return (
        f"{duration(where.cpu_seconds)} a {each} on the processor, "
        f"{duration(where.gpu_seconds)} on the {where.card.name}{known}"
    )


def verdict(where: Score, task: Task) -> str:
    """What the score says, in words; without a tie, or on a flat curve, the times say more than the score."""
    what = "crops" if task == "training" else "pictures"
    if where.curve.tie_pixels is None:
        faster = "the GPU" if where.value > 0.5 else "the processor"
        return f"{faster} is predicted to be faster for {what} of every size"
    if where.curve.flat:
        return f"the two are close for {what} of every size, so no score is given"
    side = round_side(math.sqrt(where.curve.tie_pixels))
    who = "a GPU" if where.value > 0.5 else "the processor"
    return (
        f"score {where.value:.2f}, work for {who}; both would take equally long for {what} of about {side} x {side} px"
    )


def score_sentence(where: Score, machine: Machine) -> str:
    """V and P, with what they consist of."""
    cores = f"{where.cores} core{'s' if where.cores > 1 else ''}"
    streams = where.cpu.way.streams
    passes = "a pass" if streams == 1 else f"{streams} passes side by side"
    clock = f" of {machine.processor.clock / 1e9:.2g} GHz" if machine.processor.clock else ""
    ratios = []
    if where.l2_bytes:
        ratios.append(f"{_times(where.volume_bytes / where.l2_bytes)} the L2 ({size(where.l2_bytes)})")
    if where.volume_l3 is not None:
        ratios.append(f"{_times(where.volume_l3)} the L3 ({size(where.l3_bytes)})")
    return (
        f"V: {size(where.volume_bytes)} are used again in {passes}, "
        f"{' and '.join(ratios) or 'of caches that the system does not report'}; "
        f"P: {rate(where.operations, 'FLOP')} take {cores}{clock} {duration(where.intensity)} at a measured "
        f"{rate(where.rate, 'FLOP/s')} ({where.precision})"
    )


def caches_sentence(use: CacheUse) -> str:
    """Where the bytes of a pass come from."""
    again = f"{size(use.loaded_again)} of maps are evicted and loaded again" if use.loaded_again >= 0.5 * 2**20 else ""
    again = again or "no map is evicted before its last use"
    return f"{caches_text(use)}; a pass moves {size(use.moved)}, {again}"


def caches_text(use: CacheUse) -> str:
    """The shares by level.

    Example: "49 % of the bytes from L1+L2, 48 % L3, 3 % memory".
    """
    return (
        f"{100 * use.near:.0f} % of the bytes from L1+L2, {100 * use.l3:.0f} % from the L3, "
        f"{100 * use.memory:.0f} % from memory"
    )


def round_side(side: float) -> int:
    """Pixels of a side to two digits.

    Example:
        >>> round_side(217.3), round_side(1893)
        (220, 1900)
    """
    step = 10 ** max(math.floor(math.log10(side)) - 1, 0)
    return step * round(side / step)


def _times(ratio: float) -> str:
    return f"{ratio:.0f} times" if ratio >= 10 else f"{ratio:.2g} times"
