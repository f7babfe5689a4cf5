"""Folders of pictures beside folders of index masks.

In:  `images/` with `masks/`, `instances/` or both, and optionally `attributes/NAME/`; at the root, under `train/`,
     `val/`, `test/`, or with the splits inside (`images/train/`, `masks/train/`).
Out: a `Dataset`; the layout with splits at the root, written from a `Dataset`.

Files pair by stem, whatever their suffix. An object's class is the class of most of its pixels in `masks/`. Without
masks every object is the tree's only thing, and the other pixels are its background.

Must not know: other formats, networks.
"""

from __future__ import annotations

import re
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np

from smalta.classes import ROOT, ClassTree
from smalta.data.dataset import Dataset, Reader
from smalta.data.formats.categories import background_of
from smalta.data.formats.copying import copy_split, write_tree
from smalta.data.formats.guess import tree_from_masks
from smalta.data.formats.label_maps import nodes_of, present_values, read_labels, read_objects
from smalta.data.formats.parsing import plain_yaml
from smalta.data.formats.places import by_stem, subfolders
from smalta.data.formats.root_files import splits_at
from smalta.data.sample import Entry, Sample
from smalta.data.splits import UNSPLIT, split_name
from smalta.errors import DataError
from smalta.pictures.reading import read_index, read_upright
from smalta.pictures.writing import write_index
from smalta.system.threads import map_in_order

LOOKED_FOR = "images/ beside masks/ or instances/ (also under train/, val/, test/)"
CLASS_FILES = ("classes.yaml", "classes.yml", "classes.txt")


@dataclass
class _Place:
    """The folders of one split."""

    images: Path
    masks: Path | None = None
    instances: Path | None = None
    attributes: dict[str, Path] = field(default_factory=dict)


def recognises(root: Path) -> bool:
    """Whether `root` holds pictures and masks in this layout."""
    return bool(_places(root))


def open_folder(root: Path, classes: ClassTree | None, seed: int) -> Dataset:
    """Find pictures, labels, classes and splits under `root`."""
    places = _places(root)
    found: dict[str, list[Entry]] = {}
    lone_pictures: list[Path] = []
    lone_labels: list[Path] = []
    for split, place in places.items():
        entries, pictures, labels = _pair(place)
        found[split] = entries
        lone_pictures += pictures
        lone_labels += labels
    _check_pairs(root, found, lone_pictures, lone_labels)
    everything = [entry for entries in found.values() for entry in entries]
    masks = [dict(entry.key)["masks"] for entry in everything if "masks" in dict(entry.key)]
    tree, notes = _tree(root, classes, masks)
    reader = FolderReader(tree, has_instances=any(place.instances for place in places.values()))
    _check_attributes(tree, places)
    if not masks:
        reader.only_thing()
    splits, split_notes, dealt = splits_at(root, found, seed, _values_in_masks)
    return Dataset(
        root=root,
        format="folder",
        tree=tree,
        splits=splits,
        dealt=dealt,
        reader=reader,
        has_instances=reader.has_instances,
        notes=(*notes, *split_notes),
        unpaired_pictures=tuple(lone_pictures),
        unpaired_labels=tuple(lone_labels),
    )


# -- the layout ---------------------------------------------------------------------------------------


def _places(root: Path) -> dict[str, _Place]:
    """Folders by split, in the order train, val, test; under `UNSPLIT` if there are no splits."""
    here = subfolders(root)
    by_split: dict[str, _Place] = {}
    for name, folder in here.items():
        split = split_name(name)
        if split and (place := _place(folder)):
            if split in by_split:
                raise DataError(
                    f"{root} holds {by_split[split].images.parent.name} and {folder.name}, which both mean {split}; "
                    "remove one of them"
                )
            by_split[split] = place
    if not by_split and (whole := _place(root)):
        inside = {name: split_name(name) for name in subfolders(whole.images)}
        for name, split in inside.items():
            part = _inside(whole, name)
            if split and (part.masks or part.instances):
                by_split[split] = part
        if not by_split:
            return {UNSPLIT: whole}
    return {split: by_split[split] for split in ("train", "val", "test") if split in by_split}


