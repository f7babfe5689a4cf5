"""Make the sample of a picture whose labels are outlines.

In:  shapes, the class tree.
Out: a `Sample`.

Must not know: files, how a format stores shapes.
"""

from __future__ import annotations

from collections.abc import Iterable

import numpy as np

from smalta.classes import ClassTree
from smalta.data.formats.categories import background_of
from smalta.data.formats.outlines import Shape, paint
from smalta.data.sample import Sample


def drawn_sample(name: str, picture: np.ndarray, shapes: Iterable[Shape], tree: ClassTree) -> Sample:
    """Paint the shapes over the background; if the tree has no things, the sample has no object ids."""
    classes, instances = paint(shapes, picture.shape[:2], background_of(tree))
    return Sample(name=name, picture=picture, classes=classes, instances=instances if tree.is_thing.any() else None)
