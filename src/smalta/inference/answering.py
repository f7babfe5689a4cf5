"""Segment many pictures and write the answers into a folder.

In:  a predictor, paths of pictures, a folder.
Out: files in that folder, each whole or not there; one `Outcome` per picture, in the order of the input.

Each thread takes a picture from its file to its answer's files; so one decodes while the network works on another, and
what is in memory is bounded by the number of threads. The runtime lets as many passes run as it has streams. Pictures
that are too large for that by the predictor's plan are answered part by part, one at a time.

Must not know: how answers are made, what is in the files, how progress is shown.
"""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from smalta.errors import ConfigError, SmaltaError
from smalta.inference.answer_plan import with_measured
from smalta.inference.in_parts import must_be_cut, predict_large, rows_of
from smalta.inference.predictor import Predictor
from smalta.pictures.reading import read_picture
from smalta.plan.plan import Plan
from smalta.plan.plan_file import write_plan
from smalta.results.class_maps import CLASSES
from smalta.results.manifest import Manifest
from smalta.results.options import OutputOptions
from smalta.results.output import Written
from smalta.results.result_folder import ResultFolder
from smalta.system.threads import map_in_order


@dataclass(frozen=True, slots=True, kw_only=True)
class Outcome:
    """What became of one picture.

    Attributes:
        picture: its path.
        classes: the file with its class map; None where it failed.
        error: why it failed; None where it did not.
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
) -> list[Outcome]:
    """Segment pictures, several at a time; a picture that fails is reported and does not stop the rest.

    If it is stopped (Ctrl-C), pictures that are being worked on are finished first, and the files about all pictures
    are written for those that are done.

    Args:
        predictor: the model.
        pictures: paths; their stems name the results and must differ.
        out: the folder; `classes/STEM.png`, what the kind and the options ask for, `classes.json`, which says what
            the numbers in the index pictures mean, `manifest.jsonl`, which says what is done, and for a predictor with
            a plan `plan.json`, with the seconds that the network took.
        options: what to write.
        resume: leave out what a job with the same model and options has done in this folder.
        done: called after each picture, in their order.

    Raises:
        ConfigError: if two pictures would write the same file, `out` is a file, the model cannot answer the kind that
            is asked for, an output is asked for that the kind does not have, or the job to go on with had another model
            or other options.
        ClassTreeError: if the options name a level that the tree lacks.
        DataError: if the files about all pictures cannot be written.
    """
    if Path(out).exists() and not Path(out).is_dir():
        raise ConfigError(f"{out} is a file; name a folder with --out")
    _refuse_equal_stems(pictures)
    options.decoding.check_level(predictor.tree)
    predictor.rule_for(options.kind)
    folder = ResultFolder(Path(out), predictor.tree, options.kind or predictor.kind, options)
    folder.make()
    outcomes: list[Outcome] = []
    written: list[Written] = []
    job = {"model": predictor.digest} | options.to_dict() | {"kind": folder.kind}
    answering = _Answering(predictor, folder)
    with Manifest(folder.path, job, resume=resume) as manifest:

        def answer(picture: Path) -> Written | str:
            try:
                return manifest.done(picture) or answering(picture)
            except SmaltaError as error:
                return str(error)
            except MemoryError:
                return f"{picture} does not fit in memory; allow less with --memory, or cut it into parts"

        workers = predictor.runtime.streams + 1  # one more decodes and encodes while all streams work
        try:
            for picture, result in zip(pictures, map_in_order(answer, pictures, workers), strict=True):
                if isinstance(result, str):
                    manifest.add_failure(picture, result)
                    outcomes.append(Outcome(picture=picture, classes=None, error=result))
                else:
                    manifest.add(picture, result)
                    written.append(result)
                    outcomes.append(Outcome(picture=picture, classes=result.files[CLASSES.name], error=None))
                if done:
                    done(outcomes[-1])
        finally:  # also when it is stopped
            folder.write_joined(written)
            answering.write_plan()
    return outcomes


class _Answering:
    """Takes pictures from their files to their answers' files."""

    def __init__(self, predictor: Predictor, folder: ResultFolder) -> None:
        self._predictor, self._folder = predictor, folder
        self._one_at_a_time = threading.Lock()
        self._pixels: list[int] = []  # of the pictures that were answered

    def __call__(self, picture: Path) -> Written:
        made = self._predictor.plan
        if made is not None and must_be_cut(picture, made):
            with self._one_at_a_time:
                return self._in_parts(picture, made)
        pixels = read_picture(picture)
        written = self._whole(picture, pixels)
        self._pixels.append(pixels.shape[0] * pixels.shape[1])
        return written

    def _in_parts(self, picture: Path, made: Plan) -> Written:
        with rows_of(picture, made) as source:
            written = predict_large(self._predictor, source, picture, self._folder)
            self._pixels.append(source.size_hw[0] * source.size_hw[1])
        return written

    def _whole(self, picture: Path, pixels: np.ndarray) -> Written:
        predictor, folder, decoding = self._predictor, self._folder, self._folder.options.decoding
        maps, size_hw = predictor.maps(pixels), (pixels.shape[0], pixels.shape[1])
        if folder.classes_are_enough:
            return folder.write_classes(picture, pixels, predictor.classes(maps, size_hw, decoding))
        return folder.write(picture, pixels, predictor.answer(maps, size_hw, folder.kind, decoding))

    def write_plan(self) -> None:
        """Write what was planned, and what it took."""
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
