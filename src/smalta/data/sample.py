"""One labelled picture, and where it lies on the disk before it is read.

In:  nothing; these are the values that format readers make and all other rooms take.
Out: `Entry` (paths), `Sample` (arrays).

Must not know: formats, networks.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np

from smalta.errors import ShapeError


@dataclass(frozen=True, slots=True, kw_only=True)
class Entry:
    """A picture of a data set that has not been read yet.

    Attributes:
        name: unique in its data set; the picture's stem where that is unique.
        picture: the picture's file.
        labels: the files that hold its labels, for reading and for messages.
        key: what else its format's reader needs, such as an id in a JSON file.
    """

    name: str
    picture: Path
    labels: tuple[Path, ...] = ()
    key: Any = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Sample:
    """A picture with its labels.

    Objects and classes stand side by side as they were labelled, and need not agree; `smalta.data.settle` makes them:
    an object is of the class of most of its pixels, and where that is stuff or unlabelled, there is no object.

    Pixels of a thing without an object id are a crowd: several objects that were not told apart, of that class for
    sure, of unknown number. They teach and measure the class, and say nothing about objects. All readers give crowds
    so, and `smalta.metrics.panoptic` reads them so.

    Attributes:
        name: as in `Entry`.
        picture: (H, W, 3) uint8 RGB.
        classes: (H, W) uint16 node ids of the class tree, 0 = unlabelled.
        instances: (H, W) int32 object ids, 0 = none, in any order and with gaps; None where nothing is known about
            objects in this picture, which differs from a map of zeros: no object, and things are crowds.
        attributes: by attribute name, (H, W) uint8, 1.. = value, 0 = not labelled.
    """

    name: str
    picture: np.ndarray
    classes: np.ndarray
    instances: np.ndarray | None = None
    attributes: Mapping[str, np.ndarray] = field(default_factory=dict)

    def __post_init__(self) -> None:
        size_hw = self.picture.shape[:2]
        if self.picture.ndim != 3 or self.picture.shape[2] != 3 or self.picture.dtype != np.uint8:
            raise ShapeError(
                f"picture of {self.name!r} must be (H, W, 3) uint8, got {self.picture.shape} {self.picture.dtype}"
            )
        maps = {"classes": self.classes, **self.attributes}
        if self.instances is not None:
            maps["instances"] = self.instances
        for title, array in maps.items():
            if array.shape != size_hw:
                raise ShapeError(f"{title} of {self.name!r} must be {size_hw} like its picture, got {array.shape}")