def _place(folder: Path) -> _Place | None:
    here = subfolders(folder)
    if "masks" in here and not here.keys() & {"images", "labels"} and (folder.parent / "images").is_dir():
        here["images"] = folder.parent / "images"  # several label formats beside one folder of pictures
    if "images" not in here or not ("masks" in here or "instances" in here):
        return None
    attributes = {path.name: path for path in subfolders(here["attributes"]).values()} if "attributes" in here else {}
    return _Place(here["images"], here.get("masks"), here.get("instances"), attributes)


def _inside(whole: _Place, name: str) -> _Place:
    """The part of each folder that lies in its subfolder `name`."""

    def part(folder: Path | None) -> Path | None:
        return subfolders(folder).get(name) if folder else None

    attributes = {key: inner for key, folder in whole.attributes.items() if (inner := part(folder))}
    return _Place(subfolders(whole.images)[name], part(whole.masks), part(whole.instances), attributes)


def _pair(place: _Place) -> tuple[list[Entry], list[Path], list[Path]]:
    """Entries, pictures without labels, labels without a picture."""
    pictures = by_stem(place.images)
    roles = {"masks": place.masks, "instances": place.instances}
    roles |= {f"attributes/{name}": folder for name, folder in place.attributes.items()}
    labels = {role: by_stem(folder) for role, folder in roles.items() if folder}
    leading = labels["masks"] if "masks" in labels else labels["instances"]
    entries = []
    for stem, picture in pictures.items():
        if stem in leading:
            key = tuple((role, files[stem]) for role, files in labels.items() if stem in files)
            entries.append(Entry(name=stem, picture=picture, labels=tuple(path for _, path in key), key=key))
    lone_pictures = [path for stem, path in pictures.items() if stem not in leading]
    lone_labels = [path for files in labels.values() for stem, path in files.items() if stem not in pictures]
    return entries, lone_pictures, lone_labels


def _check_pairs(root: Path, found: dict[str, list[Entry]], pictures: list[Path], labels: list[Path]) -> None:
    if any(found.values()):
        return
    if pictures and labels:
        raise DataError(
            f"no picture in {root} pairs with a label file; pictures and label files pair by stem, but there are, for "
            f"example, {pictures[0].name} and {labels[0].name}: give both the same stem"
        )
    raise DataError(f"{root} holds {len(pictures)} pictures and {len(labels)} label files; it needs at least one pair")


# -- classes ------------------------------------------------------------------------------------------


def _tree(root: Path, classes: ClassTree | None, masks: Sequence[Path]) -> tuple[ClassTree, list[str]]:
    if classes is not None:
        return classes, []
    for name in CLASS_FILES:
        if (root / name).is_file():
            return (None if masks else _lone_thing(root / name)) or ClassTree.from_file(root / name), []
    if tree := _tree_of_config(root / "config.yaml"):
        return tree, ["classes are those of config.yaml"]
    if not masks:
        tree = ClassTree({"background": {"ids": [0]}, "object": {"ids": [1], "kind": "thing"}})
        return tree, ["no classes file and no masks: every object is an 'object', other pixels are 'background'"]
    return tree_from_masks(masks)


def _lone_thing(path: Path) -> ClassTree | None:
    """Tree of a file that names only one class, a thing, with a background added; None for other files."""
    content = plain_yaml(path)
    classes = content.get("classes")
    if not isinstance(classes, Mapping) or len(classes) != 1:
        return None
    ((name, fields),) = classes.items()
    if not isinstance(fields, Mapping) or fields.get("kind") != "thing" or fields.get("children"):
        return None
    background = {"ids": [0]} if fields.get("ids") not in (None, 0, [0]) else {}
    others = {str(key): value for key, value in content.items()}
    return ClassTree.from_dict(others | {"classes": {"background": background, name: fields}})


def _tree_of_config(path: Path) -> ClassTree | None:
    """Tree of a configuration file that maps label values to names under `classes`; None for other files."""
    names = plain_yaml(path).get("classes")
    if not isinstance(names, Mapping) or not all(isinstance(value, int) for value in names):
        return None
    ignore = [value for value, name in names.items() if re.search(r"void|ignore|unlabel", str(name), re.IGNORECASE)]
    return ClassTree({str(name): {"ids": [v]} for v, name in names.items() if v not in ignore}, ignore)


def _check_attributes(tree: ClassTree, places: dict[str, _Place]) -> None:
    known = [attribute.name for attribute in tree.attributes]
    for place in places.values():
        for name, folder in place.attributes.items():
            if name not in known:
                raise DataError(
                    f"{folder} labels an attribute that the class tree lacks (it has {known}); "
                    "add it to a class in classes.yaml, or remove the folder"
                )


