"""Write what people and programs read of an answer: index pictures, overlays, probabilities, objects.

In:  answers, one picture at a time and from any thread; a folder.
Out: files in that folder, each whole or not there.

What a picture adds to a file about all pictures (`objects.csv`, `panoptic.json`) comes back from `write_answer` as
text, and `write_tables` joins it in the order that it is given.

Must not know: how answers are made, in which order, how progress is shown.
"""

from __future__ import annotations

import io
import json
from collections.abc import Collection
from dataclasses import dataclass, replace
from itertools import chain
from pathlib import Path

import numpy as np

from smalta.answers.decoding import USUAL, Decoding, no_deeper, node_probabilities
from smalta.answers.objects import Objects
from smalta.answers.segmentation import Segmentation
from smalta.classes import ROOT, ClassTree
from smalta.data.formats.coco_panoptic import write_numbers
from smalta.description.kinds import OBJECT_KINDS, Kind
from smalta.errors import ConfigError
from smalta.pictures.overlay import overlay, with_legend, write_names
from smalta.pictures.writing import write_index, write_picture
from smalta.results import object_table, panoptic_files
from smalta.results.object_geojson import collection
from smalta.system.whole_files import write_bytes, write_chunks


@dataclass(frozen=True, slots=True, kw_only=True)
class OutputOptions:
    """What to write for each picture.

    Attributes:
        kind: of the answers; None for the model's own.
        overlays: the picture with its classes and objects in colour and a legend.
        geojson: the outlines of the objects.
        probabilities: of the classes of the level, as float16.
        channels_last: whether probabilities are (H, W, N) rather than (N, H, W).
        decoding: how classes are chosen; where it has no threshold, the model's own is taken.
    """

    kind: Kind | None = None
    overlays: bool = False
    geojson: bool = False
    probabilities: bool = False
    channels_last: bool = False
    decoding: Decoding = USUAL


@dataclass(frozen=True, slots=True, kw_only=True)
class Written:
    """What was written for a picture, and what it adds to the files about all pictures.

    Attributes:
        classes: the file with its class map.
        rows: its lines of `objects.csv`; empty where there are none.
        panoptic: its part of `panoptic.json`; empty for other kinds, and where it was answered in parts.
    """

    classes: Path
    rows: str = ""
    panoptic: str = ""


def make_folders(folder: Path, tree: ClassTree, kind: Kind, options: OutputOptions) -> None:
    """Make the folder of a job, the folders in it, and `classes.json`, which says what the values mean.

    Args:
        folder: of the results.
        tree: the model's classes.
        kind: of the answers.
        options: what will be written.

    Raises:
        ConfigError: if a folder cannot be made.
    """
    wanted = {
        "classes": True,
        "instances": kind in OBJECT_KINDS,
        "panoptic": kind == "panoptic",
        "geojson": options.geojson,
        "overlays": options.overlays,
        "probabilities": options.probabilities,
    }
    for path in (folder / name for name in wanted if wanted[name]):
        try:
            path.mkdir(parents=True, exist_ok=True)
        except OSError as error:
            raise ConfigError(f"{path} cannot be made ({error}); name another folder with --out") from error
    write_bytes(folder / "classes.json", _legend_json(tree, kind).encode())


def write_answer(
    folder: Path, picture: Path, pixels: np.ndarray, answer: Segmentation, kind: Kind, options: OutputOptions
) -> Written:
    """Write the files of one picture; several threads may do so for different pictures.

    Args:
        folder: that `make_folders` made.
        picture: the path of the picture, whose stem names the files.
        pixels: (H, W, 3) uint8 RGB.
        answer: for the picture, of this kind.
        kind: of the answers.
        options: what to write.

    Raises:
        DataError: if a file cannot be written.
    """
    shown = class_map(answer, options.decoding)
    name = f"{picture.stem}.png"
    rows = panoptic = ""
    if answer.objects is not None:
        write_index(folder / "instances" / name, answer.objects.instances, bits=16)
        rows = object_table.rows(picture.name, answer.objects)
        if options.geojson:
            write_bytes(folder / "geojson" / f"{picture.stem}.geojson", collection(answer.objects).encode())
    if answer.objects is not None and kind == "panoptic":
        numbers, info = panoptic_files.segments(
            no_deeper(answer.tree, answer.panoptic(), options.decoding.level), answer.objects
        )
        write_numbers(folder / "panoptic" / name, numbers)
        panoptic = panoptic_files.entry(picture.name, name, answer.size_hw, info)
    if options.overlays:
        write_picture(folder / "overlays" / name, draw(pixels, answer, kind, shown))
    if options.probabilities:
        write_bytes(folder / "probabilities" / f"{picture.stem}.npz", _probabilities_npz(answer, options))
    classes = write_index(folder / "classes" / name, answer.tree.node_to_value[shown])
    return Written(classes=classes, rows=rows, panoptic=panoptic)


