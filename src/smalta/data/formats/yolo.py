"""YOLO-seg: one text file of outlined objects per picture.

In:  `data.yaml` (or another YAML file with `names`) or `classes.txt`, `images/` beside `labels/`, with the splits
     inside these folders or around them.
Out: a `Dataset`; the same layout, written from a `Dataset`.

A line is `class x1 y1 x2 y2 ...` with coordinates in 0..1 of the upright picture. Every object is a thing, other pixels
are `background`. If a line holds only a box, the box is unlabelled. An empty text file means that there is no object.
A picture without a text file is omitted. A `classes.yaml` at the root gives the tree.

Must not know: other formats, networks.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path, PurePosixPath
from typing import Any

import numpy as np
import yaml

from smalta.classes import ROOT, ClassTree
from smalta.data.dataset import Dataset, Reader
from smalta.data.formats.categories import Category, background_of, category_names, nodes_by_name, tree_of
from smalta.data.formats.copying import copy_split, lost_notes, write_tree
from smalta.data.formats.drawn import drawn_sample
from smalta.data.formats.outlines import Layer, Region, Shape, fill_box, fill_polygons, join, outline
from smalta.data.formats.parsing import plain_yaml, read_text
from smalta.data.formats.pieces import cut
from smalta.data.formats.places import refuse_links_outside, safe_name, subfolders
from smalta.data.formats.root_files import splits_at, stated_tree
from smalta.data.sample import Entry, Sample
from smalta.data.splits import SPLITS, UNSPLIT, split_name
from smalta.errors import DataError
from smalta.pictures.finding import pictures_in
from smalta.pictures.reading import read_upright
from smalta.system.whole_files import write_bytes

LOOKED_FOR = "labels/*.txt beside images/, with a data.yaml or config.yaml that holds names, or a classes.txt"
FIRST_LOOKED_AT = 50  # number of label files that are read to distinguish outlines from boxes


@dataclass(frozen=True)
class _Config:
    """The content of the YAML file: class names by number, and places of pictures by split."""

    path: Path
    names: Mapping[int, str]
    places: Mapping[str, tuple[str, ...]]


def recognises(root: Path) -> bool:
    """Whether there are label folders with text files, and a file of class names."""
    here = subfolders(root)
    labels = [path / "labels" for path in here.values()] + [root / "labels"]
    return any(path.is_dir() and any(path.rglob("*.txt")) for path in labels) and _config(root) is not None


def open_folder(root: Path, classes: ClassTree | None, seed: int) -> Dataset:
    """Pair pictures with text files."""
    config = _config(root)
    if config is None:
        raise DataError(f"{root} holds neither a YAML file with names nor a classes.txt; add one")
    found: dict[str, list[Entry]] = {}
    unlabelled: list[Path] = []
    folders: set[Path] = set()
    for split, pictures in _pictures(root, config).items():
        found[split] = []
        for base, picture in pictures:
            label = _label_path(root, picture.relative_to(base))
            folders.add(label.parent)
            if label.is_file():
                name = picture.relative_to(base).as_posix()
                found[split].append(Entry(name=name, picture=picture, labels=(label,)))
            else:
                unlabelled.append(picture)
    labels = {entry.labels[0] for entries in found.values() for entry in entries}
    if not labels:
        raise DataError(
            f"no picture in {root} has a text file in labels/; images/a.png belongs to labels/a.txt, so check the names"
        )
    _check_outlines(sorted(labels), config)
    lone = [path for folder in sorted(folders) if folder.is_dir() for path in sorted(folder.glob("*.txt"))]
    categories = [Category(id=number, name=name) for number, name in config.names.items()]
    tree = stated_tree(root, classes)
    if tree is None:
        tree, nodes = tree_of(categories, background=True)
    else:
        nodes = nodes_by_name(tree, categories, config.names, config.path)
    splits, notes, dealt = splits_at(
        root, found, seed, lambda entries: [_classes_in(entry.labels[0]) for entry in entries]
    )
    if unlabelled:
        notes.append(f"{len(unlabelled)} pictures have no text file in labels/ and are omitted")
    return Dataset(
        root=root,
        format="yolo",
        tree=tree,
        splits=splits,
        dealt=dealt,
        reader=YoloReader(tree=tree, nodes=nodes),
        has_instances=bool(tree.is_thing.any()),
        notes=tuple(notes),
        unpaired_pictures=tuple(unlabelled),
        unpaired_labels=tuple(path for path in lone if path not in labels and path.name != "classes.txt"),
    )


# -- names and places ---------------------------------------------------------------------------------


def _config(root: Path) -> _Config | None:
    files = sorted([*root.glob("*.yaml"), *root.glob("*.yml")], key=lambda path: (path.stem != "data", path.name))
    for path in files:
        content = plain_yaml(path)
        if "names" in content:
            return _Config(path, _names(content["names"], path), _stated_places(content, path))
    path = root / "classes.txt"
    if path.is_file():
        lines = [line.strip() for line in read_text(path).splitlines() if line.strip()]
        return _Config(path, dict(enumerate(lines)), {})
    return None


def _names(names: object, path: Path) -> dict[int, str]:
    listed: Any = dict(enumerate(names)) if isinstance(names, list) else names
    if not isinstance(listed, Mapping) or not listed or not all(isinstance(k, int) and k >= 0 for k in listed):
        raise DataError(f"{path}: names must be a list, or a mapping of number to name, got {names!r}")
    return {number: str(name) for number, name in listed.items()}


def _stated_places(content: Mapping[object, object], path: Path) -> dict[str, tuple[str, ...]]:
    places = {}
    for key, value in content.items():
        split = split_name(key) if isinstance(key, str) else None
        items: list[Any] = value if isinstance(value, list) else [value]
        if split and items and all(isinstance(item, str) for item in items):
            base = PurePosixPath(str(content.get("path") or "."))
            here = not base.is_absolute() and ".." not in base.parts and (path.parent / base).is_dir()
            places[split] = tuple(str(base / item) if here else item for item in items)
    return places


def _pictures(root: Path, config: _Config) -> dict[str, list[tuple[Path, Path]]]:
    """Pictures by split, each with the folder to which its label's path is relative."""
    found = {}
    for split in SPLITS:
        pictures = _stated_pictures(root, config, split) or _usual_pictures(root, split)
        if pictures:
            found[split] = pictures
    if not found:
        base, folder = next(((b, b / "images") for b in (root, root.parent) if (b / "images").is_dir()), (root, root))
        found[UNSPLIT] = [(base, path) for path in pictures_in(folder)]
    return found