def _values_in_masks(entries: Sequence[Entry]) -> list[Collection[int]]:
    """Label values in each entry's mask; none if there is no mask, or it cannot be read."""

    def values(entry: Entry) -> Collection[int]:
        path = dict(entry.key).get("masks")
        if path is None:
            return ()
        try:
            return present_values(read_index(path))
        except DataError:  # the doctor reports the file; splits can do without its values
            return ()

    return list(map_in_order(values, entries))


# -- reading ------------------------------------------------------------------------------------------


@dataclass(frozen=True)
class FolderReader(Reader):
    """Reads the entries that `_pair` makes."""

    tree: ClassTree
    has_instances: bool

    def only_thing(self) -> tuple[int, int]:
        """Nodes of objects and of other pixels without masks: the only thing leaf; the background or the root."""
        things = [node for node in self.tree.leaves if self.tree.is_thing[node]]
        if len(things) != 1:
            raise DataError(
                f"without masks/ the class tree must have one thing, and it has {len(things)} "
                f"({', '.join(map(self.tree.name, things)) or 'mark one with kind: thing'}); add masks/ with class ids"
            )
        return things[0], background_of(self.tree)

    def read(self, entry: Entry) -> Sample:
        """Picture and labels of an entry."""
        picture, orientation = read_upright(entry.picture)
        paths = dict(entry.key)
        maps = {
            role: (read_objects if role == "instances" else read_labels)(
                path, orientation=orientation, size_hw=picture.shape[:2]
            )
            for role, path in paths.items()
        }
        if "masks" in maps:
            classes = nodes_of(self.tree, maps["masks"], paths["masks"])
        else:
            thing, rest = self.only_thing()
            classes = np.where(maps["instances"] > 0, thing, rest).astype(np.uint16)
        attributes = {}
        for attribute in self.tree.attributes:
            role = f"attributes/{attribute.name}"
            if role not in maps:
                attributes[attribute.name] = np.zeros(classes.shape, dtype=np.uint8)
                continue
            if maps[role].max() > len(attribute.values):
                raise DataError(
                    f"{paths[role]} holds the value {maps[role].max()}; attribute {attribute.name!r} has "
                    f"{len(attribute.values)} values (1..{len(attribute.values)}, 0 = not labelled)"
                )
            attributes[attribute.name] = maps[role].astype(np.uint8)
        return Sample(
            name=entry.name,
            picture=picture,
            classes=classes,
            instances=maps.get("instances"),
            attributes=attributes,
        )

    def read_values(self, entry: Entry) -> np.ndarray | None:
        """Label values of the mask; None if there is no mask."""
        path = dict(entry.key).get("masks")
        return None if path is None else read_index(path)


# -- writing ------------------------------------------------------------------------------------------


def write(source: Dataset, out: Path) -> list[str]:
    """Write pictures, masks, objects and attributes by split, and `classes.yaml`.

    Mask values are those of `ClassTree.node_to_value`. Values that the tree does not state are added to its file.
    """
    tree = source.tree
    present: set[int] = set()
    for split in source.splits:
        place = out / split
        for name in ["masks", *(["instances"] if source.has_instances else [])]:
            (place / name).mkdir(parents=True)
        for attribute in tree.attributes:
            (place / "attributes" / attribute.name).mkdir(parents=True)
        for stem, _, sample in copy_split(source, split, place / "images"):
            write_index(place / "masks" / f"{stem}.png", tree.node_to_value[sample.classes])
            present.update(present_values(sample.classes))
            if sample.instances is not None:
                write_index(place / "instances" / f"{stem}.png", sample.instances, bits=16)
            for name, values in sample.attributes.items():
                write_index(place / "attributes" / name / f"{stem}.png", values)
    write_tree(out, _with_values(tree, present))
    return []


def _with_values(tree: ClassTree, present: set[int]) -> ClassTree:
    """The tree, with values added for the nodes in `present` that have no value of their own."""
    values = tree.node_to_value
    plain = tree.to_dict()
    if ROOT in present and not tree.ignore:
        plain["ignore"] = [int(values[ROOT])]
    for node in tree:
        if node.id in present and not node.ids:
            fields = {"children": plain["classes"]}
            for name in node.path.split("/"):
                fields = fields["children"][name]
            fields["ids"] = [int(values[node.id])]
    return ClassTree.from_dict(plain)
