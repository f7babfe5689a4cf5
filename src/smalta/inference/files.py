"""Segment many pictures and write what people and programs read: index pictures, overlays, probabilities.

In:  a predictor, paths of pictures, a folder.
Out: files in that folder, each whole or not there; one `Outcome` per picture, in the order of the input.

Must not know: how answers are made, how progress is shown.
"""

from __future__ import annotations

import io
import json
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from smalta.classes import ROOT, ClassTree
from smalta.data.overlay import overlay, with_legend
from smalta.data.pictures import read_picture, write_bytes, write_index, write_picture
from smalta.decoding import node_probabilities
from smalta.errors import ConfigError, SmaltaError
from smalta.inference.predictor import Predictor
from smalta.segmentation import Segmentation


@dataclass(frozen=True, slots=True, kw_only=True)
class OutputOptions:
    """What to write for each picture.

    Attributes:
        overlays: the picture with its classes in colour and a legend.
        probabilities: of the classes of the level, as float16.
        channels_last: whether probabilities are (H, W, N) rather than (N, H, W).
        level: the deepest level to answer at; None for the leaves.
        min_confidence: each pixel gets the deepest class whose probability reaches it.
    """

    overlays: bool = False
    probabilities: bool = False
    channels_last: bool = False
    level: int | None = None
    min_confidence: float = 0.0


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
        out: the folder; `classes/STEM.png` and what the options ask for, and `classes.json`, which says what the
            numbers in the index pictures mean.
        options: what to write.
        done: called after each picture.

    Raises:
        ConfigError: if two pictures would write the same file, `out` is a file, or a confidence lies outside [0, 1].
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
    for name, wanted in (
        ("classes", True),
        ("overlays", options.overlays),
        ("probabilities", options.probabilities),
    ):
        if wanted:
            _make_folder(folder / name)
    write_bytes(folder / "classes.json", _legend_json(predictor.tree).encode())
    outcomes = []
    for picture in pictures:
        outcomes.append(_one(predictor, picture, folder, options))
        if done:
            done(outcomes[-1])
    return outcomes


def _make_folder(folder: Path) -> None:
    try:
        folder.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise ConfigError(f"{folder} cannot be made ({error}); name another folder with --out") from error


def _one(predictor: Predictor, picture: Path, folder: Path, options: OutputOptions) -> Outcome:
    try:
        pixels = read_picture(picture)
        answer = predictor(pixels, level=options.level, min_confidence=options.min_confidence)
    except SmaltaError as error:
        return Outcome(picture=picture, classes=None, error=str(error))
    values = predictor.tree.node_to_value[answer.classes]
    classes = write_index(folder / "classes" / f"{picture.stem}.png", values)
    if options.overlays:
        write_picture(folder / "overlays" / f"{picture.stem}.png", _overlay(pixels, answer))
    if options.probabilities:
        write_bytes(folder / "probabilities" / f"{picture.stem}.npz", _probabilities_npz(answer, options))
    return Outcome(picture=picture, classes=classes, error=None)


def _overlay(pixels: np.ndarray, answer: Segmentation) -> np.ndarray:
    shown = [int(node) for node in np.unique(answer.classes)]
    return with_legend(overlay(pixels, answer.classes, answer.tree), answer.tree, shown)


def _probabilities_npz(answer: Segmentation, options: OutputOptions) -> bytes:
    """One array "probabilities" of the classes of the level, and their paths as "classes"."""
    tree = answer.tree
    nodes = tree.level(options.level or tree.n_levels)
    array = node_probabilities(tree, answer.probabilities, nodes).astype(np.float16)
    if options.channels_last:
        array = np.moveaxis(array, 0, -1)
    buffer = io.BytesIO()
    np.savez_compressed(buffer, probabilities=array, classes=np.array([tree.name(node) for node in nodes]))
    return buffer.getvalue()


def _legend_json(tree: ClassTree) -> str:
    """What each number in `classes/*.png` means."""
    rows = [
        {
            "value": int(tree.node_to_value[node]),
            "class": tree.name(node),
            "color": "#{:02x}{:02x}{:02x}".format(*tree.colors[node]),
        }
        for node in (ROOT, *tree.descendants(ROOT))
    ]
    return json.dumps({"classes": rows}, indent=1) + "\n"


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
