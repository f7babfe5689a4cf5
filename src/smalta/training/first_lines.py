"""What a run prints before its first step: a few lines about data, network, machine and time.

In:  a run that can start.
Out: at most `MOST_LINES` lines; further sentences for those who want all.

Must not know: how lines are shown.
"""

from __future__ import annotations

from collections.abc import Sequence

from smalta.planning.rates import disturbance
from smalta.planning.words import duration
from smalta.training.augment import smaller_crop
from smalta.training.enough_steps import enough_steps
from smalta.training.job import Job
from smalta.training.schedule import LEAST_STEPS

MOST_LINES = 8
MOST_CLASSES = 6  # named
IMAGENET, RANDOM = "the encoder starts from ImageNet weights", "all weights start at random"


def first_lines(job: Job, notes: Sequence[str]) -> list[str]:
    """The lines.

    Args:
        job: the run.
        notes: what was inferred from the data, one sentence each.
    """
    lines = [_data(job), job.recipe.reasons.get("kind", f"kind {job.recipe.kind}"), _machine(job), _crops(job)]
    lines += [_time(job), *_weights(job)]
    told = disturbance(job.plan.disturbed)
    notes = [*([] if told is None else [f"the plan may be poor: {told}"]), *notes]
    left = MOST_LINES - len(lines)
    if len(notes) <= left:
        return [*lines, *notes]
    rest = len(notes) - left + 1
    more = f"{rest} more notes about the data: --verbose prints them, and log.jsonl in the run's folder holds them"
    return [*lines, *notes[: left - 1], more]


def _data(job: Job) -> str:
    dataset = job.dataset
    n_train, n_val, n_test = (len(dataset.splits.get(name, ())) for name in ("train", "val", "test"))
    test = f", {n_test} for testing" if n_test else ""
    leaves = [dataset.tree.name(leaf) for leaf in dataset.tree.leaves]
    named = f": {', '.join(leaves)}" if len(leaves) <= MOST_CLASSES else ""
    return (
        f"data {dataset.root.resolve().name}: {n_train} pictures for training, {n_val} for validation{test}; "
        f"{len(leaves)} classes{named}"
    )


def _machine(job: Job) -> str:
    recipe, plan = job.recipe, job.plan
    cores = f", {plan.threads} thread{'s' * (plan.threads != 1)}" if recipe.device == "cpu" else ""
    return (
        f"device {recipe.device}{cores}, {plan.precision}, {plan.layout.replace('_', '-')}: a step of {recipe.batch} "
        f"pictures is planned to take {duration(plan.predicted_seconds)}"
    )


def _crops(job: Job) -> str:
    recipe = job.recipe
    first = ""
    if recipe.first_view < 1:
        (height, width), _ = smaller_crop(recipe.crop_hw, recipe.first_view)
        first = f", at first {height} x {width} px of reduced pictures"
    return (
        f"crops of {recipe.crop_hw[0]} x {recipe.crop_hw[1]} px{first}; the network's map has one cell for "
        f"{recipe.stride} x {recipe.stride} px"
    )


def _weights(job: Job) -> list[str]:
    """Where the weights come from: one line, and one more if a model that they come from does not fit wholly."""
    initial = job.facts.get("initial")
    if initial:
        first, *others = initial["notes"]
        return [first, *(["; ".join(others)] if others else [])]
    return [RANDOM if job.facts.get("weights") in (None, "none") else IMAGENET]


def _time(job: Job) -> str:
    settings, parts = job.settings, []
    if settings.minutes is not None:
        parts.append(f"{settings.minutes:g} minutes from the start of the program, and at least {LEAST_STEPS} steps")
    if settings.steps is not None:
        parts.append(f"{'at most ' if parts else ''}{settings.steps} steps")
    if settings.initial is not None:
        return ", ".join(parts)
    enough = enough_steps(len(job.dataset.split("train")), job.recipe.batch)
    return f"{', '.join(parts)}; about {enough:,} steps do for such data"
