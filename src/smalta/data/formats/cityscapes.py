"""Cityscapes: pictures by city, masks with its own label numbers, its own classes.

In:  `leftImg8bit/SPLIT/CITY/X_leftImg8bit.png`, `gtFine/SPLIT/CITY/X_gtFine_labelIds.png` (or `..._labelTrainIds.png`)
     and, if present, `X_gtFine_instanceIds.png`.
Out: a `Dataset`.

The tree has the 19 classes that Cityscapes evaluates, in its seven groups. Its other labels are ignored, and so are
objects of them.

Must not know: other formats, networks.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from smalta.classes import ROOT, ClassTree
from smalta.data.dataset import Dataset, Reader
from smalta.data.formats.label_maps import nodes_of, present_values, read_labels
from smalta.data.formats.places import subfolders
from smalta.data.formats.root_files import splits_at, stated_tree
from smalta.data.sample import Entry, Sample
from smalta.data.splits import split_name
from smalta.errors import DataError
from smalta.pictures.finding import pictures_in
from smalta.pictures.reading import read_index, read_upright

LOOKED_FOR = "leftImg8bit/SPLIT/CITY/*_leftImg8bit.png beside gtFine/SPLIT/CITY/*_gtFine_labelIds.png"

# group: (kind, {class: (label id, train id, colour)})
_GROUPS: Mapping[str, tuple[str, Mapping[str, tuple[int, int, str]]]] = {
    "flat": ("stuff", {"road": (7, 0, "#804080"), "sidewalk": (8, 1, "#f423e8")}),
    "construction": (
        "stuff",
        {"building": (11, 2, "#464646"), "wall": (12, 3, "#66669c"), "fence": (13, 4, "#be9999")},
    ),
    "object": (
        "stuff",
        {"pole": (17, 5, "#999999"), "traffic light": (19, 6, "#faaa1e"), "traffic sign": (20, 7, "#dcdc00")},
    ),
    "nature": ("stuff", {"vegetation": (21, 8, "#6b8e23"), "terrain": (22, 9, "#98fb98")}),
    "sky": ("stuff", {"sky": (23, 10, "#4682b4")}),
    "human": ("thing", {"person": (24, 11, "#dc143c"), "rider": (25, 12, "#ff0000")}),
    "vehicle": (
        "thing",
        {
            "car": (26, 13, "#00008e"),
            "truck": (27, 14, "#000046"),
            "bus": (28, 15, "#003c64"),
            "train": (31, 16, "#005064"),
            "motorcycle": (32, 17, "#0000e6"),
            "bicycle": (33, 18, "#770b20"),
        },
    ),
}
_LABEL_ID_VALUES = range(34)


def cityscapes_tree(*, train_ids: bool = False) -> ClassTree:
    """Groups and classes of Cityscapes with their label ids, or with their train ids."""
    spec: dict[str, Any] = {}
    for group, (kind, members) in _GROUPS.items():
        classes = {
            name: {"ids": [train_id if train_ids else label_id], "color": color}
            for name, (label_id, train_id, color) in members.items()
        }
        if list(members) == [group]:
            spec[group] = classes[group]
        else:
            spec[group] = {"kind": kind, "children": classes}
    evaluated = {label_id for _, members in _GROUPS.values() for label_id, *_ in members.values()}
    return ClassTree(spec, [255] if train_ids else [*(set(_LABEL_ID_VALUES) - evaluated), 255])


def recognises(root: Path) -> bool:
    """Whether both folders of Cityscapes are there."""
    return {"leftimg8bit", "gtfine"} <= subfolders(root).keys()


def open_folder(root: Path, classes: ClassTree | None, seed: int) -> Dataset:
    """Pair pictures and masks by city and frame."""
    pictures_root, labels_root = subfolders(root)["leftimg8bit"], subfolders(root)["gtfine"]
    pictures = {path: _frame(path, pictures_root, "_leftImg8bit") for path in _all_pictures(pictures_root)}
    labels = {_frame(path, labels_root, "_gtFine_"): path for path in _all_pictures(labels_root)}
    kind = "labelIds" if any(frame.endswith("labelIds") for frame in labels) else "labelTrainIds"
    found: dict[str, list[Entry]] = {}
    lone_pictures = []
    for path, frame in pictures.items():
        split = split_name(Path(frame).parts[0])
        mask, objects = labels.get(f"{frame}/{kind}"), labels.get(f"{frame}/instanceIds")
        if mask is None or split is None:
            lone_pictures.append(path)
            continue
        files = (mask,) if objects is None else (mask, objects)
        found.setdefault(split, []).append(Entry(name=frame, picture=path, labels=files))
    if not found:
        raise DataError(f"no picture in {pictures_root} has its {kind} file in {labels_root}; looked for {LOOKED_FOR}")
    known = set(pictures.values())
    lone_labels = [
        path for frame, path in labels.items() if frame.endswith(kind) and frame.rsplit("/", 1)[0] not in known
    ]
    tree = stated_tree(root, classes) or cityscapes_tree(train_ids=kind == "labelTrainIds")
    withheld = "test" in found and len(found) > 1 and _is_void(found["test"][0], tree)
    if withheld:
        del found["test"]
    splits, notes, dealt = splits_at(root, found, seed)
    if withheld:
        notes.append("the test masks hold ignored values only, as Cityscapes publishes them; the test split is omitted")
    has_instances = all(len(entry.labels) == 2 for entries in found.values() for entry in entries)
    return Dataset(
        root=root,
        format="cityscapes",
        tree=tree,
        splits=splits,
        dealt=dealt,
        reader=CityscapesReader(tree=tree, has_instances=has_instances),
        has_instances=has_instances,
        notes=tuple(notes),
        unpaired_pictures=tuple(lone_pictures),
        unpaired_labels=tuple(lone_labels),
    )


def _is_void(entry: Entry, tree: ClassTree) -> bool:
    return set(present_values(read_index(entry.labels[0]))) <= set(tree.ignore)


def _all_pictures(root: Path) -> list[Path]:
    cities = [city for split in subfolders(root).values() for city in subfolders(split).values()]
    return [path for city in cities for path in pictures_in(city)]


def _frame(path: Path, root: Path, mark: str) -> str:
    """`split/city/city_000001_000019`; for a label file followed by `/kind`."""
    name, _, kind = path.stem.partition(mark)
    frame = (path.relative_to(root).parent / name).as_posix()
    return f"{frame}/{kind}" if kind else frame


@dataclass(frozen=True)
class CityscapesReader(Reader):
    """Reads label ids and instance ids."""

    tree: ClassTree
    has_instances: bool

    def read(self, entry: Entry) -> Sample:
        """Picture and labels of an entry."""
        picture, orientation = read_upright(entry.picture)
        size_hw = picture.shape[:2]
        values = read_labels(entry.labels[0], orientation=orientation, size_hw=size_hw)
        classes = nodes_of(self.tree, values, entry.labels[0])
        instances = None
        if self.has_instances:
            numbers = read_labels(entry.labels[1], orientation=orientation, size_hw=size_hw)
            objects = [n for n in present_values(numbers) if n >= 1000]  # lower numbers are classes of stuff or crowds
            table = np.zeros(int(numbers.max()) + 1, dtype=np.int32)
            table[objects] = np.arange(1, len(objects) + 1)
            instances = np.where(classes == ROOT, 0, table[numbers])
        return Sample(name=entry.name, picture=picture, classes=classes, instances=instances)

    def read_values(self, entry: Entry) -> np.ndarray | None:
        """Label ids of the mask."""
        return read_index(entry.labels[0])
