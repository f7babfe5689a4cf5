"""Open a folder of labelled pictures, whatever its format, as one kind of value.

In:  a path, and perhaps a class tree.
Out: `Dataset`: entries by split, read lazily into `Sample`s.

Must not know: how any one format stores labels, networks, caches.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from types import ModuleType

import numpy as np

from smalta.classes import ClassTree
from smalta.data.formats import cityscapes, coco, coco_panoptic, folder, geojson, voc, yolo
from smalta.data.formats.reader import Reader
from smalta.data.sample import Entry, Sample
from smalta.errors import DataError
from smalta.system.threads import map_in_order

# in the order in which they are tried
FORMATS: Mapping[str, ModuleType] = {
    "folder": folder,
    "coco-panoptic": coco_panoptic,
    "coco": coco,
    "yolo": yolo,
    "geojson": geojson,
    "cityscapes": cityscapes,
    "voc": voc,
}


@dataclass(frozen=True, kw_only=True)
class Dataset:
    """Labelled pictures on the disk.

    Attributes:
        root: the folder that was opened.
        format: a key of `FORMATS`.
        tree: the classes.
        splits: entries by split, among "train", "val" and "test" in this order; a split without entries is left out.
        dealt: whether pictures were dealt to splits here, because the data set does not bring all of them.
        notes: sentences about what was inferred rather than stated.
        has_instances: whether samples carry object ids.
        unpaired_pictures: pictures without labels; they are in no split.
        unpaired_labels: label files without a picture.
        reader: reads this data set's format.
    """

    root: Path
    format: str
    tree: ClassTree
    splits: Mapping[str, tuple[Entry, ...]]
    dealt: bool = False
    notes: tuple[str, ...] = ()
    has_instances: bool = False
    unpaired_pictures: tuple[Path, ...] = ()
    unpaired_labels: tuple[Path, ...] = ()
    reader: Reader = field(repr=False, compare=False)

    def split(self, name: str) -> tuple[Entry, ...]:
        """Entries of one split.

        Raises:
            DataError: if there is no such split; the sentence names those there are.
        """
        if name not in self.splits:
            raise DataError(f"{self.root} has no split {name!r}; its splits are {', '.join(self.splits)}")
        return self.splits[name]

    def spread(self, name: str, most: int) -> tuple[Entry, ...]:
        """At most so many entries of one split, evenly over all of it.

        Raises:
            DataError: if there is no such split.
        """
        entries = self.split(name)
        places = np.unique(np.linspace(0, len(entries) - 1, min(most, len(entries))).round().astype(int))
        return tuple(entries[place] for place in places)

    @property
    def entries(self) -> tuple[Entry, ...]:
        """Entries of all splits."""
        return tuple(entry for members in self.splits.values() for entry in members)

    def read(self, entry: Entry) -> Sample:
        """Picture and labels of one entry, read from the disk now.

        Raises:
            DataError, ClassTreeError: if a file is broken or disagrees with its picture or the tree; the sentence
                names the file.
        """
        return self.reader.read(entry)

    def read_values(self, entry: Entry) -> np.ndarray | None:
        """Integers (H, W) of the semantic label file as they stand on the disk, not turned and not mapped.

        None where the format keeps no index masks.
        """
        return self.reader.read_values(entry)

    def read_many(self, entries: Iterable[Entry], workers: int | None = None) -> Iterator[Sample]:
        """Samples in the order of the entries, read on a few threads a few entries ahead."""
        return map_in_order(self.reader.read, entries, workers)


def open_dataset(path: str | Path, *, classes: ClassTree | str | Path | None = None, seed: int = 0) -> Dataset:
    """Recognise the format of a folder and list what is in it; pictures are not read yet.

    Args:
        path: the folder.
        classes: the class tree or its file, instead of the data set's own.
        seed: of the splits that are made here because the data set brings none.

    Raises:
        DataError: if the folder is in no known format; the sentence says what was looked for and what is there.
        ClassTreeError: if the classes break a rule.
    """
    root = Path(path)
    if not root.is_dir():
        raise DataError(f"{root} is not a folder; name the folder that holds the data set")
    tree = classes if isinstance(classes, ClassTree) or classes is None else ClassTree.from_file(classes)
    for name, module in FORMATS.items():
        if module.recognises(root):
            found = module.open_folder(root, tree, seed)
            if not found.splits:
                raise DataError(f"{root} was opened as {name}, but no picture in it has labels")
            return Dataset(
                root=root,
                format=name,
                tree=found.tree,
                splits=found.splits,
                dealt=found.dealt,
                notes=found.notes,
                has_instances=found.has_instances,
                unpaired_pictures=found.unpaired_pictures,
                unpaired_labels=found.unpaired_labels,
                reader=found.reader,
            )
    looked_for = "; ".join(f"{name}: {module.LOOKED_FOR}" for name, module in FORMATS.items())
    names = sorted(child.name + ("/" if child.is_dir() else "") for child in root.iterdir())
    there = ", ".join(names[:12]) + (", ..." if len(names) > 12 else "") if names else "nothing"
    raise DataError(f"{root} is no data set in a format that smalta knows. Looked for {looked_for}. There is {there}.")
