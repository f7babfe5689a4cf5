"""One labelled picture, and its files before they are read.

In:  nothing; format readers make these values, and all other rooms use them.
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
    """A picture of a data set that is not read yet.

    Attributes:
        name: unique in its data set; the picture's stem where that is unique.
        picture: the picture's file.
        labels: the files that hold its labels, for reading and for messages.
        key: what else the reader of its format needs, such as an id in a JSON file.
    """

    name: str
    picture: Path
    labels: tuple[Path, ...] = ()
    key: Any = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Sample:
    """A picture with its labels.

    Objects and classes are kept as they were labelled, and may disagree. `smalta.data.settle` makes them agree: an
    object has the class of most of its pixels, and if that class is stuff or unlabelled, there is no object.

    Pixels of a thing without an object id are a crowd: an unknown number of objects of that class, which were not
    labelled one by one. Crowds count for the class, in training and in evaluation, and not for objects. All readers
    and `smalta.metrics.panoptic` follow this rule.

    Attributes:
        name: as in `Entry`.
        picture: (H, W, 3) uint8 RGB.
        classes: (H, W) uint16 node ids of the class tree, 0 = unlabelled.
        instances: (H, W) int32 object ids, 0 = none, in any order and with gaps. None if objects are not labelled in
            this picture. A map of zeros is different: it says that there is no object, so all things are crowds.
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
