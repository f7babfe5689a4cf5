"""The end of a training run in sentences.

In:  the result of a run.
Out: lines of text.

Must not know: how training works, consoles.
"""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

from smalta.description.training_facts import too_few
from smalta.report.stages import duration
from smalta.training.parts import STEPS, TITLES
from smalta.training.schedule import LATE, LEAST_STEPS

if TYPE_CHECKING:
    from smalta.metrics.trivial import TrivialScore
    from smalta.training.train import TrainResult


MOST_PARTS = 3  # named


def beside_trivial(measure: str, score: float | None, trivial: TrivialScore | None) -> str:
    """A score beside the trivial answer's, such as "mIoU 0.712 (all background: 0.439)".

    Args:
        measure: its name.
        score: None if it is not defined.
        trivial: the best trivial answer by that measure; None if it is not known.
    """
    shown = f"{measure} {'-' if score is None else format(score, '.3f')}"
    return shown if trivial is None else f"{shown} ({trivial.answer}: {trivial.value:.3f})"


def not_better(measure: str, score: float | None, trivial: TrivialScore | None) -> str | None:
    """A sentence that says that a model is not better than the trivial answer; None if it is, or if that is not known.

    Args:
        measure, score, trivial: as for `beside_trivial`.
    """
    if score is None or trivial is None or trivial.beaten_by(score):
        return None
    return (
        f'by its {measure} this model is not better than the trivial answer "{trivial.answer}" '
        f"({score:.3f} against {trivial.value:.3f}); do not use it"
    )


def overrun_lines(result: TrainResult) -> list[str]:
    """A sentence that says by how much and why a run overran its minutes; empty if it did not."""
    if result.minutes is None or result.seconds <= LATE * 60 * result.minutes:
        return []
    least = f" (a run makes at least {LEAST_STEPS})" if result.steps <= LEAST_STEPS else ""
    names = {**TITLES, STEPS: f"{result.steps} steps{least}"}
    longest = sorted(result.parts.items(), key=lambda found: -found[1])[:MOST_PARTS]
    shown = ", ".join(f"{names[part]} {duration(seconds)}" for part, seconds in longest)
    return [f"the run took {result.seconds / 60:.1f} minutes instead of {result.minutes:g}; the longest parts: {shown}"]


def result_lines(result: TrainResult, run: Path, data: Path) -> list[str]:
    """What a run reached, and what to do next.

    Args:
        result: of the run.
        run: its folder.
        data: its data set.
    """
    split = "test" if result.splits.get("test") else "val"
    score = beside_trivial(result.measure, result.validation_score, result.trivial)
    warning = not_better(result.measure, result.validation_score, result.trivial)
    warnings = [warning] if warning else []
    if result.enough_steps is not None and result.steps < result.enough_steps:
        warnings.append(
            f"{too_few(result.steps, result.enough_steps)}; on this machine --minutes {result.enough_minutes} would do"
        )
    warnings += overrun_lines(result)
    return [
        f"{result.steps} steps in {result.seconds / 60:.1f} minutes; best validation {score} at step "
        f"{result.best_step}; the model is {result.model}",
        *(f"warning: {text}" for text in warnings),
        f"next: smalta evaluate {run} {data} --split {split}",
    ]
