"""Judge one model in several precisions on validation pictures, and choose.

In:  the content of an exported file in each precision, a labelled data set.
Out: `Choice`: the time and the loss of score of each precision, and the one that is chosen.

Must not know: PyTorch, how a precision is made, how a choice is shown.
"""

from __future__ import annotations

import time
from collections.abc import Mapping
from dataclasses import asdict, dataclass, field, replace
from typing import Any, Literal, get_args

import numpy as np

from smalta.data.dataset import Dataset
from smalta.description.model_info import LEAST_GAIN, ModelInfo, Precision
from smalta.errors import DataError, SmaltaError
from smalta.inference.predictor import Predictor
from smalta.inference.split_evaluation import evaluate
from smalta.runtimes.onnx_file import examine
from smalta.runtimes.onnx_runtimes import start
from smalta.runtimes.protocol import OnnxRuntime

Wanted = Literal[Precision, "auto"]
WANTED: tuple[Wanted, ...] = get_args(Wanted)
MOST_DROP = 0.5  # points that a score may fall by
MOST_JUDGED = 200  # validation pictures, spread over all of them
ROUNDS = 7  # timed passes of each precision, which take turns


@dataclass(frozen=True, slots=True, kw_only=True)
class Measured:
    """Time and scores of one precision.

    Attributes:
        precision: its name.
        seconds: per picture, network only: median of a few passes over one picture, on all usable cores.
        processor_seconds: of all cores, for the same passes; other programs that are busy do not change it much.
        scores: by measure, 0 to 1: the mean IoU over the leaves, and the headline of objects if there are any.
    """

    precision: Precision
    seconds: float
    processor_seconds: float
    scores: Mapping[str, float]


@dataclass(frozen=True, slots=True, kw_only=True)
class Choice:
    """Which precision is chosen, and why.

    Attributes:
        wanted: the requested precision, or "auto".
        measured: fp32 first.
        left_out: precisions that "auto" could not try, with the reason.
        judged: on which pictures, as text.
        size_hw: of the picture that was timed.
        runtime: the runtime that ran the file.
    """

    wanted: Wanted
    measured: tuple[Measured, ...]
    judged: str
    size_hw: tuple[int, int]
    runtime: str
    left_out: Mapping[Precision, str] = field(default_factory=dict)

    def drop(self, one: Measured) -> float:
        """The largest fall of a score below fp32's, in points; negative if all scores rise."""
        exact = self.measured[0].scores
        return max(100 * (exact[name] - one.scores[name]) for name in exact)

    def holds(self, one: Measured) -> bool:
        """Whether no score falls by more than `MOST_DROP`."""
        return self.drop(one) <= MOST_DROP

    def gains(self, one: Measured) -> bool:
        """Whether it is so much faster than fp32 that rounding is worth it, by the clock and in processor time."""
        exact = self.measured[0]
        by_clock, by_processor = exact.seconds / one.seconds, exact.processor_seconds / one.processor_seconds
        return one is exact or min(by_clock, by_processor) >= LEAST_GAIN

    @property
    def kept(self) -> Measured:
        """The requested precision; for "auto" the fastest that holds and gains."""
        if self.wanted == "auto":
            useful = [one for one in self.measured if self.holds(one) and self.gains(one)]
            return min(useful, key=lambda one: one.seconds)
        return next(one for one in self.measured if one.precision == self.wanted)

    @property
    def reason(self) -> str:
        """One sentence about the choice."""
        kept = self.kept
        if self.wanted == "auto":
            if len(self.measured) == 1:
                return "fp32 is chosen: no other precision could be tried"
            if kept is self.measured[0]:
                return (
                    f"fp32 is chosen: no other one is at least {LEAST_GAIN} times as fast, by the clock and in "
                    f"processor time, with scores that fall by at most {MOST_DROP} points"
                )
            return f"{kept.precision} is chosen: the fastest of those whose scores fall by at most {MOST_DROP} points"
        drop = self.drop(kept)
        if not self.holds(kept):
            return (
                f"{kept.precision} was requested; a score falls by {drop:.2f} points, more than the {MOST_DROP} that "
                "--precision auto allows"
            )
        return f"{kept.precision} was requested; no score falls by more than {max(drop, 0.0):.2f} points"

    def to_dict(self) -> dict[str, Any]:
        """Plain data, for the file's facts."""
        return {
            "wanted": self.wanted,
            "kept": self.kept.precision,
            "reason": self.reason,
            "measured": [{**asdict(one), "drop": self.drop(one)} for one in self.measured],
            "left_out": dict(self.left_out),
            "judged": self.judged,
            "size_hw": list(self.size_hw),
            "runtime": self.runtime,
        }


