"""The steps that all format writers share: pictures copied, samples cut into objects.

In:  samples and their class tree.
Out: picture files, `Pieces`, sentences about what a format cannot hold.

Must not know: any one format, networks.
"""

from __future__ import annotations

import json
import shutil
from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
from scipy import ndimage

from smalta.classes import ROOT, ClassTree
from smalta.data.formats.categories import background_of
from smalta.data.formats.outlines import Region
from smalta.data.formats.reader import present_values
from smalta.data.sample import Entry, Sample
from smalta.data.settle import settle
from smalta.pictures.reading import read_orientation
from smalta.pictures.writing import write_picture
from smalta.system.whole_files import write_bytes

if TYPE_CHECKING:
    from smalta.data.dataset import Dataset

EIGHT_NEIGHBOURS = np.ones((3, 3), dtype=bool)


@dataclass(frozen=True, slots=True)
class Pieces:
    """A sample as regions, each with its node, and the pixels that say nothing.

    Attributes:
        regions: objects one by one, and stuff by class, without the background.
        crowds: pixels of things that belong to no object, by class.
        silent: (H, W) bool, unlabelled pixels.
    """

    regions: list[tuple[int, Region]]
    crowds: list[tuple[int, Region]]
    silent: np.ndarray


def cut(sample: Sample, tree: ClassTree) -> Pieces:
    """The pieces of a sample. Where it has no object ids, each connected region of a thing is one object.

    Objects and classes are made to agree by the rule of `smalta.data.settle`.
    """
    classes = sample.classes
    regions: list[tuple[int, Region]] = []
    crowds: list[tuple[int, Region]] = []
    rest = classes
    if sample.instances is not None:
        classes, instances = settle(classes, sample.instances, tree)
        for window, mask in _labelled(instances):
            first = int(mask[0].argmax())  # a region touches the upper edge of its window
            regions.append((int(classes[window][0, first]), _region(window, mask)))
        rest = np.where(instances == 0, classes, background_of(tree))
    for node in present_values(rest):
        left = rest == node
        if tree.is_thing[node] and sample.instances is None:
            parts, _ = ndimage.label(left, structure=EIGHT_NEIGHBOURS)
            regions += [(node, _region(window, mask)) for window, mask in _labelled(parts)]
        elif node not in (ROOT, background_of(tree)):
            piece = [(node, _region(window, mask)) for window, mask in _labelled(left.astype(np.int32))]
            if tree.is_thing[node]:
                crowds += piece
            else:
                regions += piece
    return Pieces(regions, crowds, classes == ROOT)


def _labelled(labels: np.ndarray) -> Iterator[tuple[tuple[slice, slice], np.ndarray]]:
    """Window and mask (h, w) bool of every number 1..N."""
    for number, window in enumerate(ndimage.find_objects(labels), start=1):
        yield window, labels[window] == number


def _region(window: tuple[slice, slice], mask: np.ndarray) -> Region:
    return Region(window[0].start, window[1].start, mask)


def file_stems(entries: Sequence[Entry]) -> list[str]:
    """Names for the files of one split: the picture's stem, the entry's whole name where stems repeat."""
    counts = Counter(entry.picture.stem for entry in entries)
    return [e.picture.stem if counts[e.picture.stem] == 1 else e.name.replace("/", "-") for e in entries]


def copy_picture(entry: Entry, sample: Sample, folder: Path, stem: str) -> Path:
    """Copy a picture byte for byte; one that is stored turned is written upright as PNG, like its labels."""
    if read_orientation(entry.picture) == 1:
        target = folder / (stem + entry.picture.suffix)
        shutil.copyfile(entry.picture, target)
        return target
    target = folder / f"{stem}.png"
    write_picture(target, sample.picture)
    return target


def samples_of(source: Dataset, split: str) -> Iterator[tuple[Entry, str, Sample]]:
    """Entries of a split with their file stems and samples."""
    entries = source.split(split)
    return zip(entries, file_stems(entries), source.read_many(entries), strict=True)


def lost_notes(source: Dataset, format_name: str) -> list[str]:
    """What no format but folders can hold."""
    names = ", ".join(attribute.name for attribute in source.tree.attributes)
    return [f"{format_name} holds no attributes: left out are {names}"] if names else []


def write_tree(folder: Path, tree: ClassTree) -> None:
    """Write `classes.yaml`."""
    write_bytes(folder / "classes.yaml", tree.to_yaml().encode("utf-8"))


def write_json(path: Path, content: object) -> None:
    """Write JSON, as small as it gets."""
    write_bytes(path, json.dumps(content, separators=(",", ":"), ensure_ascii=False).encode("utf-8"))
