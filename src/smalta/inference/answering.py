"""Segment many pictures and write the results into a folder.

In:  a predictor, paths of pictures, a folder.
Out: files in that folder, each complete or absent; one `Outcome` per picture, in the order of the input.

Must not know: how answers are made, the content of the files, how progress is shown.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator, Sequence
from contextlib import closing
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from smalta.description.training_facts import shortfall
from smalta.errors import ConfigError
from smalta.inference.answer_plan import with_measured
from smalta.inference.each_picture import Failure, each_picture
from smalta.inference.in_parts import predict_large
from smalta.inference.predictor import Predictor
from smalta.inference.watchdog import PATIENCE, Reached, Stalled, Watchdog
from smalta.pictures.large_pictures import Rows
from smalta.planning.plan_file import write_plan
from smalta.results.class_maps import CLASSES
from smalta.results.manifest import Manifest
from smalta.results.options import OutputOptions
from smalta.results.output import Written
from smalta.results.result_folder import ResultFolder


@dataclass(frozen=True, slots=True, kw_only=True)
class Outcome:
    """The outcome of one picture.

    Attributes:
        picture: its path.
        classes: the file with its class map; None if it failed.
        error: why it failed; None if it did not.
    """

    picture: Path
    classes: Path | None
    error: str | None


def predict_files(
    predictor: Predictor,
    pictures: Sequence[Path],
    out: str | Path,
    options: OutputOptions,
    *,
    resume: bool = False,
    done: Callable[[Outcome], None] | None = None,
    stalled: Stalled | None = None,
    patience: float = PATIENCE,
) -> list[Outcome]:
    """Segment pictures, several at a time; a picture that fails is reported and does not stop the others.

    If it is stopped (Ctrl-C), pictures in progress are finished first. Then the files about all pictures are written
    for the finished ones.

    Args:
        predictor: the model.
        pictures: paths; their stems name the results and must differ.
        out: the folder; it gets `classes/STEM.png`, the outputs of the kind and the options, `classes.json` (the class
            of each value in the index pictures), `manifest.jsonl` (the finished pictures), and, for a predictor with a
            plan, `plan.json` with the measured seconds of the network.
        options: what to write.
        resume: skip pictures that a job with the same model and options finished in this folder.
        done: called after each picture, in order.
        stalled: called with a picture, its stage and the seconds since its last progress, if these reach `patience`.
        patience: seconds without progress until `stalled` is called.

    Raises:
        ConfigError: if two pictures have the same stem, `out` is a file, the model does not support the requested kind,
            the kind does not have a requested output, or the job to resume had another model or other options.
        ClassTreeError: if the options name a level that the tree lacks.
        DataError: if the files about all pictures cannot be written.
    """
    folder = _folder(predictor, pictures, Path(out), options)
    folder.make()
    outcomes: list[Outcome] = []
    written: list[Written] = []
    work = _Answering(predictor, folder)
    job = {"model": predictor.digest} | options.to_dict() | {"kind": folder.kind}
    with Manifest(folder.path, job, resume=resume) as manifest:
        results = each_picture(predictor, pictures, work, watchdog=Watchdog(stalled, patience), known=manifest.done)
        try:
            with closing(results):
                for picture, result in zip(pictures, results, strict=True):
                    outcomes.append(_outcome(picture, result, manifest))
                    if isinstance(result, Written):
                        written.append(result)
                    if done:
                        done(outcomes[-1])
        finally:  # also after Ctrl-C
            folder.write_joined(written)
            work.write_plan()
    return outcomes


def _folder(predictor: Predictor, pictures: Sequence[Path], out: Path, options: OutputOptions) -> ResultFolder:
    """The result folder; impossible requests are refused before anything is written."""
    if out.exists() and not out.is_dir():
        raise ConfigError(f"{out} is a file, and --out needs a folder; set another path")
    _refuse_equal_stems(pictures)
    options.decoding.check_level(predictor.tree)
    predictor.rule_for(options.kind)
    remark = shortfall(predictor.info.facts)
    return ResultFolder(out, predictor.tree, options.kind or predictor.kind, options, remark=remark)


def _outcome(picture: Path, result: Written | Failure, manifest: Manifest) -> Outcome:
    if isinstance(result, Failure):
        manifest.add_failure(picture, result.reason)
        return Outcome(picture=picture, classes=None, error=result.reason)
    manifest.add(picture, result)
    return Outcome(picture=picture, classes=result.files[CLASSES.name], error=None)


class _Answering:
    """Writes the result files of pictures; see `smalta.inference.each_picture.Work`."""

    def __init__(self, predictor: Predictor, folder: ResultFolder) -> None:
        self._predictor, self._folder = predictor, folder
        self._pixels: list[int] = []  # of the finished pictures

    def whole(self, picture: Path, pixels: np.ndarray, reached: Reached) -> Written:
        """Segment a picture in memory and write its files."""
        predictor, folder, decoding = self._predictor, self._folder, self._folder.options.decoding
        size_hw = (pixels.shape[0], pixels.shape[1])
        reached("network")
        maps = predictor.maps(pixels)
        reached("decoding")
        if folder.classes_are_enough:
            classes = predictor.classes(maps, size_hw, decoding)
            reached("writing")
            written = folder.write_classes(picture, pixels, classes, predictor.evidence(maps, size_hw))
        else:
            answer = predictor.answer(maps, size_hw, folder.kind, decoding)
            reached("writing")
            written = folder.write(picture, pixels, answer)
        self._pixels.append(math.prod(size_hw))
        return written

    def in_parts(self, picture: Path, source: Rows, reached: Reached) -> Written:
        """Segment a picture that does not fit in memory and write its files."""
        written = predict_large(self._predictor, source, picture, self._folder, reached=reached)
        self._pixels.append(math.prod(source.size_hw))
        return written

    def write_plan(self) -> None:
        """Write the plan with the measured time."""
        if self._predictor.plan is not None:
            made = with_measured(self._predictor.plan, self._predictor.runtime.busy_seconds, sum(self._pixels))
            write_plan(self._folder.path, made)


def _refuse_equal_stems(pictures: Sequence[Path]) -> None:
    seen: dict[str, Path] = {}
    for picture in pictures:
        other = seen.setdefault(picture.stem, picture)
        if other is not picture:
            raise ConfigError(
                f"{other} and {picture} would both write {picture.stem}.png; rename one, or use two folders"
            )


def failed(outcomes: Sequence[Outcome]) -> Iterator[Outcome]:
    """The outcomes without a result."""
    return (outcome for outcome in outcomes if outcome.error is not None)
