"""Labelled pictures on the disk as one kind of value, whatever their format.

In:  nothing; the formats make this value and all other rooms take it.
Out: `Dataset`: entries by split, which its `Reader` turns into `Sample`s when they are asked for.

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
        """Label values (H, W) as they stand on the disk; None where there are none, as with outlines or segments."""
        return None


@dataclass(frozen=True, kw_only=True)
class Dataset:
    """Labelled pictures on the disk.

    Attributes:
        root: the folder that was opened.
        format: the name of its format in `smalta.data.formats.known_formats`.
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
