"""Guess the classes of index masks without a classes file.

In:  paths of masks.
Out: a flat class tree and a sentence that says from what it was inferred.

Must not know: formats, networks.
"""

from __future__ import annotations

from collections.abc import Sequence
from itertools import pairwise
from pathlib import Path

import numpy as np

from smalta.classes import ClassTree
from smalta.data.formats.label_maps import present_values
from smalta.errors import DataError
from smalta.pictures.reading import read_index
from smalta.system.threads import map_in_order

MOST_MASKS = 200
MOST_CLASSES = 256
VOID = 255


def tree_from_masks(masks: Sequence[Path]) -> tuple[ClassTree, list[str]]:
    """Infer the classes from the values of the masks.

    0 with 255, or 0 with 1, are background and foreground. Other values become class_0, class_1, ... The value 255 is
    ignored, unless the masks hold only 0 and 255.

    Args:
        masks: at least one path. If there are more than 200, 200 of them are read, spread evenly.

    Raises:
        DataError: if the values look anti-aliased, if there are too many for class ids, or if there is only one.
    """
    chosen = [masks[i] for i in np.unique(np.linspace(0, len(masks) - 1, min(len(masks), MOST_MASKS)).astype(int))]
    values = sorted({value for present in map_in_order(_values, chosen) for value in present})
    where = masks[0].parent
    seen = f"{len(chosen)} of {len(masks)} masks" if len(chosen) < len(masks) else f"all {len(masks)} masks"
    if not values:
        raise DataError(f"no mask in {where} can be read; run 'smalta check' for the reason of each")
    if looks_smooth(values):
        raise DataError(
            f"the masks in {where} hold {len(values)} values between 0 and 255, as if anti-aliased or compressed; "
            "threshold them at 127 and save them as PNG, or write a classes.yaml if they are class ids"
        )
    if len(values) > MOST_CLASSES:
        raise DataError(
            f"the masks in {where} hold {len(values)} values, more than {MOST_CLASSES} class ids; "
            "put object ids into instances/, or write a classes.yaml"
        )
    if len(values) == 1:
        raise DataError(
            f"the masks in {where} hold only the value {values[0]}, and at least two classes are needed; "
            "check the export, or write a classes.yaml that names both classes"
        )
    text = ", ".join(map(str, values[:12])) + (", ..." if len(values) > 12 else "")
    note = f"no classes file: classes inferred from the values {text} in {seen}"
    ignore = [VOID] if VOID in values and values != [0, VOID] else []
    kept = [value for value in values if value not in ignore]
    if kept in ([0, VOID], [0, 1]):
        tree = ClassTree({"background": {"ids": [0]}, "foreground": {"ids": [kept[1]]}}, ignore)
        note += f": 0 is background, {kept[1]} is foreground"
    else:
        tree = ClassTree({f"class_{i}": {"ids": [value]} for i, value in enumerate(kept)}, ignore)
        note += f": {len(kept)} classes named class_0 to class_{len(kept) - 1}"
    return tree, [note + (", 255 is ignored" if ignore else "")]


def looks_smooth(values: Sequence[int]) -> bool:
    """Whether label values look like shades between 0 and 255 rather than class ids.

    Shades cover 0 to 255 without a wide gap, or lie close to 255, as after JPEG compression. Class ids start at 0 and
    end early; at most a single 255 lies far above them.
    """
    if len(values) < 4 or values[0] != 0 or values[-1] != 255:
        return False
    widest = max(b - a for a, b in pairwise(values))
    return (len(values) >= 16 and widest <= 64) or values[-2] >= 224


def _values(path: Path) -> list[int]:
    try:
        return present_values(read_index(path))
    except DataError:  # the doctor reports the file; the classes follow from the other masks
        return []
