"""Time the best candidates of a plan, and check that their results agree.

In:  an opened model, ways to run it, the size of a picture.
Out: seconds per picture by candidate, or a note where results differ too much; counted cache misses of a pass.

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
from smalta.system.counters import CacheCounts, count_caches

SECONDS, LEAST = 1.0, 3  # minimum duration and number of the repeats
LEAST_EQUAL = 0.99  # least share of pixels with the same class as in the first candidate


@dataclass(frozen=True, slots=True, kw_only=True)
class Trial:
    """The result of timing candidates.

    Attributes:
        seconds: per picture, while all streams work, by name of the candidates that may be chosen.
        notes: why other candidates may not be chosen.
    """

    seconds: dict[str, float]
    notes: tuple[str, ...] = ()


def try_out(model: OpenedModel, candidates: Sequence[Candidate], size_hw: tuple[int, int]) -> Trial:
    """Run each candidate on one synthetic picture for about a second.

    Args:
        model: to run.
        candidates: to compare; the results of the others must agree with the first.
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
            notes.append(f"{one.name} is not chosen: {1 - equal:.1%} of the pixels get another class")
            continue
        picture = np.repeat(_picture(*(one.tile_hw or size_hw)), one.batch, axis=0)
        seconds[one.name] = _median(runtime, picture) * one.passes / (one.batch * one.way.streams)
    return Trial(seconds=seconds, notes=tuple(notes))


def count_pass(model: OpenedModel, chosen: Candidate, size_hw: tuple[int, int]) -> CacheCounts:
    """Count the cache misses of one pass of one stream on a synthetic picture.

    Args:
        model: to run.
        chosen: how.
        size_hw: of the picture, pixels; a candidate with tiles gets a tile.

    Raises:
        ConfigError: if hardware counters cannot be read.
        ModelError: if the model cannot be run.
    """
    runtime = model.runtime(chosen.way)
    pictures = np.repeat(_picture(*(chosen.tile_hw or size_hw)), chosen.batch, axis=0)
    return count_caches(lambda: runtime.maps(pictures))


def _median(runtime: Runtime, pictures: np.ndarray) -> float:
    """Median seconds of a pass while all streams work, after one warm-up pass."""
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
    """(1, H, W, 3) uint8 soft blobs; in plain noise every pixel would be undecided between classes."""
    coarse = np.random.default_rng(0).integers(0, 256, (max(height // 32, 2), max(width // 32, 2), 3), np.uint8)
    return np.ascontiguousarray(cv2.resize(coarse, (width, height), interpolation=cv2.INTER_CUBIC)[None])
