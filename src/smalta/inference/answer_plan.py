"""Find the work of prediction, plan it, and load a model that follows the plan.

In:  a run folder or an exported model, pictures, limits.
Out: `Work`, `Plan`, a `Predictor`.

Must not know: training, how a plan is chosen or shown.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import replace
from math import prod
from pathlib import Path

from smalta.data.fingerprint import Fingerprint
from smalta.description.run_folder import read_settings
from smalta.errors import DataError, SmaltaError
from smalta.inference.opened import OpenedModel, open_model
from smalta.inference.plan_follower import PlanFollower
from smalta.inference.predictor import Predictor
from smalta.inference.tiling import Tiled
from smalta.pictures import large_pictures as large
from smalta.pictures.reading import read_size
from smalta.planning.candidates import Work
from smalta.planning.cost import Way
from smalta.planning.machine import Machine
from smalta.planning.plan import Limits, Plan
from smalta.planning.planner import plan
from smalta.results.memory import answer_bytes
from smalta.results.options import OutputOptions

USUAL_HW = (512, 512)  # pixels, where the size of the pictures is unknown


def load_planned(
    model: str | Path | OpenedModel,
    pictures: Iterable[Path],
    machine: Machine,
    limits: Limits,
    options: OutputOptions,
    *,
    report: Callable[[str], None] | None = None,
) -> Predictor:
    """Load a model as planned for these pictures.

    The plan is made for the largest picture, so that all of them keep the limits.

    Args:
        model: as for `smalta.inference.predictor.load`.
        pictures: paths; those that cannot be read are ignored.
        machine: that runs it.
        limits: to keep.
        options: what to write for the pictures.
        report: is called with a sentence if pictures take far longer than planned, and if the plan is replaced then.

    Raises:
        ModelError: if the model cannot be used.
        ConfigError: if the limits cannot be kept.
    """
    opened = open_model(model)
    work = answering_work(opened, largest(pictures), options)
    made = plan(work, machine, limits)
    runtime = opened.runtime(Way.of(made))
    if made.tile_hw is not None:
        runtime = Tiled(runtime, made.tile_hw)
    follower = PlanFollower(opened, work, machine, limits, made, report=report)
    return Predictor(runtime, opened.info, digest=opened.digest, plan=made, follower=follower)


def with_measured(made: Plan, busy_seconds: float, pixels: int) -> Plan:
    """Add the measured time of the network to a plan, so that the error of its prediction is known.

    Args:
        made: the plan.
        busy_seconds: during which at least one network ran, over all pictures. On a processor they hold a part of the
            reading, decoding and writing too, which share its cores.
        pixels: of all pictures.

    Returns:
        The plan with `measured["seconds"]`, per picture of its size, like `predicted_seconds`.
    """
    if pixels == 0:
        return made
    return replace(made, measured={"seconds": round(busy_seconds * prod(made.size_hw) / pixels, 6)})


def largest(pictures: Iterable[Path]) -> tuple[int, int] | None:
    """Height and width of the picture with most pixels, by the files' headers; None if all are unreadable."""
    best = None
    for path in pictures:
        try:
            size_hw = size_of(path)
        except SmaltaError:  # reading the picture reports it
            continue
        if best is None or prod(size_hw) > prod(best):
            best = size_hw
    return best


def size_of(path: Path) -> tuple[int, int]:
    """Height and width in pixels of a picture in any supported format.

    Raises:
        DataError: if it cannot be read.
    """
    suffix = path.suffix.lower()
    if suffix == ".zarr":
        return large.read_size(path)
    try:
        return read_size(path)
    except DataError:
        if suffix in large.SUFFIXES:  # it may only be too large to be read as a whole
            return large.read_size(path)
        raise


def answering_work(
    model: str | Path | OpenedModel, size_hw: tuple[int, int] | None = None, options: OutputOptions | None = None
) -> Work:
    """The work of predicting one picture.

    Args:
        model: as for `smalta.inference.predictor.load`.
        size_hw: of the picture, pixels; None for the median of the training pictures.
        options: what to write for a picture; None for the model's own kind without optional outputs.

    Raises:
        ModelError: if the model is missing or damaged, or PyTorch is not installed and the model is a run folder.
    """
    opened = open_model(model)
    needed = answer_bytes(opened.info, options or OutputOptions())
    return opened.work(size_hw or _usual(opened.file.parent), answer_bytes=needed)


def _usual(run: Path) -> tuple[int, int]:
    """Median height and width of the training pictures of a run."""
    try:
        facts = Fingerprint.from_dict(read_settings(run).get("fingerprint", {}))
    except SmaltaError:
        return USUAL_HW
    return facts.height[1], facts.width[1]
