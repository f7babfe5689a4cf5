"""The files that all formats write in the same way: the pictures of a data set, its class tree, JSON.

In:  a data set, an empty folder.
Out: files; the samples whose labels the format writes.

Must not know: any one format.
"""

from __future__ import annotations

import json
import shutil
from collections import Counter
from collections.abc import Iterator
from pathlib import Path
from typing import NamedTuple

from smalta.classes import ClassTree
from smalta.data.dataset import Dataset
from smalta.data.sample import Entry, Sample
from smalta.pictures.reading import read_orientation
from smalta.pictures.writing import write_picture
from smalta.system.whole_files import write_bytes


class Copied(NamedTuple):
    """A copied picture: the stem for its label files, its new file, and its sample."""

    stem: str
    picture: Path
    sample: Sample


def copy_split(source: Dataset, split: str, folder: Path) -> Iterator[Copied]:
    """Copy the pictures of a split into a new folder, one at each step of the iterator.

    A picture is copied byte for byte. A picture with an EXIF rotation is written upright as PNG, like its labels. The
    new stem is the picture's stem, or the entry's whole name if stems repeat.
    """
    folder.mkdir(parents=True)
    entries = source.split(split)
    counts = Counter(entry.picture.stem for entry in entries)
    for entry, sample in zip(entries, source.read_many(entries), strict=True):
        stem = entry.picture.stem if counts[entry.picture.stem] == 1 else entry.name.replace("/", "-")
        yield Copied(stem, _copy(entry, sample, folder, stem), sample)


def _copy(entry: Entry, sample: Sample, folder: Path, stem: str) -> Path:
    if read_orientation(entry.picture) == 1:
        target = folder / (stem + entry.picture.suffix)
        shutil.copyfile(entry.picture, target)
        return target
    target = folder / f"{stem}.png"
    write_picture(target, sample.picture)
    return target


def lost_notes(source: Dataset, format_name: str) -> list[str]:
    """A note about what only the folder format can hold."""
    names = ", ".join(attribute.name for attribute in source.tree.attributes)
    return [f"{format_name} cannot hold attributes; lost are {names}"] if names else []


def write_tree(folder: Path, tree: ClassTree) -> None:
    """Write `classes.yaml`."""
    write_bytes(folder / "classes.yaml", tree.to_yaml().encode("utf-8"))


def write_json(path: Path, content: object) -> None:
    """Write JSON without spaces and line breaks."""
    write_bytes(path, json.dumps(content, separators=(",", ":"), ensure_ascii=False).encode("utf-8"))