def _stated_pictures(root: Path, config: _Config, split: str) -> list[tuple[Path, Path]]:
    """Pictures in the places that the YAML file names; none from places that do not exist here."""
    pictures = []
    for place in config.places.get(split, ()):
        if PurePosixPath(place).is_absolute():
            continue  # a path on another machine; the usual places are used instead
        name = safe_name(place.removeprefix("../"), config.path)  # Roboflow's paths start one folder further down
        for base in (root, root.parent) if name.parts[0] == "images" else (root,):
            if (base / name).is_dir():
                pictures += [(base, path) for path in pictures_in(base / name)]
                break
            if name.suffix == ".txt" and (base / name).is_file():
                lines = read_text(base / name).split("\n")
                listed = [(base / name).parent / safe_name(line.strip(), base / name) for line in lines if line.strip()]
                refuse_links_outside(listed, (root, base), base / name)
                pictures += [(base, path) for path in listed if path.is_file()]
                break
    return pictures


def _usual_pictures(root: Path, split: str) -> list[tuple[Path, Path]]:
    pictures = []
    images = subfolders(root).get("images")
    inside = subfolders(images).values() if images else ()
    around = [path / "images" for path in subfolders(root).values() if (path / "images").is_dir()]
    for folder in [*inside, *around]:
        word = folder.parent.name if folder.name == "images" else folder.name
        if split_name(word) == split:
            pictures += [(root, path) for path in pictures_in(folder)]
    return pictures


def _label_path(root: Path, picture: Path) -> Path:
    """The label file of a picture: `images` in the picture's path is `labels` in the label file's."""
    parts = list(picture.parts)
    places = [index for index, part in enumerate(parts[:-1]) if part.lower() == "images"]
    if places:
        parts[places[-1]] = "labels"
    return root.joinpath(*parts).with_suffix(".txt")


# -- lines --------------------------------------------------------------------------------------------


def _check_outlines(labels: list[Path], config: _Config) -> None:
    """Refuse a data set of boxes, and class numbers without a name, as far as the first files show them."""
    rows = [(path, row) for path in labels[:FIRST_LOOKED_AT] for row in _rows(path)]
    if rows and all(len(values) == 4 for _, (_, values) in rows):
        raise DataError(f"{labels[0].parent} holds boxes only; segmentation needs outlines, so export polygons")
    for path, (number, _) in rows:
        _check_number(number, config.names, path)


def _check_number(number: int, names: Iterable[int], path: Path) -> None:
    if number not in names:
        raise DataError(f"{path} uses class {number}, which has no name; classes with a name are {sorted(names)}")


