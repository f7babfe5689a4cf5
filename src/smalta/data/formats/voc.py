"""Pascal VOC: palette masks beside JPEG pictures, splits as lists of names.

In:  `JPEGImages/`, `SegmentationClass/`, optionally `SegmentationObject/` and `ImageSets/Segmentation/SPLIT.txt`.
Out: a `Dataset`.

The classes are VOC's 21 with 255 ignored, unless there is a classes file at the root.

Must not know: other formats, networks.
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import numpy as np

from smalta.classes import ClassTree
from smalta.data.dataset import Dataset, Reader
from smalta.data.formats.label_maps import nodes_of, read_labels, read_objects
from smalta.data.formats.places import by_stem, subfolders
from smalta.data.formats.root_files import splits_at, stated_tree
from smalta.data.sample import Entry, Sample
from smalta.data.splits import UNSPLIT, split_name
from smalta.errors import DataError
from smalta.pictures.reading import read_index, read_upright

LOOKED_FOR = "JPEGImages/ beside SegmentationClass/ and ImageSets/Segmentation/train.txt"
# fmt: off
THINGS = (  # in the order of their numbers, from 1
    "aeroplane", "bicycle", "bird", "boat", "bottle", "bus", "car", "cat", "chair", "cow", "diningtable", "dog",
    "horse", "motorbike", "person", "pottedplant", "sheep", "sofa", "train", "tvmonitor",
)
# fmt: on
BORDER = 255


def voc_tree() -> ClassTree:
    """VOC's background and its 20 things, with the values of its masks."""
    return ClassTree({"background": {}, **{name: {"kind": "thing"} for name in THINGS}}, [BORDER])


def recognises(root: Path) -> bool:
    """Whether pictures and masks lie in VOC's folders."""
    return {"jpegimages", "segmentationclass"} <= subfolders(root).keys()


def open_folder(root: Path, classes: ClassTree | None, seed: int) -> Dataset:
    """Pair pictures and masks by stem, according to VOC's lists if they exist."""
    here = subfolders(root)
    pictures, masks = by_stem(here["jpegimages"]), by_stem(here["segmentationclass"])
    objects = by_stem(here["segmentationobject"]) if "segmentationobject" in here else {}
    listed = _lists(root) or {UNSPLIT: sorted(pictures.keys() & masks.keys())}
    found: dict[str, list[Entry]] = {}
    for split, stems in listed.items():
        found[split] = []
        for stem in stems:
            if stem in pictures and stem in masks:
                files = (masks[stem], objects[stem]) if stem in objects else (masks[stem],)
                found[split].append(Entry(name=stem, picture=pictures[stem], labels=files))
    entries = [entry for members in found.values() for entry in members]
    if not entries:
        raise DataError(
            f"no picture in {here['jpegimages']} has a mask in {here['segmentationclass']}; they pair by stem"
        )
    has_instances = all(len(entry.labels) == 2 for entry in entries)
    tree = stated_tree(root, classes) or (
        ClassTree.from_file(root / "classes.txt") if (root / "classes.txt").is_file() else voc_tree()
    )
    splits, notes, dealt = splits_at(root, found, seed)
    wanted = {stem for stems in listed.values() for stem in stems}
    return Dataset(
        root=root,
        format="voc",
        tree=tree,
        splits=splits,
        dealt=dealt,
        reader=VocReader(tree=tree, has_instances=has_instances),
        has_instances=has_instances,
        notes=tuple(notes),
        unpaired_pictures=tuple(pictures[s] for s in sorted(wanted) if s in pictures and s not in masks),
        unpaired_labels=tuple(path for stem, path in masks.items() if stem not in pictures),
    )


def _lists(root: Path) -> dict[str, list[str]]:
    """Stems by split from `ImageSets/Segmentation`; other lists, such as `trainval.txt`, are ignored."""
    lists = {}
    for path in sorted((root / "ImageSets" / "Segmentation").glob("*.txt")):
        split = split_name(path.stem)
        if split:
            try:
                lines = path.read_text(encoding="utf-8").splitlines()
            except (OSError, UnicodeDecodeError) as error:
                raise DataError(f"{path} cannot be read as text: {error}") from error
            lists[split] = [line.split()[0] for line in lines if line.strip()]
    return lists


@dataclass(frozen=True)
class VocReader(Reader):
    """Reads palette masks of classes and objects."""

    tree: ClassTree
    has_instances: bool

    def read(self, entry: Entry) -> Sample:
        """Picture and labels of an entry."""
        picture, orientation = read_upright(entry.picture)
        size_hw = picture.shape[:2]
        values = read_labels(entry.labels[0], orientation=orientation, size_hw=size_hw)
        instances = None
        if self.has_instances:
            instances = read_objects(entry.labels[1], orientation=orientation, size_hw=size_hw)
            instances[instances == BORDER] = 0
        classes = nodes_of(self.tree, values, entry.labels[0])
        return Sample(name=entry.name, picture=picture, classes=classes, instances=instances)

    def read_values(self, entry: Entry) -> np.ndarray | None:
        """Label values of the mask."""
        return read_index(entry.labels[0])