def write_tables(folder: Path, tree: ClassTree, kind: Kind, written: Collection[Written]) -> None:
    """Join what the pictures add: `objects.csv` for kinds with objects, `panoptic.json` for the panoptic kind.

    Args:
        folder: of the results.
        tree: the model's classes.
        kind: of the answers.
        written: of the pictures that were answered, in the order that the files shall have; gone through once per
            file, so that it need not hold them all.

    Raises:
        DataError: if a file cannot be written.
    """
    if kind in OBJECT_KINDS:
        lines = chain([object_table.header(tree)], (one.rows for one in written))
        write_chunks(folder / "objects.csv", (line.encode(errors="surrogateescape") for line in lines))
    if kind == "panoptic":
        parts = panoptic_files.document(tree, (one.panoptic for one in written if one.panoptic))
        write_chunks(folder / "panoptic.json", (part.encode(errors="backslashreplace") for part in parts))


def class_map(answer: Segmentation, decoding: Decoding) -> np.ndarray:
    """(H, W) uint16 node ids that agree with the objects, where there are any, and lie no deeper than the level.

    Crumbs of stuff stay, as they do in pictures that are answered part by part; only panoptic files go without them.
    """
    if answer.objects is None:
        return answer.classes
    return no_deeper(answer.tree, replace(answer, min_stuff=()).panoptic(), decoding.level)


# -- one picture --------------------------------------------------------------------------------------


def draw(pixels: np.ndarray, answer: Segmentation, kind: Kind, classes: np.ndarray) -> np.ndarray:
    """A picture with its answer in colour, names where they fit, and a legend below.

    The kind "instance" shows objects alone, so that the picture around them stays visible.

    Args:
        pixels: (H, W, 3) uint8 RGB.
        answer: for the picture.
        kind: of the answer.
        classes: (H, W) uint16 node ids, from `class_map`.

    Returns:
        (H + h, W, 3) uint8 RGB.
    """
    tree, objects = answer.tree, answer.objects
    if objects is None:
        return with_legend(overlay(pixels, classes, tree), tree, _present(classes))
    if kind == "instance":
        classes = np.where(objects.instances, classes, ROOT)
    image = overlay(pixels, classes, tree, instances=objects.instances)
    counts = dict(enumerate(np.bincount(objects.classes, minlength=len(tree) + 1).tolist()))
    shown = [node for node in _present(classes) if node != ROOT or counts[ROOT] or kind != "instance"]
    return with_legend(write_names(image, objects.instances, object_names(objects)), tree, shown, counts)


def object_names(objects: Objects) -> list[list[str]]:
    """For every object its names, the best first: class and number, and the number alone."""
    tree = objects.tree
    one_class = np.count_nonzero(tree.is_thing[list(tree.leaves)]) == 1
    return [
        [str(number)] if one_class or node == ROOT else [f"{tree[node].name} {number}", str(number)]
        for number, node in enumerate(objects.classes.tolist(), start=1)
    ]


def _present(classes: np.ndarray) -> list[int]:
    return np.flatnonzero(np.bincount(classes.ravel())).tolist()


def _probabilities_npz(answer: Segmentation, options: OutputOptions) -> bytes:
    """One array "probabilities" of the classes of the level, and their paths as "classes"."""
    tree = answer.tree
    nodes = tree.level(options.decoding.level or tree.n_levels)
    array = node_probabilities(tree, answer.probabilities, nodes).astype(np.float16)
    if options.channels_last:
        array = np.moveaxis(array, 0, -1)
    buffer = io.BytesIO()
    np.savez_compressed(buffer, probabilities=array, classes=np.array([tree.name(node) for node in nodes]))
    return buffer.getvalue()


def _legend_json(tree: ClassTree, kind: Kind) -> str:
    """The kind of the answers, and what each number in `classes/*.png` means."""
    rows = [
        {
            "value": int(tree.node_to_value[node]),
            "class": tree.name(node),
            "color": "#{:02x}{:02x}{:02x}".format(*tree.colors[node]),
        }
        for node in (ROOT, *tree.descendants(ROOT))
    ]
    return json.dumps({"kind": kind, "classes": rows}, indent=1) + "\n"