def _rows(path: Path) -> list[tuple[int, np.ndarray]]:
    """Class number and coordinates (n,) of every line."""
    rows = []
    for line_number, line in enumerate(read_text(path).splitlines(), start=1):
        words = line.split()
        if not words:
            continue
        where = f"{path}, line {line_number}"
        try:
            number = int(float(words[0]))
            values = np.array(words[1:], dtype=np.float64)
        except ValueError:
            raise DataError(f"{where}: {line[:60]!r} must be a class number and coordinates") from None
        if len(values) % 2 or len(values) < 4:
            raise DataError(f"{where}: {len(values)} coordinates; an outline needs at least three pairs x y")
        if not ((values > -0.01) & (values < 1.01)).all():  # false for NaN too
            raise DataError(
                f"{where}: coordinates must be in 0..1 (parts of the width and height), got {values.min()} to "
                f"{values.max()}; divide pixels by the picture's size"
            )
        rows.append((number, values))
    return rows


def _classes_in(path: Path) -> set[int]:
    try:
        return {number for number, _ in _rows(path)}
    except DataError:  # the doctor reports the file; splits can do without its classes
        return set()


@dataclass(frozen=True)
class YoloReader(Reader):
    """Draws the objects of each text file."""

    tree: ClassTree
    nodes: Mapping[int, int]

    def read(self, entry: Entry) -> Sample:
        """Picture and labels of an entry."""
        picture, _ = read_upright(entry.picture)
        size_hw = picture.shape[:2]
        path = entry.labels[0]
        shapes = []
        for number, values in _rows(path):
            _check_number(number, self.nodes, path)
            node, layer = (self.nodes[number], Layer.OUTLINE) if len(values) > 4 else (ROOT, Layer.BOX)
            shapes.append(Shape(_region(values, size_hw), node, bool(self.tree.is_thing[node]), layer))
        return drawn_sample(entry.name, picture, shapes, self.tree)


def _region(values: np.ndarray, size_hw: tuple[int, int]) -> Region:
    pixels = values.reshape(-1, 2) * (size_hw[1], size_hw[0])
    if len(pixels) > 2:
        return fill_polygons([pixels.ravel().tolist()], size_hw)
    (x, y), (width, height) = pixels
    return fill_box((x - width / 2, y - height / 2, width, height), size_hw)


# -- writing ------------------------------------------------------------------------------------------


def write(source: Dataset, out: Path) -> list[str]:
    """Write `images/SPLIT/`, `labels/SPLIT/`, `data.yaml` and `classes.yaml`.

    An object is one line: bridges without width join its parts and holes. smalta reads back the same pixels. A reader
    that fills polygons by another rule may differ by a pixel along outlines and bridges.
    """
    tree = source.tree
    notes = lost_notes(source, "YOLO")
    rest = background_of(tree)
    order = [node for node in (*tree.leaves, *tree.inner) if node != rest]  # inner nodes last: labels seldom use them
    number = {node: index for index, node in enumerate(order)}
    used: set[int] = set()
    silent_in = crowds_in = bridged = 0
    for split in source.splits:
        labels = out / "labels" / split
        labels.mkdir(parents=True)
        for stem, _, sample in copy_split(source, split, out / "images" / split):
            pieces = cut(sample, tree)
            silent_in += bool(pieces.silent.any())
            crowds_in += bool(pieces.crowds)
            lines = []
            for node, region in pieces.regions:
                used.add(node)
                outlines = outline(region)
                bridged += len(outlines) > 1
                points = join(outlines) / sample.classes.shape[::-1]
                lines.append(" ".join([str(number[node]), *(f"{value:.7f}" for value in points.ravel())]) + "\n")
            write_bytes(labels / f"{stem}.txt", "".join(lines).encode())
    names = category_names(tree)
    listed = {number[node]: names[node] for node in order if node in used or node not in tree.inner}
    content = {split: f"images/{split}" for split in source.splits} | {"names": listed}
    write_bytes(out / "data.yaml", yaml.safe_dump(content, sort_keys=False, allow_unicode=True).encode("utf-8"))
    write_tree(out, tree)
    if silent_in and rest != ROOT:
        notes.append(f"{silent_in} pictures have unlabelled pixels, which YOLO cannot hold; they become background")
    if crowds_in:
        notes.append(f"{crowds_in} pictures have crowds, which YOLO cannot hold; the crowds are lost")
    if bridged:
        notes.append(f"{bridged} shapes have holes or several parts, joined by bridges; other readers may fill holes")
    return notes
