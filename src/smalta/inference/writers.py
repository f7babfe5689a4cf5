"""Write what people and programs read of an answer: index pictures, overlays, probabilities, tables of objects.

In:  answers, one picture at a time and from any thread; a folder.
Out: files in that folder, each whole or not there.

What one picture adds to a table of all pictures (`objects.csv`) comes back from `write_answer` as text, and
`write_tables` joins it, in the order that it is given.

Must not know: how answers are made, in which order, how progress is shown.
"""

from __future__ import annotations

import csv
import io
import json
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from smalta.classes import ROOT, ClassTree
from smalta.data.overlay import overlay, with_legend
from smalta.data.pictures import write_bytes, write_index, write_picture
from smalta.decoding import node_probabilities
from smalta.errors import ConfigError
from smalta.objects import Objects
from smalta.segmentation import Segmentation

OBJECT_COLUMNS = ("score", "area_px", "x0", "y0", "x1", "y1", "centroid_y", "centroid_x")


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
class Written:
    """What was written for a picture, and what it adds to the tables of all pictures.

    Attributes:
        classes: the file with its class map.
        rows: its lines of `objects.csv`; None where the answer makes no objects.
    """

    classes: Path
    rows: str | None = None


def make_folders(folder: Path, tree: ClassTree, options: OutputOptions, *, objects: bool) -> None:
    """Make the folder of a job, the folders in it, and `classes.json`, which says what the values mean.

    Args:
        folder: of the results.
        tree: the model's classes.
        options: what will be written.
        objects: whether answers will have objects.

    Raises:
        ConfigError: if a folder cannot be made.
    """
    for name, wanted in (
        ("classes", True),
        ("instances", objects),
        ("overlays", options.overlays),
        ("probabilities", options.probabilities),
    ):
        if wanted:
            try:
                (folder / name).mkdir(parents=True, exist_ok=True)
            except OSError as error:
                raise ConfigError(
                    f"{folder / name} cannot be made ({error}); name another folder with --out"
                ) from error
    write_bytes(folder / "classes.json", _legend_json(tree).encode())


def write_answer(
    folder: Path, picture: Path, pixels: np.ndarray, answer: Segmentation, options: OutputOptions
) -> Written:
    """Write the files of one picture; several threads may do so for different pictures.

    Args:
        folder: that `make_folders` made.
        picture: the path of the picture, whose stem names the files.
        pixels: (H, W, 3) uint8 RGB.
        answer: for the picture.
        options: what to write.

    Raises:
        DataError: if a file cannot be written.
    """
    shown = answer.classes if answer.objects is None else answer.panoptic(options.level)
    classes = write_index(folder / "classes" / f"{picture.stem}.png", answer.tree.node_to_value[shown])
    rows = None
    if answer.objects is not None:
        write_index(folder / "instances" / f"{picture.stem}.png", answer.objects.instances)
        rows = _object_rows(picture.name, answer.objects)
    if options.overlays:
        write_picture(folder / "overlays" / f"{picture.stem}.png", _overlay(pixels, answer, shown))
    if options.probabilities:
        write_bytes(folder / "probabilities" / f"{picture.stem}.npz", _probabilities_npz(answer, options))
    return Written(classes=classes, rows=rows)


def write_tables(folder: Path, tree: ClassTree, written: Iterable[Written]) -> None:
    """Join what the pictures add to the tables: `objects.csv`, where answers have objects.

    Args:
        folder: of the results.
        tree: the model's classes.
        written: of every picture that was answered with objects, in the order that the tables shall have.

    Raises:
        DataError: if a file cannot be written.
    """
    lines = [_line(object_columns(tree)), *(one.rows for one in written if one.rows is not None)]
    write_bytes(folder / "objects.csv", "".join(lines).encode())


# -- pictures -----------------------------------------------------------------------------------------


def _overlay(pixels: np.ndarray, answer: Segmentation, classes: np.ndarray) -> np.ndarray:
    shown = [int(node) for node in np.unique(classes)]
    return with_legend(overlay(pixels, classes, answer.tree), answer.tree, shown)


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


# -- objects.csv --------------------------------------------------------------------------------------


def object_columns(tree: ClassTree) -> list[str]:
    """Names of the columns of `objects.csv`.

    "class" is the path of an object's class, "level_K" that of its class at level K, empty where its class stopped
    above. Boxes go from x0, y0 to x1, y1, the first column and row beyond. An attribute's column bears its name.
    """
    levels = [f"level_{k}" for k in range(1, tree.n_levels + 1)]
    own = ["picture", "id", "class", *levels, *OBJECT_COLUMNS]
    return own + [f"attribute_{a.name}" if a.name in own else a.name for a in tree.attributes]


def _object_rows(name: str, objects: Objects) -> str:
    """Lines of `objects.csv`; numbers with as many places as mean something."""
    tree = objects.tree
    paths = np.array(["", *(node.path for node in tree)])
    at_levels = [paths[objects.level(k)].tolist() for k in range(1, tree.n_levels + 1)]
    values = [
        np.array(["", *attribute.values])[objects.attribute(attribute.name)].tolist() for attribute in tree.attributes
    ]
    rows = zip(
        [name] * len(objects),
        range(1, len(objects) + 1),
        paths[objects.classes].tolist(),
        *at_levels,
        [f"{score:.4f}" for score in objects.scores.tolist()],
        objects.areas.tolist(),
        *objects.boxes_xyxy.T.tolist(),
        *([f"{place:.2f}" for place in axis] for axis in objects.centroids_yx.T.tolist()),
        *values,
        strict=True,
    )
    buffer = io.StringIO()
    csv.writer(buffer, lineterminator="\n").writerows(rows)
    return buffer.getvalue()


def _line(cells: Iterable[object]) -> str:
    buffer = io.StringIO()
    csv.writer(buffer, lineterminator="\n").writerow(cells)
    return buffer.getvalue()
