"""Time the best candidates of a plan for real, and see whether they answer alike.

In:  an opened model, ways to run it, the size of a picture.
Out: seconds per picture by candidate, and where answers differ too much a sentence instead.

Must not know: how candidates are chosen, training.
"""

from __future__ import annotations

import time
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass

import cv2
import numpy as np

from smalta.answers.fields import LOGITS
from smalta.inference.opened import OpenedModel
from smalta.planning.candidates import Candidate
from smalta.runtimes.protocol import Runtime

SECONDS, LEAST = 1.0, 3  # of the repeats
LEAST_EQUAL = 0.99  # share of pixels that must get the same class as with the first candidate


@dataclass(frozen=True, slots=True, kw_only=True)
class Trial:
    """What came out.

    Attributes:
        seconds: per picture, while all streams work; by name of the candidate, of those that may be chosen.
        notes: why a candidate may not be chosen.
    """

    seconds: dict[str, float]
    notes: tuple[str, ...] = ()


def try_out(model: OpenedModel, candidates: Sequence[Candidate], size_hw: tuple[int, int]) -> Trial:
    """Run each candidate on one made-up picture for about a second.

    Args:
        model: to run.
        candidates: to compare; the others must answer as the first does.
        size_hw: of the picture, pixels; a candidate with tiles gets a tile.

    Raises:
        ModelError: if the model cannot be run.
    """
    seconds: dict[str, float] = {}
    notes: list[str] = []
    reference: np.ndarray | None = None
    probe = _picture(min(size_hw[0], 512), min(size_hw[1], 512))
    for one in candidates:
        runtime = model.runtime(one.way)
        classes = runtime.maps(probe)[LOGITS].argmax(axis=1)
        reference = classes if reference is None else reference
        equal = float((classes == reference).mean())
        if equal < LEAST_EQUAL:
            notes.append(f"{one.name} gives {1 - equal:.1%} of the pixels another class, so it is not taken")
            continue
        picture = np.repeat(_picture(*(one.tile_hw or size_hw)), one.batch, axis=0)
        seconds[one.name] = _median(runtime, picture) * one.passes / (one.batch * one.way.streams)
    return Trial(seconds=seconds, notes=tuple(notes))


def _median(runtime: Runtime, pictures: np.ndarray) -> float:
    """Median seconds of a pass while all streams work, after one that does not count."""
    found: list[float] = []

    def one_after_the_other(end: float) -> None:
        while len(found) < LEAST * runtime.streams or time.perf_counter() < end:
            started = time.perf_counter()
            runtime.maps(pictures)
            found.append(time.perf_counter() - started)

    with ThreadPoolExecutor(runtime.streams) as pool:
        list(pool.map(runtime.maps, [pictures] * runtime.streams))
        list(pool.map(one_after_the_other, [time.perf_counter() + SECONDS] * runtime.streams))
    return float(np.median(found))


def _picture(height: int, width: int) -> np.ndarray:
    """(1, H, W, 3) uint8 of soft blobs: noise alone would leave every pixel undecided between classes."""
    coarse = np.random.default_rng(0).integers(0, 256, (max(height // 32, 2), max(width // 32, 2), 3), np.uint8)
    return np.ascontiguousarray(cv2.resize(coarse, (width, height), interpolation=cv2.INTER_CUBIC)[None])
