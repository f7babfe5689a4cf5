"""Cut a sample into the pieces that formats of outlines write: objects, stuff, crowds, unlabelled pixels.

In:  a sample and its class tree.
Out: `Pieces`.

Must not know: any one format, files.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
from scipy import ndimage

from smalta.classes import ROOT, ClassTree
from smalta.data.formats.categories import background_of
from smalta.data.formats.label_maps import present_values
from smalta.data.formats.outlines import Region
from smalta.data.sample import Sample
from smalta.data.settle import settle

EIGHT_NEIGHBOURS = np.ones((3, 3), dtype=bool)


@dataclass(frozen=True, slots=True)
class Pieces:
    """A sample as regions, each with its node, and its unlabelled pixels.

    Attributes:
        regions: one per object, and one per class of stuff, without the background.
        crowds: one per class, for pixels of things that belong to no object.
        silent: (H, W) bool, unlabelled pixels.
    """

    regions: list[tuple[int, Region]]
    crowds: list[tuple[int, Region]]
    silent: np.ndarray


def cut(sample: Sample, tree: ClassTree) -> Pieces:
    """The pieces of a sample. Without object ids, each connected region of a thing is one object.

    Objects and classes that disagree are settled by `smalta.data.settle`.
    """
    classes = sample.classes
    regions: list[tuple[int, Region]] = []
    crowds: list[tuple[int, Region]] = []
    rest = classes
    if sample.instances is not None:
        classes, instances = settle(classes, sample.instances, tree)
        for window, mask in _labelled(instances):
            first = int(mask[0].argmax())  # an object touches the upper edge of its window
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
