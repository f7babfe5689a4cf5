"""Segment many pictures and write the answers into a folder.

In:  a predictor, paths of pictures, a folder.
Out: files in that folder, each whole or not there; one `Outcome` per picture, in the order of the input.

Must not know: how answers are made, what is in the files, how progress is shown.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

from smalta.data.pictures import read_picture
from smalta.errors import ConfigError, SmaltaError
from smalta.inference.predictor import Predictor
from smalta.inference.writers import OutputOptions, make_folders, write_answer, write_tables
from smalta.model.info import OBJECT_KINDS

__all__ = ["Outcome", "OutputOptions", "failed", "predict_files"]


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
    done: Callable[[Outcome], None] | None = None,
) -> list[Outcome]:
    """Segment pictures one after the other; a picture that fails is reported and does not stop the rest.

    Args:
        predictor: the model.
        pictures: paths; their stems name the results and must differ.
        out: the folder; `classes/STEM.png`, what the kind and the options ask for, and `classes.json`, which says
            what the numbers in the index pictures mean.
        options: what to write.
        done: called after each picture.

    Raises:
        ConfigError: if two pictures would write the same file, `out` is a file, a confidence lies outside [0, 1], or
            the model cannot answer the kind that is asked for, or outlines are wanted of a kind without objects.
        ClassTreeError: if the options name a level that the tree lacks.
    """
    folder = Path(out)
    if folder.exists() and not folder.is_dir():
        raise ConfigError(f"{folder} is a file; name a folder with --out")
    _refuse_equal_stems(pictures)
    if options.level is not None:
        predictor.tree.level(options.level)
    if not 0 <= options.min_confidence <= 1:
        raise ConfigError(f"min-confidence must be in [0, 1], got {options.min_confidence}")
    predictor.rule_for(options.kind)
    kind = options.kind or predictor.kind
    if options.geojson and kind not in OBJECT_KINDS:
        raise ConfigError(f"outlines of objects are asked for, but the kind is {kind!r}; leave out --geojson")
    make_folders(folder, predictor.tree, kind, options)
    outcomes, written = [], []
    for picture in pictures:
        try:
            pixels = read_picture(picture)
            answer = predictor(pixels, kind=kind, level=options.level, min_confidence=options.min_confidence)
        except SmaltaError as error:
            outcomes.append(Outcome(picture=picture, classes=None, error=str(error)))
        else:
            written.append(write_answer(folder, picture, pixels, answer, kind, options))
            outcomes.append(Outcome(picture=picture, classes=written[-1].classes, error=None))
        if done:
            done(outcomes[-1])
    write_tables(folder, predictor.tree, kind, written)
    return outcomes


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
