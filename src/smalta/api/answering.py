"""Process many pictures with a model: result files, or counts.

In:  a model, pictures, a folder, limits.
Out: `Predicted`, `CountTable`, and files.

Must not know: how answers are made, command lines.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterable
from dataclasses import dataclass
from pathlib import Path

from smalta.answers.decoding import USUAL, Decoding
from smalta.answers.scale import Scale
from smalta.api.limits import limits_of
from smalta.description.kinds import Kind
from smalta.inference.answer_plan import load_planned
from smalta.inference.answering import Outcome, failed, predict_files
from smalta.inference.counting import CountTable, count_files
from smalta.inference.opened import OpenedModel
from smalta.inference.predictor import Predictor
from smalta.inference.watchdog import Stalled
from smalta.pictures.finding import find_pictures
from smalta.planning import machine
from smalta.planning.plan import Limits, Plan
from smalta.planning.plan_file import read_plan
from smalta.results.options import OutputOptions
from smalta.runtimes.registry import AUTO
from smalta.system.allocator import keep_large_blocks
from smalta.verdicts.rules import Rules

Pictures = str | Path | Iterable[str | Path]


@dataclass(frozen=True, slots=True, kw_only=True)
class Predicted:
    """The result of `predict`.

    Attributes:
        folder: of the results.
        kind: of the answers.
        outcomes: one per picture, in their order.
        plan: that was followed, with the measured seconds; None if it could not be written.
    """

    folder: Path
    kind: Kind
    outcomes: tuple[Outcome, ...]
    plan: Plan | None

    @property
    def failed(self) -> tuple[Outcome, ...]:
        """The pictures without a result, each with its reason."""
        return tuple(failed(self.outcomes))


def predict(
    model: str | Path | OpenedModel,
    pictures: Pictures,
    out: str | Path,
    *,
    kind: Kind | None = None,
    outputs: Collection[str] = (),
    level: int | None = None,
    min_confidence: float = USUAL.min_confidence,
    resume: bool = False,
    memory: int | str | None = None,
    threads: int | None = None,
    tile: int | None = None,
    device: str = AUTO,
    good: Rules | str | Path | None = None,
    scale: str | None = None,
    progress: Callable[[int, int], None] | None = None,
    stalled: Stalled | None = None,
    report: Callable[[str], None] | None = None,
) -> Predicted:
    """Segment pictures and write the results into a folder, as `smalta predict` does.

    The plan is made for this machine and these pictures. A picture that fails does not stop the others.

    Args:
        model: a run folder, the `model.safetensors` in it, or a `.onnx` file of `smalta export`.
        pictures: files, folders, patterns, or `.txt` lists of them.
        out: folder for the results; docs/results.md describes its files.
        kind: "binary", "semantic", "instance" or "panoptic"; None for the model's own.
        outputs: further files, named like the options: "overlay", "geojson", "coco", "probabilities", ...
        level: the deepest level of the class tree to use; None for the leaves.
        min_confidence: each pixel gets the deepest class with at least this probability, in [0, 1].
        resume: skip pictures that an earlier job with this model and these options finished in this folder.
        memory: limit of the whole process, bytes, or text such as "1GB".
        threads: limit over all streams.
        tile: side of the squares that larger pictures are cut into, pixels.
        device: "auto", "cpu" or "cuda".
        good: rules that say when a picture is bad, or their file; verdicts.csv is then written.
        scale: size of a pixel, such as "0.05 mm/px", for sizes in mm.
        progress: called after each picture with the number of finished and of all pictures.
        stalled: called with a picture, its stage and the seconds since its last progress, if that is a minute or more.
        report: called with a sentence if pictures take far longer than planned, and if the plan is replaced then.

    Raises:
        SmaltaError: if the model, the options or the folder cannot be used, or no picture is found.

    Example:
        >>> done = predict("run", "scenes/test/images", "results", outputs=["overlay"])
        >>> done.kind, len(done.outcomes), done.failed
        ('panoptic', 2, ())
    """
    paths = _found(pictures)
    decoding = Decoding(level=level, min_confidence=min_confidence)
    size = None if scale is None else Scale.parse(scale)
    options = OutputOptions(kind=kind, outputs=outputs, decoding=decoding, scale=size, rules=rules_for(good, scale))
    limits = limits_of(memory=memory, threads=threads, tile=tile, device=device)
    predictor = planned(model, paths, limits, options, report)
    done = iter(range(1, len(paths) + 1))
    outcomes = predict_files(
        predictor,
        paths,
        out,
        options,
        resume=resume,
        done=None if progress is None else lambda _: progress(next(done), len(paths)),
        stalled=stalled,
    )
    folder = Path(out)
    return Predicted(folder=folder, kind=kind or predictor.kind, outcomes=tuple(outcomes), plan=read_plan(folder))


def count(
    model: str | Path | OpenedModel,
    pictures: Pictures,
    *,
    out: str | Path | None = None,
    level: int | None = None,
    memory: int | str | None = None,
    threads: int | None = None,
    tile: int | None = None,
    device: str = AUTO,
    progress: Callable[[int, int], None] | None = None,
    stalled: Stalled | None = None,
    report: Callable[[str], None] | None = None,
) -> CountTable:
    """Count the objects in pictures, class by class, with 90 % intervals, as `smalta count` does.

    Args:
        model, pictures, memory, threads, tile, device, progress, stalled, report: as for `predict`.
        out: the file to write, `.csv` or `.json`; None writes no file.
        level: the deepest level of the class tree to count at; None for all.

    Raises:
        SmaltaError: if the model cannot find objects, or an argument cannot be used.

    Example:
        >>> table = count("run", "scenes/test/images")
        >>> [total.node for total in table.totals()][:2]
        ['person', 'vehicle']
    """
    paths = _found(pictures)
    limits = limits_of(memory=memory, threads=threads, tile=tile, device=device)
    predictor = planned(model, paths, limits, OutputOptions(kind="instance"), report)
    return count_files(
        predictor, paths, out=None if out is None else Path(out), level=level, progress=progress, stalled=stalled
    )


def rules_for(good: Rules | str | Path | None, scale: str | None) -> Rules | None:
    """The rules of an argument `good`, which may be their file."""
    return Rules.read(good, scale=scale) if isinstance(good, str | Path) else good


def planned(
    model: str | Path | OpenedModel,
    pictures: Iterable[Path],
    limits: Limits,
    options: OutputOptions,
    report: Callable[[str], None] | None = None,
) -> Predictor:
    """Load a model for these pictures within these limits; large blocks of memory are kept as planned."""
    predictor = load_planned(model, pictures, machine.this_machine(), limits, options, report=report)
    if predictor.plan is not None and predictor.plan.keep_memory:
        keep_large_blocks()
    return predictor


def _found(pictures: Pictures) -> list[Path]:
    return find_pictures([pictures] if isinstance(pictures, str | Path) else pictures)
