"""Labelled pictures on the disk as one kind of value, whatever their format.

In:  nothing; formats make this value, and all other rooms use it.
Out: `Dataset`: entries by split; its `Reader` reads an entry as a `Sample` when a caller asks for it.

Must not know: any one format, networks, caches.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Protocol

import numpy as np

from smalta.classes import ClassTree
from smalta.data.sample import Entry, Sample
from smalta.errors import DataError
from smalta.system.threads import map_in_order


class Reader(Protocol):
    """Reads the labels of one format."""

    def read(self, entry: Entry) -> Sample:
        """Picture and labels of an entry."""
        ...

    def read_values(self, entry: Entry) -> np.ndarray | None:
        """Label values (H, W) of the file; None for formats without label values, such as outlines or segments."""
        return None


@dataclass(frozen=True, kw_only=True)
class Dataset:
    """Labelled pictures on the disk.

    Attributes:
        root: the folder that was opened.
        format: the name of its format in `smalta.data.formats.known_formats`.
        tree: the classes.
        splits: entries by split, in the order "train", "val", "test", without splits that have no entries.
        dealt: whether smalta dealt pictures to splits, because the data set does not bring all splits.
        notes: sentences about what was inferred rather than stated.
        has_instances: whether samples have object ids.
        unpaired_pictures: pictures without labels; they are in no split.
        unpaired_labels: label files without a picture.
        reader: reads this data set's format.

    Example:
        >>> dataset = open_dataset("scenes")
        >>> sample = dataset.read(dataset.split("val")[0])
        >>> sample.picture.shape, sample.classes.dtype
        ((64, 96, 3), dtype('uint16'))
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
            DataError: if there is no such split; the message lists the splits.
        """
        if name not in self.splits:
            raise DataError(f"{self.root} has no split {name!r}; its splits are {', '.join(self.splits)}")
        return self.splits[name]

    def spread(self, name: str, most: int) -> tuple[Entry, ...]:
        """At most `most` entries of one split, spread evenly over it.

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
        """Read the picture and the labels of one entry from the disk.

        Raises:
            DataError, ClassTreeError: if a file is broken or disagrees with its picture or the tree; the message
                names the file.
        """
        return self.reader.read(entry)

    def read_values(self, entry: Entry) -> np.ndarray | None:
        """Integers (H, W) of the semantic label file, neither turned nor mapped to nodes.

        None if the format has no index masks.
        """
        return self.reader.read_values(entry)

    def read_many(self, entries: Iterable[Entry], workers: int | None = None) -> Iterator[Sample]:
        """Samples in the order of the entries; a few threads read a few entries ahead."""
        return map_in_order(self.reader.read, entries, workers)
