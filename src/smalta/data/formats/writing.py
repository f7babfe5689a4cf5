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
from smalta.data.formats.base import present_values
from smalta.data.formats.categories import background_of
from smalta.data.formats.outlines import Region
from smalta.data.pictures import read_orientation, write_bytes, write_picture
from smalta.data.sample import Entry, Sample

if TYPE_CHECKING:
    from smalta.data.dataset import Dataset

EIGHT_NEIGHBOURS = np.ones((3, 3), dtype=bool)


@dataclass(frozen=True, slots=True)
class Pieces:
    """A sample as regions: of objects and of stuff, each with its node, and the pixels that say nothing.

    `silent` (H, W) bool holds unlabelled pixels, and pixels of things that belong to no object.
    """

    regions: list[tuple[int, Region]]
    silent: np.ndarray


def cut(sample: Sample, tree: ClassTree) -> Pieces:
    """Objects one by one, stuff by class, without the background.

    An object's class is that of most of its pixels. Where a sample has no object ids, each connected region of a
    thing is one object.
    """
    classes = sample.classes
    silent = np.zeros(classes.shape, dtype=bool)
    claimed = np.zeros(classes.shape, dtype=bool)
    regions: list[tuple[int, Region]] = []
    if sample.instances is not None:
        for window, mask in _labelled(_without_gaps(sample.instances)):
            node = int(np.bincount(classes[window][mask]).argmax())
            claimed[window] |= mask
            if node == ROOT:
                silent[window] |= mask
            else:
                regions.append((node, _region(window, mask)))
    for node in present_values(classes[~claimed]):
        left = ~claimed & (classes == node)
        if node == ROOT or (tree.is_thing[node] and sample.instances is not None):
            silent |= left
        elif tree.is_thing[node]:
            parts, _ = ndimage.label(left, structure=EIGHT_NEIGHBOURS)
            regions += [(node, _region(window, mask)) for window, mask in _labelled(parts)]
        elif node != background_of(tree):
            regions += [(node, _region(window, mask)) for window, mask in _labelled(left.astype(np.int32))]
    return Pieces(regions, silent)


def _without_gaps(instances: np.ndarray) -> np.ndarray:
    _, dense = np.unique(np.append(instances.ravel(), 0), return_inverse=True)
    return dense[:-1].reshape(instances.shape).astype(np.int32)


def _labelled(labels: np.ndarray) -> Iterator[tuple[tuple[slice, slice], np.ndarray]]:
    for number, window in enumerate(ndimage.find_objects(labels), start=1):
        if window is not None:
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