def measure(
    files: Mapping[Precision, bytes], dataset: Dataset, wanted: Wanted, left_out: Mapping[Precision, str]
) -> Choice:
    """Answer the validation pictures in each precision, with the runtime that will answer.

    Args:
        files: content of the exported file by precision, fp32 first.
        dataset: on which the model was trained.
        wanted: the requested precision, or "auto".
        left_out: precisions that "auto" could not try, with the reason.

    Raises:
        DataError: if no validation picture can be read, or no picture has a label.
    """
    judged = replace(dataset, splits={"val": dataset.spread("val", MOST_JUDGED)})
    ready = {precision: _ready(content) for precision, content in files.items()}
    scores = {p: _scores(evaluate(Predictor(*pair), judged, "val"), pair[1]) for p, pair in ready.items()}
    picture = _first_picture(judged)
    seconds = _seconds({precision: runtime for precision, (runtime, _) in ready.items()}, picture)
    return Choice(
        wanted=wanted,
        measured=tuple(
            Measured(precision=p, seconds=seconds[p][0], processor_seconds=seconds[p][1], scores=scores[p])
            for p in files
        ),
        left_out=left_out,
        judged=f"{len(judged.entries)} validation pictures of {dataset.root.resolve().name}",
        size_hw=(picture.shape[0], picture.shape[1]),
        runtime=ready["fp32"][0].name,
    )


def _first_picture(judged: Dataset) -> np.ndarray:
    """The first picture that can be read; there is one, because the scores have been computed."""
    for entry in judged.entries:
        try:
            return judged.read(entry).picture
        except SmaltaError:
            continue
    raise DataError(f"no validation picture in {judged.root} can be read")


def _ready(content: bytes) -> tuple[OnnxRuntime, ModelInfo]:
    info = examine(content)
    return start(content, info), info


def _scores(report: Mapping[str, Any], info: ModelInfo) -> dict[str, float]:
    """The scores that may not fall, by name."""
    leaves = f"level {info.tree.n_levels}"
    wanted = {"pixels": ("mean_iou", leaves)}
    if report["objects"]:
        wanted["objects"] = ("pq", leaves) if info.kind == "panoptic" else ("accuracy", "objects, IoU 0.5")
    found = {
        row["measure"]: row["value"]
        for row in report["headline"]
        if wanted.get(row["part"]) == (row["measure"], row["scope"]) and row["value"] is not None
    }
    if not found:
        raise DataError("no validation picture has a label, so no precision can be judged; use --precision fp32")
    return found


def _seconds(runtimes: Mapping[Precision, OnnxRuntime], picture: np.ndarray) -> dict[Precision, tuple[float, float]]:
    """Median seconds of a pass, by the clock and of all cores.

    The precisions take turns, so that a busy moment of the machine slows all of them.
    """
    taken: dict[Precision, list[tuple[float, float]]] = {precision: [] for precision in runtimes}
    for turn in range(ROUNDS + 1):
        for precision, runtime in runtimes.items():
            own, started = time.process_time(), time.perf_counter()
            runtime.maps(picture[None])
            if turn:  # the first pass is slower, because it allocates memory
                taken[precision].append((time.perf_counter() - started, time.process_time() - own))
    medians = {precision: np.median(found, axis=0) for precision, found in taken.items()}
    return {precision: (float(clock), max(float(own), 1e-9)) for precision, (clock, own) in medians.items()}
